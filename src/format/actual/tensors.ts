import { ParityError } from '../errors.ts'
import { elementCount, type FloatDType, formatShape, itemSize, type Tensor, tensorFromBytes } from '../tensor.ts'

/** Tensors of a file that somebody else has written, by name. */
export type Tensors = Readonly<Record<string, Tensor<FloatDType>>>

/** No tensor of a case has more. */
export const mostAxes = 8

export function invalid(where: string, expected: string, got: string): ParityError {
  return new ParityError('TENSORS_INVALID', `${where}: expected ${expected}, got ${got}`)
}

/** bytes: exactly those of the elements, little-endian, C order. */
export function floatsOf(
  dtype: FloatDType,
  shape: readonly number[],
  bytes: Uint8Array,
  where: string,
): Tensor<FloatDType> {
  const wanted = elementCount(shape) * itemSize[dtype]
  if (bytes.length !== wanted) {
    throw invalid(where, `${wanted} bytes for ${dtype} of shape ${formatShape(shape)}`, `${bytes.length}`)
  }
  // A dtype that is a float's gives a tensor of floats.
  return tensorFromBytes(dtype, shape, bytes) as Tensor<FloatDType>
}
