import type { Nonlinearity } from '../../inexact/cell.ts'
import { gateSigmoid, gateTanh } from '../../inexact/cell.ts'
import type { Inexactness } from '../../inexact/inexactness.ts'
import { addProduct, type Product } from '../../inexact/linear.ts'
import { activations } from '../../inexact/rnn.ts'
import { roundToFloat16 } from '../../format/precision.ts'
import { type Interval, intervalsOf } from './interval.ts'
import { type Direction, noise } from './noise.ts'
import type { Operands, Permitted } from './specification.ts'

/** One way to use what is permitted. */
export interface Way {
  readonly direction: Direction
  /** Which of the numbers that may be flushed are. */
  readonly flushing: 'all' | 'some' | 'none'
  /** How factors of products are rounded. */
  readonly operands: 'nearest' | 'cut' | 'noisy'
}

export interface Arithmetic {
  /** Of our engine. */
  readonly inexactness: Inexactness
  /** Whether a number has been flushed so far. */
  readonly hasFlushed: () => boolean
}

/** Our engine's operations, gone wrong in one way within what is permitted. NaN stands for anything. */
export function arithmetic(
  permitted: Permitted,
  { direction, flushing, operands }: Way,
  relu: boolean,
  seed: number,
): Arithmetic {
  const { flushedBelow, rounding, functions, finiteUpTo, roundoff } = permitted
  const drawn = noise(direction, seed)
  const { bySign } = drawn
  const shares = drawn.table.map((share) => share * rounding)
  const limit = finiteUpTo ?? Infinity
  const digits = roundoff / 8
  const below = flushing === 'none' ? 0 : flushedBelow
  let flushed = false

  const flush = (x: number): number => {
    if (x >= below || x <= -below || x === 0) return x
    if (Number.isNaN(x) || (flushing === 'some' && drawn.coin())) return x
    flushed = true
    return 0
  }
  /** Results of + and ×, of which so many may have come one after the other. */
  const rounded = (x: number, operations = 2): number => {
    if (finiteUpTo !== undefined && !(Math.abs(x) <= finiteUpTo)) return Number.NaN
    return flush(rounding === 0 ? x : x + drawn.share(x) * operations * rounding * Math.abs(x))
  }
  const within = ([low, high]: Interval): number => {
    const middle = (low + high) / 2
    return flush(middle + (drawn.share(middle) * (high - low)) / 2)
  }
  const intervals = functions === undefined ? undefined : intervalsOf(permitted)
  const inexact = (exact: (x: number) => number, name: 'exp' | 'log' | 'sqrt' | 'sigmoid' | 'tanh') =>
    intervals === undefined
      ? (x: number): number => flush(exact(flush(x)))
      : (x: number): number => within(intervals[name](flush(x)))
  const like = ({ slope }: Nonlinearity, of: (x: number) => number): Nonlinearity => ({
    of,
    // relu's slope would be a number where the state may be anything.
    slope: (y) => (Number.isNaN(y) ? y : rounded(slope(y))),
  })
  const sigmoid = like(gateSigmoid, inexact(gateSigmoid.of, 'sigmoid'))
  const tanh = like(gateTanh, inexact(gateTanh.of, 'tanh'))
  const quotient = (x: number, y: number): number =>
    intervals === undefined ? flush(x / y) : within(intervals.quotient(flush(x), flush(y)))
  const product = productOf()
  const scan = { product, rounded: (x: number) => rounded(x), gradientRounded: (x: number) => rounded(x) }
  return {
    hasFlushed: () => flushed,
    inexactness: {
      activation: relu ? like(activations.relu, (x) => activations.relu.of(rounded(x))) : tanh,
      gates: { sigmoid, tanh },
      scan,
      training: { rounded, sqrt: inexact(Math.sqrt, 'sqrt'), quotient },
      tape: {
        scan,
        product,
        tanh: tanh.of,
        exp: inexact(Math.exp, 'exp'),
        log: inexact(Math.log, 'log'),
        quotient,
        rounded: (x) => rounded(x),
      },
    },
  }

  function productOf(): Product {
    const { operands: kind } = permitted
    // A weight is rounded once, however often it is read.
    const known = new WeakMap<Float64Array, Factors>()
    const factor = (x: number): number => {
      const own = flush(x)
      return kind === undefined ? own : roundOperand(kind, operands, own, drawn.share)
    }
    const factors = (x: Float64Array): Factors => {
      const before = known.get(x)
      if (before !== undefined) return before
      const own = x.map(factor)
      const read = { own, ...extremes(own) }
      known.set(x, read)
      return read
    }
    return (out, outStart, x, xStart, weight, rows, inputs, outputs) => {
      const left = x.slice(xStart, xStart + rows * inputs).map(factor)
      const { smallest, largest } = extremes(left)
      const { own: right, ...ofRight } = factors(weight)
      // What is left of a sum of terms is no smaller than their last digits.
      const mayFlush = smallest * ofRight.smallest * digits < below
      const mayOverflow = !(largest * ofRight.largest * inputs <= limit)
      if (mayFlush || mayOverflow) addOneByOne(out, outStart, left, right, rows, inputs, outputs)
      else if (rounding === 0) addProduct(out, outStart, left, 0, right, rows, inputs, outputs)
      else addRounded(out, outStart, left, right, rows, inputs, outputs)
    }
  }

  /** addProduct with every product and every sum rounded, and flushed, and with overflows looked for. */
  function addOneByOne(
    out: Float64Array,
    outStart: number,
    x: Float64Array,
    weight: Float64Array,
    rows: number,
    inputs: number,
    outputs: number,
  ): void {
    let at = 0
    for (let row = 0; row < rows; row++) {
      for (let o = 0; o < outputs; o++) {
        let sum = 0
        for (let i = 0; i < inputs; i++) {
          const share = shares[at]!
          at = at + 1 === shares.length ? 0 : at + 1
          let term = x[row * inputs + i]! * weight[o * inputs + i]!
          term = flush(term + share * (bySign ? term : Math.abs(term)))
          sum += term
          sum = flush(sum + share * (bySign ? sum : Math.abs(sum)))
          if (sum > limit || sum < -limit) sum = Number.NaN
        }
        const place = outStart + row * outputs + o
        out[place] = rounded(flush(out[place]!) + sum, 1)
      }
    }
  }

  /** The same where nothing is flushed and nothing overflows, four sums at a time. */
  function addRounded(
    out: Float64Array,
    outStart: number,
    x: Float64Array,
    weight: Float64Array,
    rows: number,
    inputs: number,
    outputs: number,
  ): void {
    const own = shares
    const signed = bySign
    let at = 0
    for (let row = 0; row < rows; row++) {
      const place = outStart + row * outputs
      let o = 0
      for (; o + 4 <= outputs; o += 4) {
        let s0 = 0
        let s1 = 0
        let s2 = 0
        let s3 = 0
        let w = o * inputs
        for (let i = row * inputs; i < (row + 1) * inputs; i++, w++) {
          const share = own[at]!
          at = at + 1 === own.length ? 0 : at + 1
          const a = x[i]!
          const t0 = a * weight[w]!
          const t1 = a * weight[w + inputs]!
          const t2 = a * weight[w + 2 * inputs]!
          const t3 = a * weight[w + 3 * inputs]!
          s0 += t0 + share * (signed ? t0 : Math.abs(t0))
          s1 += t1 + share * (signed ? t1 : Math.abs(t1))
          s2 += t2 + share * (signed ? t2 : Math.abs(t2))
          s3 += t3 + share * (signed ? t3 : Math.abs(t3))
          s0 += share * (signed ? s0 : Math.abs(s0))
          s1 += share * (signed ? s1 : Math.abs(s1))
          s2 += share * (signed ? s2 : Math.abs(s2))
          s3 += share * (signed ? s3 : Math.abs(s3))
        }
        out[place + o] = rounded(out[place + o]! + s0, 1)
        out[place + o + 1] = rounded(out[place + o + 1]! + s1, 1)
        out[place + o + 2] = rounded(out[place + o + 2]! + s2, 1)
        out[place + o + 3] = rounded(out[place + o + 3]! + s3, 1)
      }
      for (; o < outputs; o++) {
        let sum = 0
        for (let i = 0; i < inputs; i++) {
          const share = own[at]!
          at = at + 1 === own.length ? 0 : at + 1
          const term = x[row * inputs + i]! * weight[o * inputs + i]!
          sum += term + share * (signed ? term : Math.abs(term))
          sum += share * (signed ? sum : Math.abs(sum))
        }
        out[place + o] = rounded(out[place + o]! + sum, 1)
      }
    }
  }
}

