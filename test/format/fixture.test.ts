// Whole although it is long: the tables are the catalogue of what a file can be refused for.
import { encode } from '@msgpack/msgpack'
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Case } from '../../src/format/case.ts'
import { ParityError } from '../../src/format/errors.ts'
import { type CaseOrError, type Fixture, openFixture } from '../../src/format/fixture.ts'
import type { Source } from '../../src/format/messages.ts'
import { caseRecord, cellCase, fixtureBytes, layerCase, sampleHeader, sourceOf } from '../sample.ts'

const cases: readonly Case[] = [
  cellCase({ id: 'a' }),
  layerCase({ id: 'b', lengths: [2, 4] }),
  layerCase({ id: 'c', num_layers: 2, bidirectional: true, dtype: 'float64', decided: 2 }),
]
const good = fixtureBytes(cases.map(caseRecord))

/** The message of the ParityError FIXTURE_INVALID with which opening a file ends. */
async function problem(bytes: Uint8Array): Promise<string> {
  try {
    await openFixture(sourceOf(bytes))
  } catch (error) {
    if (error instanceof ParityError && error.code === 'FIXTURE_INVALID') return error.message
    throw error
  }
  return 'no problem'
}

async function readAll(fixture: Fixture): Promise<CaseOrError[]> {
  const read: CaseOrError[] = []
  for await (const caseOrError of fixture.cases()) read.push(caseOrError)
  return read
}

