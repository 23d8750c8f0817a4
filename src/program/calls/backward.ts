// The way back through the operations that only captured models have. Source: torch's derivatives.yaml, each by its name.
import { elementCount } from '../../format/tensor.ts'
import { placesOf } from '../broadcast.ts'
import type { CallOptions } from '../operation.ts'
import { around, type Computed, gradOf, type Value } from '../value.ts'
import { convolutionBack, transposeBack } from './convolution.ts'
import { slopes, slopesOfTwo } from './slopes.ts'
import { type Call, flagOf, forIndices, numberOf, numbersOf } from './options.ts'
import { adaptive, moving, type Window } from './pooling.ts'
import { matmulBack } from './products.ts'
import { argsorted, linesOf } from './reducing.ts'

/** Adds to the gradients of the operands. call: the operation itself. */
type Back = (operands: readonly Value[], options: CallOptions, result: Computed, d: Float64Array, call: Call) => void

/** Of what only moves numbers: where each comes from is what the operation makes of their places. which: the operand that is moved. */
function moved(which: number, others: readonly number[] = []): Back {
  return (operands, options, _, d, call) => {
    const grad = gradOf(operands[which]!)
    if (grad === undefined) return
    const marked = operands.map((own, i) => {
      if (i === which) return { ...own, data: own.data.map((_, place) => place + 1) }
      return others.includes(i) ? { ...own, data: new Float64Array(own.data.length) } : own
    })
    const { data } = call(marked, 'value' in options ? { ...options, value: 0 } : options)
    for (let i = 0; i < data.length; i++) if (data[i] !== 0) grad[data[i]! - 1]! += d[i]!
  }
}

const first = moved(0)

/** Both are moved into one: the first operand and another. */
function both(other: number): Back {
  const [one, two] = [moved(0, [other]), moved(other, [0])]
  return (...given) => {
    one(...given)
    two(...given)
  }
}

type Slope = (numbers: Float64Array, result: number, options: CallOptions) => (x: number) => number

/** Of what is made of all numbers along some axes. */
function alongAxes(slope: Slope): Back {
  return ([x], options, { data }, d) => {
    const grad = gradOf(x!)!
    const dims = numbersOf(options, 'dims')
    const places = linesOf({ ...x!, data: x!.data.map((_, place) => place) }, dims)
    for (const [line, own] of places.entries()) {
      const numbers = own.map((place) => x!.data[place]!)
      const by = slope(numbers, data[line]!, options)
      for (const place of own) grad[place]! += d[line]! * by(x!.data[place]!)
    }
  }
}

const meanOf = (numbers: Float64Array): number => numbers.reduce((sum, own) => sum + own, 0) / numbers.length

const extreme: Slope = (numbers, result) => {
  const count = numbers.filter((own) => own === result).length
  return (x) => (x === result ? 1 / count : 0)
}

const axes: Readonly<Record<string, Slope>> = {
  sum_dims: () => () => 1,
  mean_dims: (numbers) => () => 1 / numbers.length,
  var: (numbers, _, options) => {
    const mean = meanOf(numbers)
    return (x) => (2 * (x - mean)) / (numbers.length - numberOf(options, 'correction'))
  },
  std: (numbers, result, options) => {
    const mean = meanOf(numbers)
    return (x) => (x - mean) / (result * (numbers.length - numberOf(options, 'correction')))
  },
  logsumexp: (_, result) => (x) => Math.exp(x - result),
  amax: extreme,
  amin: extreme,
}

/** Windows whose mean is taken. */
function ofWindows(windowsOf: (x: Value, options: CallOptions) => (index: readonly number[]) => Window): Back {
  return ([x], options, _, d) => {
    const grad = gradOf(x!)!
    const to = numbersOf(options, 'to')
    const windowOf = windowsOf(x!, options)
    const [count, size] = [elementCount(to), elementCount(x!.shape.slice(x!.shape.length - to.length))]
    forIndices(to, (index, p) => {
      const window = windowOf(index)
      for (let i = 0; i * count < d.length; i++) {
        for (const place of window.places) grad[i * size + place]! += d[i * count + p]! / window.size
      }
    })
  }
}

/** Windows of which one number is taken, the first of the largest. */
function ofLargest(windowsOf: (x: Value, options: CallOptions) => (index: readonly number[]) => Window): Back {
  return ([x], options, { data }, d) => {
    const grad = gradOf(x!)!
    const to = numbersOf(options, 'to')
    const windowOf = windowsOf(x!, options)
    const [count, size] = [elementCount(to), elementCount(x!.shape.slice(x!.shape.length - to.length))]
    forIndices(to, (index, p) => {
      const { places } = windowOf(index)
      for (let i = 0; i * count < d.length; i++) {
        const taken = places.find((place) => Object.is(x!.data[i * size + place]!, data[i * count + p]!))
        if (taken !== undefined) grad[i * size + taken]! += d[i * count + p]!
      }
    })
  }
}

