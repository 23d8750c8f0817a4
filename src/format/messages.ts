import type { Tensors } from './actual/tensors.ts'
import { ParityError } from './errors.ts'

/** Where a file's bytes come from; opened once to check the file and once to read its cases. */
export interface Source {
  /** What people call it, usually its path. */
  readonly name: string
  open(): AsyncIterable<Uint8Array>
  /** The tensors of a safetensors file in its folder, by the path from there: weights that it names. where: begins the message of an error. */
  readonly beside?: (file: string, where: string) => Promise<Tensors>
  /** All of its bytes, where they are in memory for as long as it is read: it is not opened then. */
  readonly held?: Held
}

export interface Held {
  readonly bytes: Uint8Array
  /** Lets others have a turn, as they have while a file is read: signals are heard then. */
  readonly turn: () => Promise<unknown>
}

/** One MessagePack message, undecoded, and where it begins in the file. */
export interface Message {
  readonly offset: number
  readonly bytes: Uint8Array
}

export const maxMessageBytes = 256 * 2 ** 20
const maxValues = 65_536
/** Of a program, which has a few dozen for each operation. */
const maxProgramValues = 2 ** 20
const maxDepth = 8

/** → where the message that starts at `start` ends, −1 when there is less of it, or what is wrong with it */
type Extent = number | string
const incomplete = -1

/** How many values are still to come at each level of nesting. */
const open = new Float64Array(maxDepth + 2)

/**
 * Finds where the message that starts at `start` ends, without decoding or allocating anything, so that lengths are
 * known before they are believed. @msgpack/msgpack tells neither byte offsets nor how much a message will need.
 */
function extentOf(bytes: Uint8Array, start: number, length: number): Extent {
  const most = isProgram(bytes, start, length) ? maxProgramValues : maxValues
  open[0] = 1
  let level = 0
  let values = 0
  let at = start
  while (level >= 0) {
    if (open[level] === 0) {
      level--
      continue
    }
    open[level]!--
    if (++values > most) return `expected at most ${most} values in a message, got more`
    if (at >= length) return incomplete
    const kind = bytes[at]!
    const of = ofKind[kind]!
    if (of === unknown) return `expected no extension type, got byte 0x${kind.toString(16)}`
    const size = lengthBytes(of)
    if (at + 1 + size > length) return incomplete
    const declared = declaredIn(bytes, at, kind, size)
    at += 1 + size
    const each = nested(of)
    if (each > 0) {
      const inside = declared * each
      if (inside > most) return `expected at most ${most} values in a message, got ${inside}`
      if (level >= maxDepth) return `expected at most ${maxDepth} levels of nesting, got more`
      open[++level] = inside
    } else {
      at += declared
    }
    if (at - start > maxMessageBytes) {
      return `expected a message of at most ${maxMessageBytes} bytes, got ${at - start} or more`
    }
  }
  return at > length ? incomplete : at
}

/** Whether a message's first key is `program`. */
function isProgram(bytes: Uint8Array, start: number, length: number): boolean {
  if (length - start < programKey.length + 1) return false
  for (let i = 0; i < programKey.length; i++) if (bytes[start + 1 + i] !== programKey[i]) return false
  return true
}

/** As MessagePack has it: its length, and its letters. */
const programKey = Uint8Array.of(0xa7, 0x70, 0x72, 0x6f, 0x67, 0x72, 0x61, 0x6d)

/** The length of what follows, or how many elements there are. size: of the length in bytes, 0 where the kind itself says it */
function declaredIn(bytes: Uint8Array, at: number, kind: number, size: number): number {
  if (size === 0) return fixedLength[kind]!
  let declared = 0
  for (let i = 1; i <= size; i++) declared = declared * 256 + bytes[at + i]!
  return declared
}

/**
 * A key that a map of a message has twice, at whatever depth: decoders differ in which of the two they give. Keys that are no strings
 * are not looked at, since there are none in a fixture.
 * bytes: a whole message, as `messages` gives it.
 */
export function keyTwice(bytes: Uint8Array): string | undefined {
  let depth = 0
  begin(levels[0]!, 1, false)
  let at = 0
  while (at < bytes.length && depth >= 0) {
    const level = levels[depth]!
    if (level.left === 0) {
      depth--
      continue
    }
    const kind = bytes[at]!
    const of = ofKind[kind]!
    // A message that was found whole has none.
    if (of === unknown) return undefined
    const isKey = level.isMap && level.left % 2 === 0
    level.left--
    const size = lengthBytes(of)
    const declared = declaredIn(bytes, at, kind, size)
    const each = nested(of)
    const start = at + 1 + size
    at = start + (each > 0 ? 0 : declared)
    const isString = (kind >= 0xa0 && kind <= 0xbf) || (kind >= 0xd9 && kind <= 0xdb)
    if (isKey && isString) {
      // Without its length, which can be written in several ways.
      if (hasKey(level, bytes, start, at)) return textOf(bytes, start, at)
      level.keys[2 * level.count] = start
      level.keys[2 * level.count + 1] = at
      level.count++
    }
    if (each > 0) begin((levels[++depth] ??= newLevel()), declared * each, each === 2)
  }
  return undefined
}

/** A map or a list of which values are to come, and where the keys of a map begin and end. */
interface Level {
  left: number
  isMap: boolean
  /** Used again, so that it has room: what is past `count` is of another message. */
  readonly keys: number[]
  count: number
  /** The keys of a large map, as text. */
  texts: Set<string> | undefined
}

