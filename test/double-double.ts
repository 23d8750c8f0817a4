// tanh and the sigmoid to about 100 binary digits, by pairs of numbers: what the kernels' own functions are held against. Nothing of src.

/** The sum of both parts, of which the second is less than half a last place of the first. */
export type Pair = readonly [number, number]

function sum(x: number, y: number): Pair {
  const s = x + y
  const rest = s - x
  return [s, x - (s - rest) + (y - rest)]
}

function halves(x: number): Pair {
  const shifted = 134_217_729 * x
  const upper = shifted - (shifted - x)
  return [upper, x - upper]
}

function product(x: number, y: number): Pair {
  const p = x * y
  const [a, aRest] = halves(x)
  const [b, bRest] = halves(y)
  return [p, aRest * bRest - (p - a * b - aRest * b - a * bRest)]
}

function plus([x, xRest]: Pair, [y, yRest]: Pair): Pair {
  const [s, rest] = sum(x, y)
  const [t, tRest] = sum(xRest, yRest)
  const [u, uRest] = sum(s, rest + t)
  return sum(u, uRest + tRest)
}

function times([x, xRest]: Pair, [y, yRest]: Pair): Pair {
  const [p, rest] = product(x, y)
  return sum(p, rest + (x * yRest + xRest * y))
}

function over(x: Pair, y: Pair): Pair {
  const first = x[0] / y[0]
  const rest = plus(x, times([-first, 0], y))
  const second = rest[0] / y[0]
  const last = plus(rest, times([-second, 0], y))
  const [s, t] = sum(first, second)
  return sum(s, t + last[0] / y[0])
}

const negated = ([x, rest]: Pair): Pair => [-x, -rest]
/** Exact, since factor is a power of two, so long as nothing is subnormal. */
const scaled = ([x, rest]: Pair, factor: number): Pair => [x * factor, rest * factor]

/** ln 2 by its series 2 Σ (1/3)^(2n+1) / (2n+1). */
function logarithmOf2(): Pair {
  let total: Pair = [0, 0]
  let term: Pair = over([1, 0], [3, 0])
  for (let n = 0; n < 40; n++) {
    total = plus(total, over(term, [2 * n + 1, 0]))
    term = over(term, [9, 0])
  }
  return scaled(total, 2)
}
const logarithm = logarithmOf2()

/** e^y = 2^k (1 + m) for y ≤ 0. */
function exponential(y: number): { readonly k: number; readonly m: Pair } {
  const k = Math.round(y / Math.LN2)
  const r = scaled(plus([y, 0], times([-k, 0], logarithm)), 1 / 512)
  let m: Pair = [0, 0]
  // e^r − 1 = r (1 + r/2 (1 + r/3 (…)))
  for (let n = 9; n >= 1; n--) m = times(over(r, [n, 0]), plus([1, 0], m))
  for (let i = 0; i < 9; i++) m = plus(scaled(m, 2), times(m, m))
  return { k, m }
}

/** tanh |x| to about 100 digits. */
function tanhOfSize(x: number): Pair {
  if (x < 1e-20) return [x, 0]
  if (x > 100) return [1, 0]
  const { k, m } = exponential(-2 * x)
  const scale = 2 ** k
  const minusOne = plus(plus([scale, 0], [-1, 0]), scaled(m, scale))
  return over(negated(minusOne), plus([2, 0], minusOne))
}

export function exactTanh(x: number): Pair {
  const size = tanhOfSize(Math.abs(x))
  return x < 0 ? negated(size) : size
}

/** value · 2^exponent, so that no digits are lost where the sigmoid is subnormal. */
export function exactSigmoid(x: number): { readonly value: Pair; readonly exponent: number } {
  const { k, m } = exponential(-Math.min(Math.abs(x), 800))
  const small = plus([1, 0], m)
  const whole = plus([1, 0], scaled(small, 2 ** k))
  return x < 0 ? { value: over(small, whole), exponent: k } : { value: over([1, 0], whole), exponent: 0 }
}

/** The distance of the numbers of a format next to x, whose fraction has so many binary digits. */
export function lastPlace(x: number, digits: 52 | 23): number {
  const smallest = digits === 52 ? -1074 : -149
  if (x === 0) return 2 ** smallest
  const exponent = Math.floor(Math.log2(Math.abs(x)))
  // log2 rounds up next to a power of two.
  const own = 2 ** exponent > Math.abs(x) ? exponent - 1 : exponent
  return 2 ** Math.max(own - digits, smallest)
}

/** How many ULP of the format a result is off. exponent: see exactSigmoid */
export function ulps(actual: number, exact: Pair, digits: 52 | 23, exponent = 0): number {
  if (exponent > -900) {
    const scale = 2 ** exponent
    const [x, rest] = scaled(exact, scale)
    return Math.abs(actual - x - rest) / lastPlace(x, digits)
  }
  // All of it moved to where there are digits enough.
  const [x, rest] = scaled(exact, 2 ** (exponent + 900))
  const place = Math.max(lastPlace(x, digits), 2 ** (-1074 + 900))
  return Math.abs(actual * 2 ** 900 - x - rest) / place
}
