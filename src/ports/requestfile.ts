// A request as a file, for those who will not write MessagePack: fixtures/README.md specifies both kinds.
import { zipSync } from 'fflate'
import type { Outputs, Request } from '../format/case.ts'
import { tensorRecords } from '../format/case/write.ts'
import type { DType, Tensor } from '../format/tensor.ts'

/** The tensors of a request, by the names that they have in a file. */
function tensorsOf({ params, inputs, cotangents }: Request): Record<string, Tensor> {
  const groups: Readonly<Record<string, Outputs>> = { params, inputs: inputs as Outputs, cotangents: cotangents ?? {} }
  return Object.fromEntries(
    Object.entries(groups).flatMap(([group, tensors]) =>
      Object.entries(tensors).map(([name, tensor]) => [`${group}.${name}`, tensor]),
    ),
  )
}

const safetensorsDTypes: Readonly<Record<DType, string>> = {
  float16: 'F16',
  bfloat16: 'BF16',
  float32: 'F32',
  float64: 'F64',
  int64: 'I64',
}

/** A request as a safetensors file, with what is no tensor as texts in `__metadata__`. Source: the format's README, "Format". */
export function requestAsSafetensors(request: Request): Uint8Array {
  const { module, config, dtype, training } = request
  const texts = { module, dtype, config: JSON.stringify(config) }
  const header: Record<string, unknown> = {
    __metadata__: training === undefined ? texts : { ...texts, training: JSON.stringify(training) },
  }
  const parts: Uint8Array[] = []
  let offset = 0
  for (const [name, { dtype, shape, data }] of Object.entries(tensorRecords(tensorsOf(request)))) {
    header[name] = { dtype: safetensorsDTypes[dtype], shape, data_offsets: [offset, offset + data.length] }
    parts.push(data)
    offset += data.length
  }
  const text = JSON.stringify(header)
  // Tensors begin at a multiple of 8, as readers that map the file into memory need them to.
  const bytes = new TextEncoder().encode(text + ' '.repeat((8 - (new TextEncoder().encode(text).length % 8)) % 8))
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(bytes.length), true)
  return Buffer.concat([length, bytes, ...parts])
}

const npyTypes: Readonly<Record<DType, string>> = {
  float16: '<f2',
  // numpy has none.
  bfloat16: '<f4',
  float32: '<f4',
  float64: '<f8',
  int64: '<i8',
}

/** A request as numpy.savez writes arrays, with what is no tensor in JSON in `request`. Source: numpy.lib.format, "Format Version 1.0". */
export function requestAsNpz(request: Request): Uint8Array {
  const { module, config, dtype, training } = request
  const text = new TextEncoder().encode(JSON.stringify({ module, config, dtype, training }))
  const files: Record<string, Uint8Array> = { 'request.npy': npy(`|S${text.length}`, [], text) }
  for (const [name, tensor] of Object.entries(tensorsOf(request))) {
    const { data } = tensor.dtype === 'bfloat16' ? { data: bytesOf(tensor.data) } : tensorRecords({ tensor })['tensor']!
    files[`${name}.npy`] = npy(npyTypes[tensor.dtype], tensor.shape, data)
  }
  return zipSync(files, { level: 0 })
}

function bytesOf({ buffer, byteOffset, byteLength }: Tensor['data']): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function npy(descr: string, shape: readonly number[], data: Uint8Array): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`
  const padded = `${text.padEnd(64 * Math.ceil((10 + text.length + 1) / 64) - 11)}\n`
  const head = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${padded}`, 'latin1')
  head.writeUInt16LE(padded.length, 8)
  return Buffer.concat([head, data])
}
