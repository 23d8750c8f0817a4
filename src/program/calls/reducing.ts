// Along one axis or several: sums and their like, the largest and its place, orders, running sums. Source: torch.sum, torch.var, ….
import { around, type Computed, type Value } from '../value.ts'
import { type Call, flagOf, forIndices, numberOf, numbersOf, stridesOf } from './options.ts'

/** What a function makes of the numbers along some axes. options: dims, from 0; keepdim. */
function reduced(of: (numbers: Float64Array, options: Parameters<Call>[1]) => number): Call {
  return ([x], options) => {
    const dims = numbersOf(options, 'dims')
    const lines = linesOf(x!, dims)
    const isKept = flagOf(options, 'keepdim')
    const shape = isKept
      ? x!.shape.map((size, axis) => (dims.includes(axis) ? 1 : size))
      : x!.shape.filter((_, axis) => !dims.includes(axis))
    return { shape, data: Float64Array.from(lines, (line) => of(line, options)) }
  }
}

/** The numbers along some axes, for each index of the others. */
export function linesOf({ shape, data }: Value, dims: readonly number[]): Float64Array[] {
  const steps = stridesOf(shape)
  const others = shape.map((_, axis) => axis).filter((axis) => !dims.includes(axis))
  const inner: number[] = []
  forIndices(
    dims.map((axis) => shape[axis]!),
    (index) => inner.push(index.reduce((sum, i, own) => sum + i * steps[dims[own]!]!, 0)),
  )
  const lines: Float64Array[] = []
  forIndices(
    others.map((axis) => shape[axis]!),
    (index) => {
      const start = index.reduce((sum, i, own) => sum + i * steps[others[own]!]!, 0)
      lines.push(Float64Array.from(inner, (step) => data[start + step]!))
    },
  )
  return lines
}

function sumOf(numbers: Float64Array): number {
  let sum = 0
  for (const own of numbers) sum += own
  return sum
}

/** The place of the most by an order, a NaN above all. */
function placeOf(numbers: Float64Array, isMore: (one: number, other: number) => boolean): number {
  let best = 0
  for (let i = 1; i < numbers.length; i++) {
    const own = numbers[i]!
    if (isMore(own, numbers[best]!) || (Number.isNaN(own) && !Number.isNaN(numbers[best]!))) best = i
  }
  return best
}

const larger = (one: number, other: number): boolean => one > other
const smaller = (one: number, other: number): boolean => one < other

function variance(numbers: Float64Array, correction: number): number {
  const mean = sumOf(numbers) / numbers.length
  return sumOf(numbers.map((own) => (own - mean) ** 2)) / Math.max(numbers.length - correction, 0)
}

function norm(numbers: Float64Array, ord: number): number {
  const sizes = numbers.map(Math.abs)
  if (ord === Infinity) return sizes.length === 0 ? 0 : sizes[placeOf(sizes, larger)]!
  if (ord === -Infinity) return sizes[placeOf(sizes, smaller)]!
  if (ord === 0) return sumOf(sizes.map((own) => (own === 0 ? 0 : 1)))
  if (ord === 2) return Math.sqrt(sumOf(sizes.map((own) => own * own)))
  return sumOf(sizes.map((own) => own ** ord)) ** (1 / ord)
}

function logsumexp(numbers: Float64Array): number {
  const most = numbers.length === 0 ? 0 : numbers[placeOf(numbers, larger)]!
  const shift = Number.isFinite(most) ? most : 0
  return shift + Math.log(sumOf(numbers.map((own) => Math.exp(own - shift))))
}

/** A running result along one axis. */
function running(of: (before: number, own: number) => number): Call {
  return ([x], options) => {
    const { outer, size, inner } = around(x!.shape, numberOf(options, 'dim'))
    const data = Float64Array.from(x!.data)
    for (let o = 0; o < outer; o++) {
      for (let s = 1; s < size; s++) {
        for (let i = 0; i < inner; i++) {
          const at = (o * size + s) * inner + i
          data[at] = of(data[at - inner]!, x!.data[at]!)
        }
      }
    }
    return { shape: x!.shape, data }
  }
}

/** The numbers along one axis in order, or the places where they stood; options: dim, k, largest. NaN is the largest of all. */
function ordered(give: 'values' | 'indices'): Call {
  return ([x], options): Computed => {
    const dim = numberOf(options, 'dim')
    const { outer, size, inner } = around(x!.shape, dim)
    const k = numberOf(options, 'k')
    const isDown = flagOf(options, 'largest')
    const data = new Float64Array(outer * k * inner)
    const compare = (one: number, other: number): number => {
      if (Number.isNaN(one) || Number.isNaN(other)) return Number(Number.isNaN(one)) - Number(Number.isNaN(other))
      return one < other ? -1 : one > other ? 1 : 0
    }
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const at = (s: number): number => x!.data[(o * size + s) * inner + i]!
        const places = Array.from({ length: size }, (_, s) => s)
        places.sort((one, other) => (isDown ? compare(at(other), at(one)) : compare(at(one), at(other))) || one - other)
        for (let s = 0; s < k; s++) {
          data[(o * k + s) * inner + i] = give === 'indices' ? places[s]! : at(places[s]!)
        }
      }
    }
    return { shape: x!.shape.with(dim, k), data }
  }
}

/** Where they stood. */
export const argsorted = ordered('indices')

export const reducing: Readonly<Record<string, Call>> = {
  sum_dims: reduced(sumOf),
  mean_dims: reduced((numbers) => sumOf(numbers) / numbers.length),
  prod: reduced((numbers) => numbers.reduce((product, own) => product * own, 1)),
  var: reduced((numbers, options) => variance(numbers, numberOf(options, 'correction'))),
  std: reduced((numbers, options) => Math.sqrt(variance(numbers, numberOf(options, 'correction')))),
  amax: reduced((numbers) => numbers[placeOf(numbers, larger)]!),
  amin: reduced((numbers) => numbers[placeOf(numbers, smaller)]!),
  argmax: reduced((numbers) => placeOf(numbers, larger)),
  argmin: reduced((numbers) => placeOf(numbers, smaller)),
  any: reduced((numbers) => (numbers.some((own) => own !== 0) ? 1 : 0)),
  all: reduced((numbers) => (numbers.every((own) => own !== 0) ? 1 : 0)),
  norm: reduced((numbers, options) => norm(numbers, numberOf(options, 'ord'))),
  logsumexp: reduced(logsumexp),
  cumsum: running((before, own) => before + own),
  cumprod: running((before, own) => before * own),
  sorted: ordered('values'),
  argsorted,
}
