// How a function in the place of another is made.
import type { FloatDType } from '../format/tensor.ts'
import type { Function1 } from '../program/operation.ts'

export interface Other {
  /** Which functions it is taken for. */
  readonly for: (name: string) => boolean
  readonly of: (dtype: FloatDType) => Function1
  readonly says: string
  /** Whether a port that has it has it wherever the function stands. */
  readonly isOfAll?: boolean
}

export const any = (): boolean => true
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

/** tanh and the sigmoid of what is cut off, the derivative being that of the function: as clip in a port's own function. */
export const cut = (name: 'tanh' | 'sigmoid', of: (x: number) => number, at: number): [string, Other] => [
  `${name} of ±${at}`,
  other(
    `${name} of x cut off at ±${at}`,
    (x) => of(clamped(x, -at, at)),
    (x, y) => (Math.abs(x) > at ? 0 : name === 'tanh' ? 1 - y * y : y * (1 - y)),
    is(name),
    true,
  ),
]

/** Exactly its limits past an argument. */
export const saturated = (name: 'tanh' | 'sigmoid', of: (x: number) => number, at: number): [string, Other] => {
  const low = name === 'tanh' ? -1 : 0
  const own = (x: number): number => (x > at ? 1 : x < -at ? low : of(x))
  return [
    `${name} saturated at ${at}`,
    other(
      `${name} that is exactly ${low} and 1 past |x| = ${at}`,
      own,
      (_, y) => (name === 'tanh' ? 1 - y * y : y * (1 - y)),
      is(name),
      true,
    ),
  ]
}

export const arguments1 = [1, 2, 2.5, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 18, 20]

/** A table of values from −a to a, the nearest or between two taken. */
export const table = (
  name: 'tanh' | 'sigmoid',
  of: (x: number) => number,
  a: number,
  n: number,
  between: boolean,
): [string, Other] => {
  const at = (i: number): number => of(-a + (2 * a * i) / (n - 1))
  const own = (x: number): number => {
    if (Number.isNaN(x)) return x
    const place = ((clamped(x, -a, a) + a) / (2 * a)) * (n - 1)
    if (!between) return at(Math.round(place))
    const low = Math.min(n - 2, Math.floor(place))
    return at(low) + (place - low) * (at(low + 1) - at(low))
  }
  return [
    `${name} table ${a} ${n}${between ? ' linear' : ''}`,
    other(
      `a table of ${n} values of ${name} from −${a} to ${a}${between ? ', linear between them' : ''}`,
      own,
      (_, y) => (name === 'tanh' ? 1 - y * y : y * (1 - y)),
      is(name),
      true,
    ),
  ]
}

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
