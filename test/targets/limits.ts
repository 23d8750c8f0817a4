// Ports that use all that a specification permits. They share no code with src/verify/targets: numbers are rounded to neighbours and moved
// by whole ULPs, where the budget is measured with parts of numbers.

import { expectedAxes, type Outputs } from '../../src/format/case.ts'
import type { Engine } from '../../src/engine/run.ts'
import { sizes } from '../../src/format/module.ts'
import { roundToBfloat16, roundToFloat16 } from '../../src/format/precision.ts'
import { type FloatDType, floatTensor } from '../../src/format/tensor.ts'
import { forward, isRecurrent, type Numbers, type RecurrentRequest, type Ways } from '../calibration/modules.ts'
import { type Dot, sequential } from '../calibration/tape.ts'
import { train } from '../calibration/training.ts'

const { fround } = Math

/** A format by its neighbours. */
interface Format {
  readonly nearest: (x: number) => number
  /** The next number above one that is in the format. */
  readonly above: (x: number) => number
  readonly smallestNormal: number
  readonly largest: number
  /** Of WGSL: ULPs of exp beside 2 |x|, and from and to which divisor a division is bounded. */
  readonly ulpsOfExp: number
  readonly divisors: readonly [number, number]
}

const bits = new Int32Array(1)
const float = new Float32Array(bits.buffer)

function aboveFloat32(x: number): number {
  if (x === 0) return 2 ** -149
  float[0] = x
  bits[0] = bits[0]! + (x > 0 ? 1 : -1)
  return float[0]
}

function aboveFloat16(x: number): number {
  const step = Math.abs(x) < 2 ** -13 ? 2 ** -24 : 2 ** (Math.floor(Math.log2(Math.abs(x))) - 10)
  // Below 0 the step to the next power of 2 is half as long.
  const own = x < 0 && roundToFloat16(x + step / 2) !== x && Math.abs(x) > 2 ** -14 ? step / 2 : step
  return x + own
}

const float32: Format = {
  nearest: fround,
  above: aboveFloat32,
  smallestNormal: 2 ** -126,
  largest: 3.4028234663852886e38,
  ulpsOfExp: 3,
  divisors: [2 ** -126, 2 ** 126],
}
const float16: Format = {
  nearest: roundToFloat16,
  above: aboveFloat16,
  smallestNormal: 2 ** -14,
  largest: 65_504,
  ulpsOfExp: 1,
  divisors: [2 ** -14, 2 ** 14],
}

/** Where in the permitted range a number ends up: from −1 to 1, by its own value. */
type Where = (x: number) => number

const wheres: Readonly<Record<string, Where>> = {
  high: () => 1,
  low: () => -1,
  'away from 0': (x) => Math.sign(x),
  'towards 0': (x) => -Math.sign(x),
  'in turns': alternating(),
  'at random': (x) => 2 * hashed(x) - 1,
  'at either end': (x) => (hashed(x) < 0.5 ? -1 : 1),
}

function alternating(): Where {
  let calls = 0
  return () => (calls++ % 2 === 0 ? 1 : -1)
}

