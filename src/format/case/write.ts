import type { Case, Outputs, Request } from '../case.ts'
import type { DType, Tensor } from '../tensor.ts'

/** A case as a file holds it. */
export function recordOf(recorded: Case): object {
  const { inputs, params, cotangents, expected, budget, states, ...rest } = recorded
  return {
    ...rest,
    params: tensorRecords(params),
    inputs: tensorRecords(inputs as Outputs),
    ...(cotangents && { cotangents: tensorRecords(cotangents) }),
    expected: tensorRecords(expected),
    budget: tensorRecords(budget),
    ...(states && { states: tensorRecords(states) }),
  }
}

/** A request, or a part of one, as a case of a file says it: everything that an engine is told, and nothing that is expected. */
export function requestRecord({
  module,
  config,
  dtype,
  params,
  inputs,
  cotangents,
  training,
}: Partial<Request>): object {
  return {
    module,
    config,
    dtype,
    ...(training && { training }),
    ...(params && { params: tensorRecords(params) }),
    ...(inputs && { inputs: tensorRecords(inputs as Outputs) }),
    ...(cotangents && { cotangents: tensorRecords(cotangents) }),
  }
}

/** A tensor as a file holds it. */
interface TensorRecord {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: Uint8Array
}

/** Tensors as a file holds them, by their names. */
export function tensorRecords(tensors: Readonly<Record<string, Tensor>>): Record<string, TensorRecord> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      { dtype: tensor.dtype, shape: tensor.shape, data: bytesOf(tensor) },
    ]),
  )
}

/** The bytes of a tensor's elements, little-endian, as the machines are that this runs on. */
export function bytesOf({ dtype, data }: Tensor): Uint8Array {
  if (dtype !== 'float16' && dtype !== 'bfloat16') return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const bitsOf = dtype === 'float16' ? float16Bits : bfloat16Bits
  return new Uint8Array(Uint16Array.from(data, bitsOf).buffer)
}

const view = new DataView(new ArrayBuffer(4))

function bfloat16Bits(x: number): number {
  view.setFloat32(0, x)
  return view.getUint16(0)
}

/** Of a number that is one of float16. Source: IEEE 754, binary16. */
function float16Bits(x: number): number {
  const sign = Object.is(Math.sign(x), -0) || x < 0 ? 0x8000 : 0
  const size = Math.abs(x)
  if (Number.isNaN(x)) return 0x7e00
  if (size === Infinity) return sign | 0x7c00
  // Subnormal numbers are multiples of 2^-24.
  if (size < 2 ** -14) return sign | (size * 2 ** 24)
  const exponent = Math.floor(Math.log2(size))
  const fraction = size / 2 ** exponent - 1
  return sign | ((exponent + 15) << 10) | (fraction * 2 ** 10)
}
