import { encode } from '@msgpack/msgpack'
import { describe, expect, it } from 'vitest'
import { maxMessageBytes, messages, type Source } from '../../src/format/messages.ts'
import { sourceOf } from '../sample.ts'

interface Piece {
  readonly offset: number
  readonly bytes: Uint8Array
}

async function split(source: Source): Promise<Piece[]> {
  const pieces: Piece[] = []
  for await (const { offset, bytes } of messages(source)) pieces.push({ offset, bytes: bytes.slice() })
  return pieces
}

function bytesOf(...parts: (number | number[] | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part])))
}

/** The header of a bin of up to 2³² − 1 bytes. */
function bin32(length: number): Uint8Array {
  const bytes = Uint8Array.of(0xc6, 0, 0, 0, 0)
  new DataView(bytes.buffer).setUint32(1, length)
  return bytes
}

const zeros = (length: number): number[] => Array.from({ length }, () => 0)

describe('a message ends where the MessagePack specification says', () => {
  it.each<[string, Uint8Array]>([
    ['positive fixint', bytesOf(0x7f)],
    ['negative fixint', bytesOf(0xe0)],
    ['fixmap of 1', bytesOf(0x81, 0xa1, 0x61, 0x01)],
    ['fixarray of 2', bytesOf(0x92, 0x01, 0xc0)],
    ['empty fixmap', bytesOf(0x80)],
    ['fixstr of 31', bytesOf(0xbf, zeros(31))],
    ['nil', bytesOf(0xc0)],
    ['false', bytesOf(0xc2)],
    ['true', bytesOf(0xc3)],
    ['bin 8', bytesOf(0xc4, 3, zeros(3))],
    ['bin 16', bytesOf(0xc5, 1, 0, zeros(256))],
    ['bin 32', bytesOf(0xc6, 0, 1, 0, 0, zeros(65_536))],
    ['float 32', bytesOf(0xca, zeros(4))],
    ['float 64', bytesOf(0xcb, zeros(8))],
    ['uint 8', bytesOf(0xcc, zeros(1))],
    ['uint 16', bytesOf(0xcd, zeros(2))],
    ['uint 32', bytesOf(0xce, zeros(4))],
    ['uint 64', bytesOf(0xcf, zeros(8))],
    ['int 8', bytesOf(0xd0, zeros(1))],
    ['int 16', bytesOf(0xd1, zeros(2))],
    ['int 32', bytesOf(0xd2, zeros(4))],
    ['int 64', bytesOf(0xd3, zeros(8))],
    ['str 8', bytesOf(0xd9, 200, zeros(200))],
    ['str 16', bytesOf(0xda, 1, 1, zeros(257))],
    ['str 32', bytesOf(0xdb, 0, 0, 1, 2, zeros(258))],
    ['array 16', bytesOf(0xdc, 1, 0, zeros(256))],
    ['array 32', bytesOf(0xdd, 0, 0, 0, 3, zeros(3))],
    ['map 16', bytesOf(0xde, 0, 2, zeros(4))],
    ['map 32', bytesOf(0xdf, 0, 0, 0, 2, zeros(4))],
    ['arrays in maps in arrays', encode([{ a: [1, { b: new Uint8Array(5) }], c: 'text' }, [], {}])],
  ])('%s', async (_, message) => {
    const pieces = await split(sourceOf(bytesOf(message, 0xc0)))
    expect(pieces).toStrictEqual([
      { offset: 0, bytes: bytesOf(message) },
      { offset: message.length, bytes: Uint8Array.of(0xc0) },
    ])
  })
})

describe('chunks', () => {
  const parts = [{ a: 1 }, new Uint8Array(300), 'text', [1.5, [null, true]], { k: { k: { k: 'v' } } }]
  const whole = bytesOf(...parts.map((part) => encode(part)))
  const pieces: Piece[] = []
  for (const part of parts) {
    const { offset, bytes } = pieces.at(-1) ?? { offset: 0, bytes: new Uint8Array(0) }
    pieces.push({ offset: offset + bytes.length, bytes: bytesOf(encode(part)) })
  }

  it('of every size from 1 to the whole file give the same messages', async () => {
    for (let size = 1; size <= whole.length; size++) {
      expect(await split(sourceOf(whole, size)), `chunks of ${size}`).toStrictEqual(pieces)
    }
  })

  it('may be empty', async () => {
    const empty = new Uint8Array(0)
    const source: Source = {
      name: 'sample.msgpack',
      // eslint-disable-next-line typescript/require-await
      async *open() {
        yield* [empty, whole.slice(0, 5), empty, empty, whole.slice(5), empty]
      },
    }
    expect(await split(source)).toStrictEqual(pieces)
  })

  it('none give no messages', async () => {
    expect(await split(sourceOf(new Uint8Array(0)))).toStrictEqual([])
  })
})

