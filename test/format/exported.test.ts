import { describe, expect, it } from 'vitest'
import { engine } from '../../src/engine/run.ts'
import { ParityError } from '../../src/format/errors.ts'
import { type CaseOrError, openFixture } from '../../src/format/fixture.ts'
import { verify } from '../../src/verify.ts'
import {
  capturedBytes,
  capturedRecord,
  gradientsProgram,
  gradientsRecord,
  header,
  programRecord,
  sampledRecord,
  weightsRecord,
} from '../captured.ts'
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

  it('may have gradients, which our engine computes as by hand', async () => {
    const bytes = capturedBytes([gradientsProgram, weightsRecord, gradientsRecord])
    const [read] = await readAll(bytes)
    if (read === undefined || 'error' in read) throw read?.error ?? new Error('expected a case')
    const verdict = await verify(read.case, engine)
    expect(verdict.outcome).toBe('match')
    const names = verdict.comparisons.map(({ tensor }) => tensor)
    expect(names).toStrictEqual(['first', 'act', 'output', 'grad_x', 'grad_second.weight'])
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
    [
      'a gradient by nothing',
      [{ ...gradientsProgram, gradients: [{ name: 'g', value: { input: 'y' } }] }, w, gradientsRecord],
      'program p: gradient g: expected the name of an input, got "y"',
    ],
    [
      'a gradient that is called what a tap is',
      [{ ...gradientsProgram, gradients: [{ name: 'act', value: { input: 'x' } }] }, w, gradientsRecord],
      'program p: gradient act: expected a name of its own, got one twice',
    ],
    [
      'a gradient by symbols',
      [{ ...gradientsProgram, inputs: { x: { shape: [2, 3], dtype: 'int64' } } }, w, gradientsRecord],
      'program p: gradient grad_x: expected a gradient by floats, got one by int64',
    ],
    [
      'cotangents without gradients',
      [programRecord, w, { ...c, cotangents: gradientsRecord.cotangents }],
      'cotangents: expected none of a program without gradients, got some',
    ],
    [
      'gradients without cotangents',
      [gradientsProgram, w, { ...gradientsRecord, cotangents: undefined }],
      'cotangents',
    ],
    [
      'a gradient that is not expected',
      [gradientsProgram, w, { ...gradientsRecord, expected: c.expected }],
      'expected.grad_x: expected a tensor of shape (2, 3), got none',
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
