import { fromBfloat16Bits, fromFloat16Bits, roundToBfloat16, roundToFloat16 } from './precision.ts'

/** float16 and bfloat16 numbers stand in a Float32Array, which holds each of them exactly. */
interface Storage {
  float16: Float32Array
  bfloat16: Float32Array
  float32: Float32Array
  float64: Float64Array
  int64: BigInt64Array
}

export type DType = keyof Storage
export type FloatDType = Exclude<DType, 'int64'>

/** A shape and its elements in C order (the last axis is contiguous), as torch's contiguous tensors are. */
export type Tensor<D extends DType = DType> = {
  [K in D]: { readonly dtype: K; readonly shape: readonly number[]; readonly data: Storage[K] }
}[D]

export type FloatTensor = Tensor<FloatDType>

/** Bytes of one element in a file. */
export const itemSize: Readonly<Record<DType, number>> = { float16: 2, bfloat16: 2, float32: 4, float64: 8, int64: 8 }

/** Unit roundoff: half the distance from 1 to the next number. */
export const unitRoundoff: Readonly<Record<FloatDType, number>> = {
  float16: 2 ** -11,
  bfloat16: 2 ** -8,
  float32: 2 ** -24,
  float64: 2 ** -53,
}

/** The smallest number above 0, and the smallest normal one. */
export const smallestPositive: Readonly<Record<FloatDType, number>> = {
  float16: 2 ** -24,
  bfloat16: 2 ** -133,
  float32: 2 ** -149,
  float64: 2 ** -1074,
}
export const smallestNormal: Readonly<Record<FloatDType, number>> = {
  float16: 2 ** -14,
  bfloat16: 2 ** -126,
  float32: 2 ** -126,
  float64: 2 ** -1022,
}

/** The number of elements of a shape; exact up to 2⁵³. */
export function elementCount(shape: readonly number[]): number {
  let count = 1
  for (let axis = 0; axis < shape.length; axis++) count *= shape[axis]!
  return count
}

/** `(5, 3, 7)`, or `()` for a scalar, in PyTorch's notation. */
export function formatShape(shape: readonly number[]): string {
  return `(${shape.join(', ')})`
}

export function sameShape(actual: readonly number[], expected: readonly number[]): boolean {
  if (actual.length !== expected.length) return false
  for (let axis = 0; axis < expected.length; axis++) if (actual[axis] !== expected[axis]) return false
  return true
}

/**
 * A float tensor of the given dtype; values are rounded to it.
 * data: product(shape) numbers in C order; the tensor shares the array when it has the right type.
 */
export function floatTensor(
  dtype: FloatDType,
  shape: readonly number[],
  data: Float32Array | Float64Array | readonly number[],
): FloatTensor {
  switch (dtype) {
    case 'float64':
      return { dtype, shape, data: data instanceof Float64Array ? data : Float64Array.from(data) }
    case 'float32':
      return { dtype, shape, data: data instanceof Float32Array ? data : Float32Array.from(data) }
    case 'float16':
      return { dtype, shape, data: Float32Array.from(data, roundToFloat16) }
    default:
      return { dtype, shape, data: Float32Array.from(data, roundToBfloat16) }
  }
}

/** The elements as float64: exact, and shared with the tensor when it is float64 already. */
export function float64Data(tensor: FloatTensor): Float64Array {
  return tensor.dtype === 'float64' ? tensor.data : Float64Array.from(tensor.data)
}

/** So few are read faster one by one than copied: an array of so few has no memory of its own yet. */
const fewBytes = 64

function smallFloat32(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const data = new Float32Array(bytes.length / 4)
  for (let i = 0; i < data.length; i++) data[i] = view.getFloat32(4 * i, true)
  return data
}

function smallFloat64(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const data = new Float64Array(bytes.length / 8)
  for (let i = 0; i < data.length; i++) data[i] = view.getFloat64(8 * i, true)
  return data
}

/** A tensor of the given dtype over little-endian bytes, which are copied (they need not be aligned). */
export function tensorFromBytes(dtype: DType, shape: readonly number[], bytes: Uint8Array): Tensor {
  const isSmall = bytes.length <= fewBytes
  if (isSmall && dtype === 'float32') return { dtype, shape, data: smallFloat32(bytes) }
  if (isSmall && dtype === 'float64') return { dtype, shape, data: smallFloat64(bytes) }
  const { buffer } = new Uint8Array(bytes)
  switch (dtype) {
    case 'float64':
      return { dtype, shape, data: new Float64Array(buffer) }
    case 'float32':
      return { dtype, shape, data: new Float32Array(buffer) }
    case 'float16':
      return { dtype, shape, data: Float32Array.from(new Uint16Array(buffer), fromFloat16Bits) }
    case 'bfloat16':
      return { dtype, shape, data: Float32Array.from(new Uint16Array(buffer), fromBfloat16Bits) }
    default:
      return { dtype, shape, data: new BigInt64Array(buffer) }
  }
}

const eightZeros: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0]

/** Of few axes, as nearly always, a part of what is there: an array that grows takes room for seventeen. */
function zeros(length: number): number[] {
  return length <= eightZeros.length ? eightZeros.slice(0, length) : Array.from({ length }, () => 0)
}

/** The index along each axis of the element at a flat offset. */
export function indexAt(shape: readonly number[], offset: number): number[] {
  const index = zeros(shape.length)
  let rest = offset
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis]!
    index[axis] = rest % size
    rest = Math.floor(rest / size)
  }
  return index
}

/**
 * For each axis of `shape`, the step in a tensor of `from` that broadcasts against it (0 where it repeats).
 * → undefined when `from` does not broadcast against `shape` without enlarging it.
 */
export function broadcastStrides(from: readonly number[], shape: readonly number[]): number[] | undefined {
  if (from.length > shape.length) return undefined
  const strides = zeros(shape.length)
  let step = 1
  for (let back = 1; back <= from.length; back++) {
    const size = from[from.length - back]!
    if (size !== 1 && size !== shape[shape.length - back]) return undefined
    if (size !== 1) strides[shape.length - back] = step
    step *= size
  }
  return strides
}

/** The given places of an axis, in their order. Source: torch.index_select. */
export function indexSelect(tensor: FloatTensor, axis: number, places: readonly number[]): FloatTensor {
  const size = tensor.shape[axis]!
  const inner = elementCount(tensor.shape.slice(axis + 1))
  const shape = tensor.shape.with(axis, places.length)
  const data = Array.from({ length: elementCount(shape) }, (_, offset) => {
    const before = Math.floor(offset / inner)
    const place = places[before % places.length]!
    return tensor.data[(Math.floor(before / places.length) * size + place) * inner + (offset % inner)]!
  })
  return floatTensor(tensor.dtype, shape, data)
}

/** Calls `visit` with every element and the number of the budget that is its own. */
export function forCells(
  shape: readonly number[],
  budgetShape: readonly number[],
  visit: (offset: number, cell: number) => void,
): void {
  // Reading the case has checked that the budget broadcasts.
  const strides = broadcastStrides(budgetShape, shape) ?? []
  const count = shape.reduce((product, size) => product * size, 1)
  const index = new Uint32Array(shape.length)
  let cell = 0
  for (let offset = 0; offset < count; offset++) {
    visit(offset, cell)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      cell += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      cell -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
}

/** The largest size of a finite number. */
export function largest(data: Float32Array | Float64Array): number {
  let most = 0
  for (const x of data) if (Math.abs(x) > most && Math.abs(x) < Infinity) most = Math.abs(x)
  return most
}
