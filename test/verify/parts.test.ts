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

  it('does not match without an output', async () => {
    const without = await verify(
      await captured(),
      port((request) => request, { keep: (name) => name !== 'output' }),
    )
    expect(without.outcome).toBe('mismatch')
  })

  it('knows a tensor under another name by its numbers, and says so', async () => {
    const renamed = port((request) => request)
    const verdict = await verify(await captured(), {
      ...renamed,
      async run(request) {
        const { first, act, ...rest } = await renamed.run(request)
        const [a, b, c, d] = first!.data
        return { ...rest, act: act!, hidden: floatTensor('float32', [2, 2], [a!, c!, b!, d!]) }
      },
    })
    expect(verdict).toMatchObject({
      outcome: 'match',
      taps: { given: 2, of: 2 },
      correspondences: [{ tensor: 'hidden', tap: 'first', order: [1, 0] }],
    })
  })

  it('does not match where a tensor under another name has no tap’s numbers', async () => {
    const wrong = port(zeroed('first.weight'), { parts: false })
    const verdict = await verify(await captured(), {
      ...wrong,
      async run(request) {
        const { first, ...rest } = await wrong.run(request)
        return { ...rest, frist: first! }
      },
    })
    expect(verdict.outcome).toBe('mismatch')
    expect(verdict.correspondences).toBeUndefined()
    expect(verdict.comparisons.filter(({ problem }) => problem !== undefined)).toMatchObject([{ tensor: 'frist' }])
  })

  it('is not told by its numbers where the budget would let anything pass', async () => {
    const recorded = await captured()
    const act = { ...recorded.budget['act']!, data: Float64Array.of(100) }
    const verdict = await verify(
      { ...recorded, budget: { ...recorded.budget, act } },
      {
        name: 'port',
        async run(request) {
          const { act, ...rest } = await engine.run(request)
          return {
            ...rest,
            other: floatTensor(
              'float32',
              [2, 2],
              Float32Array.from(act!.data, (x) => x + 1),
            ),
          }
        },
      },
    )
    expect(verdict.outcome).toBe('mismatch')
  })

  it('has its outputs as PyTorch has them: axes may be turned on the way alone', async () => {
    const verdict = await verify(await captured(), {
      name: 'port',
      async run(request) {
        const { output, ...rest } = await engine.run(request)
        const turned = Float32Array.from({ length: 6 }, (_, i) => output!.data[(i % 2) * 3 + Math.floor(i / 2)]!)
        return { ...rest, logits: floatTensor('float32', [3, 2], turned) }
      },
    })
    expect(verdict.outcome).toBe('mismatch')
  })

  it('is asked for no parts where answers are all that there is', async () => {
    const recorded = await captured()
    const asked: string[] = []
    const answers: Engine = {
      name: 'answers',
      supports: () => true,
      run(request) {
        asked.push(isExported(request) ? (request.config.part ?? 'whole') : '')
        return engine.run(zeroed('first.weight')(request as Parameters<Change>[0]))
      },
    }
    const { parts } = await verify(recorded, answers, undefined, { wholeOnly: true })
    expect(parts).toBeUndefined()
    expect(asked).toStrictEqual(['whole'])
  })

  it('is judged where our own engine lacks an operation, and nothing is explained then', async () => {
    const recorded = await captured()
    const [first, ...others] = recorded.config.nodes
    const unknown = {
      ...recorded,
      config: { ...recorded.config, nodes: [{ ...first!, op: 'aten.nothing_like_it.default' }, ...others] },
    }
    expect(await engine.supports!(unknown)).toContain('computes no aten.nothing_like_it.default')
    const right: Engine = { name: 'port', run: () => engine.run(recorded) }
    expect(await verify(unknown, right, undefined, { ratios: true })).toMatchObject({ outcome: 'match' })
    const wrong: Engine = {
      name: 'port',
      run: () => engine.run(zeroed('first.weight')(recorded)),
    }
    expect((await verify(unknown, wrong)).blame).toMatchObject([{ tap: 'first' }])
    const { where, explanations } = diagnose(unknown, await wrong.run(unknown))
    expect(explanations).toStrictEqual([])
    expect(where[0]).toContain('nothing is explained: our engine computes no aten.nothing_like_it.default')
  })

  it('matches where two numbers tie in what says which is larger, and says nothing of these alone', async () => {
    const recorded = await captured()
    const { config, expected, budget } = recorded
    const whole = (name: string): string[] => (name === 'relu' ? ['int64'] : ['float32'])
    const tied = {
      ...recorded,
      config: { ...config, nodes: config.nodes.map((node) => ({ ...node, dtypes: whole(node.name) as ['float32'] })) },
      expected: { ...expected, act: floatTensor('float32', [2, 2], [0, 1, 2, 3]) },
      budget: {
        ...budget,
        act: { dtype: 'float64', shape: [2, 2], data: Float64Array.of(1, 0, 0, 0) } as const,
      },
    }
    const giving = (act: readonly number[]): Engine => ({
      name: 'port',
      run: async () => ({ ...(await engine.run(recorded)), act: floatTensor('float32', [2, 2], act) }),
    })
    expect((await verify(tied, giving([1, 1, 2, 3]))).outcome).toBe('match')
    const half = { ...tied, budget: { ...tied.budget, act: { ...tied.budget.act, data: Float64Array.of(1, 1, 0, 0) } } }
    expect((await verify(half, giving([1, 0, 2, 3]))).outcome).toBe('undecided')
    expect((await verify(tied, giving([0, 1, 3, 2]))).outcome).toBe('mismatch')
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
