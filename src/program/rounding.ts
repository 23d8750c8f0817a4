// Numbers with fewer digits.
import { roundToBfloat16, roundToFloat16 } from '../format/precision.ts'
import type { Attributes } from './operation.ts'

/** A TensorFloat-32 keeps 11 of a float64's 53 digits. */
const tf32Digits = 2 ** 42

function roundToTf32(x: number): number {
  const own = Math.fround(x)
  // Its last digits go when it is added to a number so much larger.
  const shift = own * (tf32Digits + 1)
  const rounded = shift - (shift - own)
  return Number.isFinite(rounded) ? rounded : own
}

export const roundings: Readonly<Record<Exclude<Attributes['round']['dtype'], 'int8'>, (x: number) => number>> = {
  float16: roundToFloat16,
  bfloat16: roundToBfloat16,
  float32: Math.fround,
  float64: (x) => x,
  tf32: roundToTf32,
}

/** Whole numbers times a scale. */
export function inSteps(scale: number): (x: number) => number {
  return (x) => (scale > 0 ? Math.round(x / scale) * scale : x)
}

export function towardZero(nearest: (x: number) => number): (x: number) => number {
  return (x) => {
    const rounded = nearest(x)
    if (!(Math.abs(rounded) > Math.abs(x))) return rounded
    // The neighbour below is where half of the way to it, and a little more, is rounded to.
    const step = Math.abs(rounded - x)
    let by = step
    for (let i = 0; i < 60 && nearest(x - Math.sign(x) * by) === rounded; i++) by *= 2
    return nearest(x - Math.sign(x) * by)
  }
}
