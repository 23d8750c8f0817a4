import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { judge } from '../../src/verify.ts'
import { run } from '../../src/engine/run.ts'
import { ParityError } from '../../src/format/errors.ts'
import { type CaseOrError, type Hash, openFixture } from '../../src/format/fixture.ts'
import { changed, gone, type Path, paths } from '../mutated.ts'
import { random } from '../random.ts'
import { caseRecord, cellCase, fixtureBytes, layerCase, sourceOf } from '../sample.ts'

// Files that somebody made to break a reader, or that a disk or a network broke.

const cases = [
  cellCase({ id: 'a', hidden_size: 1 }),
  layerCase({ id: 'b', hidden_size: 1, seq_len: 2, lengths: [1, 2] }),
  layerCase({ id: 'c', hidden_size: 2, bidirectional: true, dtype: 'float64', seq_len: 2, batch: 1, decided: 1 }),
]
const good = fixtureBytes(cases.map(caseRecord))

/** `opened`, or the code of the ParityError with which opening ends; any other error in words. */
async function outcomeOf(bytes: Uint8Array, chunkSize?: number, hash?: () => Hash): Promise<string> {
  try {
    await openFixture(sourceOf(bytes, chunkSize), hash)
    return 'opened'
  } catch (error) {
    return error instanceof ParityError ? error.code : `threw ${String(error)}`
  }
}

/** The platform's hash is ten times as fast as the one that runs anywhere. */
const fast = (): Hash => createHash('sha256')

describe('a good file', () => {
  it('opens', async () => {
    expect(await outcomeOf(good)).toBe('opened')
  })

  it('cut at any byte is FIXTURE_INVALID', async () => {
    const wrong: string[] = []
    for (let length = 0; length < good.length; length++) {
      const outcome = await outcomeOf(good.subarray(0, length))
      if (outcome !== 'FIXTURE_INVALID') wrong.push(`${length} of ${good.length} bytes: ${outcome}`)
    }
    expect(wrong).toStrictEqual([])
  })

  it('without any one of its bytes, or with any one twice, is FIXTURE_INVALID', async () => {
    const wrong: string[] = []
    for (let at = 0; at < good.length; at++) {
      for (const next of [at + 1, at]) {
        const end = next === at ? at + 1 : at
        const outcome = await outcomeOf(Buffer.concat([good.subarray(0, end), good.subarray(next)]), undefined, fast)
        if (outcome !== 'FIXTURE_INVALID') wrong.push(`up to byte ${end}, then from byte ${next}: ${outcome}`)
      }
    }
    expect(wrong).toStrictEqual([])
  })

  it('with any one bit flipped is FIXTURE_INVALID', async () => {
    const wrong: string[] = []
    for (let bit = 0; bit < 8 * good.length; bit++) {
      const bytes = good.slice()
      flip(bytes, bit)
      const outcome = await outcomeOf(bytes, undefined, fast)
      if (outcome !== 'FIXTURE_INVALID') wrong.push(`bit ${bit % 8} of byte ${Math.floor(bit / 8)}: ${outcome}`)
    }
    expect(wrong).toStrictEqual([])
  })

  it('with 2 to 16 random bits flipped, 10,000 times, is FIXTURE_INVALID in one chunk and in chunks of 7 bytes', async () => {
    const wrong: string[] = []
    for (let seed = 1; seed <= 10_000; seed++) {
      const numbers = random(seed)
      const bytes = good.slice()
      const bits = new Set(Array.from({ length: numbers.int(2, 16) }, () => numbers.int(0, 8 * good.length - 1)))
      for (const bit of bits) flip(bytes, bit)
      const outcome = await outcomeOf(bytes, seed % 10 === 0 ? 7 : undefined)
      if (outcome !== 'FIXTURE_INVALID') wrong.push(`seed ${seed}: ${outcome}`)
    }
    expect(wrong).toStrictEqual([])
  })
})

it('2,000 files of random bytes are FIXTURE_INVALID, and the same error in chunks of 1, 7 and all bytes', async () => {
  const wrong: string[] = []
  for (let seed = 1; seed <= 2000; seed++) {
    const numbers = random(seed)
    const bytes = Uint8Array.from({ length: numbers.int(0, 200) }, () => numbers.int(0, 255))
    const messages = new Set<string>()
    for (const size of [1, 7, 200]) {
      try {
        await openFixture(sourceOf(bytes, size))
        wrong.push(`seed ${seed}: opened`)
      } catch (error) {
        if (!(error instanceof ParityError) || error.code !== 'FIXTURE_INVALID')
          wrong.push(`seed ${seed}: ${String(error)}`)
        messages.add(String(error))
      }
    }
    if (messages.size !== 1) wrong.push(`seed ${seed}: ${[...messages].join(' or ')}`)
  }
  expect(wrong).toStrictEqual([])
})