const byKernel = (x: Value, options: CallOptions): ((index: readonly number[]) => Window) => moving(x, options)
const byParts = (x: Value, options: CallOptions): ((index: readonly number[]) => Window) =>
  adaptive(x, numbersOf(options, 'to'))

const cumsum: Back = ([x], options, _, d) => {
  const grad = gradOf(x!)!
  const { outer, size, inner } = around(x!.shape, numberOf(options, 'dim'))
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let sum = 0
      for (let s = size - 1; s >= 0; s--) grad[(o * size + s) * inner + i]! += sum += d[(o * size + s) * inner + i]!
    }
  }
}

const sorted: Back = ([x], options, result, d) => {
  const grad = gradOf(x!)!
  const { outer, size, inner } = around(x!.shape, numberOf(options, 'dim'))
  const k = numberOf(options, 'k')
  const { data: places } = argsorted([x!], options)
  for (let at = 0; at < result.data.length; at++) {
    const [o, i] = [Math.floor(at / (k * inner)), at % inner]
    if (o < outer) grad[(o * size + places[at]!) * inner + i]! += d[at]!
  }
}

function unary(slope: (typeof slopes)[string]): Back {
  return ([x], options, { data }, d) => {
    const grad = gradOf(x!)!
    const option = (name: string): number => numberOf(options, name)
    for (const [i, by] of d.entries()) if (by !== 0) grad[i]! += by * slope(x!.data[i]!, data[i]!, option)
  }
}

function binary([byX, byY]: (typeof slopesOfTwo)[string]): Back {
  return ([x, y], _, { shape }, d) => {
    const [dx, dy] = [gradOf(x!), gradOf(y!)]
    const [atX, atY] = [placesOf(x!.shape, shape), placesOf(y!.shape, shape)]
    for (let i = 0; i < d.length; i++) {
      const [own, other] = [atX?.[i] ?? i, atY?.[i] ?? i]
      if (dx !== undefined) dx[own]! += d[i]! * byX(x!.data[own]!, y!.data[other]!)
      if (dy !== undefined) dy[other]! += d[i]! * byY(x!.data[own]!, y!.data[other]!)
    }
  }
}

const backwards: Readonly<Record<string, Back>> = {
  ...Object.fromEntries(Object.entries(slopes).map(([name, slope]) => [name, unary(slope)])),
  ...Object.fromEntries(Object.entries(slopesOfTwo).map(([name, pair]) => [name, binary(pair)])),
  ...Object.fromEntries(Object.entries(axes).map(([name, slope]) => [name, alongAxes(slope)])),
  permute: first,
  expand: first,
  repeat: first,
  pad: first,
  triangle: first,
  unfold: first,
  roll: first,
  gather: first,
  take_slices: first,
  index: first,
  upsample_nearest: first,
  upsample_nearest_exact: first,
  put_slices: both(1),
  index_put: both(1),
  masked_put: both(1),
  scatter: both(2),
  avg_pool: ofWindows(byKernel),
  adaptive_avg_pool: ofWindows(byParts),
  max_pool: ofLargest(byKernel),
  adaptive_max_pool: ofLargest(byParts),
  cumsum,
  sorted,
  matmul: matmulBack,
  convolution: convolutionBack,
  conv_transpose: transposeBack,
}

/** What no small change of a number changes. */
const flat: ReadonlySet<string> = new Set([
  'lt', 'le', 'gt', 'ge', 'eq', 'ne', 'logical_and', 'logical_or', 'logical_xor', 'logical_not', 'isnan', 'isinf',
  'isfinite', 'floor', 'ceil', 'trunc', 'round', 'sign', 'int', 'nonzero', 'argmax', 'argmin', 'argsorted', 'any',
  'all', 'one_hot', 'max_pool_indices', 'range', 'floor_divide', 'trunc_divide',
]) // prettier-ignore

/** The way back through an operation, where it is known. */
export function backOf(name: string, options: CallOptions): Back | undefined {
  const isAdded = flagOf(options, 'accumulate') || (name === 'scatter' && options['reduce'] !== '')
  return isAdded || !Object.hasOwn(backwards, name) ? undefined : backwards[name]
}

/** Whether a gradient ends at an operation, goes through it, or is lost. */
export function gradientThrough(name: string, options: CallOptions): 'ends' | 'goes on' | 'is not known' {
  if (flat.has(name)) return 'ends'
  return backOf(name, options) === undefined ? 'is not known' : 'goes on'
}
