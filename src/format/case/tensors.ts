import { generatedTensor } from '../generated.ts'
import {
  broadcastStrides,
  elementCount,
  type FloatDType,
  type FloatTensor,
  formatShape,
  itemSize,
  sameShape,
  type Tensor,
  tensorFromBytes,
} from '../tensor.ts'
import type { TensorRecord } from './record.ts'
import { invalid, printable, show } from './wording.ts'

export function readWholeNumbers(
  record: TensorRecord,
  shape: readonly number[],
  lowest: number,
  highest: number,
  where: string,
  what: string,
): Tensor<'int64'> {
  const tensor = decodeTensor(record, shape, where)
  if (tensor.dtype !== 'int64') throw invalid(`${where}: expected dtype int64, got ${tensor.dtype}`)
  for (const value of tensor.data) {
    if (!(value >= BigInt(lowest) && value <= BigInt(highest))) {
      throw invalid(`${where}: expected ${what} from ${lowest} to ${highest}, got ${value}`)
    }
  }
  return tensor
}

/** Tensors of any names, shapes and dtypes. */
export function anyTensors(records: Record<string, TensorRecord>, where: string): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(records).map(([name, record]) => {
      const named = `${where}.${printable(name)}`
      if (record.generated !== undefined || record.data === undefined)
        throw invalid(`${named}: expected data, got none`)
      return [name, decodeTensor(record, undefined, named)]
    }),
  )
}

/** Every tensor of `shapes` but the optional ones, none that is not there, each of the case's dtype. */
export function tensors(
  records: Record<string, TensorRecord>,
  shapes: Readonly<Record<string, readonly number[]>>,
  dtype: FloatDType,
  where: string,
  optional: readonly string[] = [],
): Record<string, FloatTensor> {
  rejectUnknown(records, shapes, where)
  const read: Record<string, FloatTensor> = {}
  for (const name of Object.keys(shapes)) {
    const shape = shapes[name]!
    const record = records[name]
    if (record === undefined) {
      if (optional.includes(name)) continue
      throw invalid(`${where}.${name}: expected a tensor of shape ${formatShape(shape)}, got none`)
    }
    const tensor = decodeTensor(record, shape, `${where}.${name}`)
    if (tensor.dtype === 'int64' || tensor.dtype !== dtype)
      throw invalid(`${where}.${name}: expected dtype ${dtype}, got ${tensor.dtype}`)
    read[name] = tensor
  }
  return read
}

export function rejectUnknown(records: object, shapes: object, where: string): void {
  for (const name of Object.keys(records)) {
    if (!Object.hasOwn(shapes, name)) {
      const names = Object.keys(shapes)
      const wanted = names.length === 0 ? 'no tensor' : `one of ${names.join(', ')}`
      throw invalid(`${where}.${printable(name)}: expected ${wanted}, got ${show(name)}`)
    }
  }
}

/** Checks the sizes before it copies, so that a shape of 10¹² elements costs nothing. */
function decodeTensor(record: TensorRecord, shape: readonly number[] | undefined, where: string): Tensor {
  if (shape !== undefined && !sameShape(record.shape, shape)) {
    throw invalid(`${where}: expected shape ${formatShape(shape)}, got ${formatShape(record.shape)}`)
  }
  const { dtype, generated, data = new Uint8Array(0) } = record
  // Reading the record has checked that there are not too many, of floats alone.
  if (generated !== undefined) return generatedTensor(dtype as FloatDType, record.shape, generated)
  const byteLength = elementCount(record.shape) * itemSize[dtype]
  if (data.length !== byteLength) {
    throw invalid(
      `${where}: expected ${byteLength} bytes for ${dtype} ${formatShape(record.shape)}, got ${data.length}`,
    )
  }
  return tensorFromBytes(dtype, record.shape, data)
}

/** So many times a budget, as it is allowed, is still finite. */
const largestBudget = 1e307

export function budgets(
  records: Record<string, TensorRecord>,
  shapes: Readonly<Record<string, readonly number[]>>,
  where: string,
): Record<string, Tensor<'float64'>> {
  rejectUnknown(records, shapes, where)
  const read: Record<string, Tensor<'float64'>> = {}
  for (const name of Object.keys(shapes)) {
    const shape = shapes[name]!
    const record = records[name]
    if (record === undefined) throw invalid(`${where}.${name}: expected a tensor, got none`)
    if (broadcastStrides(record.shape, shape) === undefined) {
      throw invalid(
        `${where}.${name}: expected a shape that broadcasts against ${formatShape(shape)}, got ${formatShape(record.shape)}`,
      )
    }
    const tensor = decodeTensor(record, undefined, `${where}.${name}`)
    if (tensor.dtype !== 'float64') throw invalid(`${where}.${name}: expected dtype float64, got ${tensor.dtype}`)
    for (const value of tensor.data) {
      if (!(value >= 0 && value < largestBudget)) {
        throw invalid(`${where}.${name}: expected finite numbers of at least 0, got ${value}`)
      }
    }
    read[name] = tensor
  }
  return read
}
