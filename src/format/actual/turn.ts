// A tensor of a port read in another order, number by number.
import { elementCount, floatTensor, formatShape, sameShape, type FloatTensor } from '../tensor.ts'
import { invalid } from './tensors.ts'

/** The same numbers in C order, in another shape; −1 is what is left. */
export function reshaped(tensor: FloatTensor, sizes: readonly number[], where: string): FloatTensor {
  const count = elementCount(tensor.shape)
  const known = elementCount(sizes.filter((size) => size !== -1))
  const shape = sizes.map((size) => (size === -1 ? (known === 0 ? 0 : count / known) : size))
  if (elementCount(shape) !== count || shape.some((size) => !Number.isInteger(size))) {
    throw invalid(where, `a tensor to be read as ${formatShape(sizes)}`, `shape ${formatShape(tensor.shape)}`)
  }
  return { ...tensor, shape }
}

/** Axis i of what comes out is axis axes[i] of what goes in. */
export function transposed(tensor: FloatTensor, axes: readonly number[]): FloatTensor {
  const { shape } = tensor
  const to = axes.map((axis) => shape[axis]!)
  const strides = axes.map((axis) => elementCount(shape.slice(axis + 1)))
  return gathered(tensor, to, (index) => index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0))
}

/**
 * What stands one after the other along an axis, each of its own shape; or, where the tensor has one axis more than they, each at its
 * index along that axis.
 */
export function partsOf(
  tensor: FloatTensor,
  axis: number,
  shapes: readonly (readonly number[])[],
  where: string,
): FloatTensor[] {
  const { shape } = tensor
  const [first = []] = shapes
  const isStacked = shape.length === first.length + 1
  const sizes = shapes.map((own) => (isStacked ? 1 : (own[axis] ?? 0)))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const others = (own: readonly number[]): number[] => own.filter((_, i) => i !== axis)
  const fits = shapes.every((own) => sameShape(others(shape), isStacked ? own : others(own)))
  if (shape[axis] !== total || !fits) {
    const words = shapes.map((own) => formatShape(own)).join(', ')
    throw invalid(where, `${words} joined along axis ${axis}`, `shape ${formatShape(shape)}`)
  }
  const inner = elementCount(shape.slice(axis + 1))
  let begin = 0
  return shapes.map((own, i) => {
    const size = sizes[i]!
    const start = begin
    begin += size
    const block = size * inner
    const data = Float64Array.from({ length: elementCount(own) }, (_, offset) => {
      const outer = Math.floor(offset / block)
      return tensor.data[(outer * total + start) * inner + (offset % block)]!
    })
    return floatTensor(tensor.dtype, own, data)
  })
}

/** from: where an element is taken from, by its index and its place in C order. */
export function gathered(
  tensor: FloatTensor,
  shape: readonly number[],
  from: (index: readonly number[], offset: number) => number,
): FloatTensor {
  const data = tensor.data.slice()
  const index = shape.map(() => 0)
  for (let offset = 0; offset < data.length; offset++) {
    data[offset] = tensor.data[from(index, offset)]!
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0
  }
  return { ...tensor, shape, data } as FloatTensor
}
