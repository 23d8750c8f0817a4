import { describe, expect, it } from 'vitest'
import {
  fromBfloat16Bits,
  fromFloat16Bits,
  roundToBfloat16,
  roundToFloat16,
  toFloat16Bits,
} from '../../src/format/precision.ts'
import { tensorFromBytes } from '../../src/format/tensor.ts'
import { bfloat16Bits, float16Bits } from '../sample.ts'

const view = new DataView(new ArrayBuffer(8))
const everyPattern = Array.from({ length: 65_536 }, (_, bits) => bits)

/**
 * A float16 by the arithmetic of float32: moved by 13 bits, its exponent is 112 too small, which a product puts right, for
 * subnormal numbers too.
 */
function float16ByFloat32(bits: number): number {
  const magnitude = bits & 0x7fff
  view.setUint32(0, magnitude << 13)
  const value = magnitude > 0x7c00 ? Number.NaN : magnitude === 0x7c00 ? Infinity : view.getFloat32(0) * 2 ** 112
  return bits >= 0x8000 ? -value : value
}

/** A bfloat16 by its fields as those of a float64, whose exponent is 896 larger and whose fraction has 45 more bits. */
function bfloat16ByFloat64(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1
  const exponent = (bits >> 7) & 0xff
  const fraction = bits & 0x7f
  if (exponent === 0xff) return fraction === 0 ? sign * Infinity : Number.NaN
  if (exponent === 0) return sign * fraction * 2 ** -133
  view.setUint32(0, ((exponent + 896) << 20) | (fraction << 13))
  view.setUint32(4, 0)
  return sign * view.getFloat64(0)
}

/** The next float64 away from zero. */
function nextFloat(x: number): number {
  view.setFloat64(0, x)
  view.setBigInt64(0, view.getBigInt64(0) + 1n)
  return view.getFloat64(0)
}

describe.each([
  ['float16', fromFloat16Bits, float16ByFloat32, roundToFloat16, float16Bits, 0x7c00, 65_504],
  ['bfloat16', fromBfloat16Bits, bfloat16ByFloat64, roundToBfloat16, bfloat16Bits, 0x7f80, 3.3895313892515355e38],
] as const)('%s', (dtype, fromBits, independent, round, toBits, infinity, largest) => {
  it('reads all 65,536 patterns of bits', () => {
    const wrong = everyPattern.filter((bits) => !Object.is(fromBits(bits), independent(bits)))
    expect(wrong).toStrictEqual([])
    // One NaN, and 0 and −0 as one.
    expect(new Set(everyPattern.map((bits) => fromBits(bits))).size).toBe(2 * infinity + 2)
  })

  it('reads them from little-endian bytes into a Float32Array that holds each exactly', () => {
    const bytes = Uint8Array.from({ length: 131_072 }, (_, i) => (i % 2 === 0 ? (i / 2) & 0xff : i >> 9))
    const tensor = tensorFromBytes(dtype, [256, 256], bytes)
    expect(tensor).toStrictEqual({ dtype, shape: [256, 256], data: Float32Array.from(everyPattern, independent) })
    const wrong = everyPattern.filter((bits) => !Object.is(tensor.data[bits], independent(bits)))
    expect(wrong).toStrictEqual([])
  })

  it('rounds each of its numbers to itself, −0, NaN and infinities included', () => {
    const wrong = everyPattern.filter((bits) => !Object.is(round(independent(bits)), independent(bits)))
    expect(wrong).toStrictEqual([])
  })

  it('rounds what is between two of its numbers to the nearer one, and their middle to the even one', () => {
    const wrong: string[] = []
    for (let bits = 0; bits < infinity - 1; bits++) {
      const below = independent(bits)
      const above = independent(bits + 1)
      const middle = below + (above - below) / 2
      const even = bits % 2 === 0 ? below : above
      for (const sign of [1, -1]) {
        for (const [x, nearest] of [
          [nextFloat(below), below],
          [middle - (middle - below) * 1e-9, below],
          [middle, even],
          [nextFloat(middle), above],
          [above - (above - middle) * 1e-9, above],
        ] as const) {
          // Where it rounds to 0 its sign is not asked for here.
          if (round(sign * x) !== sign * nearest) wrong.push(`${sign * x}: ${round(sign * x)}, not ${sign * nearest}`)
        }
      }
    }
    expect(wrong).toStrictEqual([])
  })

  it('rounds what is from half a unit above its largest number on to infinity', () => {
    const unit = largest - independent(infinity - 2)
    expect(independent(infinity - 1)).toBe(largest)
    for (const sign of [1, -1]) {
      expect(round(sign * (largest + 0.499 * unit))).toBe(sign * largest)
      expect(round(sign * (largest + unit / 2))).toBe(sign * Infinity)
      expect(round(sign * Number.MAX_VALUE)).toBe(sign * Infinity)
    }
  })

  it('rounds the smallest float64 to 0, and half of its own smallest number too', () => {
    const smallest = independent(1)
    expect(round(5e-324)).toBe(0)
    expect(round(smallest / 2)).toBe(0)
    expect(round(nextFloat(smallest / 2))).toBe(smallest)
    expect(round(-smallest / 2) === 0).toBe(true)
    expect(round(-nextFloat(smallest / 2))).toBe(-smallest)
  })

  it('rounds float64 once: 1 + half a unit + 2⁻⁴⁰ is the number above 1', () => {
    const unit = independent(toBits(1) + 1) - 1
    expect(round(1 + unit / 2)).toBe(1)
    expect(round(1 + unit / 2 + 2 ** -40)).toBe(1 + unit)
  })

  it('is written by the samples as the bits that it was read from', () => {
    const wrong = everyPattern.filter((bits) => {
      const value = independent(bits)
      return !Number.isNaN(value) && toBits(value) !== bits
    })
    expect(wrong).toStrictEqual([])
  })
})

describe('toFloat16Bits', () => {
  it('gives every number of float16 its own bits back', () => {
    for (let bits = 0; bits < 2 ** 16; bits++) {
      const x = fromFloat16Bits(bits)
      if (toFloat16Bits(x) !== (Number.isNaN(x) ? 0x7e00 : bits)) throw new Error(`${bits}: got ${toFloat16Bits(x)}`)
    }
  })
})
