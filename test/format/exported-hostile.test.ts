// Captured models of which values are replaced.
import { describe, expect, it } from 'vitest'
import { engine } from '../../src/engine/run.ts'
import type { ExportedRequest } from '../../src/format/case.ts'
import { ParityError } from '../../src/format/errors.ts'
import { type CaseOrError, openFixture } from '../../src/format/fixture.ts'
import { verify } from '../../src/verify.ts'
import {
  capturedBytes,
  capturedRecord,
  gradientsProgram,
  gradientsRecord,
  programRecord,
  sampledRecord,
  weightsRecord,
} from '../captured.ts'
import { changed, gone, paths } from '../mutated.ts'
import { random } from '../random.ts'
import { sourceOf } from '../sample.ts'

async function readAll(bytes: Uint8Array, chunkSize?: number): Promise<CaseOrError[]> {
  const all: CaseOrError[] = []
  for await (const read of (await openFixture(sourceOf(bytes, chunkSize))).cases()) all.push(read)
  return all
}

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
  ['program with gradients', 0],
  ['case with gradients', 2],
] as const)('a %s', (what, which) => {
  const isOfGradients = what.endsWith('gradients')
  const recorded = what === 'case with samples' ? sampledRecord : isOfGradients ? gradientsRecord : capturedRecord
  const good = [isOfGradients ? gradientsProgram : programRecord, weightsRecord, recorded] as const
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
