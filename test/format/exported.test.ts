import { describe, expect, it } from 'vitest'
import { engine } from '../../src/engine/run.ts'
import type { ExportedRequest } from '../../src/format/case.ts'
import { ParityError } from '../../src/format/errors.ts'
import { type CaseOrError, openFixture } from '../../src/format/fixture.ts'
import { verify } from '../../src/verify.ts'
import { capturedBytes, capturedRecord, header, programRecord, sampledRecord, weightsRecord } from '../captured.ts'
import { changed, gone, paths } from '../mutated.ts'
import { random } from '../random.ts'
import { caseRecord, cellCase, fixtureBytes, sourceOf } from '../sample.ts'

async function readAll(bytes: Uint8Array, chunkSize?: number): Promise<CaseOrError[]> {
  const all: CaseOrError[] = []
  for await (const read of (await openFixture(sourceOf(bytes, chunkSize))).cases()) all.push(read)
  return all
}

/** What is said of the first thing that is wrong. */
async function problem(messages: readonly unknown[], cases = 1): Promise<string> {
  try {
    for (const read of await readAll(capturedBytes(messages, cases))) if ('error' in read) return read.error.message
  } catch (error) {
    if (error instanceof ParityError) return error.message
    throw error
  }
  return 'no problem'
}

describe('a file of captured models', () => {
  it.each([1, 9, 100_000])('is read in chunks of %i bytes', async (size) => {
    const [read] = await readAll(capturedBytes(), size)
    expect(read).toMatchObject({ case: { id: 'one', module: 'ExportedProgram', config: { name: 'Small' } } })
  })

  it('counts cases alone, and shares weights and programs between them', async () => {
    const two = { ...capturedRecord, id: 'two' }
    const bytes = capturedBytes([programRecord, weightsRecord, capturedRecord, two], 2)
    expect((await openFixture(sourceOf(bytes))).length).toBe(2)
    const [one, other] = (await readAll(bytes)).map((read) => ('case' in read ? read.case : undefined))
    expect(other!.params).toBe(one!.params)
    expect(other!.config).toBe(one!.config)
  })

  it('may hold other cases as well', async () => {
    const [one] = await readAll(fixtureBytes([caseRecord(cellCase({ id: 'a' }))], header))
    expect(one).toMatchObject({ case: { id: 'a' } })
  })

  it('is refused in version 1', async () => {
    const bytes = fixtureBytes([capturedRecord])
    const [read] = await readAll(bytes)
    expect(read).toMatchObject({ error: { code: 'CASE_INVALID' } })
    expect((read as { error: ParityError }).error.message).toContain('expected ExportedProgram in version 3 alone')
  })
})

const { nodes, taps } = programRecord
const [linear, relu, last] = nodes as [object, object, object]
const w = weightsRecord
const c = capturedRecord
const s = sampledRecord
const withAct = (change: object): object => ({ ...s, samples: { act: { ...s.samples.act, ...change } } })

describe('what is refused', () => {
  it.each<[what: string, messages: readonly unknown[], said: string]>([
    ['a case before its program', [c], 'config.program: expected one that stands before it, got "p"'],
    ['a case before its weights', [programRecord, c], 'config.weights: expected some that stand before it, got "w"'],
    ['a program twice', [programRecord, programRecord, w, c], 'program p: expected a program once, got it twice'],
    ['weights twice', [programRecord, w, w, c], 'weights w: expected weights once, got them twice'],
    [
      'an operation that reads a later one',
      [{ ...programRecord, nodes: [relu, linear, last] }, w, c],
      'program p: relu: expected an operation before it, got "linear"',
    ],
    [
      'an operation twice',
      [{ ...programRecord, nodes: [linear, relu, { ...relu }, last] }, w, c],
      'relu: expected a name of its own, got one twice',
    ],
    [
      'a tap of nothing',
      [{ ...programRecord, taps: [{ ...taps[0]!, value: { node: 'gone' } }, taps[2]] }, w, c],
      'tap first: expected an operation before it, got "gone"',
    ],
    [
      'a tap of a tensor that there is not',
      [{ ...programRecord, taps: [{ ...taps[0]!, value: { node: 'relu', output: 1 } }, taps[2]] }, w, c],
      'tap first: expected one of the 1 tensors of "relu", got 1',
    ],
    [
      'a tap twice',
      [{ ...programRecord, taps: [taps[0], taps[0], taps[2]] }, w, c],
      'tap first: expected a name of its own, got one twice',
    ],
    [
      'no output',
      [{ ...programRecord, taps: taps.slice(0, 2) }, w, c],
      'program p: expected at least one output, got none',
    ],
    [
      'a parameter that is not listed',
      [{ ...programRecord, params: {} }, w, c],
      'linear: expected the name of a parameter, got "first.weight"',
    ],
    [
      'weights of another shape',
      [programRecord, { ...w, params: { ...w.params, 'first.bias': w.params['second.weight'] } }, c],
      'params.first.bias: expected shape (2), got (3, 2)',
    ],
    [
      'weights that are missing',
      [programRecord, { ...w, params: {} }, c],
      'params.first.weight: expected a tensor of shape (2, 3), got none',
    ],
    ['no input', [programRecord, w, { ...c, inputs: {} }], 'inputs.x: expected a tensor of shape (2, 3), got none'],
    [
      'an input that nothing reads',
      [programRecord, w, { ...c, inputs: { ...c.inputs, y: c.inputs.x } }],
      'inputs.y: expected one of x, got "y"',
    ],
    [
      'a tap without a budget',
      [programRecord, w, { ...c, budget: { first: c.budget.first, act: c.budget.act } }],
      'budget.output: expected a tensor, got none',
    ],
    [
      'a tap that is not expected',
      [programRecord, w, { ...c, expected: { act: c.expected.act, output: c.expected.output } }],
      'expected.first: expected a tensor of shape (2, 2), got none',
    ],
    [
      'samples of no tap',
      [programRecord, w, { ...s, samples: { gone: s.samples.act } }],
      'samples.gone: expected one of first, act, output, got "gone"',
    ],
    [
      'samples of a tap that is whole',
      [programRecord, w, { ...c, samples: s.samples }],
      'expected.act: expected one of first, output, got "act"',
    ],
    [
      'more samples than numbers',
      [programRecord, w, withAct({ values: { ...s.samples.act.values, shape: [5] } })],
      'samples.act.values: expected 1 to 4 samples in one axis, got shape (5)',
    ],
    [
      'samples in two axes',
      [programRecord, w, withAct({ values: { ...s.samples.act.values, shape: [1, 2] } })],
      'samples.act.values: expected 1 to 4 samples in one axis, got shape (1, 2)',
    ],
    [
      'other blocks than sums',
      [programRecord, w, withAct({ block: 1 })],
      'samples.act.sums: expected shape (4), got (2)',
    ],
    [
      'sums that are no numbers',
      [programRecord, w, withAct({ sums: { ...s.samples.act.sums, data: new Uint8Array(16).fill(255) } })],
      'samples.act.sums: expected finite numbers, got NaN',
    ],
    ['states', [programRecord, w, { ...c, states: {} }], 'expected no key "states"'],
    ['another dtype', [programRecord, w, { ...c, dtype: 'float64' }], 'params.first.weight: expected dtype float64'],
  ])('%s', async (_, messages, said) => {
    expect(await problem(messages)).toContain(said)
  })

  it('a file that counts what is shared as cases', async () => {
    expect(await problem([programRecord, w, c], 3)).toContain('expected 3 cases, as its end says, got 1')
  })
})

