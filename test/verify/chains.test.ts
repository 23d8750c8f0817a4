import { createReadStream, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Case, Outputs, RecurrentRequest } from '../../src/format/case.ts'
import { chainOf } from '../../src/verify/chains.ts'
import { engine, type Engine, run } from '../../src/engine/run.ts'
import { openFixture } from '../../src/format/fixture.ts'
import { verify, verifyChain } from '../../src/verify.ts'
import { cellCase, layerCase, sgd } from '../sample.ts'

/** A port that computes as ours does, of a request that it changes where it is not the whole sequence. */
function inParts(change: (request: RecurrentRequest) => RecurrentRequest, whole: number): Engine {
  return {
    name: 'port',
    run: (request) => {
      const own = request as RecurrentRequest
      return run(own.inputs.input.shape[0] === whole ? own : change(own))
    },
  }
}

async function outcomesOf(recorded: Case, port: Engine, seed = 0): Promise<readonly string[]> {
  const free = await verify(recorded, port)
  const { verdict } = await verifyChain(recorded, port, free, undefined, seed)
  const off = (verdict.chain?.comparisons ?? []).filter(({ outcome }) => outcome === 'mismatch')
  return [free.outcome, verdict.outcome, ...off.map(({ tensor }) => tensor)]
}

describe('a sequence in parts', () => {
  it.each([
    ['in order', {}],
    ['of an LSTM', { module: 'LSTM' as const }],
    ['of a projected LSTM', { module: 'LSTM' as const, proj_size: 2 }],
    ['of a GRU', { module: 'GRU' as const }],
    ['without states at first', { h_0: false }],
    ['batch first', { batch_first: true }],
    ['unbatched', { batch: undefined }],
    ['of rows that end', { lengths: [4, 3] }],
    ['in float64', { dtype: 'float64' as const }],
    ['in float16', { dtype: 'float16' as const }],
  ])('is the whole one, %s', async (_, options) => {
    const recorded = layerCase(options)
    const sizes = new Set<string>()
    for (let seed = 0; seed < 8; seed++) {
      const chain = chainOf(recorded, seed)!
      expect(chain.sizes.length).toBeGreaterThan(1)
      expect(chain.sizes.reduce((sum, size) => sum + size)).toBe(4)
      sizes.add(chain.sizes.join())
      expect(await outcomesOf(recorded, engine, seed)).toStrictEqual(['match', 'match'])
    }
    // Another seed, another cut.
    expect(sizes.size).toBeGreaterThan(1)
  })

  it.each<[string, Parameters<typeof layerCase>[0], (request: RecurrentRequest) => RecurrentRequest]>([
    ['a state that is not taken over', {}, ({ inputs: { input }, ...rest }) => ({ ...rest, inputs: { input } })],
    [
      'a cell state that is not taken over',
      { module: 'LSTM' },
      ({ inputs: { c_0, ...inputs }, ...rest }) =>
        ({ ...rest, inputs: { ...inputs, c_0: { ...c_0!, data: c_0!.data.map(() => 0) } } }) as RecurrentRequest,
    ],
    [
      'lengths that are forgotten in the second part',
      { lengths: [4, 3] },
      ({ inputs: { input, h_0 }, ...rest }) => ({ ...rest, inputs: { input, ...(h_0 && { h_0 }) } }),
    ],
  ])('shows %s, although the whole run is right', async (_, options, change) => {
    const recorded = layerCase(options)
    const [free, chained, ...tensors] = await outcomesOf(recorded, inParts(change, 4), 1)
    expect([free, chained]).toStrictEqual(['match', 'mismatch'])
    expect(tensors.length).toBeGreaterThan(0)
  })

  it('shows what a step alone gets wrong', async () => {
    const recorded = layerCase()
    const wrong: Engine = {
      name: 'port',
      run: (request) => {
        const outputs = run(request)
        if (request.inputs.input?.shape[0] === 1) outputs['h_n']!.data[0]! += 1
        return outputs
      },
    }
    expect((await outcomesOf(recorded, wrong))[1]).toBe('mismatch')
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['no states', { output: 'whole' }],
    ['a state of another shape', { h_n: 'scalar' }],
  ])('is a mismatch where a part gives %s', async (what) => {
    const recorded = layerCase()
    const odd: Engine = {
      name: 'port',
      run: (request) => {
        const outputs = run(request)
        if (request.inputs.input?.shape[0] === 4) return outputs
        if (what === 'nothing') return undefined as unknown as Outputs
        if (what === 'no states') return { output: outputs['output']! }
        return { ...outputs, h_n: { ...outputs['h_n']!, shape: [3] } }
      },
    }
    expect((await outcomesOf(recorded, odd))[1]).toBe('mismatch')
  })

  it('is not asked where an engine supports the whole alone', async () => {
    const recorded = layerCase()
    const whole: Engine = {
      ...inParts(() => expect.fail('asked'), 4),
      supports: ({ inputs }) => inputs.input?.shape[0] === 4 || 'seq_len 4 alone',
    }
    const free = await verify(recorded, whole)
    expect(await verifyChain(recorded, whole, free)).toStrictEqual({
      verdict: free,
      asked: false,
      refused: 'seq_len 4 alone',
    })
  })

  it.each<[string, Case]>([
    ['a cell', cellCase()],
    ['two directions', layerCase({ bidirectional: true })],
    ['gradients', layerCase({ cotangents: true })],
    ['a training', layerCase({ training: sgd })],
    ['a row of one step', layerCase({ lengths: [4, 1] })],
    ['batch 0', layerCase({ batch: 0 })],
  ])('there are none of %s', (_, recorded) => {
    expect(chainOf(recorded)).toBeUndefined()
  })
})

describe('the committed sequences in parts', () => {
  const folder = join(import.meta.dirname, '..', '..', 'fixtures')
  const files = ['rnn', 'lstm', 'gru'].flatMap((module) =>
    readdirSync(join(folder, module)).map((file) => join(module, file)),
  )
  let chains = 0

  it.each(files)('match PyTorch: %s', async (name) => {
    const fixture = await openFixture({ name, open: () => createReadStream(join(folder, name)) })
    for await (const read of fixture.cases()) {
      if ('error' in read) throw read.error
      const chained = await verifyChain(read.case, engine, await verify(read.case, engine))
      if (!chained.asked) continue
      chains++
      expect({ id: read.case.id, outcome: chained.verdict.outcome }).toEqual({ id: read.case.id, outcome: 'match' })
    }
  })

  it('are many', () => {
    expect(chains).toBeGreaterThan(500)
  })
})