function concatenated(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

describe('a good file of 3 cases', () => {
  it('opens with its header, its number of cases and its size', async () => {
    const { name, header, length, byteLength } = await openFixture(sourceOf(good))
    expect({ name, header, length, byteLength }).toStrictEqual({
      name: 'sample.msgpack',
      header: sampleHeader,
      length: 3,
      byteLength: good.length,
    })
  })

  it.each([1, 7, 64, 1000])('gives the same cases in chunks of %i bytes', async (size) => {
    const fixture = await openFixture(sourceOf(good, size))
    expect(await readAll(fixture)).toStrictEqual(cases.map((recorded) => ({ case: recorded })))
  })

  it('can be read twice', async () => {
    const fixture = await openFixture(sourceOf(good))
    expect(await readAll(fixture)).toStrictEqual(await readAll(fixture))
  })

  it('is hashed by the hash it is given: once, every byte before the end map', async () => {
    const all: Uint8Array[][] = []
    const endMap = encode({ cases: 3, sha256: new Uint8Array(32) })
    const fixture = await openFixture(sourceOf(good), () => {
      const hashed: Uint8Array[] = []
      all.push(hashed)
      return {
        update: (bytes) => hashed.push(bytes.slice()),
        digest: () =>
          new Uint8Array(
            createHash('sha256')
              .update(concatenated(...hashed))
              .digest(),
          ),
      }
    })
    expect(fixture.length).toBe(3)
    // And each message by another one, to be known again.
    const [whole, ...each] = all
    expect(each).toHaveLength(5)
    expect(concatenated(...whole!)).toStrictEqual(good.subarray(0, good.length - endMap.length))
  })

  it('may hold no case at all', async () => {
    const fixture = await openFixture(sourceOf(fixtureBytes([])))
    expect(fixture.length).toBe(0)
    expect(await readAll(fixture)).toStrictEqual([])
  })
})

describe('openFixture refuses', () => {
  const another = 'sample.msgpack: expected a torch-parity fixture, got a file of another format'
  const torn = '\nthe file is torn, or something was added to it: record it again, or fetch it again'
  const version = '\nrecord it again with the Python package of this version of torch-parity'
  const header = sampleHeader
  const { producer } = sampleHeader

  it.each<[string, Uint8Array, string]>([
    ['an empty file', new Uint8Array(0), 'sample.msgpack: expected a torch-parity fixture, got an empty file'],
    ['a text file', new TextEncoder().encode('hello'), another],
    ['JSON', new TextEncoder().encode('{"format":"torch-parity"}'), another],
    ['zeros', new Uint8Array(100), another],
    ['nil', encode(null), another],
    ['a zip file', Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0), another],
    ['a gzip file', Uint8Array.of(0x1f, 0x8b, 8, 0), another],
    ['another format', fixtureBytes([], { ...header, format: 'onnx' }), another],
    ['a header without a format', fixtureBytes([], { version: 1 }), another],
    ['a header in a list', fixtureBytes([], ['torch-parity', 1]), another],
    [
      'the byte 0xc1',
      Uint8Array.of(0xc1, 0, 0),
      'sample.msgpack: message at byte 0: expected no extension type, got byte 0xc1',
    ],
    [
      'a header with a key __proto__',
      fixtureBytes([], JSON.parse('{"__proto__":1}')),
      'sample.msgpack: message at byte 0: expected MessagePack, got The key __proto__ is not allowed',
    ],
    [
      'a map whose key is a list',
      Uint8Array.of(0x81, 0x90, 0x01),
      'sample.msgpack: message at byte 0: expected MessagePack, got The type of key must be string or number but object',
    ],
    [
      'version 4',
      fixtureBytes([], { ...header, version: 4 }),
      `sample.msgpack: expected format version 1 to 3, got 4${version}`,
    ],
    [
      'no version',
      fixtureBytes([], { format: 'torch-parity' }),
      `sample.msgpack: expected format version 1 to 3, got nothing${version}`,
    ],
    [
      'the version "1"',
      fixtureBytes([], { ...header, version: '1' }),
      `sample.msgpack: expected format version 1 to 3, got "1"${version}`,
    ],
    [
      'a version that is a map of toString and valueOf',
      fixtureBytes([], { ...header, version: { toString: 1, valueOf: 1 } }),
      `sample.msgpack: expected format version 1 to 3, got a map${version}`,
    ],
    [
      'a version that clears the screen',
      fixtureBytes([], { ...header, version: '\u001b[2J' }),
      String.raw`sample.msgpack: expected format version 1 to 3, got "\u001b[2J"` + version,
    ],
    [
      'a name that clears the screen',
      fixtureBytes([], { ...header, name: '\u001b[2J' }),
      String.raw`sample.msgpack: header: name: expected no control character, got "\u001b[2J"`,
    ],
    [
      'a name of 1001 characters',
      fixtureBytes([], { ...header, name: 'x'.repeat(1001) }),
      `sample.msgpack: header: name: expected at most 1000, got "${'x'.repeat(60)}"`,
    ],
    [
      'a seed of −1',
      fixtureBytes([], { ...header, seed: -1 }),
      'sample.msgpack: header: seed: expected at least 0, got -1',
    ],
    [
      'a seed of 0.5',
      fixtureBytes([], { ...header, seed: 0.5 }),
      'sample.msgpack: header: seed: expected int, got 0.5',
    ],
    [
      'a producer with 0 threads',
      fixtureBytes([], { ...header, producer: { ...producer, num_threads: 0 } }),
      'sample.msgpack: header: producer.num_threads: expected at least 1, got 0',
    ],
    [
      'no producer',
      fixtureBytes([], { ...header, producer: undefined }),
      'sample.msgpack: header: producer: expected object, got null',
    ],
    [
      'an unknown key in the header',
      fixtureBytes([], { ...header, date: 'today' }),
      'sample.msgpack: header: expected no key "date"',
    ],
    ['a header alone', encode(header), `sample.msgpack: expected an end map as the last message, got none${torn}`],
    [
      'a file without its end map',
      good.subarray(0, good.length - encode({ cases: 3, sha256: new Uint8Array(32) }).length),
      `sample.msgpack: expected an end map as the last message, got another message${torn}`,
    ],
    [
      'a message after the end map',
      concatenated(good, encode('more')),
      `sample.msgpack: expected an end map as the last message, got another message${torn}`,
    ],
    [
      'half a message after the end map',
      concatenated(good, Uint8Array.of(0xa2, 0x61)),
      `sample.msgpack: message at byte ${good.length}: expected it to be complete, got 2 bytes of it\n` +
        'the file is torn: record it again, or fetch it again',
    ],
    ['two files in one', concatenated(good, good), 'sample.msgpack: expected 3 cases, as its end says, got 8'],
    [
      'an end that says 2 of 1 cases',
      fixtureBytes([caseRecord(cellCase())], header, { cases: 2 }),
      'sample.msgpack: expected 2 cases, as its end says, got 1',
    ],
    [
      'an end that says −1 cases',
      fixtureBytes([], header, { cases: -1 }),
      'sample.msgpack: end: cases: expected at least 0, got -1',
    ],
    [
      'a hash in text',
      fixtureBytes([], header, { sha256: 'abc' }),
      'sample.msgpack: end: sha256: expected Uint8Array, got "abc"',
    ],
    ['an end with a name', fixtureBytes([], header, { name: 'x' }), 'sample.msgpack: end: expected no key "name"'],
  ])('%s', async (_, bytes, message) => {
    expect(await problem(bytes)).toBe(message)
  })

  it('a changed byte, with both hashes', async () => {
    const changed = good.slice()
    const at = Buffer.from(good).indexOf('2.13.0')
    changed.set([0x33], at)
    const end = encode({ cases: 3, sha256: new Uint8Array(32) }).length
    const actual = createHash('sha256').update(changed.subarray(0, -end)).digest('hex')
    const expected = createHash('sha256').update(good.subarray(0, -end)).digest('hex')
    expect(await problem(changed)).toBe(
      `sample.msgpack: expected sha256 ${expected.slice(0, 16)}…, as its end says, got ${actual.slice(0, 16)}…\n` +
        'the file was altered: record it again, or fetch it again',
    )
  })

  it('a hash of 31 bytes that are right', async () => {
    const half = fixtureBytes([])
    const hash = half.slice(-32, -1)
    expect(await problem(fixtureBytes([], sampleHeader, { sha256: hash }))).toMatch(
      /^sample\.msgpack: expected sha256 ([0-9a-f]{16})…, as its end says, got \1…\nthe file was altered/,
    )
  })
})

