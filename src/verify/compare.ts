import type { Axis } from '../format/module.ts'
import { type Place, placeOf } from '../format/place.ts'
import {
  broadcastStrides,
  elementCount,
  type FloatDType,
  type FloatTensor,
  formatShape,
  indexAt,
  sameShape,
  type Tensor,
} from '../format/tensor.ts'

/**
 * How many budgets an element may be off. Calibrated: test/calibration/README.md has the measurement.
 */
export const kappa = 4

/**
 * Which error is allowed. `budget`: κ times what the fixture measured. `torch`: torch.testing.assert_close's defaults for the
 * dtype. `explicit`: atol + rtol · |expected|.
 */
export type Tolerance =
  | { readonly kind: 'budget' }
  | { readonly kind: 'torch' }
  | { readonly kind: 'explicit'; readonly rtol: number; readonly atol: number }

export interface Judgement {
  readonly tolerance: Tolerance
  /** Whether NaN matches NaN. */
  readonly equalNan: boolean
}

export const defaultJudgement: Judgement = { tolerance: { kind: 'budget' }, equalNan: true }

/** Source: torch.testing.assert_close, "rtol" and "atol" by dtype. */
const torchTolerance: Readonly<Record<FloatDType, { rtol: number; atol: number }>> = {
  float16: { rtol: 1e-3, atol: 1e-5 },
  bfloat16: { rtol: 1.6e-2, atol: 1e-5 },
  float32: { rtol: 1.3e-6, atol: 1e-5 },
  float64: { rtol: 1e-7, atol: 1e-7 },
}

/** The allowed error of an element. → budget: of the element; size: |expected| */
export function limitOf(tolerance: Tolerance, dtype: FloatDType): (budget: number, size: number) => number {
  if (tolerance.kind === 'budget') return (budget) => kappa * budget
  const { rtol, atol } = tolerance.kind === 'explicit' ? tolerance : torchTolerance[dtype]
  return (_, size) => atol + rtol * size
}

/** One element and how far off it is. */
export interface Departure {
  readonly index: readonly number[]
  readonly place: Place
  readonly actual: number
  readonly expected: number
  /** |actual − expected|; NaN when one of them is not finite. */
  readonly error: number
  /** The error that would still match. */
  readonly allowed: number
}

/** A weighted sum of numbers one after the other, in C order. */
export interface SumOff {
  readonly from: readonly number[]
  readonly to: readonly number[]
  readonly error: number
  /** The error that would still match. */
  readonly allowed: number
  /** How many sums are off, of how many. */
  readonly off: number
  readonly blocks: number
}

/** One tensor pair, judged. */
export interface Comparison {
  readonly tensor: string
  readonly outcome: 'match' | 'mismatch'
  /** Why the values could not be compared at all: a missing or surplus tensor, another shape or dtype. */
  readonly problem?: string
  readonly elements: number
  /** How many elements are not finite in PyTorch's result. */
  readonly nonFinite: number
  /** How many elements may be anything by the target, and so are not judged; absent when none may. */
  readonly unjudged?: number
  readonly differing: number
  /** The element that is farthest off in shares of the allowed error; absent when there is none. */
  readonly worst?: Departure
  /** Its share of the allowed error: up to 1 matches; Infinity where the kind of value is another. */
  readonly share: number
  /** The first time step, in the direction of time, or step of an optimizer, at which an element is off. */
  readonly firstStep?: { readonly forward?: number; readonly reverse?: number }
  /** Of a tensor of which samples are kept: how many numbers it has, and the sum over a block of them that is farthest off, if any is. */
  readonly sampled?: { readonly of: number; readonly sum?: SumOff }
  /** The smallest rtol that would pass with an atol of 0; Infinity when none would. */
  readonly rtol: number
  /** The smallest atol that would pass with an rtol of 0; Infinity when none would. */
  readonly atol: number
}

/**
 * Judges one tensor: shape and dtype, then the kind of every value, then its error.
 * actual: what the engine gave, unchecked; axes: those of `expected`; budget: broadcasts against it.
 */
