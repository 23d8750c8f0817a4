import type { Outputs, Request } from '../case.ts'
import { extentOf, numDirections, type RNNConfig, suffix } from '../module.ts'
import { type FloatTensor, float64Data, floatTensor } from '../tensor.ts'
import type { Cell } from './cell.ts'
import { runLayers, torchWiring, type Wiring } from './layers.ts'
import { linear } from './linear.ts'
import { type Activation, activations, rnnCell } from './rnn.ts'
import type { Weights } from './scan.ts'

/** Something that computes requests: ours, or the user's port. */
export interface Engine {
  readonly name: string
  /** Names and shapes as in torch, dtype as in the request. */
  run(request: Request): Outputs | Promise<Outputs>
  /** The string says why not. */
  supports?(request: Request): true | string | Promise<true | string>
}

/** Where a faulted engine departs from torch; everything that is absent is as in torch. */
export interface Departures {
  readonly activation?: Activation
  readonly wiring?: Partial<Wiring>
}

/** Our engine: float64 throughout, outputs rounded to the request's dtype. */
export const engine: Engine = { name: 'torch-parity', run: (request) => run(request) }

/**
 * Computes a request as torch does, dropout in evaluation mode (where it does nothing).
 * → output and h_n of a layer, h_1 of a cell; shapes as in torch.
 */
export function run(request: Request, departures: Departures = {}): Outputs {
  const cell = rnnCell(departures.activation ?? activations[request.config.nonlinearity])
  return request.module === 'RNN'
    ? runLayer(request, request.config, cell, { ...torchWiring, ...departures.wiring })
    : runCell(request, cell)
}

function runCell(request: Request, cell: Cell): Outputs {
  const { config, dtype, params, inputs } = request
  const { input_size, hidden_size } = config
  const { batch } = extentOf(request.module, config, inputs.input.shape)
  const rows = batch ?? 1
  const weights = weightsOf(params, '')
  const width = cell.gates * hidden_size
  const h = stateOf(inputs.h_0, rows * hidden_size)
  const fromInput = linear(float64Data(inputs.input), weights.weight_ih, weights.bias_ih, rows, input_size, width)
  const fromHidden = linear(h, weights.weight_hh, weights.bias_hh, rows, hidden_size, width)
  cell.step(fromInput, 0, fromHidden, h, rows, hidden_size)
  return { h_1: floatTensor(dtype, batch === undefined ? [hidden_size] : [batch, hidden_size], h) }
}

function runLayer(request: Request, config: RNNConfig, cell: Cell, wiring: Wiring): Outputs {
  const { dtype, params, inputs } = request
  const { input_size, hidden_size, num_layers } = config
  const extent = extentOf(request.module, config, inputs.input.shape)
  const { seq_len = 1, batch } = extent
  const rows = batch ?? 1
  const directions = numDirections(config)
  const swap = config.batch_first && batch !== undefined

  const input = float64Data(inputs.input)
  const h = stateOf(inputs.h_0, num_layers * directions * rows * hidden_size)
  const output = runLayers({
    cell,
    wiring,
    weights: Array.from({ length: num_layers }, (_, layer) =>
      Array.from({ length: directions }, (_, direction) => weightsOf(params, suffix(layer, direction))),
    ),
    input: swap ? swapOuter(input, rows, seq_len) : input,
    h,
    seq_len,
    batch: rows,
    input_size,
    hidden_size,
    lengths: inputs.lengths === undefined ? undefined : Array.from(inputs.lengths.data, Number),
  })

  const width = directions * hidden_size
  const states = num_layers * directions
  const outer = batch === undefined ? [seq_len] : config.batch_first ? [batch, seq_len] : [seq_len, batch]
  return {
    output: floatTensor(dtype, [...outer, width], swap ? swapOuter(output, seq_len, rows) : output),
    h_n: floatTensor(dtype, batch === undefined ? [states, hidden_size] : [states, batch, hidden_size], h),
  }
}

/** Exchanges the first two axes. x: (first, second, …) → (second, first, …) */
function swapOuter(x: Float64Array, first: number, second: number): Float64Array {
  const swapped = new Float64Array(x.length)
  const inner = x.length / (first * second)
  for (let i = 0; i < first; i++) {
    for (let j = 0; j < second; j++) {
      const from = (i * second + j) * inner
      swapped.set(x.subarray(from, from + inner), (j * first + i) * inner)
    }
  }
  return swapped
}

/** A copy of the initial state, or zeros: the engine changes states in place. */
function stateOf(h_0: FloatTensor | undefined, length: number): Float64Array {
  return h_0 === undefined ? new Float64Array(length) : Float64Array.from(h_0.data)
}

function weightsOf(params: Request['params'], suffix: string): Weights {
  const optional = (name: string): Float64Array | undefined => {
    const parameter = params[name + suffix]
    return parameter === undefined ? undefined : float64Data(parameter)
  }
  // Reading the case has checked that both weights are there.
  return {
    weight_ih: optional('weight_ih')!,
    weight_hh: optional('weight_hh')!,
    bias_ih: optional('bias_ih'),
    bias_hh: optional('bias_hh'),
  }
}
