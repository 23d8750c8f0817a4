import { describe, expect, it } from 'vitest'
import { type Answered, askAgain, decoyOf, kept } from '../../src/verify/again.ts'
import type { Case, Outputs, Request } from '../../src/format/case.ts'
import { type Conduct, watched } from '../../src/verify/conduct.ts'
import { run } from '../../src/engine/run.ts'
import { ParityError } from '../../src/format/errors.ts'
import { requestOf, verify } from '../../src/verify.ts'
import { cellCase, layerCase } from '../sample.ts'

type Computes = (request: Request) => Outputs

/** Asks a port for some cases once, then again, and says what was seen of each, and in which order all were asked. */
async function seenOf(
  cases: readonly Case[],
  port: Computes,
  options: { repeat?: number; seed?: number } = {},
): Promise<{ conduct: Conduct[][]; order: string[] }> {
  const names = new Map<unknown, string>(cases.map(({ inputs, id }) => [inputs, id]))
  const params = new Set<unknown>(cases.map((own) => own.params))
  const order: string[] = []
  const { engine, take } = watched({
    name: 'port',
    run: (request) => {
      order.push(`${names.get(request.inputs)}${params.has(request.params) ? '' : ' decoy'}`)
      return port(request)
    },
  })
  const answered: Answered[] = []
  for (const recorded of cases) {
    let answer: unknown
    const verdict = await verify(recorded, engine, undefined, { onAnswer: (given) => (answer = kept(given)) })
    answered.push({ recorded, name: recorded.id, verdict, answer, ms: 1 })
  }
  order.length = 0
  take()
  const { repeat = 2, seed = 0 } = options
  return { conduct: await askAgain(answered, engine, { repeat, seed, take }), order }
}

const cases = Array.from({ length: 8 }, (_, i) => cellCase({ id: `c${i}` }, i + 1))
const kindsOf = (conduct: readonly Conduct[][]): string[][] => conduct.map((own) => own.map(({ kind }) => kind))

