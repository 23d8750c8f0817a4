// tanh and the sigmoid cut off, saturated, or read from a table.
import { clamped, is, other, type Other, slopeOfSigmoid, slopeOfTanh } from './other.ts'

const slopes = { tanh: slopeOfTanh, sigmoid: slopeOfSigmoid }

/** tanh and the sigmoid of what is cut off, the derivative being that of the function: as clip in a port's own function. */
export const cut = (name: 'tanh' | 'sigmoid', of: (x: number) => number, at: number): [string, Other] => [
  `${name} of ±${at}`,
  other(
    `${name} of x cut off at ±${at}`,
    (x) => of(clamped(x, -at, at)),
    (x, y) => (Math.abs(x) > at ? 0 : slopes[name](x, y)),
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
    other(`${name} that is exactly ${low} and 1 past |x| = ${at}`, own, slopes[name], is(name), true),
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
      slopes[name],
      is(name),
      true,
    ),
  ]
}
