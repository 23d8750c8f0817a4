import type { Outputs, Request } from '../../src/case.ts'
import type { Engine } from '../../src/engine/run.ts'
import { numDirections, type RNNConfig } from '../../src/module.ts'
import { floatTensor } from '../../src/tensor.ts'

const { fround } = Math

type Dot = (x: Float32Array, xStart: number, weight: Float32Array, weightStart: number, length: number) => number

/** One sum from left to right, rounded to float32 after every operation. */
const sequential: Dot = (x, xStart, weight, weightStart, length) => {
  let sum = 0
  for (let i = 0; i < length; i++) sum = fround(sum + fround(x[xStart + i]! * weight[weightStart + i]!))
  return sum
}

/** Eight sums side by side, as vector units do, added up in pairs at the end. */
const blocked: Dot = (x, xStart, weight, weightStart, length) => {
  const lanes = new Float32Array(8)
  for (let i = 0; i < length; i++) lanes[i % 8] = lanes[i % 8]! + fround(x[xStart + i]! * weight[weightStart + i]!)
  for (let half = 4; half >= 1; half /= 2) for (let i = 0; i < half; i++) lanes[i] = lanes[i]! + lanes[i + half]!
  return lanes[0]!
}

/** Honest float32 implementations: nothing in them is wrong, only their rounding is their own. */
export const evaluators: readonly Engine[] = [
  { name: 'sequential float32', run: (request) => run(request, sequential) },
  { name: 'blocked float32', run: (request) => run(request, blocked) },
]

function run(request: Request, dot: Dot): Outputs {
  return request.module === 'RNN' ? runLayers(request, request.config, dot) : runCell(request, dot)
}

function float32(request: Request, name: string): Float32Array {
  return Float32Array.from(request.params[name]!.data)
}

/** One row of one step: tanh or relu of x W_ihᵀ + b_ih + h W_hhᵀ + b_hh. */
function step(
  request: Request,
  suffix: string,
  dot: Dot,
): (x: Float32Array, xStart: number, h: Float32Array) => Float32Array {
  const { hidden_size, bias, nonlinearity } = request.config
  const weight_ih = float32(request, `weight_ih${suffix}`)
  const weight_hh = float32(request, `weight_hh${suffix}`)
  const bias_ih = bias ? float32(request, `bias_ih${suffix}`) : undefined
  const bias_hh = bias ? float32(request, `bias_hh${suffix}`) : undefined
  const width = hidden_size === 0 ? 0 : weight_ih.length / hidden_size
  return (x, xStart, h) =>
    Float32Array.from({ length: hidden_size }, (_, unit) => {
      const fromInput = fround(dot(x, xStart, weight_ih, unit * width, width) + (bias_ih?.[unit] ?? 0))
      const fromHidden = fround(dot(h, 0, weight_hh, unit * hidden_size, hidden_size) + (bias_hh?.[unit] ?? 0))
      const sum = fround(fromInput + fromHidden)
      return nonlinearity === 'tanh' ? fround(Math.tanh(sum)) : sum < 0 ? 0 : sum
    })
}

function runCell(request: Request, dot: Dot): Outputs {
  const { input, h_0 } = request.inputs
  const { input_size, hidden_size } = request.config
  const batched = input.shape.length === 2
  const batch = batched ? input.shape[0]! : 1
  const x = Float32Array.from(input.data)
  const next = step(request, '', dot)
  const h_1 = new Float32Array(batch * hidden_size)
  for (let row = 0; row < batch; row++) {
    const h = stateOf(h_0?.data, row, hidden_size)
    h_1.set(next(x, row * input_size, h), row * hidden_size)
  }
  return { h_1: floatTensor('float32', batched ? [batch, hidden_size] : [hidden_size], h_1) }
}

function stateOf(data: Float32Array | Float64Array | undefined, row: number, hidden_size: number): Float32Array {
  return data === undefined
    ? new Float32Array(hidden_size)
    : Float32Array.from(data.subarray(row * hidden_size, (row + 1) * hidden_size))
}

function runLayers(request: Request, config: RNNConfig, dot: Dot): Outputs {
  const { input, h_0, lengths } = request.inputs
  const { hidden_size, num_layers, batch_first } = config
  const D = numDirections(config)
  const batched = input.shape.length === 3
  const batch = batched ? input.shape[batch_first ? 0 : 1]! : 1
  const seq_len = input.shape[batched && batch_first ? 1 : 0]!
  /** The place of a step of a row in input and output. */
  const place = (t: number, row: number): number => (batched && batch_first ? row * seq_len + t : t * batch + row)

  let x = Float32Array.from(input.data)
  let width = config.input_size
  const h_n = new Float32Array(num_layers * D * batch * hidden_size)
  for (let layer = 0; layer < num_layers; layer++) {
    const output = new Float32Array(seq_len * batch * D * hidden_size)
    for (let direction = 0; direction < D; direction++) {
      const next = step(request, `_l${layer}${direction === 1 ? '_reverse' : ''}`, dot)
      for (let row = 0; row < batch; row++) {
        const length = lengths === undefined ? seq_len : Number(lengths.data[row])
        const state = (layer * D + direction) * batch + row
        let h = stateOf(h_0?.data, state, hidden_size)
        for (let i = 0; i < length; i++) {
          const t = direction === 1 ? length - 1 - i : i
          h = next(x, place(t, row) * width, h)
          output.set(h, (place(t, row) * D + direction) * hidden_size)
        }
        h_n.set(h, state * hidden_size)
      }
    }
    x = output
    width = D * hidden_size
  }
  const states = batched ? [num_layers * D, batch, hidden_size] : [num_layers * D, hidden_size]
  return {
    output: floatTensor('float32', [...input.shape.slice(0, -1), D * hidden_size], x),
    h_n: floatTensor('float32', states, h_n),
  }
}