describe('a file with a bad case', () => {
  const [a, b, c] = cases.map(caseRecord)

  it('gives its error between the good cases', async () => {
    const bytes = fixtureBytes([a, { ...b, module: 'Transformer' }, c])
    const [first, second, third] = await readAll(await openFixture(sourceOf(bytes)))
    expect(first).toStrictEqual({ case: cases[0] })
    expect(second).toMatchObject({
      error: {
        code: 'CASE_INVALID',
        message:
          'sample.msgpack: case b: module: expected one of "RNNCell", "LSTMCell", "GRUCell", "RNN", "LSTM", "GRU", "ManyToMany", "ManyToOne", "OneToMany", "LanguageModel", "EncoderDecoder", got "Transformer"',
      },
    })
    expect(third).toStrictEqual({ case: cases[2] })
  })

  it('gives an error for the second of two equal ids', async () => {
    const read = await readAll(await openFixture(sourceOf(fixtureBytes([a, b, a]))))
    expect(read.slice(0, 2)).toStrictEqual([{ case: cases[0] }, { case: cases[1] }])
    expect(read[2]).toMatchObject({
      error: { code: 'CASE_INVALID', message: 'sample.msgpack: case a: expected an id of its own, got one twice' },
    })
  })

  it('gives an error for a case with a key __proto__, at its byte', async () => {
    const bytes = fixtureBytes([JSON.parse('{"__proto__":{"polluted":1}}')])
    const read = await readAll(await openFixture(sourceOf(bytes)))
    expect(read).toHaveLength(1)
    expect(read[0]).toMatchObject({
      error: {
        code: 'FIXTURE_INVALID',
        message:
          `sample.msgpack: message at byte ${encode(sampleHeader).length}: ` +
          'expected MessagePack, got The key __proto__ is not allowed',
      },
    })
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
})

describe('a file that changes between the check and the reading', () => {
  /** Gives the first bytes once, and the second ones from then on. */
  function changing(first: Uint8Array, second: Uint8Array): Source {
    let opened = 0
    return { name: 'sample.msgpack', open: () => sourceOf(opened++ === 0 ? first : second).open() }
  }
  it('is an error when it is torn', async () => {
    const fixture = await openFixture(changing(good, good.subarray(0, 1000)))
    await expect(readAll(fixture)).rejects.toMatchObject({ code: 'FIXTURE_INVALID' })
  })
})

describe('a file that is another one when it is read again', () => {
  const [a, b, c] = cases.map(caseRecord)

  /** Gives one file to be checked and another one afterwards. */
  const becoming = (bytes: Uint8Array): Source => {
    const files = [good, bytes]
    return { name: 'sample.msgpack', open: () => sourceOf(files.shift()!).open() }
  }
  const why = '\nthe file was changed while it was read: nothing after that was judged'

  it.each<[string, Uint8Array, number, string]>([
    [
      'has another second case',
      fixtureBytes([a, { ...b, expected: c!['expected'] }, c]),
      1,
      'another message at byte ',
    ],
    ['has another case at its end', fixtureBytes([a, b, c, a]), 3, 'another message at byte '],
    ['has a case less', fixtureBytes([a, b]), 2, 'another message at byte '],
    ['has another header', fixtureBytes([a, b, c], { ...sampleHeader, name: 'other' }), 0, 'another message at byte 0'],
    [
      'ends before its end',
      good.subarray(0, -encode({ cases: 3, sha256: new Uint8Array(32) }).length),
      3,
      'a shorter one',
    ],
  ])('%s: what comes before is given, and nothing after', async (_, bytes, given, got) => {
    const fixture = await openFixture(becoming(bytes))
    const read: CaseOrError[] = []
    const reading = (async () => {
      for await (const each of fixture.cases()) read.push(each)
    })()
    await expect(reading).rejects.toThrow(`sample.msgpack: expected the file that was checked, got ${got}`)
    await expect(reading).rejects.toThrow(why)
    expect(read).toHaveLength(given)
  })
})

describe('a key twice', () => {
  const [a, b] = cases.map(caseRecord)
  /** The key `from` of a map becomes one that stands beside it already. */
  const renamed = (bytes: Uint8Array, from: string, to: string): Uint8Array => {
    const at = Buffer.from(bytes).indexOf(from)
    expect(at).toBeGreaterThan(0)
    const renewed = bytes.slice()
    renewed.set(Buffer.from(to), at)
    const body = renewed.subarray(0, -encode({ cases: 1, sha256: new Uint8Array(32) }).length)
    return concatenated(body, encode({ cases: 1, sha256: createHash('sha256').update(body).digest() }))
  }

  it.each<[string, Uint8Array, string, string, string]>([
    ['in the header', fixtureBytes([a], { ...sampleHeader, sead: 3 }), 'sead', 'seed', 'seed'],
    ['in a case', fixtureBytes([{ ...a, madule: 'x' }]), 'madule', 'module', 'module'],
    [
      'in the producer',
      fixtureBytes([a], { ...sampleHeader, producer: { ...sampleHeader.producer, tarch: '1' } }),
      'tarch',
      'torch',
      'torch',
    ],
    [
      'in a tensor of a case',
      fixtureBytes([{ ...b, zdtype: 0, params: { weight_ih: { dtype: 'a', stype: 'b' } } }]),
      'stype',
      'dtype',
      'dtype',
    ],
  ])('is refused %s', async (_, bytes, from, to, key) => {
    await expect(openFixture(sourceOf(renamed(bytes, from, to)))).rejects.toThrow(
      `: expected each key of a map once, got "${key}" twice`,
    )
  })

  it('is refused in the end map', async () => {
    const end = encode({ cases: 3, sha256: new Uint8Array(32) })
    const body = good.subarray(0, -end.length)
    const [, ...entries] = encode({ cases: 3, sha256: createHash('sha256').update(body).digest() })
    const twice = concatenated(body, Uint8Array.of(0x83, ...entries, ...encode('cases'), 3))
    await expect(openFixture(sourceOf(twice))).rejects.toThrow('expected each key of a map once, got "cases" twice')
  })

  it('is refused when the two are written in two ways', async () => {
    const bytes = Uint8Array.of(0x82, 0xa1, 0x61, 0xc0, 0xd9, 0x01, 0x61, 0xc0)
    await expect(openFixture(sourceOf(bytes))).rejects.toThrow(
      'message at byte 0: expected each key of a map once, got "a" twice',
    )
  })
})
