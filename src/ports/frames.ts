import { decode, encode } from '@msgpack/msgpack'
import { messageOf, ParityError, type ParityErrorCode } from '../format/errors.ts'
import { keyTwice } from '../format/messages.ts'

/** No case is near this size: what claims more is no frame. */
const largest = 2 ** 28

/** A message as a frame: its length in 4 bytes, the lowest first, and MessagePack. */
export function encodeFrame(message: unknown): Uint8Array {
  const body = encode(message)
  const frame = new Uint8Array(4 + body.length)
  new DataView(frame.buffer).setUint32(0, body.length, true)
  frame.set(body, 4)
  return frame
}

/** What takes the pieces of a stream. */
export interface FrameReader {
  /**
   * Takes a piece and gives the messages that are whole by then; they may share its memory.
   * @throws ParityError at what is no frame; what comes after it means nothing.
   */
  readonly read: (piece: Uint8Array) => Generator
  /** How what is no whole frame begins; undefined where nothing is left. */
  readonly left: () => string | undefined
}

/** Reads messages off a stream that comes in pieces; code: of what it throws at what is no frame. */
export function frameReader(code: ParityErrorCode): FrameReader {
  let pieces: Uint8Array[] = []
  let waiting = 0
  let wanted = 4
  function* read(piece: Uint8Array): Generator {
    // A Buffer would make Buffers of the tensors in it, whose `slice` does not copy.
    pieces.push(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength))
    waiting += piece.length
    // Pieces are joined when a frame is whole, so that a large one is not copied for each of them.
    while (waiting >= wanted) {
      const bytes = pieces.length === 1 ? pieces[0]! : joined(pieces, waiting)
      pieces = [bytes]
      const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true)
      const first = bytes[4]
      if (length === 0 || length > largest) throw noFrame(code, bytes)
      wanted = first === undefined ? 5 : 4 + length
      if (waiting < wanted) {
        // Nobody should wait for what will never be one.
        if (first !== undefined && !isMap(first)) throw noFrame(code, bytes)
        return
      }
      yield decodeFrame(code, bytes.subarray(4, wanted), bytes)
      const rest = bytes.subarray(wanted)
      pieces = rest.length > 0 ? [rest] : []
      waiting = rest.length
      wanted = 4
    }
  }
  return { read, left: () => (waiting === 0 ? undefined : beginning(joined(pieces, waiting))) }
}

/** Whether MessagePack that begins like this is a map, as every message is: what is printed often enough looks like a length. */
function isMap(first: number): boolean {
  return first >> 4 === 8 || first === 0xde || first === 0xdf
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const piece of pieces) {
    bytes.set(piece, offset)
    offset += piece.length
  }
  return bytes
}

function decodeFrame(code: ParityErrorCode, body: Uint8Array, bytes: Uint8Array): unknown {
  const twice = keyTwice(body)
  if (twice !== undefined) throw noFrame(code, bytes, new Error(`the key ${JSON.stringify(twice)} twice in a map`))
  try {
    return decode(body)
  } catch (cause) {
    throw noFrame(code, bytes, cause)
  }
}

function beginning(bytes: Uint8Array): string {
  return JSON.stringify(new TextDecoder('latin1').decode(bytes.subarray(0, 40)))
}

function noFrame(code: ParityErrorCode, bytes: Uint8Array, cause?: unknown): ParityError {
  const why = cause === undefined ? '' : ` (${messageOf(cause)})`
  return new ParityError(code, `expected frames on standard output, got ${beginning(bytes)}${why}`, { cause })
}
