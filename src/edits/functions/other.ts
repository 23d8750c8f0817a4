// A function in the place of another: what it computes, its derivative, and what to say of it.
import type { FloatDType } from '../../format/tensor.ts'
import type { Function1 } from '../../program/operation.ts'

export interface Other {
  /** Which functions it is taken for. */
  readonly for: (name: string) => boolean
  readonly of: (dtype: FloatDType) => Function1
  readonly says: string
  /** Whether a port that has it has it wherever the function stands. */
  readonly isOfAll?: boolean
}

const any = (): boolean => true

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

export const clamped = (x: number, low: number, high: number): number =>
  Number.isNaN(x) ? x : Math.max(low, Math.min(high, x))

/** A function whose derivative is its difference, where nothing better is given. */
export function other(
  says: string,
  of: (x: number) => number,
  slope?: (x: number, y: number) => number,
  isFor: Other['for'] = any,
  isOfAll = false,
): Other {
  const h = 1e-6
  const own: Function1 = { name: says, of, slope: slope ?? ((x) => (of(x + h) - of(x - h)) / (2 * h)) }
  return { for: isFor, of: () => own, says, isOfAll }
}

export const is =
  (name: string) =>
  (own: string): boolean =>
    own === name

/** Computed in the request's own dtype, in which the parts may overflow. */
export function naive(
  says: string,
  of: (x: number, round: (x: number) => number) => number,
  isFor: Other['for'],
  slope: (x: number, y: number) => number,
): Other {
  return {
    for: isFor,
    // A port computes the function of a half in float32.
    of: (dtype) => ({ name: says, of: (x) => of(x, dtype === 'float64' ? (y) => y : Math.fround), slope }),
    says,
  }
}

export const slopeOfSigmoid = (_: number, y: number): number => y * (1 - y)

export const slopeOfTanh = (_: number, y: number): number => 1 - y * y