/** A weight as products read it, and the sizes of its numbers. */
interface Factors {
  readonly own: Float64Array
  readonly smallest: number
  readonly largest: number
}

/** The smallest size above 0, and the largest; NaN counts as large. */
function extremes(x: Float64Array): { smallest: number; largest: number } {
  let smallest = Infinity
  let largest = 0
  for (const value of x) {
    const size = Math.abs(value)
    if (size > 0 && size < smallest) smallest = size
    if (!(size <= largest)) largest = size
  }
  return { smallest, largest }
}

const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)

/** A factor as a product unit reads it. */
function roundOperand(kind: Operands, how: Way['operands'], x: number, share: (x: number) => number): number {
  if (!Number.isFinite(x)) return x
  if (how === 'noisy') {
    const smallest = kind === 'float16' ? 2 ** -25 : 0
    const own = x + share(x) * Math.max(Math.abs(x) * 2 ** -11, smallest)
    return kind === 'float16' && Math.abs(own) > 65_504 ? roundToFloat16(own) : own
  }
  if (kind === 'float16') return how === 'nearest' ? roundToFloat16(x) : cutToFloat16(x)
  float[0] = x
  // 13 of 23 digits go.
  const own = bits[0]!
  bits[0] = (how === 'nearest' ? own + 0x0fff + ((own >>> 13) & 1) : own) & ~0x1fff
  return float[0]
}

function cutToFloat16(x: number): number {
  const nearest = roundToFloat16(x)
  if (Math.abs(nearest) <= Math.abs(x)) return nearest
  // Towards 0 by less than one step of float16.
  const size = Math.abs(x)
  const step = size < 2 ** -14 ? 2 ** -24 : 2 ** (Math.floor(Math.log2(size)) - 10)
  return Math.sign(x) * Math.min(65_504, Math.floor(size / step) * step)
}