describe('what is no message of a fixture', () => {
  async function problem(bytes: Uint8Array): Promise<unknown> {
    try {
      return await split(sourceOf(bytes))
    } catch (error) {
      return error
    }
  }
  const invalid = (message: string): object => ({ code: 'FIXTURE_INVALID', message })

  it('2 bytes of a string of 5', async () => {
    expect(await problem(bytesOf(0xc0, 0xa5, 0x61))).toMatchObject(
      invalid(
        'sample.msgpack: message at byte 1: expected it to be complete, got 2 bytes of it\n' +
          'the file is torn: record it again, or fetch it again',
      ),
    )
  })

  it.each([0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8])('byte %i, an extension type', async (kind) => {
    const nested = bytesOf(0xc0, 0x91, kind, zeros(20))
    expect(await problem(nested)).toMatchObject(
      invalid(`sample.msgpack: message at byte 1: expected no extension type, got byte 0x${kind.toString(16)}`),
    )
  })

  it('an array that declares 65,537 values, before one of them came', async () => {
    expect(await problem(bytesOf(0xdd, 0, 1, 0, 1))).toMatchObject(
      invalid('sample.msgpack: message at byte 0: expected at most 65536 values in a message, got 65537'),
    )
  })

  it('a map that declares 40,000 pairs, which are 80,000 values', async () => {
    expect(await problem(bytesOf(0xde, 0x9c, 0x40))).toMatchObject(
      invalid('sample.msgpack: message at byte 0: expected at most 65536 values in a message, got 80000'),
    )
  })

  it('a map that declares 4,294,967,295 pairs', async () => {
    expect(await problem(bytesOf(0xdf, 0xff, 0xff, 0xff, 0xff))).toMatchObject(
      invalid('sample.msgpack: message at byte 0: expected at most 65536 values in a message, got 8589934590'),
    )
  })

  it('65,537 values with the array that holds 65,536 of them', async () => {
    const tooMany = 'sample.msgpack: message at byte 0: expected at most 65536 values in a message, got more'
    const array = (length: number): Uint8Array => bytesOf(0xdd, 0, length >> 16, (length >> 8) & 255, length & 255)
    expect(await problem(bytesOf(array(65_535), zeros(65_535)))).toHaveLength(1)
    expect(await problem(bytesOf(array(65_536), zeros(65_536)))).toMatchObject(invalid(tooMany))
  })

  it('many small arrays in one, 65,537 values in all', async () => {
    const pairs = Array.from({ length: 32_768 }, () => [0x91, 0xc0]).flat()
    expect(await problem(bytesOf(0xdc, 0x80, 0, pairs))).toMatchObject(
      invalid('sample.msgpack: message at byte 0: expected at most 65536 values in a message, got more'),
    )
  })

  it('9 levels of nesting, while 8 are read', async () => {
    const nested = (depth: number): Uint8Array =>
      bytesOf(
        Array.from({ length: depth }, () => 0x91),
        0xc0,
      )
    expect(await problem(nested(8))).toHaveLength(1)
    expect(await problem(nested(9))).toMatchObject(
      invalid('sample.msgpack: message at byte 0: expected at most 8 levels of nesting, got more'),
    )
  })

  it('100,000 levels of nesting', async () => {
    expect(await problem(bytesOf(Array.from({ length: 100_000 }, () => 0x91)))).toMatchObject(
      invalid('sample.msgpack: message at byte 0: expected at most 8 levels of nesting, got more'),
    )
  })

  it('bytes that declare more than 256 MiB, before one of them came', async () => {
    expect(maxMessageBytes).toBe(268_435_456)
    expect(await problem(bin32(268_435_452))).toMatchObject(
      invalid(
        'sample.msgpack: message at byte 0: expected a message of at most 268435456 bytes, got 268435457 or more',
      ),
    )
    expect(await problem(bytesOf(0x92, bin32(200 * 2 ** 20)))).toMatchObject(
      invalid(
        'sample.msgpack: message at byte 0: expected it to be complete, got 6 bytes of it\n' +
          'the file is torn: record it again, or fetch it again',
      ),
    )
  })
})
