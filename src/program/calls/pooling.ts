// The largest or the mean of windows, and resampling. Source: torch.nn.functional.max_pool2d, avg_pool2d, interpolate.
import { elementCount } from '../../format/tensor.ts'
import type { CallOptions } from '../operation.ts'
import type { Computed, Value } from '../value.ts'
import { type Call, flagOf, forIndices, numberOf, numbersOf, stridesOf } from './options.ts'

/** Which numbers of a window there are, and how many there would be with the padding that counts. */
export interface Window {
  readonly places: readonly number[]
  readonly size: number
}

/** Each window of the last axes, along which options speak; the axes before them are taken one by one. */
function overWindows(
  x: Value,
  to: readonly number[],
  windowsOf: (index: readonly number[]) => Window,
  of: (window: Window, base: number) => number,
): Computed {
  const axes = to.length
  const outer = x.shape.slice(0, x.shape.length - axes)
  const from = x.shape.slice(x.shape.length - axes)
  const [count, size] = [elementCount(to), elementCount(from)]
  const windows: Window[] = []
  forIndices(to, (index) => windows.push(windowsOf(index)))
  const data = new Float64Array(elementCount(outer) * count)
  for (let i = 0; i < elementCount(outer); i++) {
    for (let p = 0; p < count; p++) data[i * count + p] = of(windows[p]!, i * size)
  }
  return { shape: [...outer, ...to], data }
}

/** The windows of a kernel that is moved along. */
export function moving(x: Value, options: CallOptions): (index: readonly number[]) => Window {
  const kernel = numbersOf(options, 'kernel_size')
  const [stride, padding, dilation] = ['stride', 'padding', 'dilation'].map((name) => numbersOf(options, name)) as [
    readonly number[],
    readonly number[],
    readonly number[],
  ]
  const from = x.shape.slice(x.shape.length - kernel.length)
  const steps = stridesOf(from)
  const override = numberOf(options, 'divisor_override')
  return (index) => {
    // Along each axis those that are inside alone, however large the kernel is.
    const inside = kernel.map((size, axis) => {
      const start = index[axis]! * stride[axis]! - padding[axis]!
      const [least, step] = [Math.max(0, Math.ceil(-start / dilation[axis]!)), dilation[axis]!]
      const most = Math.min(size - 1, Math.floor((from[axis]! - 1 - start) / step))
      return Array.from({ length: Math.max(0, most - least + 1) }, (_, i) => start + (least + i) * step)
    })
    const places: number[] = []
    forIndices(
      inside.map(({ length }) => length),
      (tap) => places.push(tap.reduce((sum, i, axis) => sum + inside[axis]![i]! * steps[axis]!, 0)),
    )
    // What is past the padding, where windows are rounded up, never counts.
    const whole = kernel.reduce((product, size, axis) => {
      const start = index[axis]! * stride[axis]! - padding[axis]!
      return product * (Math.min(start + size, from[axis]! + padding[axis]!) - start)
    }, 1)
    const size = override !== 0 ? override : flagOf(options, 'count_include_pad') ? whole : places.length
    return { places, size }
  }
}

/** options: to, the sizes that come out; kernel_size, stride, padding, dilation. */
const max_pool: Call = ([x], options) => {
  return overWindows(x!, numbersOf(options, 'to'), moving(x!, options), ({ places }, base) => {
    return x!.data[base + largest(x!, places, base)]!
  })
}

/** Where the largest stands among the numbers of the last axes. */
const max_pool_indices: Call = ([x], options) => {
  return overWindows(x!, numbersOf(options, 'to'), moving(x!, options), ({ places }, base) => largest(x!, places, base))
}

/** The first of the largest, a NaN above all. */
function largest({ data }: Value, places: readonly number[], base: number): number {
  let best = places[0]!
  for (const place of places) {
    const own = data[base + place]!
    if (own > data[base + best]! || (Number.isNaN(own) && !Number.isNaN(data[base + best]!))) best = place
  }
  return best
}

function mean({ data }: Value, { places, size }: Window, base: number): number {
  let sum = 0
  for (const place of places) sum += data[base + place]!
  return sum / size
}

