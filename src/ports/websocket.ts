// One browser's WebSocket, as far as we need it: messages of bytes, both ways, without extensions. Source: RFC 6455.
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

/** What a page is connected by. */
export interface Socket {
  send(message: Uint8Array): void
}

const [continuation, binary, close, ping, pong] = [0, 2, 8, 9, 10]

/** An answer to the largest case there can be is far below this. */
const largest = 2 ** 30

/**
 * Answers a browser that asks for a WebSocket.
 * onMessage: gets the bytes of each message; onEnd: is called once, when there will be no more.
 */
export function acceptSocket(
  { headers }: IncomingMessage,
  stream: Duplex,
  onMessage: (message: Uint8Array) => void,
  onEnd: () => void,
): Socket {
  const accept = createHash('sha1').update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
  stream.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
  )
  const send = (kind: number, content: Uint8Array): void => {
    const { length } = content
    const head = Buffer.alloc(length < 126 ? 2 : length < 2 ** 16 ? 4 : 10)
    head[0] = 128 + kind
    head[1] = head.length === 2 ? length : head.length === 4 ? 126 : 127
    if (head.length === 4) head.writeUInt16BE(length, 2)
    if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2)
    stream.cork()
    stream.write(head)
    stream.write(content)
    stream.uncork()
  }
  let isOver = false
  const end = (): void => {
    if (isOver) return
    isOver = true
    stream.destroy()
    onEnd()
  }
  let parts: Buffer[] = []
  let received = 0
  const frames = frameReader(({ kind, isLast, content }) => {
    if (isOver) return
    if (kind === close) return end()
    if (kind === ping) return send(pong, content)
    if (kind !== binary && kind !== continuation) return
    parts.push(content)
    received += content.length
    if (received > largest) return end()
    if (!isLast) return
    const message = parts.length === 1 ? content : Buffer.concat(parts)
    parts = []
    received = 0
    onMessage(message)
  })
  stream.on('data', (piece: Buffer) => {
    if (!isOver && !frames(piece)) end()
  })
  stream.on('error', end).on('close', end)
  return { send: (message) => send(binary, message) }
}

interface Frame {
  readonly kind: number
  readonly isLast: boolean
  readonly content: Buffer
}

/** → what takes pieces as they come, and says whether they still are frames */
function frameReader(onFrame: (frame: Frame) => void): (piece: Buffer) => boolean {
  let pieces: Buffer[] = []
  let waiting = 0
  let wanted = 2
  return (piece) => {
    pieces.push(piece)
    waiting += piece.length
    while (waiting >= wanted) {
      const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, waiting)
      pieces = [bytes]
      const short = bytes[1]! & 127
      const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
      const start = 2 + lengthBytes + 4
      // Browsers mask what they send.
      if ((bytes[1]! & 128) === 0) return false
      if (bytes.length < start) {
        wanted = start
        continue
      }
      const length =
        lengthBytes === 0 ? short : lengthBytes === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
      if (length > largest) return false
      wanted = start + length
      if (bytes.length < wanted) continue
      const content = Buffer.from(bytes.subarray(start, wanted))
      const mask = bytes.subarray(start - 4, start)
      for (let i = 0; i < length; i++) content[i]! ^= mask[i & 3]!
      pieces = [bytes.subarray(wanted)]
      waiting -= wanted
      wanted = 2
      onFrame({ kind: bytes[0]! & 15, isLast: (bytes[0]! & 128) !== 0, content })
    }
    return true
  }
}