function newLevel(): Level {
  return { left: 0, isMap: false, keys: [], count: 0, texts: undefined }
}

/** Used again for every message. */
const levels: Level[] = [newLevel()]

function begin(level: Level, left: number, isMap: boolean): void {
  level.left = left
  level.isMap = isMap
  level.count = 0
  level.texts = undefined
}

/** Comparing each key with all before it is the fastest for so many. */
const fewKeys = 24

function hasKey(level: Level, bytes: Uint8Array, start: number, end: number): boolean {
  const { keys, count } = level
  if (count <= fewKeys && isASCII(bytes, start, end)) {
    for (let i = 0; i < 2 * count; i += 2) if (isSameText(bytes, keys[i]!, keys[i + 1]!, start, end)) return true
    return false
  }
  // Bytes that are no UTF-8 are the same text as other such bytes.
  level.texts ??= new Set()
  for (let i = 2 * level.texts.size; i < 2 * count; i += 2) level.texts.add(textOf(bytes, keys[i]!, keys[i + 1]!))
  return level.texts.has(textOf(bytes, start, end))
}

function isASCII(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! >= 0x80) return false
  return true
}

function isSameText(bytes: Uint8Array, one: number, oneEnd: number, other: number, otherEnd: number): boolean {
  if (oneEnd - one !== otherEnd - other) return false
  for (let i = 0; i < oneEnd - one; i++) if (bytes[one + i] !== bytes[other + i]) return false
  return true
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return new TextDecoder().decode(bytes.subarray(start, end))
}

/** By the first byte of a value: in how many bytes its length follows, and values for each element, 1 in an array, 2 in a map, else 0. */
const ofKind = new Uint8Array(256)
/** By the first byte: the bytes that follow, or the number of elements, where no length follows. */
const fixedLength = new Uint8Array(256)
/** Extension types and the unused 0xc1. */
const unknown = 255

function lengthBytes(of: number): number {
  return of & 7
}

function nested(of: number): number {
  return of >> 3
}

// Source: the MessagePack specification, "Formats".
for (let kind = 0x80; kind <= 0xbf; kind++) {
  ofKind[kind] = kind <= 0x8f ? 2 << 3 : kind <= 0x9f ? 1 << 3 : 0
  fixedLength[kind] = kind <= 0x9f ? kind & 0x0f : kind & 0x1f
}
for (const kind of [0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8]) ofKind[kind] = unknown
// prettier-ignore
const lengths: readonly (readonly [number, number])[] = [
  [0xca, 4], [0xcb, 8],                         // float 32, float 64
  [0xcc, 1], [0xcd, 2], [0xce, 4], [0xcf, 8],   // uint
  [0xd0, 1], [0xd1, 2], [0xd2, 4], [0xd3, 8],   // int
]
for (const [kind, length] of lengths) fixedLength[kind] = length
// prettier-ignore
const sized: readonly (readonly [number, number])[] = [
  [0xc4, 1], [0xc5, 2], [0xc6, 4],                                  // bin
  [0xd9, 1], [0xda, 2], [0xdb, 4],                                  // str
  [0xdc, 2 | (1 << 3)], [0xdd, 4 | (1 << 3)],                       // array
  [0xde, 2 | (2 << 3)], [0xdf, 4 | (2 << 3)],                       // map
]
for (const [kind, of] of sized) ofKind[kind] = of

/**
 * Splits a source into its messages and holds one of them in memory at a time. The bytes of a message are only valid
 * until the next one is asked for.
 * @throws ParityError FIXTURE_INVALID when a message is torn, too large, too deep, no MessagePack, or has a key twice.
 */
export async function* messages(source: Source): AsyncGenerator<Message> {
  let rest = new Uint8Array(0)
  let restLength = 0
  let offset = 0
  for await (const chunk of source.open()) {
    let bytes = chunk
    if (restLength > 0) {
      const length = restLength + chunk.length
      if (length > rest.length) {
        // Doubling keeps a large message from being copied once for each chunk.
        const larger = new Uint8Array(Math.max(length, 2 * rest.length))
        larger.set(rest.subarray(0, restLength))
        rest = larger
      }
      rest.set(chunk, restLength)
      bytes = rest.subarray(0, length)
    }
    let start = 0
    while (start < bytes.length) {
      const end = extentOf(bytes, start, bytes.length)
      if (end === incomplete) break
      if (typeof end === 'string') {
        throw new ParityError('FIXTURE_INVALID', `${source.name}: message at byte ${offset}: ${end}`)
      }
      const message = bytes.subarray(start, end)
      const twice = keyTwice(message)
      if (twice !== undefined) {
        const where = `${source.name}: message at byte ${offset}`
        throw new ParityError(
          'FIXTURE_INVALID',
          `${where}: expected each key of a map once, got ${JSON.stringify(twice)} twice`,
        )
      }
      yield { offset, bytes: message }
      offset += message.length
      start = end
    }
    restLength = bytes.length - start
    if (bytes === chunk) {
      if (restLength > rest.length) rest = new Uint8Array(Math.max(restLength, 2 * rest.length))
      rest.set(chunk.subarray(start))
    } else {
      rest.copyWithin(0, start, bytes.length)
    }
  }
  if (restLength > 0) {
    throw new ParityError(
      'FIXTURE_INVALID',
      `${source.name}: message at byte ${offset}: expected it to be complete, got ${restLength} bytes of it\n` +
        'the file is torn: record it again, or fetch it again',
    )
  }
}
