import { ParityError } from './errors.ts'

/** Where a file's bytes come from; opened once to check the file and once to read its cases. */
export interface Source {
  /** What people call it, usually its path. */
  readonly name: string
  open(): AsyncIterable<Uint8Array>
}

/** One MessagePack message, undecoded, and where it begins in the file. */
export interface Message {
  readonly offset: number
  readonly bytes: Uint8Array
}

export const maxMessageBytes = 256 * 2 ** 20
const maxValues = 65_536
const maxDepth = 8

type Extent = { end: number } | { incomplete: true } | { problem: string }
const incomplete: Extent = { incomplete: true }

/**
 * Finds where the message that starts at `start` ends, without decoding or allocating anything, so that lengths are
 * known before they are believed. @msgpack/msgpack tells neither byte offsets nor how much a message will need.
 */
function extentOf(bytes: Uint8Array, start: number): Extent {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // How many values are still to come at each level of nesting.
  const open = [1]
  let values = 0
  let at = start
  while (open.length > 0) {
    const level = open.length - 1
    if (open[level] === 0) {
      open.pop()
      continue
    }
    open[level]!--
    if (++values > maxValues) return { problem: `expected at most ${maxValues} values in a message, got more` }
    if (at >= bytes.length) return incomplete
    const kind = bytes[at]!
    const header = headerOf(kind)
    if (header === undefined) return { problem: `expected no extension type, got byte 0x${kind.toString(16)}` }
    if (at + 1 + header.lengthBytes > bytes.length) return incomplete
    const declared = declaredIn(view, at, header)
    at += 1 + header.lengthBytes
    if (header.nested > 0) {
      if (declared * header.nested > maxValues) {
        return { problem: `expected at most ${maxValues} values in a message, got ${declared * header.nested}` }
      }
      if (open.length > maxDepth) return { problem: `expected at most ${maxDepth} levels of nesting, got more` }
      open.push(declared * header.nested)
    } else {
      at += declared
    }
    if (at - start > maxMessageBytes) {
      return { problem: `expected a message of at most ${maxMessageBytes} bytes, got ${at - start} or more` }
    }
  }
  return at > bytes.length ? incomplete : { end: at }
}

function declaredIn(view: DataView, at: number, { length, lengthBytes }: Header): number {
  if (lengthBytes === 0) return length
  return lengthBytes === 1 ? view.getUint8(at + 1) : lengthBytes === 2 ? view.getUint16(at + 1) : view.getUint32(at + 1)
}

/**
 * A key that a map of a message has twice, at whatever depth: decoders differ in which of the two they give. Keys that are no strings
 * are not looked at, since there are none in a fixture.
 * bytes: a whole message, as `messages` gives it.
 */
export function keyTwice(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const open: { left: number; readonly keys?: Set<string> }[] = [{ left: 1 }]
  let at = 0
  while (at < bytes.length) {
    const level = open.at(-1)
    const header = headerOf(bytes[at]!)
    // A message that was found whole has neither.
    if (level === undefined || header === undefined) return undefined
    if (level.left === 0) {
      open.pop()
      continue
    }
    const isKey = level.left % 2 === 0 && level.keys !== undefined
    level.left--
    const declared = declaredIn(view, at, header)
    const start = at
    const begin = at + 1 + header.lengthBytes
    at = begin + (header.nested > 0 ? 0 : declared)
    const isString =
      (bytes[start]! >= 0xa0 && bytes[start]! <= 0xbf) || (bytes[start]! >= 0xd9 && bytes[start]! <= 0xdb)
    if (isKey && isString) {
      // Without its length, which can be written in several ways.
      const key = new TextDecoder().decode(bytes.subarray(begin, at))
      if (level.keys?.has(key)) return key
      level.keys?.add(key)
    }
    if (header.nested > 0) {
      open.push({ left: declared * header.nested, ...(header.nested === 2 && { keys: new Set() }) })
    }
  }
  return undefined
}