function flip(bytes: Uint8Array, bit: number): void {
  const at = Math.floor(bit / 8)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8))
}

// From here on the hash is right, so that the case itself is read.

const oddValues: readonly unknown[] = [
  gone,
  null,
  true,
  false,
  0,
  -0,
  1,
  -1,
  3,
  0.5,
  1e12,
  2 ** 24,
  2 ** 53,
  1e300,
  Number.NaN,
  Infinity,
  '',
  'RNN',
  'RNNCell',
  'float64',
  'int64',
  '\u001b[2J',
  'x'.repeat(1000),
  [],
  [0],
  [1e12, 0, 2],
  [2 ** 24, 2 ** 24, 2 ** 24],
  [[[[]]]],
  {},
  { toString: 1, valueOf: 1, constructor: 1, hasOwnProperty: 1 },
  { dtype: 'float32', shape: [0], data: new Uint8Array(0) },
  { dtype: 'float64', shape: [], data: new Uint8Array(8) },
  new Uint8Array(0),
  new Uint8Array(3),
  new Uint8Array(64).fill(255),
]

/** What is wrong with how a message was read: it must be an error that people can read, or a case just as the message has it. */
async function misread(message: unknown): Promise<string | undefined> {
  const read: CaseOrError[] = []
  const bytes = fixtureBytes([message])
  try {
    const fixture = await openFixture(sourceOf(bytes))
    for await (const caseOrError of fixture.cases()) read.push(caseOrError)
  } catch (error) {
    return `threw ${String(error)}`
  }
  const [only] = read
  if (read.length !== 1 || only === undefined) return `${read.length} cases`
  if ('error' in only) {
    if (!(only.error instanceof ParityError)) return `an error that is no ParityError: ${String(only.error)}`
    if (only.error.code !== 'CASE_INVALID') return `${only.error.code}: ${only.error.message}`
    const readable = /^sample\.msgpack: case [^\p{Cc}\u2028\u2029]{1,600}$/u.test(only.error.message)
    return readable ? undefined : `an unreadable message: ${JSON.stringify(only.error.message)}`
  }
  // A case without a budget is read with one that has been measured.
  const { budget, ...rest } = caseRecord(only.case)
  const hasBudget =
    typeof message === 'object' && message !== null && 'budget' in message && message.budget !== undefined
  const again = fixtureBytes([sorted(hasBudget ? { ...rest, budget } : rest)])
  if (!Buffer.from(again).equals(fixtureBytes([sorted(message)]))) return 'read as another case'
  const judged = judge(only.case, run(only.case))
  return judged.length > 0 && judged.every(({ tensor }) => tensor in only.case.expected) ? undefined : 'not judged'
}

/** The same with its keys in order, and −0 as 0, as @msgpack/msgpack writes it in a list of numbers. */
function sorted(value: unknown): unknown {
  if (typeof value === 'number') return value + 0
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(sorted)
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]): [string, unknown] => [key, sorted(inner)])
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
}

describe.each(cases.map((recorded) => [recorded.module, recorded.id, caseRecord(recorded)] as const))(
  'a message like the %s case %s, with its hash right',
  (_, id, record) => {
    const places = paths(record)

    it('is a case when nothing is changed', async () => {
      expect(await misread(record)).toBeUndefined()
    })

    it('with any value replaced by any odd one is an error, or just that case', async () => {
      const wrong: string[] = []
      for (const path of places) {
        for (const to of oddValues) {
          const problem = await misread(changed(record, path, to))
          if (problem !== undefined) wrong.push(`${path.join('.')} = ${JSON.stringify(to)}: ${problem}`)
        }
      }
      expect(wrong).toStrictEqual([])
    })

    it('with 2 to 5 values replaced or added, 1,000 times, is an error, or just that case', async () => {
      const wrong: string[] = []
      const [first = [], ...others] = places
      for (let seed = 1; seed <= 1000; seed++) {
        const numbers = random(seed)
        let message: unknown = record
        for (let times = numbers.int(2, 5); times > 0; times--) {
          const path = numbers.pick([first, ...others])
          const at = numbers.next() < 0.3 ? [...path.slice(0, -1), numbers.pick(['x', 'states', '0', '\u009b'])] : path
          const elsewhere = valueAt(record, numbers.pick([first, ...others]))
          message = changed(message, at, numbers.pick([gone, elsewhere, elsewhere, ...oddValues]))
        }
        const problem = await misread(message)
        if (problem !== undefined) wrong.push(`case ${id}, seed ${seed}: ${problem}`)
      }
      expect(wrong).toStrictEqual([])
    })
  },
)

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce((inner, key) => (inner as Record<string, unknown>)[key], value)
}

it('a message that is no map is an error', async () => {
  for (const message of [null, true, 1, 'text', [], new Uint8Array(3), [{}], {}]) {
    expect(await misread(message), `message ${JSON.stringify(message)}`).toBeUndefined()
  }
})
