// Numbers at places that other numbers name. Source: torch.gather, Tensor.index_put_, advanced indexing.
import { elementCount } from '../../format/tensor.ts'
import { broadcast, placesOf } from '../broadcast.ts'
import { around, type Value } from '../value.ts'
import { type Call, flagOf, forIndices, numberOf, numbersOf, stridesOf } from './options.ts'

/** A place that may count from the end. */
function placeIn(size: number, index: number): number {
  const place = index < 0 ? index + size : index
  if (!(place >= 0 && place < size)) throw new RangeError(`expected an index of ${size}, got ${index}`)
  return place
}

const gather: Call = ([x, index], options) => {
  if (x!.shape.length === 0) return { shape: index!.shape, data: index!.data.map(() => x!.data[0]!) }
  const dim = numberOf(options, 'dim')
  const steps = stridesOf(x!.shape)
  const data = new Float64Array(index!.data.length)
  forIndices(index!.shape, (at, offset) => {
    let place = 0
    for (const [axis, i] of at.entries()) {
      place += (axis === dim ? placeIn(x!.shape[dim]!, index!.data[offset]!) : i) * steps[axis]!
    }
    data[offset] = x!.data[place]!
  })
  return { shape: index!.shape, data }
}

/** x, index: whole slices along a dim. */
const take_slices: Call = ([x, index], options) => {
  const dim = numberOf(options, 'dim')
  const { outer, size, inner } = around(x!.shape, dim)
  const count = index!.data.length
  const data = new Float64Array(outer * count * inner)
  for (let o = 0; o < outer; o++) {
    for (const [i, own] of index!.data.entries()) {
      const from = (o * size + placeIn(size, own)) * inner
      data.set(x!.data.subarray(from, from + inner), (o * count + i) * inner)
    }
  }
  return { shape: [...x!.shape.slice(0, dim), ...index!.shape, ...x!.shape.slice(dim + 1)], data }
}

/** Where each number of x[:, i, j] stands. dims: the axes that have an index; they stand where the first is, or, apart, in front. */
function advanced(
  x: Value,
  indices: readonly Value[],
  dims: readonly number[],
): { readonly shape: readonly number[]; readonly places: Int32Array } {
  const common = broadcast(indices)
  const at = indices.map((index) => placesOf(index.shape, common))
  const isTogether = dims.every((dim, i) => i === 0 || dim === dims[i - 1]! + 1)
  const others = x.shape.map((_, axis) => axis).filter((axis) => !dims.includes(axis))
  const before = isTogether ? others.filter((axis) => axis < dims[0]!) : []
  const after = others.filter((axis) => !before.includes(axis))
  const steps = stridesOf(x.shape)
  const shape = [...before.map((axis) => x.shape[axis]!), ...common, ...after.map((axis) => x.shape[axis]!)]
  const places = new Int32Array(elementCount(shape))
  const commonSteps = stridesOf(common)
  forIndices(shape, (index, offset) => {
    let place = 0
    for (const [i, axis] of before.entries()) place += index[i]! * steps[axis]!
    let own = 0
    for (const [i, step] of commonSteps.entries()) own += index[before.length + i]! * step
    for (const [i, dim] of dims.entries()) {
      place += placeIn(x.shape[dim]!, indices[i]!.data[at[i]?.[own] ?? own]!) * steps[dim]!
    }
    for (const [i, axis] of after.entries()) place += index[before.length + common.length + i]! * steps[axis]!
    places[offset] = place
  })
  return { shape, places }
}

/** options: dims. */
const index: Call = ([x, ...indices], options) => {
  const { shape, places } = advanced(x!, indices, numbersOf(options, 'dims'))
  return { shape, data: Float64Array.from(places, (place) => x!.data[place]!) }
}

/** x, values, indices. options: dims, accumulate. */
const index_put: Call = ([x, values, ...indices], options) => {
  const { shape, places } = advanced(x!, indices, numbersOf(options, 'dims'))
  const at = placesOf(values!.shape, shape)
  const data = Float64Array.from(x!.data)
  const isAdded = flagOf(options, 'accumulate')
  for (const [i, place] of places.entries()) {
    const own = values!.data[at?.[i] ?? i]!
    data[place] = isAdded ? data[place]! + own : own
  }
  return { shape: x!.shape, data }
}

/** x, values, mask of its first axes. options: accumulate. */
const masked_put: Call = ([x, values, mask], options) => {
  const inner = elementCount(x!.shape.slice(mask!.shape.length))
  const rows = Array.from(mask!.data.keys()).filter((i) => mask!.data[i] !== 0)
  const shape = [rows.length, ...x!.shape.slice(mask!.shape.length)]
  const at = placesOf(values!.shape, shape)
  const data = Float64Array.from(x!.data)
  const isAdded = flagOf(options, 'accumulate')
  for (const [i, row] of rows.entries()) {
    for (let j = 0; j < inner; j++) {
      const own = values!.data[at?.[i * inner + j] ?? i * inner + j]!
      const place = row * inner + j
      data[place] = isAdded ? data[place]! + own : own
    }
  }
  return { shape: x!.shape, data }
}

/** x, index, src. options: dim, reduce: add, multiply, or nothing. */
const scatter: Call = ([x, index, src], options) => {
  const dim = numberOf(options, 'dim')
  const steps = stridesOf(x!.shape)
  const sourceSteps = stridesOf(src!.shape)
  const isOne = src!.shape.length === 0
  const data = Float64Array.from(x!.data)
  forIndices(index!.shape, (at, offset) => {
    let place = 0
    let from = 0
    for (const [axis, i] of at.entries()) {
      place += (axis === dim ? placeIn(x!.shape[dim]!, index!.data[offset]!) : i) * steps[axis]!
      if (!isOne) from += i * sourceSteps[axis]!
    }
    const own = src!.data[from]!
    const before = data[place]!
    data[place] = options['reduce'] === 'add' ? before + own : options['reduce'] === 'multiply' ? before * own : own
  })
  return { shape: x!.shape, data }
}

/** options: classes. */
const one_hot: Call = ([x], options) => {
  const classes = numberOf(options, 'classes')
  const data = new Float64Array(x!.data.length * classes)
  for (const [i, own] of x!.data.entries()) data[i * classes + placeIn(classes, own)] = 1
  return { shape: [...x!.shape, classes], data }
}

export const indexing: Readonly<Record<string, Call>> = {
  gather,
  take_slices,
  index,
  index_put,
  masked_put,
  scatter,
  one_hot,
}
