import { decode } from '@msgpack/msgpack'
import * as z from 'zod'
import { renamed } from './actual/map.ts'
import type { NameMap } from './actual/rules.ts'
import { readNpy } from './actual/npy.ts'
import { readNpz } from './actual/npz.ts'
import { readSafetensors } from './actual/safetensors.ts'
import { floatsOf, invalid, type Tensors } from './actual/tensors.ts'
import { parse } from './case/wording.ts'
import type { Case, Outputs } from './case.ts'
import { messageOf } from './errors.ts'
import { keyTwice } from './messages.ts'
import { type FloatDType, floatTensor, unitRoundoff } from './tensor.ts'

/** What somebody has computed elsewhere, as far as a case expects it. */
interface Actual {
  readonly outputs: Outputs
  /** What was made of the file, in words. */
  readonly notes: readonly string[]
}

/** How large a file may be that holds what a case expects, in whatever dtype, and other tensors beside it. */
export function mostBytesOf({ expected }: Case): number {
  const elements = Object.values(expected).reduce((sum, { data }) => sum + data.length, 0)
  return 2 ** 26 + 16 * 8 * elements
}

const TensorRecord = z.strictObject({
  dtype: z.enum(['float16', 'bfloat16', 'float32', 'float64']),
  shape: z.array(z.int().min(0)).max(8),
  data: z.instanceof(Uint8Array),
})

const readers: Readonly<
  Record<string, (bytes: Uint8Array, where: string, only: string, mostBytes: number) => Tensors>
> = {
  npy: (bytes, where, only) => ({ [only]: readNpy(bytes, where) }),
  npz: (bytes, where, _, mostBytes) => readNpz(bytes, where, mostBytes),
  safetensors: (bytes, where) => readSafetensors(bytes, where),
  msgpack: readMessagePack,
}

/**
 * Reads tensors that were computed elsewhere: .npy, .npz, .safetensors, or .msgpack, a map of tensors as fixtures hold them. What
 * is wider than the case's dtype is rounded to it. map: how they are called there.
 * @throws ParityError TENSORS_INVALID
 */
export function readActual(name: string, bytes: Uint8Array, recorded: Case, map?: NameMap): Actual {
  const [first = ''] = Object.keys(recorded.expected)
  const named = (stem: string): string => (map !== undefined || Object.hasOwn(recorded.expected, stem) ? stem : first)
  const read = readTensors(name, bytes, named, mostBytesOf(recorded))
  const tensors = map === undefined ? read : renamed(read, map, recorded, name)
  const notes: string[] = []
  const own: Record<string, Tensors[string]> = {}
  for (const [tensor, given] of Object.entries(tensors)) {
    if (Object.hasOwn(recorded.expected, tensor)) own[tensor] = given
    else notes.push(`${tensor} is not of this case and was left out`)
  }
  const missing = Object.keys(recorded.expected).filter((tensor) => !Object.hasOwn(own, tensor))
  if (Object.keys(own).length === 0) {
    throw invalid(name, `one of ${missing.join(', ')}`, Object.keys(tensors).join(', ') || 'no tensor')
  }
  const outputs = roundedTo(recorded.dtype, own, (tensor, from) =>
    notes.push(`${tensor} was rounded from ${from} to ${recorded.dtype}`),
  )
  if (missing.length > 0) notes.push(`not given, and not judged: ${missing.join(', ')}`)
  return { outputs, notes }
}

/**
 * Reads the tensors of a file by its extension.
 * named: how the only tensor of a .npy is called, by the name of the file without its extension; mostBytes: of what is unpacked.
 * @throws ParityError TENSORS_INVALID
 */
export function readTensors(
  name: string,
  bytes: Uint8Array,
  named: (stem: string) => string,
  mostBytes: number,
): Tensors {
  const [, stem = '', extension = ''] = /([^/\\]*)\.([^./\\]+)$/.exec(name) ?? []
  const read = Object.hasOwn(readers, extension) ? readers[extension] : undefined
  const known = Object.keys(readers).map((each) => `.${each}`)
  if (read === undefined)
    throw invalid(name, `a file ${known.join(', ')}`, extension === '' ? 'no such name' : `.${extension}`)
  return read(bytes, name, named(stem), mostBytes)
}

/** The tensors in a case's dtype, as far as they are wider; each that was rounded is told. */
export function roundedTo(
  dtype: FloatDType,
  tensors: Tensors,
  onRounded: (tensor: string, from: FloatDType) => void,
): Outputs {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, given]) => {
      if (unitRoundoff[given.dtype] >= unitRoundoff[dtype]) return [name, given]
      onRounded(name, given.dtype)
      return [name, floatTensor(dtype, given.shape, Float64Array.from(given.data))]
    }),
  )
}

function readMessagePack(bytes: Uint8Array, where: string): Tensors {
  let value: unknown
  try {
    value = decode(bytes)
  } catch (cause) {
    throw invalid(where, 'a map of tensors in MessagePack', messageOf(cause))
  }
  const twice = keyTwice(bytes)
  if (twice !== undefined) throw invalid(where, 'each key of a map once', `${JSON.stringify(twice)} twice`)
  return tensorsOf(value, where)
}

/**
 * Tensors as a fixture holds them, from a message.
 * @throws ParityError TENSORS_INVALID
 */
export function tensorsOf(value: unknown, where: string): Tensors {
  const records = parse(z.record(z.string(), TensorRecord), value, where, 'TENSORS_INVALID')
  return Object.fromEntries(
    Object.entries(records).map(([name, { dtype, shape, data }]) => [
      name,
      floatsOf(dtype, shape, data, `${where}: ${name}`),
    ]),
  )
}