describe('askAgain', () => {
  it('sees nothing of a port that computes the same again', async () => {
    const { conduct, order } = await seenOf(cases, run)
    expect(conduct).toStrictEqual(cases.map(() => []))
    const asked = order.filter((name) => !name.endsWith('decoy'))
    expect(asked.toSorted()).toStrictEqual(cases.map(({ id }) => id))
    // In another order than the first time, with some others in between.
    expect(asked).not.toStrictEqual(cases.map(({ id }) => id))
    expect(order.some((name) => name.endsWith('decoy'))).toBe(true)
  })

  it('asks in the order of its seed, and as often as it is told', async () => {
    const first = await seenOf(cases, run, { seed: 3 })
    expect(await seenOf(cases, run, { seed: 3 })).toStrictEqual(first)
    expect((await seenOf(cases, run, { seed: 4 })).order).not.toStrictEqual(first.order)
    const often = (await seenOf(cases, run, { repeat: 4 })).order.filter((name) => name === 'c3')
    expect(often).toHaveLength(3)
    expect((await seenOf(cases, run, { repeat: 1 })).order).toStrictEqual([])
  })

  it('sees every case of a port that is right once, to the last bit', async () => {
    const asked = new Set<unknown>()
    const { conduct } = await seenOf(cases, (request) => {
      const outputs = run(request)
      const { data } = outputs['h_1']!
      if (asked.has(request.inputs) && data[2] !== undefined) data[2] = Math.fround(data[2] * (1 + 2 ** -23))
      asked.add(request.inputs)
      return outputs
    })
    expect(kindsOf(conduct)).toStrictEqual(cases.map(() => ['not repeatable']))
    expect(conduct[0]?.[0]?.text).toMatch(
      /^run 2, after c\d( with other parameters)?: h_1 \[0, 2\] is .+, and then .+ \(1 of 6 elements differ\)$/,
    )
  })

  it('says that the second answer departs from PyTorch where it does', async () => {
    const asked = new Set<unknown>()
    const { conduct } = await seenOf(cases, (request) => {
      const outputs = run(request)
      if (asked.has(request.inputs)) outputs['h_1']!.data[0]! += 1
      asked.add(request.inputs)
      return outputs
    })
    expect(conduct.flat().find(({ kind }) => kind === 'not repeatable')?.text).toMatch(/, and departs from PyTorch$/)
  })

  it('sees a port that fails the second time, and goes on', async () => {
    const asked = new Set<unknown>()
    const { conduct } = await seenOf(cases, (request) => {
      if (asked.has(request.inputs)) throw new ParityError('ENGINE_FAILED', 'engine port: now and then')
      asked.add(request.inputs)
      return run(request)
    })
    expect(kindsOf(conduct)).toStrictEqual(cases.map(() => ['not repeatable']))
    expect(conduct[3]?.[0]?.text).toMatch(/^run 2, after .+: expected the same outputs, got engine port: now and then$/)
  })

  it('ends when an engine takes too long again and again, and says which case it was at', async () => {
    let runs = 0
    const late = (): Promise<Outputs> => {
      runs++
      return Promise.reject(new ParityError('ENGINE_TIMEOUT', 'engine port: a run took more than 1 s'))
    }
    const answered = cases.map((recorded) => {
      const verdict = { id: recorded.id, module: 'RNNCell', outcome: 'match', comparisons: [] } as const
      return { recorded, name: recorded.id, verdict, answer: recorded.expected, ms: 1 }
    })
    let timeouts = 0
    const failed: string[] = []
    await askAgain(
      answered,
      { name: 'port', run: late },
      {
        repeat: 3,
        seed: 0,
        take: () => [],
        onTimeout: () => ++timeouts >= 2,
        onError: (own, error, time) => failed.push(`${own.name} ${error.code} ${time}`),
      },
    )
    expect(runs).toBe(2)
    expect(failed).toHaveLength(2)
    expect(failed[0]).toMatch(/^c\d ENGINE_TIMEOUT 2$/)
  })

  it('sees parameters that are kept by their shapes, where no other case has the same', async () => {
    const single = [layerCase({ id: 'alone' })]
    const known = new Map<string, Request['params']>()
    const { conduct } = await seenOf(single, (request) => {
      const shapes = JSON.stringify(Object.values(request.params).map(({ shape }) => shape))
      if (!known.has(shapes)) known.set(shapes, request.params)
      return run({ ...request, params: known.get(shapes)! })
    })
    expect(kindsOf(conduct)).toStrictEqual([['stale']])
  })

  it.each<[string, (request: Request) => Request['params']]>([
    ['weight_hh alone', ({ params }) => ({ weight_hh_l0: params['weight_hh_l0']! })],
    ['a bias alone', ({ params }) => ({ bias_ih_l0: params['bias_ih_l0']! })],
  ])('sees %s that is kept by its shape', async (_, part) => {
    let known: Request['params'] | undefined
    const { conduct } = await seenOf([layerCase({ id: 'alone' })], (request) => {
      known ??= part(request)
      return run({ ...request, params: { ...request.params, ...known } })
    })
    expect(kindsOf(conduct)).toStrictEqual([['stale']])
    expect(conduct[0]?.[0]?.text).toMatch(
      /^asked with other parameters, it gave .+ for element \d+ of output, where they lead to /,
    )
  })

  it.each<[string, (outputs: Outputs) => unknown]>([
    ['nothing', () => undefined],
    ['another shape', ({ h_1 }) => ({ h_1: { ...h_1, shape: [6] } })],
    ['one tensor more', (outputs) => ({ ...outputs, foo: { data: [1] } })],
  ])('sees a second answer of %s', async (_, second) => {
    const asked = new Set<unknown>()
    const { conduct } = await seenOf(cases, (request) => {
      const outputs = run(request)
      const given = asked.has(request.inputs) ? second(outputs) : outputs
      asked.add(request.inputs)
      return given as Outputs
    })
    for (const kinds of kindsOf(conduct)) expect(kinds).toContain('not repeatable')
  })

  it('takes no port that is wrong everywhere for stale', async () => {
    const wrong: Computes = (request) => {
      const outputs = run(request)
      for (const { data } of Object.values(outputs)) for (const i of data.keys()) data[i]! += 0.5
      return outputs
    }
    expect((await seenOf(cases, wrong)).conduct).toStrictEqual(cases.map(() => []))
  })

  it('sees a state that is carried over to the next call', async () => {
    const single = [layerCase({ id: 'alone', h_0: false })]
    let last: Outputs[string] | undefined
    const { conduct } = await seenOf(single, (request) => {
      const inputs = { ...request.inputs, ...(last && { h_0: last }) }
      const outputs = run({ ...request, inputs } as Request)
      last = outputs['h_n']
      return outputs
    })
    expect(kindsOf(conduct)).toStrictEqual([['stale', 'not repeatable']])
  })

  it('asks nothing of what could not be asked at first', async () => {
    const { engine, take } = watched({ name: 'port', run: () => expect.fail('asked') })
    const verdict = { id: 'c0', module: 'RNNCell', outcome: 'unsupported', comparisons: [] } as const
    const answered = [{ recorded: cases[0]!, name: 'c0', verdict, answer: undefined, ms: 0 }]
    expect(await askAgain(answered, engine, { repeat: 3, seed: 0, take })).toStrictEqual([[]])
  })
})

it('a decoy has the same shapes and other numbers', async () => {
  const recorded = layerCase({ module: 'LSTM' })
  const decoy = decoyOf(recorded)
  for (const [name, { shape, data }] of Object.entries(recorded.params)) {
    expect(decoy.params[name]!.shape).toStrictEqual(shape)
    expect(decoy.params[name]!.data).not.toStrictEqual(data)
  }
  expect(decoy.inputs).toBe(requestOf(recorded).inputs)
})
