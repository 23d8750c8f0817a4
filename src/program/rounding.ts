// Rounding to the numbers of a dtype.
import { roundToBfloat16, roundToFloat16 } from '../format/precision.ts'
import { largest } from '../format/tensor.ts'
import { map } from './elementwise.ts'
import type { Attributes } from './operation.ts'
import type { Computed, Value } from './value.ts'

/** A TensorFloat-32 keeps 11 of a float64's 53 digits. */
const tf32Digits = 2 ** 42

function roundToTf32(x: number): number {
  const own = Math.fround(x)
  // Its last digits go when it is added to a number so much larger.
  const shift = own * (tf32Digits + 1)
  const rounded = shift - (shift - own)
  return Number.isFinite(rounded) ? rounded : own
}

const roundings: Readonly<Record<Exclude<Attributes['round']['dtype'], 'int8'>, (x: number) => number>> = {
  float16: roundToFloat16,
  bfloat16: roundToBfloat16,
  float32: Math.fround,
  float64: (x) => x,
  tf32: roundToTf32,
}

/** The gradient goes through as it is. */
export function round([x]: readonly Value[], { dtype, toward }: Attributes['round']): Computed {
  if (dtype === 'int8') return map(x!, inSteps(largest(x!.data) / 127), (d) => d)
  const nearest = roundings[dtype]
  return map(x!, toward === 'zero' ? towardZero(nearest) : nearest, (d) => d)
}

/** Whole numbers times a scale. */
function inSteps(scale: number): (x: number) => number {
  return (x) => (scale > 0 ? Math.round(x / scale) * scale : x)
}

function towardZero(nearest: (x: number) => number): (x: number) => number {
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