// The hash is right, so that the messages themselves are read.

const oddValues: readonly unknown[] = [
  gone,
  null,
  true,
  0,
  -1,
  1,
  2,
  0.5,
  1e12,
  2 ** 24,
  Number.NaN,
  Infinity,
  '',
  'linear',
  'relu',
  'x',
  'float64',
  '\u001B[2J',
  'x'.repeat(1001),
  [],
  [0],
  [1e12, 0, 2],
  [2 ** 24, 2 ** 24],
  [[[[]]]],
  {},
  { node: 'relu' },
  { node: 'linear', output: 3 },
  { param: 'first.bias' },
  { input: 'x' },
  { toString: 1, constructor: 1 },
  { dtype: 'float32', shape: [0], data: new Uint8Array(0) },
  new Uint8Array(3),
  new Uint8Array(24).fill(255),
]

/** What is wrong with how messages were read: an error that people can read, or the case just as they have it, judged or refused. */
async function misread(messages: readonly unknown[]): Promise<string | undefined> {
  let read: CaseOrError | undefined
  try {
    read = (await readAll(capturedBytes(messages)))[0]
    if (read === undefined) return 'no case'
    if ('error' in read) throw read.error
  } catch (error) {
    if (!(error instanceof ParityError)) return `an error that is no ParityError: ${String(error)}`
    return /^sample\.msgpack: [^\p{Cc}\u2028\u2029]{1,700}$/u.test(error.message)
      ? undefined
      : `unreadable: ${error.message}`
  }
  const [program, weights, recorded] = messages as [typeof programRecord, typeof weightsRecord, typeof capturedRecord]
  const own = read.case as typeof read.case & ExportedRequest
  const { program: _, ...config } = program
  expect(own.config).toStrictEqual({ ...config, name: recorded.config.name })
  expect(Object.keys(own.params)).toStrictEqual(Object.keys(weights.params))
  for (const [name, tensor] of Object.entries(own.expected)) {
    const bytes = (recorded.expected as Record<string, { data: Uint8Array }>)[name]!.data
    expect(Buffer.from(tensor.data.buffer)).toStrictEqual(Buffer.from(bytes))
  }
  try {
    await verify(own, engine)
  } catch (error) {
    if (!(error instanceof ParityError)) return `judging throws ${String(error)}`
  }
  return undefined
}

describe.each([
  ['program', 0],
  ['weights', 1],
  ['case', 2],
  ['case with samples', 2],
] as const)('a %s', (what, which) => {
  const recorded = what === 'case with samples' ? sampledRecord : capturedRecord
  const good = [programRecord, weightsRecord, recorded] as const
  const places = paths(good[which])

  it('with any value replaced by any odd one is an error, or just that', async () => {
    const wrong: string[] = []
    for (const path of places) {
      for (const to of oddValues) {
        const found = await misread(good.with(which, changed(good[which], path, to) as (typeof good)[number]))
        if (found !== undefined) wrong.push(`${path.join('.')} = ${JSON.stringify(to)}: ${found}`)
      }
    }
    expect(wrong).toStrictEqual([])
  })

  it('with 2 to 5 values replaced, 300 times, is an error, or just that', async () => {
    const wrong: string[] = []
    for (let seed = 1; seed <= 300; seed++) {
      const numbers = random(seed)
      let message: unknown = good[which]
      for (let times = numbers.int(2, 5); times > 0; times--) {
        const [one = [], ...others] = places
        message = changed(message, numbers.pick([one, ...others]), numbers.pick([gone, ...oddValues]))
      }
      const found = await misread(good.with(which, message as (typeof good)[number]))
      if (found !== undefined) wrong.push(`seed ${seed}: ${found}`)
    }
    expect(wrong).toStrictEqual([])
  })
})
