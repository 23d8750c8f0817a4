import type { Accuracy, Permitted } from './specification.ts'

/** From one number to another: what an expression may give. */
export type Interval = readonly [low: number, high: number]

/** Anything at all. */
const anything: Interval = [Number.NaN, Number.NaN]

/** What functions of a specification may give, each with its argument given exactly. */
export interface Intervals {
  exp(x: number): Interval
  log(x: number): Interval
  sqrt(x: number): Interval
  quotient(x: number, y: number): Interval
  /** 1 / (1 + exp(−x)), as shaders have it: WGSL has no sigmoid. */
  sigmoid(x: number): Interval
  tanh(x: number): Interval
}

/** Interval arithmetic over the errors that each operation may make. */
export function intervalsOf({ functions, rounding, flushedBelow, finiteUpTo = Infinity }: Permitted): Intervals {
  const { exp: ofExp, log: ofLog, logNearOne, inverseSqrt, tanh: ofTanh, quotient: ofQuotient } = functions!
  // Never less than an ULP, which is between a half and one of it.
  const epsilon = rounding
  const smallest = flushedBelow * epsilon

  /** An interval and the error of the operation that gave it; around 0 also that 0. */
  const widened = ([low, high]: Interval, { absolute = 0, ulps = 0 }: Accuracy, more = 0): Interval => {
    const part = (ulps + more) * epsilon
    let from = low - Math.abs(low) * part - absolute - (part > 0 ? smallest : 0)
    let to = high + Math.abs(high) * part + absolute + (part > 0 ? smallest : 0)
    if (from > 0 && from < flushedBelow) from = 0
    if (to < 0 && to > -flushedBelow) to = 0
    return from >= -finiteUpTo && to <= finiteUpTo ? [from, to] : anything
  }
  const rounded = (interval: Interval): Interval => widened(interval, { ulps: 1 })
  const plus = ([a, b]: Interval, [c, d]: Interval): Interval => rounded([a + c, b + d])
  const minus = ([a, b]: Interval, [c, d]: Interval): Interval => rounded([a - d, b - c])
  const half = ([a, b]: Interval): Interval => rounded([a / 2, b / 2])

  /** y is above 0. */
  const over = ([a, b]: Interval, [c, d]: Interval): Interval => {
    if (!(c >= ofQuotient.from && d <= ofQuotient.to)) return anything
    return widened([Math.min(a / c, a / d), Math.max(b / c, b / d)], ofQuotient)
  }
  const exp = (x: number): Interval => {
    const y = Math.exp(x)
    return widened([y, y], ofExp, (ofExp.ulpsOfX ?? 0) * Math.abs(x))
  }

  return {
    exp,
    log(x) {
      const y = Math.log(x)
      if (!Number.isFinite(y) || x < flushedBelow) return anything
      return widened([y, y], x >= 0.5 && x <= 2 ? logNearOne : ofLog)
    },
    // Inherited from 1 / inverseSqrt(x), which of 0 is infinite.
    sqrt(x) {
      if (!(x > flushedBelow)) return anything
      const y = 1 / Math.sqrt(x)
      return over([1, 1], widened([y, y], inverseSqrt))
    },
    quotient(x, y) {
      const size = Math.abs(y)
      const [low, high] = over([x, x], [size, size])
      return y < 0 ? [-high, -low] : [low, high]
    },
    sigmoid: (x) => over([1, 1], plus([1, 1], exp(-x))),
    tanh(x) {
      const [up, down] = [exp(x), exp(-x)]
      const inherited = over(half(minus(up, down)), half(plus(up, down)))
      const y = Math.tanh(x)
      const near = widened([y, y], ofTanh)
      return [Math.min(inherited[0], near[0]), Math.max(inherited[1], near[1])]
    },
  }
}
