import { elementCount, type FloatDType } from '../tensor.ts'
import { floatsOf, invalid, mostAxes } from './tensors.ts'

const dtypes: Readonly<Record<string, { readonly dtype: FloatDType; readonly size: number }>> = {
  f2: { dtype: 'float16', size: 2 },
  f4: { dtype: 'float32', size: 4 },
  f8: { dtype: 'float64', size: 8 },
}

/** NumPy itself reads no longer one. */
const mostHeader = 10_000

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/**
 * Reads an array of NumPy; bfloat16 has no name in it. Source: numpy.lib.format, versions 1 to 3.
 * @throws ParityError TENSORS_INVALID
 */
export function readNpy(bytes: Uint8Array, where: string): ReturnType<typeof floatsOf> {
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte)) {
    throw invalid(where, 'a .npy file', `${bytes.length} bytes that begin otherwise`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = bytes[6]!
  if (version < 1 || version > 3) throw invalid(where, 'a .npy file of version 1 to 3', `version ${version}`)
  const start = version === 1 ? 10 : 12
  const end = start + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true))
  if (end > bytes.length) throw invalid(where, `a header of ${end - start} bytes`, `${bytes.length - start}`)
  if (end - start > mostHeader) throw invalid(where, `a header of at most ${mostHeader} bytes`, `${end - start}`)
  const { descr, fortran, shape } = readHeader(new TextDecoder('latin1').decode(bytes.subarray(start, end)), where)
  const known = dtypes[descr.slice(1)]
  if (known === undefined || !/^[<>=]/.test(descr)) throw invalid(where, 'an array of f2, f4 or f8', descr)
  const count = elementCount(shape)
  let data = new Uint8Array(bytes.subarray(end))
  if (data.length === count * known.size) {
    if (descr.startsWith('>')) data = swapped(data, known.size)
    if (fortran) data = toCOrder(data, shape, known.size)
  }
  return floatsOf(known.dtype, shape, data, where)
}

interface Header {
  readonly descr: string
  readonly fortran: boolean
  readonly shape: readonly number[]
}

/** A dictionary of Python with these three keys, each once, written without escapes. */
function readHeader(header: string, where: string): Header {
  const compact = /\d\s+\d/.test(header) ? '' : header.replace(/\s+/g, '')
  const isDictionary = /^\{(?:'\w+':(?:'[^'\\]*'|True|False|\([\d,]*\)),?)*\}$/.test(compact)
  const entries = isDictionary ? [...compact.matchAll(/'(\w+)':(?:'([^']*)'|(True|False)|\(([\d,]*)\))/g)] : []
  const valueOf = (key: string, kind: number): string | undefined => entries.find((entry) => entry[1] === key)?.[kind]
  const descr = valueOf('descr', 2)
  const fortran = valueOf('fortran_order', 3)
  const sizes = valueOf('shape', 4)
  if (entries.length !== 3 || fortran === undefined || sizes === undefined || descr === undefined) {
    throw invalid(
      where,
      "a header with one 'descr', 'fortran_order' and 'shape'",
      JSON.stringify(header.trim().slice(0, 80)),
    )
  }
  const shape = sizes
    .split(',')
    .filter((size) => size !== '')
    .map(Number)
  if (shape.length > mostAxes) throw invalid(where, `at most ${mostAxes} axes`, `${shape.length}`)
  return { descr, fortran: fortran === 'True', shape }
}

function swapped(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes, (_, i) => bytes[i - (i % size) + size - 1 - (i % size)]!)
}

/** The first axis varies fastest in what is given, the last one in what comes out. */
function toCOrder(bytes: Uint8Array, shape: readonly number[], size: number): Uint8Array<ArrayBuffer> {
  const ordered = new Uint8Array(bytes.length)
  const count = bytes.length / size
  for (let to = 0; to < count; to++) {
    let rest = to
    let from = 0
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const inner = shape.slice(0, axis).reduce((product, each) => product * each, 1)
      from += (rest % shape[axis]!) * inner
      rest = Math.floor(rest / shape[axis]!)
    }
    ordered.set(bytes.subarray(from * size, (from + 1) * size), to * size)
  }
  return ordered
}
