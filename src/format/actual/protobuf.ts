// The wire format of Protocol Buffers, as far as a reader of few fields needs it. Source: protobuf.dev, "Encoding".
import { invalid } from './tensors.ts'

/** A field of a message: a whole number, or bytes that mean something by its number. */
export type Field =
  | { readonly number: number; readonly wire: 'varint'; readonly value: bigint }
  | { readonly number: number; readonly wire: 'bytes' | 'fixed32' | 'fixed64'; readonly value: Uint8Array }

/**
 * The fields of a message, in order; what is in them is not looked at.
 * @throws ParityError TENSORS_INVALID where it is cut, or no message.
 */
export function* fieldsOf(bytes: Uint8Array, where: string): Generator<Field> {
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined)
        throw invalid(where, 'a message of Protocol Buffers', `one that is cut at byte ${bytes.length}`)
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return BigInt.asUintN(64, value)
    }
    throw invalid(where, 'a number of at most 10 bytes', `more at byte ${at}`)
  }
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw invalid(where, `${length} bytes at byte ${at}`, `${bytes.length - at}`)
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const start = at
    const key = varint()
    const number = Number(key >> 3n)
    switch (Number(key & 7n)) {
      case 0:
        yield { number, wire: 'varint', value: varint() }
        break
      case 1:
        yield { number, wire: 'fixed64', value: take(8) }
        break
      case 2:
        yield { number, wire: 'bytes', value: take(Number(varint())) }
        break
      case 5:
        yield { number, wire: 'fixed32', value: take(4) }
        break
      default:
        throw invalid(where, 'a message of Protocol Buffers', `a field of kind ${key & 7n} at byte ${start}`)
    }
  }
}

/** Whole numbers that stand one after the other. */
export function* varintsOf(bytes: Uint8Array, where: string): Generator<bigint> {
  let value = 0n
  let shift = 0n
  for (const byte of bytes) {
    value |= BigInt(byte & 127) << shift
    shift += 7n
    if (shift > 70n) throw invalid(where, 'a number of at most 10 bytes', 'more')
    if (byte >= 128) continue
    yield BigInt.asUintN(64, value)
    value = 0n
    shift = 0n
  }
  if (shift !== 0n) throw invalid(where, 'whole numbers', 'one that is cut')
}
