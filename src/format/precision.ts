/** A binary floating-point format by its digits: the bits after the point, and the smallest normal exponent. */
interface Format {
  readonly fraction: number
  readonly smallestExponent: number
  readonly largest: number
}

const float16: Format = { fraction: 10, smallestExponent: -14, largest: 65_504 }
const bfloat16: Format = { fraction: 7, smallestExponent: -126, largest: (2 - 2 ** -7) * 2 ** 127 }

const scratch = new DataView(new ArrayBuffer(8))

/** Rounds to the nearest number of a format, ties to even, as IEEE 754 and torch do. */
function roundTo(x: number, { fraction, smallestExponent, largest }: Format): number {
  if (x === 0 || !Number.isFinite(x)) return x
  scratch.setFloat64(0, x)
  const exponent = ((scratch.getUint16(0) >>> 4) & 0x7ff) - 1023
  const unit = 2 ** (Math.max(exponent, smallestExponent) - fraction)
  const units = x / unit
  const below = Math.floor(units)
  const rest = units - below
  const up = rest > 0.5 || (rest === 0.5 && below % 2 !== 0)
  const rounded = (up ? below + 1 : below) * unit
  if (Math.abs(rounded) > largest) return Math.sign(x) * Infinity
  // The sign of what becomes nothing stays.
  return rounded === 0 && x < 0 ? -0 : rounded
}

export function roundToFloat16(x: number): number {
  return roundTo(x, float16)
}

export function roundToBfloat16(x: number): number {
  return roundTo(x, bfloat16)
}

/** The number that 16 bits stand for in float16: 1 bit of sign, 5 of exponent, 10 of fraction. */
export function fromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return sign * (1 + fraction * 2 ** -10) * 2 ** (exponent - 15)
}

/** The 16 bits of a number that float16 has; those of a NaN are 0x7e00. */
export function toFloat16Bits(x: number): number {
  if (Number.isNaN(x)) return 0x7e00
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0
  if (Math.abs(x) === Infinity) return sign | 0x7c00
  // Times 2⁻¹¹² its exponent stands in a float32 as it does in a float16, with 13 more bits of fraction.
  scratch.setFloat32(0, Math.abs(x) * 2 ** -112)
  return sign | (scratch.getUint32(0) >>> 13)
}

/** The number that 16 bits stand for in bfloat16: the upper half of a float32. */
export function fromBfloat16Bits(bits: number): number {
  scratch.setUint32(0, bits << 16)
  return scratch.getFloat32(0)
}
