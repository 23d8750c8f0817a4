import * as z from 'zod'
import { parse } from '../case/wording.ts'
import { plainText } from '../plain.ts'
import { messageOf } from '../errors.ts'
import { bytesOf } from '../case/write.ts'
import { type DType, type FloatDType, itemSize, type Tensor } from '../tensor.ts'
import { floatsOf, invalid, type Tensors } from './tensors.ts'

const dtypes: Readonly<Record<string, FloatDType>> = {
  F16: 'float16',
  BF16: 'bfloat16',
  F32: 'float32',
  F64: 'float64',
}

const Entry = z.strictObject({
  dtype: z.string(),
  shape: z.array(z.int().min(0)).max(8),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
})

/** The format allows no longer header. */
const mostHeader = 100_000_000

/** What the format has beside floats that we read. */
const others = /^(?:BOOL|[IU](?:8|16|32|64)|F8_\w+|F4|F6_\w+|C64)$/

/**
 * Reads a safetensors file; floatsOnly: what is of another kind is left out. Source: the format's README, "Format".
 * @throws ParityError TENSORS_INVALID
 */
export function readSafetensors(bytes: Uint8Array, where: string, { floatsOnly = false } = {}): Tensors {
  if (bytes.length < 8) throw invalid(where, 'a header of at least 8 bytes', `${bytes.length}`)
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  if (length > mostHeader || 8 + length > bytes.length) {
    throw invalid(where, `a header of ${length} bytes`, `a file of ${bytes.length}`)
  }
  let header: unknown
  let text = ''
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length))
    header = JSON.parse(text)
  } catch (cause) {
    throw invalid(where, 'a header in JSON', messageOf(cause))
  }
  // As a key of an object it would be no tensor, but what the object inherits from.
  if (Object.hasOwn(Object(header) as object, '__proto__')) throw invalid(where, 'names of tensors', '__proto__')
  const twice = keyTwice(text)
  if (twice !== undefined) throw invalid(where, 'each key once', `${JSON.stringify(twice)} twice`)
  const { __metadata__: _, ...entries } = parse(z.record(plainText, z.unknown()), header, where, 'TENSORS_INVALID')
  const data = bytes.subarray(8 + length)
  const read: Record<string, Tensors[string]> = {}
  let next = 0
  const ordered = Object.entries(entries)
    .map(([name, entry]) => [name, parse(Entry, entry, `${where}: ${name}`, 'TENSORS_INVALID')] as const)
    .toSorted(([, one], [, other]) => one.data_offsets[0] - other.data_offsets[0])
  for (const [name, { dtype, shape, data_offsets }] of ordered) {
    const own = `${where}: ${name}`
    const known = Object.hasOwn(dtypes, dtype) ? dtypes[dtype] : undefined
    if (known === undefined && !(floatsOnly && others.test(dtype))) {
      throw invalid(own, Object.keys(dtypes).join(', '), dtype)
    }
    const [begin, end] = data_offsets
    // No holes and no overlaps: the bytes are those of one tensor after the other.
    if (begin !== next || end < begin || end > data.length) {
      throw invalid(own, `offsets from ${next} to at most ${data.length}`, `${begin} to ${end}`)
    }
    next = end
    if (known !== undefined) read[name] = floatsOf(known, shape, data.subarray(begin, end), own)
  }
  if (next !== data.length) throw invalid(where, `${next} bytes of tensors`, `${data.length}`)
  return read
}

const codes: Readonly<Record<DType, string>> = {
  float16: 'F16',
  bfloat16: 'BF16',
  float32: 'F32',
  float64: 'F64',
  int64: 'I64',
}

/** The bytes of a safetensors file: its header and then each tensor, those of the widest dtype first, so that all are aligned. */
export function encodeSafetensors(tensors: Readonly<Record<string, Tensor>>): Uint8Array[] {
  const header: Record<string, z.infer<typeof Entry>> = {}
  const data: Uint8Array[] = []
  let at = 0
  for (const [name, tensor] of Object.entries(tensors).toSorted(
    ([, one], [, other]) => itemSize[other.dtype] - itemSize[one.dtype],
  )) {
    const bytes = bytesOf(tensor)
    data.push(bytes)
    header[name] = { dtype: codes[tensor.dtype], shape: [...tensor.shape], data_offsets: [at, (at += bytes.length)] }
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  const padded = new Uint8Array(8 + 8 * Math.ceil(text.length / 8)).fill(0x20)
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - 8), true)
  padded.set(text, 8)
  return [padded, ...data]
}

/** A key that an object in a text has twice, of which JSON.parse gives the last; the text is JSON. */
function keyTwice(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  const tokens = text.matchAll(/("(?:[^"\\]|\\.)*")\s*(:?)|[{}[\]]/gs)
  for (const [token, quoted, colon] of tokens) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (quoted === undefined) open.pop()
    else if (colon === ':') {
      // Two spellings may be the same key.
      const key = String(JSON.parse(quoted))
      const keys = open.at(-1)
      if (keys?.has(key)) return key
      keys?.add(key)
    }
  }
  return undefined
}
