import { describe, expect, it } from 'vitest'
import { diagnose } from '../../src/diagnose.ts'
import { engine, type Engine } from '../../src/engine/run.ts'
import { isExported, type Outputs, type Request } from '../../src/format/case.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { verify } from '../../src/verify.ts'
import { captured } from '../captured.ts'

type Change = (request: Request & { module: 'ExportedProgram' }) => Request

/** Our engine, of a request that has been changed; parts: whether it takes parts. */
function port(change: Change, { parts = true, keep = (name: string): boolean => name !== '' } = {}): Engine {
  return {
    name: 'port',
    supports: (request) =>
      isExported(request) && (parts || request.config.part === undefined) ? true : 'takes whole models',
    async run(request) {
      const outputs = await engine.run(isExported(request) ? change(request) : request)
      return Object.fromEntries(Object.entries(outputs).filter(([name]) => keep(name)))
    },
  }
}

const zeroed =
  (...names: string[]): Change =>
  (request) => ({
    ...request,
    params: Object.fromEntries(
      Object.entries(request.params).map(([name, tensor]) => [
        name,
        names.includes(name) ? { ...tensor, data: tensor.data.map((x, i) => (i === 0 ? 0 : x)) } : tensor,
      ]),
    ) as Outputs,
  })

describe('a captured model', () => {
  it('matches where everything is right, and says how many taps were given', async () => {
    const verdict = await verify(await captured(), engine)
    expect(verdict).toMatchObject({ outcome: 'match', taps: { given: 2, of: 2 } })
    expect(verdict.blame).toBeUndefined()
  })

  it('matches with its outputs alone', async () => {
    const outputsAlone = port((request) => request, { keep: (name) => name === 'output' })
    expect(await verify(await captured(), outputsAlone)).toMatchObject({ outcome: 'match', taps: { given: 0, of: 2 } })
  })

  it('does not match without an output, or with a tap that is not one', async () => {
    const without = await verify(
      await captured(),
      port((request) => request, { keep: (name) => name !== 'output' }),
    )
    expect(without.outcome).toBe('mismatch')
    const misspelt: Engine = {
      name: 'misspelt',
      async run(request) {
        const { first, ...rest } = await engine.run(request)
        return { ...rest, frist: first! }
      },
    }
    const verdict = await verify(await captured(), misspelt)
    expect(verdict.outcome).toBe('mismatch')
    expect(verdict.comparisons.filter(({ outcome }) => outcome === 'mismatch')).toMatchObject([{ tensor: 'frist' }])
  })

  it('blames what is wrong first, and nothing that is computed from it', async () => {
    const verdict = await verify(await captured(), port(zeroed('first.weight'), { parts: false }))
    expect(verdict.outcome).toBe('mismatch')
    expect(verdict.blame).toStrictEqual([
      { tap: 'first', operations: ['aten.linear.default'], module: 'first', line: 'model.py:7', from: ['x'] },
    ])
    expect(verdict.parts).toBeUndefined()
  })

  it('blames all that lies between what is right and what is wrong, where nothing in between was given', async () => {
    const verdict = await verify(
      await captured(),
      port(zeroed('second.weight'), { parts: false, keep: (name) => name !== 'act' }),
    )
    expect(verdict.blame).toMatchObject([
      { tap: 'output', operations: ['aten.relu.default', 'aten.linear.default'], from: ['first'] },
    ])
  })

  it('finds two bugs in one run, where parts can be asked', async () => {
    const verdict = await verify(await captured(), port(zeroed('first.weight', 'second.weight')))
    expect(verdict.blame?.map(({ tap }) => tap)).toStrictEqual(['first'])
    expect(verdict.parts?.map(({ tensor, outcome }) => `${tensor} ${outcome}`)).toStrictEqual([
      'first mismatch',
      'act match',
      'output mismatch',
    ])
  })

  it('is asked for parts from PyTorch’s own tensors, whatever its own were', async () => {
    const asked: string[] = []
    const own: Engine = {
      name: 'asked',
      supports: () => true,
      run(request) {
        if (isExported(request) && request.config.part !== undefined) {
          asked.push(`${request.config.part} of ${Object.keys(request.inputs).join()}`)
          return engine.run(request)
        }
        return engine.run(zeroed('first.weight')(request as Parameters<Change>[0]))
      },
    }
    const { parts } = await verify(await captured(), own)
    expect(asked).toStrictEqual(['first of x', 'act of first', 'output of act'])
    expect(parts?.every(({ outcome }) => outcome === 'match')).toBe(true)
  })

  it('is explained by its part, in the words of its module', async () => {
    const recorded = await captured()
    const outputs = await port((request) => ({
      ...request,
      params: { ...request.params, 'first.bias': floatTensor('float32', [2], [0, 0]) },
    })).run(recorded)
    const { explanations } = diagnose(recorded, outputs)
    expect(explanations[0]).toMatchObject({ complete: true, sentence: 'takes zeros for first.bias' })
    expect(explanations[0]!.advice![0]!.term).toBe('aten.linear.default in first, model.py:7')
  })
})
