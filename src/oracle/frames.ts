import { decode, encode } from '@msgpack/msgpack'
import { messageOf, ParityError } from '../format/errors.ts'

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

/**
 * Reads messages off a stream that comes in pieces: each call takes a piece and gives the messages that are whole by then.
 * The reader throws ParityError PYTHON_FAILED at what is no frame; what comes after it means nothing.
 */
export function frameReader(): (piece: Uint8Array) => Generator {
  let pieces: Uint8Array[] = []
  let waiting = 0
  let wanted = 4
  return function* read(piece) {
    // A Buffer would make Buffers of the tensors in it, whose `slice` does not copy.
    pieces.push(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength))
    waiting += piece.length
    // Pieces are joined when a frame is whole, so that a large one is not copied for each of them.
    while (waiting >= wanted) {
      const bytes = pieces.length === 1 ? pieces[0]! : joined(pieces, waiting)
      const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true)
      if (length === 0 || length > largest) throw noFrame(bytes)
      pieces = [bytes]
      wanted = 4 + length
      if (waiting < wanted) return
      yield decodeFrame(bytes.subarray(4, wanted), bytes)
      const rest = bytes.subarray(wanted)
      pieces = rest.length > 0 ? [rest] : []
      waiting = rest.length
      wanted = 4
    }
  }
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

function decodeFrame(body: Uint8Array, bytes: Uint8Array): unknown {
  try {
    return decode(body)
  } catch (cause) {
    throw noFrame(bytes, cause)
  }
}

function noFrame(bytes: Uint8Array, cause?: unknown): ParityError {
  const start = JSON.stringify(new TextDecoder('latin1').decode(bytes.subarray(0, 40)))
  const why = cause === undefined ? '' : ` (${messageOf(cause)})`
  return new ParityError('PYTHON_FAILED', `expected frames on standard output, got ${start}${why}`, { cause })
}
