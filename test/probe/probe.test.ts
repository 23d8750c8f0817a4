import { describe, expect, it } from 'vitest'
import type { Outputs, RecurrentRequest, Request } from '../../src/format/case.ts'
import { type Engine, run } from '../../src/engine/run.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { probe, type Probed } from '../../src/probe.ts'
import { whenOf } from '../../src/report/probe.ts'

const modules = ['RNNCell', 'LSTMCell', 'GRUCell', 'RNN', 'LSTM', 'GRU'] as const

async function probed(of: Engine['run'], experiments = 1500): Promise<Probed> {
  return await probe({ name: 'port', run: of }, { modules, largest: 300, seed: 1, experiments, limitMs: 120_000 })
}

function first(outputs: Outputs): string {
  return Object.keys(outputs)[0]!
}

/** Every number of the first output for which it is so becomes 0.5. */
function spoilt(outputs: Outputs, is: (index: number, width: number) => boolean): Outputs {
  const name = first(outputs)
  const { dtype, shape, data } = outputs[name]!
  const width = shape.at(-1) ?? 1
  return {
    ...outputs,
    [name]: floatTensor(
      dtype,
      shape,
      Array.from(data, (x, i) => (is(i, width) ? 0.5 : x)),
    ),
  }
}

const sizeOf = ({ config }: Request): number => (config as { readonly hidden_size: number }).hidden_size

describe('probe', { timeout: 120_000 }, () => {
  it('finds nothing in our own engine', async () => {
    const { experiments, learnt, smallestWrong } = await probed(run, 500)
    expect(experiments.filter(({ outcome }) => outcome === 'right').length).toBeGreaterThan(450)
    expect(experiments.filter(({ outcome }) => outcome === 'wrong' || outcome === 'failed')).toEqual([])
    expect([learnt, smallestWrong]).toEqual([undefined, undefined])
  })

  it('learns what is left of a size after blocks, and which units are', async () => {
    const port = (request: Request): Outputs => {
      const isLast = (i: number, width: number): boolean => i % width >= width - (width % 4)
      const is = !('bidirectional' in request.config && request.config.bidirectional) && request.training === undefined
      return is && sizeOf(request) > 4 ? spoilt(run(request), isLast) : run(request)
    }
    const result = await probed(port)
    const [when = '', where = ''] = whenOf(result).filter((line) => !line.startsWith('  '))
    expect(when).toContain('hidden_size > 4 and mod 4 ≠ 0')
    expect(when).toContain('bidirectional=False')
    expect(when).toMatch(/ 0 of \d+ others$/)
    expect(where).toBe('where: units from 4⌊hidden_size / 4⌋ on: what is left of hidden_size after blocks of 4')
  })

  it('learns from which step on, and finds the bound exactly', async () => {
    const result = await probed((request) => {
      const outputs = run(request)
      const { output } = outputs
      if (output === undefined || request.training !== undefined) return outputs
      const batchFirst = 'batch_first' in request.config && request.config.batch_first && output.shape.length === 3
      const [time, inner] = batchFirst ? [1, output.shape[2]!] : [0, output.shape.slice(1).reduce((x, y) => x * y, 1)]
      return spoilt(outputs, (i) => Math.floor(i / inner) % output.shape[time]! >= 130)
    })
    const lines = whenOf(result)
    expect(lines[0]).toMatch(/^when: wrong \w+ where (seq_len|the length of the longest row) ≥ 131/)
    expect(lines.at(-1)).toBe('where: steps from 130 on')
    expect(result.smallestWrong?.spec.seq_len).toBe(131)
  })

  it('learns what an earlier call has to do with it', async () => {
    const parameters = new Map<string, Request['params']>()
    const result = await probed((request) => {
      const key = JSON.stringify([request.module, request.config, request.dtype])
      if (!parameters.has(key)) parameters.set(key, request.params)
      return run({ ...request, params: parameters.get(key)! })
    })
    expect(whenOf(result)[0]).toMatch(/^when: wrong \w+ where an earlier call had parameters of the same shapes/)
    expect(result.learnt?.wrongOutside).toBe(0)
  })

  it('says of what is wrong at random that it is, and when it fails', async () => {
    let calls = 0
    const result = await probed((request) => {
      calls++
      if (request.training !== undefined) throw new Error('no training')
      return calls % 7 === 0 ? spoilt(run(request), () => true) : run(request)
    }, 700)
    const lines = whenOf(result)
    expect(lines[0]).toMatch(/^when: at random: wrong in \d+ of \d+$/)
    expect(lines[1]).toMatch(/^ {2}(\d+) of \1 that were wrong got another answer when asked again at once$/)
    expect(lines[2]).toMatch(/^when: fails exactly where a training is asked for: (\d+) of \1 such, 0 of \d+ others$/)
  })

  it('asks what is right once more, now and then', async () => {
    const seen = new Set<string>()
    const { conduct } = await probed((request) => {
      const key = JSON.stringify(request.inputs.input?.data)
      const isNew = !seen.has(key)
      seen.add(key)
      return isNew ? run(request) : spoilt(run(request), () => true)
    }, 60)
    expect(conduct.map(({ kind }) => kind)).toEqual(['not repeatable'])
  })

  it('learns from which call on', async () => {
    let calls = 0
    const result = await probed((request) => (calls++ < 300 ? run(request) : spoilt(run(request), () => true)), 700)
    expect(whenOf(result)[0]).toMatch(/^when: wrong \w+ where the number of earlier calls ≥ /)
  })

  it('says that it is not about when, where everything is wrong', async () => {
    const result = await probed((request) => spoilt(run(request), () => true), 400)
    expect(whenOf(result)[0]).toMatch(/^when: wrong (in all \d+: this is not about when|only where)/)
  })

  it('hands an engine numbers of its own, which it may write into', async () => {
    const result = await probed((request) => {
      const outputs = run(request)
      ;(request as RecurrentRequest).inputs.input.data.fill(0)
      return outputs
    }, 300)
    expect(result.experiments.filter(({ outcome }) => outcome === 'wrong')).toEqual([])
  })
})
