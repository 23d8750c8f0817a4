// Numbers at other places: permuted, repeated, padded, cut. Source: torch.permute, Tensor.expand, torch.nn.functional.pad.
import { elementCount } from '../../format/tensor.ts'
import { placesOf } from '../broadcast.ts'
import { around, type Computed, type Value } from '../value.ts'
import { type Call, forIndices, numberOf, numbersOf, sized, stridesOf } from './options.ts'

/** options: dims, for each axis the one that it was. */
const permute: Call = ([x], options) => {
  const dims = numbersOf(options, 'dims')
  const steps = stridesOf(x!.shape)
  const shape = dims.map((dim) => x!.shape[dim]!)
  const data = new Float64Array(x!.data.length)
  forIndices(shape, (index, offset) => {
    let place = 0
    for (const [axis, i] of index.entries()) place += i * steps[dims[axis]!]!
    data[offset] = x!.data[place]!
  })
  return { shape, data }
}

/** options: shape, to which it broadcasts. */
const expand: Call = ([x], options) => {
  const shape = numbersOf(options, 'shape')
  const places = placesOf(x!.shape, shape)
  return { shape, data: places === undefined ? x!.data : Float64Array.from(places, (place) => x!.data[place]!) }
}

/** options: repeats along each axis, of which there may be more than it has. */
const repeat: Call = ([x], options) => {
  const repeats = numbersOf(options, 'repeats')
  const from = [...repeats.slice(x!.shape.length).map(() => 1), ...x!.shape]
  const shape = sized(from.map((size, axis) => size * repeats[axis]!))
  const steps = stridesOf(from)
  const data = new Float64Array(elementCount(shape))
  forIndices(shape, (index, offset) => {
    let place = 0
    for (const [axis, i] of index.entries()) place += (i % from[axis]!) * steps[axis]!
    data[offset] = x!.data[place]!
  })
  return { shape, data }
}

/** Where a place outside of an axis is read. */
const outside: Readonly<Record<string, (place: number, size: number) => number>> = {
  constant: () => -1,
  reflect: (place, size) => (place < 0 ? -place : 2 * (size - 1) - place),
  replicate: (place, size) => (place < 0 ? 0 : size - 1),
  circular: (place, size) => (place + size) % size,
}

function cutBy(x: Value, before: readonly number[], after: readonly number[]): Computed {
  const shape = x.shape.map((size, axis) => size + before[axis]! + after[axis]!)
  const steps = stridesOf(x.shape)
  const data = new Float64Array(elementCount(shape))
  forIndices(shape, (index, offset) => {
    data[offset] = x.data[index.reduce((sum, i, axis) => sum + (i - before[axis]!) * steps[axis]!, 0)]!
  })
  return { shape, data }
}

/** options: before, after, of each axis, below 0 to cut; mode; value. */
const pad: Call = ([x], options) => {
  const [before, after] = [numbersOf(options, 'before'), numbersOf(options, 'after')]
  // What goes around goes around what is left.
  if (options['mode'] === 'circular' && [...before, ...after].some((own) => own < 0)) {
    const cut = [before, after].map((all) => all.map((own) => Math.min(own, 0))) as [number[], number[]]
    const left = [before, after].map((all) => all.map((own) => Math.max(own, 0))) as [number[], number[]]
    const kept = cutBy(x!, ...cut)
    return pad([{ ...x!, ...kept }], { ...options, before: left[0], after: left[1] })
  }
  const shape = sized(x!.shape.map((size, axis) => size + before[axis]! + after[axis]!))
  const steps = stridesOf(x!.shape)
  const other = outside[options['mode'] as string]!
  const data = new Float64Array(elementCount(shape)).fill(numberOf(options, 'value'))
  forIndices(shape, (index, offset) => {
    let place = 0
    for (const [axis, i] of index.entries()) {
      const size = x!.shape[axis]!
      let own = i - before[axis]!
      if (own < 0 || own >= size) own = other(own, size)
      if (own < 0) return
      place += own * steps[axis]!
    }
    data[offset] = x!.data[place]!
  })
  return { shape, data }
}

/** options: diagonal. Zeros above it, or with `upper` below it, in the last two axes. */
const triangle: Call = ([x], options) => {
  const [rows, columns] = [x!.shape.at(-2)!, x!.shape.at(-1)!]
  const diagonal = numberOf(options, 'diagonal')
  const isUpper = options['upper'] === true
  const data = x!.data.map((own, offset) => {
    const [row, column] = [Math.floor(offset / columns) % rows, offset % columns]
    return (isUpper ? column - row >= diagonal : column - row <= diagonal) ? own : 0
  })
  return { shape: x!.shape, data }
}

/** options: dim, size, step: windows along an axis, which stand in a new last one. */
const unfold: Call = ([x], options) => {
  const [dim, size, step] = [numberOf(options, 'dim'), numberOf(options, 'size'), numberOf(options, 'step')]
  const { shape: from } = x!
  const count = Math.floor((from[dim]! - size) / step) + 1
  const shape = sized([...from.with(dim, count), size])
  const steps = stridesOf(from)
  const data = new Float64Array(elementCount(shape))
  forIndices(shape, (index, offset) => {
    let place = index.at(-1)! * steps[dim]!
    for (let axis = 0; axis < from.length; axis++) place += index[axis]! * (axis === dim ? step : 1) * steps[axis]!
    data[offset] = x!.data[place]!
  })
  return { shape, data }
}

/** options: dim, shift. */
const roll: Call = ([x], options) => {
  const { outer, size, inner } = around(x!.shape, numberOf(options, 'dim'))
  const shift = numberOf(options, 'shift')
  const data = new Float64Array(x!.data.length)
  for (let o = 0; o < outer; o++) {
    for (let s = 0; s < size; s++) {
      const to = (((s + shift) % size) + size) % size
      const from = (o * size + s) * inner
      data.set(x!.data.subarray(from, from + inner), (o * size + to) * inner)
    }
  }
  return { shape: x!.shape, data }
}

/** x, source: source in the place of what stands at some places along a dim. options: dim, start, step. */
const put_slices: Call = ([x, source], options) => {
  const dim = numberOf(options, 'dim')
  const { outer, size, inner } = around(x!.shape, dim)
  const [start, step] = [numberOf(options, 'start'), numberOf(options, 'step')]
  const data = Float64Array.from(x!.data)
  const count = source!.shape[dim]!
  for (let o = 0; o < outer; o++) {
    for (let s = 0; s < count; s++) {
      const from = (o * count + s) * inner
      data.set(source!.data.subarray(from, from + inner), (o * size + start + s * step) * inner)
    }
  }
  return { shape: x!.shape, data }
}

/** Each number its own line of numbers: from start on, in steps. options: start, step, count. */
const range: Call = (_, options) => {
  const [start, step, count] = [numberOf(options, 'start'), numberOf(options, 'step'), numberOf(options, 'count')]
  sized([count])
  return { shape: [count], data: Float64Array.from({ length: count }, (_, i) => start + i * step) }
}

export const moves: Readonly<Record<string, Call>> = {
  permute,
  expand,
  repeat,
  pad,
  triangle,
  unfold,
  roll,
  put_slices,
  range,
}