const avg_pool: Call = ([x], options) => {
  return overWindows(x!, numbersOf(options, 'to'), moving(x!, options), (window, base) => mean(x!, window, base))
}

/** Windows that share a number where sizes do not divide: from ⌊i·n/m⌋ to ⌈(i + 1)·n/m⌉. */
export function adaptive(x: Value, to: readonly number[]): (index: readonly number[]) => Window {
  const from = x.shape.slice(x.shape.length - to.length)
  const steps = stridesOf(from)
  return (index) => {
    const starts = index.map((i, axis) => Math.floor((i * from[axis]!) / to[axis]!))
    const sizes = index.map((i, axis) => Math.ceil(((i + 1) * from[axis]!) / to[axis]!) - starts[axis]!)
    const places: number[] = []
    forIndices(sizes, (tap) => places.push(tap.reduce((sum, k, axis) => sum + (starts[axis]! + k) * steps[axis]!, 0)))
    return { places, size: places.length }
  }
}

const adaptive_avg_pool: Call = ([x], options) => {
  const to = numbersOf(options, 'to')
  return overWindows(x!, to, adaptive(x!, to), (window, base) => mean(x!, window, base))
}

const adaptive_max_pool: Call = ([x], options) => {
  const to = numbersOf(options, 'to')
  return overWindows(x!, to, adaptive(x!, to), ({ places }, base) => x!.data[base + largest(x!, places, base)]!)
}

/** options: to; scales: how many of the old for one of the new, along each axis. */
const nearest =
  (shift: number): Call =>
  ([x], options) => {
    const [to, scales] = [numbersOf(options, 'to'), numbersOf(options, 'scales')]
    const from = x!.shape.slice(x!.shape.length - to.length)
    const steps = stridesOf(from)
    const windowOf = (index: readonly number[]): Window => {
      const place = index.reduce((sum, i, axis) => {
        return (
          sum +
          Math.min(Math.floor(Math.fround((i + shift) * Math.fround(scales[axis]!))), from[axis]! - 1) * steps[axis]!
        )
      }, 0)
      return { places: [place], size: 1 }
    }
    return overWindows(x!, to, windowOf, (window, base) => x!.data[base + window.places[0]!]!)
  }

/** The same, between two neighbours along each axis; align_corners: the first and last of both are the same places. */
const upsample_linear: Call = ([x], options) => {
  const [to, scales] = [numbersOf(options, 'to'), numbersOf(options, 'scales')]
  const isAligned = flagOf(options, 'align_corners')
  const from = x!.shape.slice(x!.shape.length - to.length)
  const steps = stridesOf(from)
  const outer = x!.shape.slice(0, x!.shape.length - to.length)
  const [count, size] = [elementCount(to), elementCount(from)]
  const data = new Float64Array(elementCount(outer) * count)
  forIndices(to, (index, p) => {
    let corners: readonly (readonly [place: number, weight: number])[] = [[0, 1]]
    for (const [axis, i] of index.entries()) {
      const at = isAligned ? i * scales[axis]! : Math.max((i + 0.5) * scales[axis]! - 0.5, 0)
      const low = Math.min(Math.floor(at), from[axis]! - 1)
      const high = Math.min(low + 1, from[axis]! - 1)
      const part = at - low
      corners = corners.flatMap(([place, weight]) => [
        [place + low * steps[axis]!, weight * (1 - part)] as const,
        [place + high * steps[axis]!, weight * part] as const,
      ])
    }
    for (let i = 0; i < elementCount(outer); i++) {
      let sum = 0
      for (const [place, weight] of corners) sum += x!.data[i * size + place]! * weight
      data[i * count + p] = sum
    }
  })
  return { shape: [...outer, ...to], data }
}

export const pooling: Readonly<Record<string, Call>> = {
  max_pool,
  max_pool_indices,
  avg_pool,
  adaptive_avg_pool,
  adaptive_max_pool,
  upsample_nearest: nearest(0),
  upsample_nearest_exact: nearest(0.5),
  upsample_linear,
}