/** From 0 to 1, the same for the same number, as a function has the same error for the same argument. */
function hashed(x: number): number {
  float[0] = x
  let hash = Math.imul(bits[0]! ^ 0x9e3779b9, 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}

/** What an implementation gives that takes for granted that this does not happen. */
const indeterminate = 0.75

interface Shader {
  readonly where: Where
  /** tanh by an absolute error of 1e-5, or by sinh / cosh. */
  readonly tanh: 'absolute' | 'inherited'
  readonly flushes: boolean
}

/** WGSL's arithmetic in a format. Source: WGSL, "Floating Point Accuracy". */
function shading(format: Format, { where, tanh, flushes }: Shader): Ways {
  const { nearest, above, smallestNormal, largest, ulpsOfExp, divisors } = format
  const flush = (x: number): number => (flushes && Math.abs(x) < smallestNormal ? 0 : x)
  const below = (x: number): number => -above(-x)
  /** One of the two neighbours. */
  const round = (x: number): number => {
    if (!(Math.abs(x) <= largest)) return indeterminate
    const near = nearest(x)
    const up = where(x) >= 0
    if (near === x || (up ? near > x : near < x)) return flush(near)
    return flush(up ? above(near) : below(near))
  }
  /** Off by so many ULPs. */
  const off = (x: number, ulps: number, absolute = 0): number => {
    if (!(Math.abs(x) <= largest)) return indeterminate
    const near = Math.abs(nearest(x))
    const ulp = above(near) - near
    // An ULP is the distance to the closer neighbour.
    const closer = Math.min(ulp, near === 0 ? ulp : near - below(near))
    const moved = x + where(x) * (ulps * closer + absolute)
    // To a number that is still permitted.
    const own = nearest(moved)
    const isWithin = Math.abs(own - x) <= ulps * closer + absolute
    return flush(isWithin ? own : own > x ? below(own) : above(own))
  }
  const exp = (x: number): number => off(Math.exp(x), ulpsOfExp + 2 * Math.abs(x))
  const quotient = (x: number, y: number): number =>
    Math.abs(y) >= divisors[0] && Math.abs(y) <= divisors[1] ? off(x / y, 2.5) : indeterminate
  const overflows = (x: number): boolean => !(Math.exp(Math.abs(x)) < largest * (1 - 200 * 2 ** -23))
  const functions = {
    quotient,
    sqrt: (x: number): number => (x > smallestNormal ? quotient(1, off(1 / Math.sqrt(x), 2)) : indeterminate),
    sigmoid(own: number): number {
      const x = flush(own)
      if (Number.isNaN(x) || (x < 0 && overflows(x))) return indeterminate
      return quotient(1, round(1 + exp(-x)))
    },
    tanh(own: number): number {
      const x = flush(own)
      if (Number.isNaN(x) || overflows(x)) return indeterminate
      if (tanh === 'absolute') return off(Math.tanh(x), 0, 1e-5)
      const [up, down] = [exp(x), exp(-x)]
      return quotient(round(round(up - down) * 0.5), round(round(up + down) * 0.5))
    },
  }
  const dot: Dot = (x, xStart, weight, weightStart, length) => {
    let sum = 0
    for (let i = 0; i < length; i++) sum = round(sum + round(flush(x[xStart + i]!) * flush(weight[weightStart + i]!)))
    return sum
  }
  return { round, dot, functions, stepwise: false, fromN: true }
}

/** Everything in one format of the processor, with factors of products as a product unit reads them. */
function multiplying(factor: (x: number) => number): Ways {
  const dot: Dot = (x, xStart, weight, weightStart, length) => {
    let sum = 0
    for (let i = 0; i < length; i++) {
      sum = fround(sum + fround(factor(x[xStart + i]!) * factor(weight[weightStart + i]!)))
    }
    return sum
  }
  return { round: fround, dot, dotOfLoss: sequential, stepwise: false, fromN: true }
}

function tf32Nearest(x: number): number {
  if (!Number.isFinite(x)) return x
  float[0] = x
  bits[0] = (bits[0]! + 0x1000) & ~0x1fff
  return float[0]
}

function tf32Cut(x: number): number {
  if (!Number.isFinite(x)) return x
  float[0] = x
  bits[0] = bits[0]! & ~0x1fff
  return float[0]
}

function flushing(round: (x: number) => number, smallestNormal: number): Ways {
  const flush = (x: number): number => (Math.abs(x) < smallestNormal ? 0 : x)
  const own = (x: number): number => flush(round(x))
  const dot: Dot = (x, xStart, weight, weightStart, length) => {
    let sum = 0
    for (let i = 0; i < length; i++) {
      sum = flush(fround(sum + flush(fround(flush(x[xStart + i]!) * flush(weight[weightStart + i]!)))))
    }
    return own(sum)
  }
  const functions = {
    quotient: (x: number, y: number): number => own(x / y),
    sqrt: (x: number): number => Math.sqrt(flush(x)),
    sigmoid: (x: number): number => flush(fround(1 / fround(1 + flush(fround(Math.exp(-flush(x))))))),
    tanh: (x: number): number => flush(fround(Math.tanh(flush(x)))),
  }
  return { round: own, dot, functions, stepwise: false, fromN: false }
}

/** Ports by target: each does all that the target permits, in one way. */
export const limits: Readonly<Record<string, readonly Engine[]>> = {
  ftz: [
    port('flushes everything', (dtype) => {
      if (dtype === 'float16') return flushing((x) => roundToFloat16(fround(x)), 2 ** -14)
      if (dtype === 'bfloat16') return flushing((x) => roundToBfloat16(fround(x)), 2 ** -126)
      return dtype === 'float32' ? flushing(fround, 2 ** -126) : undefined
    }),
  ],
  wgsl: [
    ...Object.entries(wheres).flatMap(([name, where]) =>
      (['absolute', 'inherited'] as const).map((tanh) =>
        port(`${name}, tanh ${tanh}`, (dtype) => {
          if (dtype === 'float64') return undefined
          return shading(dtype === 'float16' ? float16 : float32, { where, tanh, flushes: true })
        }),
      ),
    ),
    port('high, tanh inherited, nothing flushed', (dtype) =>
      dtype === 'float32' ? shading(float32, { where: () => 1, tanh: 'inherited', flushes: false }) : undefined,
    ),
  ],
  tf32: [
    port('nearest', (dtype) => (dtype === 'float32' ? multiplying(tf32Nearest) : undefined)),
    port('cut off', (dtype) => (dtype === 'float32' ? multiplying(tf32Cut) : undefined)),
  ],
  f16: [port('nearest', (dtype) => (dtype === 'float32' ? multiplying(roundToFloat16) : undefined))],
}

function port(name: string, waysOf: (dtype: FloatDType) => Ways | undefined): Engine {
  return {
    name,
    supports: (request) =>
      (isRecurrent(request) && waysOf(request.dtype) !== undefined) || `leaves out ${request.dtype} ${request.module}`,
    run(request) {
      const ways = waysOf(request.dtype)
      if (!isRecurrent(request) || ways === undefined) throw new Error('expected a request that is supported')
      return run(request, ways)
    },
  }
}

function run(request: RecurrentRequest, ways: Ways): Outputs {
  const params = numbersOf(request.params)
  let numbers: Numbers
  if (request.training === undefined) {
    const cotangents = request.cotangents && numbersOf(request.cotangents)
    const { outputs, backward } = forward(request, params, ways, cotangents !== undefined)
    numbers = cotangents === undefined ? outputs : { ...outputs, ...backward(cotangents) }
  } else numbers = train(request, request.training, params, ways)
  return Object.fromEntries(
    Object.entries(expectedAxes(request)).map(([name, axes]) => [
      name,
      floatTensor(request.dtype, sizes(axes), numbers[name]!),
    ]),
  )
}

function numbersOf(tensors: Outputs): Numbers {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, Float32Array.from(data)]))
}
