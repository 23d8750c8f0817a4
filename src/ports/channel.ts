import type { Duplex } from 'node:stream'
import { Deserializer, Serializer } from 'node:v8'

/** Messages between two processes of ours, each a copy as `structuredClone` would make it. */
export interface Channel {
  send(message: unknown, sent?: () => void): void
}

/** The length of what follows, and before it a mark, so that what others write into the pipe is taken for no message. */
const headBytes = 8
const mark = 0x7c_9e_51_d3
/** An answer to the largest case there can be is far below this. */
const largest = 2 ** 30

/**
 * Messages over a stream, in V8's own format, whose copies of tensors have buffers of their own.
 * onMessage: may be called with anything, for whoever has the other end; onGarbage: what came is no message; nothing after it is read.
 */
export function openChannel(
  stream: Duplex,
  onMessage: (message: unknown) => void,
  onGarbage: (what: string) => void,
): Channel {
  let pieces: Buffer[] = []
  let waiting = 0
  let wanted = headBytes
  let over = false
  const take = (length: number): Buffer => {
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, waiting)
    waiting -= length
    pieces = waiting > 0 ? [bytes.subarray(length)] : []
    return bytes.subarray(0, length)
  }
  let isHead = true
  const read = (piece: Buffer): void => {
    pieces.push(piece)
    waiting += piece.length
    while (waiting >= wanted) {
      const bytes = take(wanted)
      if (isHead) wanted = lengthIn(bytes)
      else {
        wanted = headBytes
        onMessage(decode(bytes))
      }
      isHead = !isHead
    }
  }
  stream.on('data', (piece: Buffer) => {
    if (over) return
    try {
      read(piece)
    } catch (error) {
      over = true
      onGarbage(error instanceof Error ? error.message : String(error))
    }
  })
  // Writing to a process that has just ended: how it ended is told by its end.
  stream.on('error', () => {})
  return {
    send(message, sent) {
      const body = encode(message)
      const head = Buffer.alloc(headBytes)
      head.writeUInt32LE(mark, 0)
      head.writeUInt32LE(body.length, 4)
      stream.cork()
      stream.write(head)
      stream.write(body, () => sent?.())
      stream.uncork()
    },
  }
}

function lengthIn(head: Buffer): number {
  const length = head.readUInt32LE(4)
  if (head.readUInt32LE(0) !== mark || length > largest) throw new Error('bytes that are no message')
  return length
}

function encode(message: unknown): Buffer {
  // Not v8.serialize: its copies share one buffer, which an engine that looks at `data.buffer` would take for its tensor.
  const serializer = new Serializer()
  serializer.writeHeader()
  serializer.writeValue(message)
  return serializer.releaseBuffer()
}

function decode(bytes: Buffer): unknown {
  const deserializer = new Deserializer(bytes)
  deserializer.readHeader()
  return deserializer.readValue()
}
