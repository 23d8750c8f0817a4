// One tensor, judged as `verify` judges it, for any runner of tests: nothing here needs Node.
import { show } from '../format/case/wording.ts'
import { ParityError } from '../format/errors.ts'
import type { Axis } from '../format/module.ts'
import { broadcastStrides, elementCount, type FloatTensor, formatShape, type Tensor } from '../format/tensor.ts'
import { renderComparison } from '../report/comparison.ts'
import { percent } from '../report/numbers.ts'
import { compare, type Tolerance } from '../verify/compare.ts'
import { decide } from '../verify/decide.ts'

/** An rtol and an atol: an element may be off by atol + rtol · |expected|. */
export interface Tolerances {
  readonly rtol: number
  readonly atol: number
}

export interface MatchOptions {
  /** What the message calls the tensor. */
  readonly tensor?: string
  /** The names of its axes, by which the message says where an element stands. */
  readonly axes?: readonly Axis['name'][]
  /** Whether NaN matches NaN. */
  readonly equalNan?: boolean
}

/**
 * A matcher for `expect.extend`: one tensor, judged as `torch-parity verify` judges it, with its message.
 * @throws ParityError USAGE where `expected` is no tensor, or what is allowed is not a budget of it.
 */
export function toMatchTensor(
  actual: unknown,
  expected: FloatTensor,
  allowed: Tensor<'float64'> | 'torch' | Tolerances,
  { tensor = 'tensor', axes, equalNan = true }: MatchOptions = {},
): { pass: boolean; message: () => string } {
  if (!isTensor(expected))
    throw usage('toMatchTensor: expected a tensor { dtype, shape, data } to compare with, got none')
  const { shape } = expected
  if (axes !== undefined && axes.length !== shape.length) {
    throw usage(`toMatchTensor: expected a name for each axis of ${formatShape(shape)}, got ${axes.length}`)
  }
  const named = (axes ?? []).map((name, i) => ({ name, size: shape[i] ?? 0, num_directions: 1 }))
  const byBudget = isTensor(allowed)
  if (byBudget && broadcastStrides(allowed.shape, shape) === undefined) {
    const got = formatShape(allowed.shape)
    throw usage(`toMatchTensor: expected a budget that broadcasts to ${formatShape(shape)}, got ${got}`)
  }
  const tolerance = byBudget ? ({ kind: 'budget' } as const) : toleranceOf(allowed, 'toMatchTensor: expected a budget')
  if (byBudget && decide(expected, allowed, tolerance).undecided > 0) {
    throw usage(
      `toMatchTensor: ${tensor}: expected a budget that decides something, got one so large that a match says little`,
    )
  }
  const comparison = compare(tensor, actual, expected, byBudget ? allowed : noBudget, named, { tolerance, equalNan })
  const pass = comparison.outcome === 'match'
  return {
    pass,
    message: () =>
      pass
        ? `${tensor}: expected a mismatch, got a match: ${percent(comparison.share)} of the allowed error used`
        : renderComparison(comparison).join('\n').trimStart(),
  }
}

const noBudget: Tensor<'float64'> = { dtype: 'float64', shape: [], data: Float64Array.of(0) }

/** @throws ParityError USAGE */
export function toleranceOf(given: 'torch' | Tolerances, wanted: string): Tolerance {
  if (given === 'torch') return { kind: 'torch' }
  const { rtol, atol }: { rtol?: unknown; atol?: unknown } = Object(given)
  if (isSize(rtol) && isSize(atol)) return { kind: 'explicit', rtol, atol }
  throw usage(`${wanted}, 'torch', or { rtol, atol } of at least 0 each, got ${show(given)}`)
}

function isSize(x: unknown): x is number {
  return typeof x === 'number' && x >= 0 && x < Infinity
}

function isTensor(value: unknown): value is Tensor {
  if (typeof value !== 'object' || value === null || !('shape' in value) || !('data' in value)) return false
  const { shape, data } = value
  const isList = data instanceof Float32Array || data instanceof Float64Array
  return 'dtype' in value && Array.isArray(shape) && isList && data.length === elementCount(shape as number[])
}

export function usage(message: string): ParityError {
  return new ParityError('USAGE', message)
}