export function compare(
  tensor: string,
  actual: unknown,
  expected: FloatTensor,
  budget: Tensor<'float64'>,
  axes: readonly Axis[],
  { tolerance, equalNan }: Judgement = defaultJudgement,
): Comparison {
  const problem = problemOf(actual, expected)
  if (problem !== undefined) return failed(tensor, problem, expected.data.length)
  const values = (actual as FloatTensor).data
  const { shape } = expected
  const strides = broadcastStrides(budget.shape, shape) ?? []
  const limit = limitOf(tolerance, expected.dtype)
  const time = timeOf(axes)

  let differing = 0
  let nonFinite = 0
  let unjudged = 0
  const byBudget = tolerance.kind === 'budget'
  let share = 0
  let worst = -1
  let smallestRtol = 0
  let smallestAtol = 0
  let forward = Infinity
  let reverse = -Infinity
  const index = new Uint32Array(shape.length)
  let at = 0
  for (let offset = 0; offset < values.length; offset++) {
    const a = values[offset]!
    const e = expected.data[offset]!
    let own: number
    if (byBudget && budget.data[at] === Infinity) {
      if (!Number.isFinite(e)) nonFinite++
      unjudged++
      own = -1
    } else if (Number.isFinite(a) && Number.isFinite(e)) {
      const error = Math.abs(a - e)
      const size = Math.abs(e)
      const allowed = limit(budget.data[at]!, size)
      own = error <= allowed ? (error === 0 ? 0 : error / allowed) : Math.max(error / allowed, overLimit)
      if (error > smallestAtol) smallestAtol = error
      if (error > smallestRtol * size) {
        smallestRtol = error / size
        // The quotient may have been rounded down.
        if (error > smallestRtol * size) smallestRtol *= 1 + Number.EPSILON
      }
    } else {
      if (!Number.isFinite(e)) nonFinite++
      // No rtol or atol passes another kind of value, or a NaN that was asked to fail.
      own = Object.is(a, e) && (equalNan || a === e) ? 0 : Infinity
      if (own > 0) smallestAtol = smallestRtol = Infinity
    }
    if (own >= 0 && (worst < 0 || own > share)) {
      share = own
      worst = offset
    }
    if (!(own <= 1)) {
      differing++
      if (time !== undefined) {
        const t = index[time.axis]!
        if (index[shape.length - 1]! < time.forwardUnits) forward = Math.min(forward, t)
        else reverse = Math.max(reverse, t)
      }
    }
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      at -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return {
    tensor,
    outcome: differing === 0 ? 'match' : 'mismatch',
    elements: values.length,
    nonFinite,
    ...(unjudged > 0 && { unjudged }),
    differing,
    ...(worst < 0 ? {} : { worst: departure(worst) }),
    share,
    ...(time === undefined || differing === 0
      ? {}
      : {
          firstStep: {
            ...(forward === Infinity ? {} : { forward }),
            ...(reverse === -Infinity ? {} : { reverse }),
          },
        }),
    rtol: smallestRtol,
    atol: smallestAtol,
  }

  function departure(offset: number): Departure {
    const where = indexAt(shape, offset)
    const a = values[offset]!
    const e = expected.data[offset]!
    const step = where.reduce((sum, i, axis) => sum + i * strides[axis]!, 0)
    const error = Number.isFinite(a) && Number.isFinite(e) ? Math.abs(a - e) : Number.NaN
    const allowed = limit(budget.data[step]!, Math.abs(e))
    return { index: where, place: placeOf(axes, where), actual: a, expected: e, error, allowed }
  }
}

/** The smallest share above 1: an error above its limit stays so when the quotient rounds down to 1. */
const overLimit = 1 + Number.EPSILON

export function failed(tensor: string, problem: string, elements: number): Comparison {
  return {
    tensor,
    outcome: 'mismatch',
    problem,
    elements,
    nonFinite: 0,
    differing: elements,
    share: Infinity,
    rtol: Infinity,
    atol: Infinity,
  }
}

/** Judges a tensor that PyTorch does not return. */
export function surplus(tensor: string): Comparison {
  return failed(tensor, 'expected no tensor of this name, got one', 0)
}

/** Engines are the user's, so nothing about what they return is taken for granted. */
export function problemOf(
  actual: unknown,
  expected: { readonly dtype: FloatDType; readonly shape: readonly number[] },
): string | undefined {
  if (actual === undefined) return 'expected a tensor, got none'
  if (typeof actual !== 'object' || actual === null) return `expected a tensor, got ${typeof actual}`
  if (!('shape' in actual) || !Array.isArray(actual.shape) || !('dtype' in actual) || !('data' in actual)) {
    return 'expected a tensor { dtype, shape, data }, got an object without them'
  }
  const { shape, dtype, data } = actual
  if (dtype !== expected.dtype) {
    return `expected dtype ${expected.dtype}, got ${typeof dtype === 'string' ? dtype : typeof dtype}`
  }
  if (!sameShape(shape as number[], expected.shape)) {
    const numbers = Array.from(shape).every((size) => typeof size === 'number')
    const got = numbers ? formatShape(shape as number[]) : 'a list of other things than numbers'
    return `expected shape ${formatShape(expected.shape)}, got ${got}`
  }
  const storage = dtype === 'float64' ? Float64Array : Float32Array
  if (!(data instanceof storage)) {
    return `expected data in a ${storage.name}, got ${Object.prototype.toString.call(data).slice(8, -1)}`
  }
  const count = elementCount(expected.shape)
  if (data.length !== count) return `expected ${count} elements in data, got ${data.length}`
  return undefined
}

/** The time axis and how many units come before those of the reverse direction; undefined when there is no time. */
function timeOf(axes: readonly Axis[]): { axis: number; forwardUnits: number } | undefined {
  const axis = axes.findIndex(({ name }) => name === 'seq_len' || name === 'step')
  const unit = axes.at(-1)
  if (axis < 0 || unit === undefined) return undefined
  return { axis, forwardUnits: unit.size / unit.num_directions }
}
