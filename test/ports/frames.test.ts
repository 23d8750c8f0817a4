import { describe, expect, it } from 'vitest'
import { encodeFrame, frameReader } from '../../src/ports/frames.ts'

const read = (bytes: Uint8Array): unknown[] => [...frameReader('ENGINE_FAILED').read(bytes)]

describe('frameReader', () => {
  it('reads messages that come in one piece', () => {
    const frames = [
      { ask: 1, value: true },
      { ask: 2, value: 'no' },
    ].map((message) => encodeFrame(message))
    expect(read(Buffer.concat(frames))).toEqual([
      { ask: 1, value: true },
      { ask: 2, value: 'no' },
    ])
  })

  it('refuses a map that has a key twice, of which decoders give one or the other', () => {
    const a = 0x61
    const twice = Uint8Array.of(7, 0, 0, 0, 0x82, 0xa1, a, 1, 0xa1, a, 2)
    expect(() => read(twice)).toThrow(/the key "a" twice in a map/)
    const inner = Uint8Array.of(10, 0, 0, 0, 0x81, 0xa1, a, 0x82, 0xa1, a, 1, 0xa1, a, 2)
    expect(() => read(inner)).toThrow(/twice in a map/)
  })
})
