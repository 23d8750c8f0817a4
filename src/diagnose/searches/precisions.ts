import type { RecurrentRequest } from '../../format/case.ts'
import { departing, type Fault, map, reading } from '../../faults/fault.ts'
import { roundToBfloat16, roundToFloat16 } from '../../format/precision.ts'
import type { FloatTensor } from '../../format/tensor.ts'
import { largest } from '../../format/tensor.ts'

type Recurrent = Fault<RecurrentRequest>

/** Whole numbers from −127 to 127 times a scale, one for each tensor or for each row. */
function toInt8(weight: FloatTensor, byRow: boolean): FloatTensor {
  const columns = weight.shape[1] ?? 1
  const size = byRow ? columns : weight.data.length
  const scales: number[] = []
  for (let at = 0; at < weight.data.length; at += size) {
    scales.push(largest(weight.data.subarray(at, at + size)) / 127)
  }
  return map(weight, (x, offset) => {
    const scale = scales[Math.floor(offset / size)]!
    return scale === 0 ? 0 : Math.round(x / scale) * scale
  })
}

/** Numbers of fewer digits than torch has. */
export const precisions: readonly Recurrent[] = [
  ...[false, true].map((byRow): Recurrent => ({
    name: 'weights in int8',
    sentence: `rounds the weights to int8, with one scale for each ${byRow ? 'row' : 'matrix'}`,
    appliesTo: () => true,
    plant: reading('weight', (weight) => toInt8(weight, byRow)),
  })),
  ...(
    [
      ['float16', roundToFloat16],
      ['bfloat16', roundToBfloat16],
    ] as const
  ).map(([dtype, rounded]): Recurrent => ({
    name: `states in ${dtype}`,
    sentence: `rounds the states to ${dtype} after each step`,
    appliesTo: (request) => request.dtype === 'float32' || request.dtype === 'float64',
    plant: departing({ scan: { rounded } }),
  })),
  {
    name: 'weights in float32',
    sentence: 'rounds the weights and biases to float32',
    appliesTo: ({ dtype }) => dtype === 'float64',
    plant: reading('', (parameter) => map(parameter, Math.fround)),
  },
]