interface Header {
  /** Bytes that follow, or, where `nested` > 0, the number of elements. */
  readonly length: number
  /** Bytes in which the length stands instead; 0 when `length` says it. */
  readonly lengthBytes: number
  /** Values for each element: 1 in an array, 2 in a map, 0 in anything else. */
  readonly nested: 0 | 1 | 2
}

/** Source: the MessagePack specification, "Formats". Extension types and the unused 0xc1 have no header. */
function headerOf(kind: number): Header | undefined {
  if (kind <= 0x7f || kind >= 0xe0) return fixed(0)
  if (kind <= 0x8f) return { length: kind & 0x0f, lengthBytes: 0, nested: 2 }
  if (kind <= 0x9f) return { length: kind & 0x0f, lengthBytes: 0, nested: 1 }
  if (kind <= 0xbf) return fixed(kind & 0x1f)
  return headers[kind - 0xc0]
}

const sized = (lengthBytes: number, nested: 0 | 1 | 2 = 0): Header => ({ length: 0, lengthBytes, nested })
const fixed = (length: number): Header => ({ length, lengthBytes: 0, nested: 0 })
// prettier-ignore
const headers: readonly (Header | undefined)[] = [
  fixed(0), undefined, fixed(0), fixed(0),                         // c0 nil, c1 unused, c2 false, c3 true
  sized(1), sized(2), sized(4), undefined, undefined, undefined,   // c4 … c6 bin, c7 … c9 ext
  fixed(4), fixed(8),                                              // ca float 32, cb float 64
  fixed(1), fixed(2), fixed(4), fixed(8),                          // cc … cf uint
  fixed(1), fixed(2), fixed(4), fixed(8),                          // d0 … d3 int
  undefined, undefined, undefined, undefined, undefined,           // d4 … d8 fixext
  sized(1), sized(2), sized(4),                                    // d9 … db str
  sized(2, 1), sized(4, 1), sized(2, 2), sized(4, 2),              // dc … dd array, de … df map
]

/**
 * Splits a source into its messages and holds one of them in memory at a time. The bytes of a message are only valid
 * until the next one is asked for.
 * @throws ParityError FIXTURE_INVALID when a message is torn, too large, too deep, no MessagePack, or has a key twice.
 */
export async function* messages(source: Source): AsyncGenerator<Message> {
  let buffer = new Uint8Array(0)
  let start = 0
  let end = 0
  let offset = 0
  for await (const chunk of source.open()) {
    if (start > 0) {
      buffer.copyWithin(0, start, end)
      end -= start
      start = 0
    }
    if (end + chunk.length > buffer.length) {
      // Doubling keeps a large message from being copied once for each chunk.
      const larger = new Uint8Array(Math.max(end + chunk.length, 2 * buffer.length))
      larger.set(buffer.subarray(0, end))
      buffer = larger
    }
    buffer.set(chunk, end)
    end += chunk.length
    for (;;) {
      if (start === end) break
      const extent = extentOf(buffer.subarray(0, end), start)
      if ('incomplete' in extent) break
      if ('problem' in extent) {
        throw new ParityError('FIXTURE_INVALID', `${source.name}: message at byte ${offset}: ${extent.problem}`)
      }
      const bytes = buffer.subarray(start, extent.end)
      const twice = keyTwice(bytes)
      if (twice !== undefined) {
        const where = `${source.name}: message at byte ${offset}`
        throw new ParityError(
          'FIXTURE_INVALID',
          `${where}: expected each key of a map once, got ${JSON.stringify(twice)} twice`,
        )
      }
      yield { offset, bytes }
      offset += bytes.length
      start = extent.end
    }
  }
  if (start < end) {
    throw new ParityError(
      'FIXTURE_INVALID',
      `${source.name}: message at byte ${offset}: expected it to be complete, got ${end - start} bytes of it\n` +
        'the file is torn: record it again, or fetch it again',
    )
  }
}
