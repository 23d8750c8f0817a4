import type { IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { acceptSocket, type Socket } from '../../src/ports/websocket.ts'

/** A frame as a browser sends it. */
function frame(content: Uint8Array, { kind = 2, last = true, masked = true } = {}): Buffer {
  const { length } = content
  const lengths =
    length < 126
      ? [length]
      : length < 65536
        ? [126, length >> 8, length & 255]
        : [127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255]
  lengths[0]! |= masked ? 128 : 0
  const mask = [1, 2, 3, 254]
  const body = masked ? content.map((byte, i) => byte ^ mask[i & 3]!) : content
  return Buffer.from([kind | (last ? 128 : 0), ...lengths, ...(masked ? mask : []), ...body])
}

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7)

interface Ear {
  readonly heard: Uint8Array[]
  readonly sent: Buffer[]
  readonly ends: () => number
  readonly socket: Socket
}

/** What is heard of bytes that come in pieces of a size, and what is sent. */
async function hear(all: Buffer, piece: number): Promise<Ear> {
  const sent: Buffer[] = []
  const stream = new Duplex({ read() {}, write: (chunk: Buffer, _, done) => (sent.push(chunk), done()) })
  const heard: Uint8Array[] = []
  let ends = 0
  // The key and its answer of RFC 6455, 1.3.
  const request = { headers: { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' } } as unknown as IncomingMessage
  const socket = acceptSocket(
    request,
    stream,
    (message) => heard.push(message),
    () => ends++,
  )
  for (let at = 0; at < all.length; at += piece) stream.push(all.subarray(at, at + piece))
  await new Promise((turn) => setTimeout(turn, 5))
  return { heard, sent, ends: () => ends, socket }
}

describe('acceptSocket', () => {
  it.each([1, 3, 1000, 1e6])('hears messages of any length, in pieces of %i bytes', async (piece) => {
    const messages = [0, 1, 125, 126, 300, 65_535, 65_536].filter((length) => piece > 1 || length < 1000).map(bytes)
    const { heard, sent, ends } = await hear(Buffer.concat(messages.map((message) => frame(message))), piece)
    expect(heard.map((message) => Buffer.from(message).toString('hex'))).toEqual(
      messages.map((message) => Buffer.from(message).toString('hex')),
    )
    expect(sent[0]!.toString()).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n')
    expect(ends()).toBe(0)
  })

  it('joins what is in several frames, and answers what asks whether it is there', async () => {
    const parts = [
      frame(bytes(3), { last: false }),
      frame(bytes(2), { kind: 9 }),
      frame(bytes(2), { kind: 0, last: false }),
      frame(bytes(1), { kind: 0 }),
    ]
    const { heard, sent } = await hear(Buffer.concat(parts), 1000)
    expect(heard.map((message) => [...message])).toEqual([[0, 7, 14, 0, 7, 0]])
    expect(Buffer.concat(sent.slice(1))).toEqual(Buffer.from([138, 2, 0, 7]))
  })

  it.each<[string, Buffer]>([
    ['a frame without a mask', frame(bytes(4), { masked: false })],
    ['one that says it is the last', frame(bytes(0), { kind: 8 })],
    ['one larger than any answer', Buffer.from([130, 255, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4])],
  ])('ends once after %s, and hears no more', async (_, first) => {
    const { heard, ends } = await hear(Buffer.concat([first, frame(bytes(2))]), 1000)
    expect(ends()).toBe(1)
    expect(heard.length).toBe(0)
  })

  it.each([0, 125, 126, 65_535, 65_536])('sends %i bytes', async (length) => {
    const { sent, socket } = await hear(Buffer.alloc(0), 1)
    socket.send(bytes(length))
    await new Promise((turn) => setTimeout(turn, 5))
    const [, ...rest] = sent
    const unmasked = frame(bytes(length), { masked: false })
    expect(Buffer.concat(rest).equals(unmasked)).toBe(true)
  })
})
