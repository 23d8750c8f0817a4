// The constants of an ONNX model. Source: onnx/onnx.proto, whose field numbers these are.
import { elementCount, type FloatDType, itemSize } from '../tensor.ts'
import { isPlain } from '../errors.ts'
import { fieldsOf, varintsOf } from './protobuf.ts'
import { floatsOf, invalid, mostAxes, type Tensors } from './tensors.ts'

/** TensorProto.DataType. */
const floats: Readonly<Record<number, FloatDType>> = { 1: 'float32', 10: 'float16', 11: 'float64', 16: 'bfloat16' }

/** A constant that stands in a file beside the model. */
export interface External {
  readonly name: string
  readonly dtype: FloatDType
  readonly shape: readonly number[]
  /** A path from the folder of the model. */
  readonly location: string
  readonly offset: number
  readonly length: number
}

/** What a model holds. */
export interface Initializers {
  readonly tensors: Tensors
  readonly external: readonly External[]
  /** The names of those that are no floats. */
  readonly others: readonly string[]
}

/**
 * Reads the initializers of a model's graph, those of floats.
 * @throws ParityError TENSORS_INVALID
 */
export function readOnnx(bytes: Uint8Array, where: string): Initializers {
  const tensors: Record<string, Tensors[string]> = {}
  const external: External[] = []
  const others: string[] = []
  const names = new Set<string>()
  let graphs = 0
  for (const model of fieldsOf(bytes, where)) {
    if (model.number !== 7 || model.wire !== 'bytes') continue
    graphs++
    for (const field of fieldsOf(model.value, `${where}: graph`)) {
      if (field.number === 15) throw invalid(where, 'initializers', 'sparse ones')
      if (field.number !== 5 || field.wire !== 'bytes') continue
      const own = tensorProto(field.value, `${where}: initializer ${names.size}`)
      const place = `${where}: ${own.name}`
      if (!isPlain(own.name) || own.name === '__proto__')
        throw invalid(where, 'names of tensors', JSON.stringify(own.name))
      if (names.has(own.name)) throw invalid(where, 'each initializer once', `${own.name} twice`)
      names.add(own.name)
      const dtype = floats[own.type]
      if (dtype === undefined) others.push(own.name)
      else if (own.location === undefined)
        tensors[own.name] = floatsOf(dtype, own.shape, contentOf(own, dtype, place), place)
      else external.push({ name: own.name, dtype, shape: own.shape, ...rangeOf(own.location, own.shape, dtype, place) })
    }
  }
  if (graphs !== 1) throw invalid(where, 'an ONNX model, which has one graph', `${graphs}`)
  return { tensors, external, others }
}

interface TensorProto {
  readonly name: string
  readonly type: number
  readonly shape: readonly number[]
  /** `raw_data`, `float_data` and `double_data` as they stand, `int32_data` as its numbers. */
  readonly raw: Uint8Array | undefined
  readonly parts: readonly { readonly dtype: FloatDType; readonly bytes: Uint8Array }[]
  readonly integers: readonly bigint[]
  /** Where its bytes are, where they are in another file. */
  readonly location: ReadonlyMap<string, string> | undefined
}

function tensorProto(bytes: Uint8Array, where: string): TensorProto {
  const shape: number[] = []
  const integers: bigint[] = []
  const parts: { dtype: FloatDType; bytes: Uint8Array }[] = []
  const entries = new Map<string, string>()
  let [name, type, isExternal] = ['', 0, false]
  let raw: Uint8Array | undefined
  for (const field of fieldsOf(bytes, where)) {
    const { number, value } = field
    if (number === 1) for (const size of wholes(field, where)) shape.push(Number(size))
    if (number === 5) integers.push(...wholes(field, where))
    if (number === 2 && typeof value === 'bigint') type = Number(value)
    if (number === 14 && typeof value === 'bigint') isExternal = value === 1n
    if (typeof value === 'bigint') continue
    if (number === 4) parts.push({ dtype: 'float32', bytes: value })
    if (number === 10) parts.push({ dtype: 'float64', bytes: value })
    if (number === 8) name = text(value, where)
    if (number === 9) raw = value
    if (number === 13) {
      const [key = '', entry = ''] = entryOf(value, where)
      entries.set(key, entry)
    }
  }
  if (shape.length > mostAxes || !shape.every((size) => Number.isSafeInteger(size))) {
    throw invalid(`${where} ${name}`, `at most ${mostAxes} sizes`, shape.slice(0, mostAxes + 1).join(', '))
  }
  return { name, type, shape, raw, parts, integers, location: isExternal ? entries : undefined }
}

function wholes(field: { readonly value: bigint | Uint8Array }, where: string): Iterable<bigint> {
  return typeof field.value === 'bigint' ? [field.value] : varintsOf(field.value, where)
}

function entryOf(bytes: Uint8Array, where: string): string[] {
  const pair = ['', '']
  for (const { number, value } of fieldsOf(bytes, where)) {
    if (typeof value !== 'bigint' && (number === 1 || number === 2)) pair[number - 1] = text(value, where)
  }
  return pair
}

function text(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid(where, 'text in UTF-8', 'other bytes')
  }
}

/** The bytes of a tensor, which stand in one of four fields. */
function contentOf({ raw, parts, integers, shape }: TensorProto, dtype: FloatDType, where: string): Uint8Array {
  const given = [raw !== undefined, parts.length > 0, integers.length > 0].filter(Boolean).length
  if (given > 1) throw invalid(where, 'numbers in one field', `in ${given}`)
  if (raw !== undefined) return raw
  if (itemSize[dtype] === 2) {
    // float16 and bfloat16 stand as their bits, one to a number.
    const bits = Uint16Array.from(integers, Number)
    return new Uint8Array(bits.buffer)
  }
  const off = parts.find((part) => part.dtype !== dtype)
  if (off !== undefined) throw invalid(where, `numbers of ${dtype}`, `of ${off.dtype}`)
  const length = parts.reduce((sum, part) => sum + part.bytes.length, 0)
  const wanted = elementCount(shape) * itemSize[dtype]
  if (length !== wanted) throw invalid(where, `${wanted} bytes`, `${length}`)
  const all = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    all.set(part.bytes, at)
    at += part.bytes.length
  }
  return all
}

/** Source: onnx, "External Data": `offset` and `length` are left out for a whole file. */
function rangeOf(
  entries: ReadonlyMap<string, string>,
  shape: readonly number[],
  dtype: FloatDType,
  where: string,
): { readonly location: string; readonly offset: number; readonly length: number } {
  const wanted = elementCount(shape) * itemSize[dtype]
  const [offset, length] = ['offset', 'length'].map((key, i) => Number(entries.get(key) ?? [0, wanted][i])) as [
    number,
    number,
  ]
  if (!Number.isSafeInteger(offset) || offset < 0 || length !== wanted) {
    throw invalid(where, `${wanted} bytes from an offset on`, `${length} from ${offset} on`)
  }
  return { location: entries.get('location') ?? '', offset, length }
}
