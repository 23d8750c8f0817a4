import type { Inputs, Outputs, RecurrentRequest } from '../format/case.ts'
import { extentOf, kinds, layerConfig, numDirections, stateSize, suffix } from '../format/module.ts'
import { float64Data } from '../format/tensor.ts'
import type { Cell } from './cell.ts'
import { gruCell } from './gru.ts'
import type { Inexactness, Numbers } from './inexactness.ts'
import { runLayers } from './layers.ts'
import { lstmCell } from './lstm.ts'
import { rnnCell } from './rnn.ts'
import type { Weights } from './scan.ts'

/** What `forward` gives, and the gradients by everything that went in when those by its outputs are given. */
export interface Forward {
  readonly outputs: Numbers
  readonly backward: (cotangents: Numbers) => Numbers
}

export function numbersOf(tensors: Outputs): Numbers {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, float64Data(tensor)]))
}

/** A cell is a layer of one step, with other names. */
export function forward(request: RecurrentRequest, params: Numbers, inexactness: Inexactness): Forward {
  const { module, config, inputs } = request
  const layers = layerConfig(config)
  const { seq_len = 1, batch } = extentOf(module, config, inputs.input.shape)
  const rows = batch ?? 1
  const D = layers === undefined ? 1 : numDirections(layers)
  const num_layers = layers?.num_layers ?? 1
  const suffixes = Array.from({ length: num_layers }, (_, layer) =>
    Array.from({ length: D }, (_, direction) => (layers === undefined ? '' : suffix(layer, direction))),
  )
  const swap = layers?.batch_first === true && batch !== undefined
  const timeFirst = (x: Float64Array): Float64Array => (swap ? swapOuter(x, rows, seq_len) : x)
  const asGiven = (x: Float64Array): Float64Array => (swap ? swapOuter(x, seq_len, rows) : x)
  const { hasCellState } = kinds[module]
  const states = num_layers * D * rows

  const { output, h_n, c_n, backward } = runLayers({
    cell: cellOf(request, inexactness),
    inexactness: inexactness.scan ?? {},
    weights: suffixes.map((directions) => directions.map((own) => weightsOf(params, own))),
    input: timeFirst(float64Data(inputs.input)),
    h_0: stateOf(inputs.h_0, states * stateSize(config)),
    c_0: stateOf(inputs.c_0, hasCellState ? states * config.hidden_size : 0),
    seq_len,
    batch: rows,
    input_size: config.input_size,
    hidden_size: config.hidden_size,
    lengths: inputs.lengths === undefined ? undefined : Array.from(inputs.lengths.data, Number),
    dropout: dropoutOf(inputs, layers?.dropout ?? 0),
  })
  const { h, c } = layers === undefined ? { h: 'h_1', c: 'c_1' } : { h: 'h_n', c: 'c_n' }
  return {
    outputs: {
      ...(layers === undefined ? {} : { output: asGiven(output) }),
      [h]: h_n,
      ...(hasCellState ? { [c]: c_n } : {}),
    },
    backward(cotangents) {
      const gradients = backward({
        output: cotangents['output'] === undefined ? new Float64Array(output.length) : timeFirst(cotangents['output']),
        h_n: cotangents[h] ?? new Float64Array(h_n.length),
        c_n: cotangents[c] ?? new Float64Array(c_n.length),
      })
      return {
        grad_input: asGiven(gradients.input),
        grad_h_0: gradients.h_0,
        ...(hasCellState ? { grad_c_0: gradients.c_0 } : {}),
        ...gradientsOfParameters(gradients.weights, suffixes),
      }
    },
  }
}

function cellOf(request: RecurrentRequest, { activation, gates }: Inexactness): Cell {
  if ('nonlinearity' in request.config) return rnnCell(request.config.nonlinearity, activation)
  return kinds[request.module].hasCellState ? lstmCell(gates) : gruCell(gates)
}

/** What the outputs of a layer are multiplied by: 1 / (1 − dropout) where they are kept, else 0. */
function dropoutOf({ dropout_mask }: Inputs, dropout: number): Float64Array | undefined {
  return dropout_mask && float64Data(dropout_mask).map((kept) => kept / (1 - dropout))
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

/** An initial state, or zeros. */
function stateOf(state: Inputs['h_0'], length: number): Float64Array {
  return state === undefined ? new Float64Array(length) : float64Data(state)
}

const parameterNames = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh', 'weight_hr'] as const

function weightsOf(params: Numbers, suffix: string): Weights {
  // Reading the case has checked that weight_ih and weight_hh are there.
  return Object.fromEntries(parameterNames.map((name) => [name, params[name + suffix]])) as unknown as Weights
}

function gradientsOfParameters(
  weights: readonly (readonly Weights[])[],
  suffixes: readonly (readonly string[])[],
): Numbers {
  const named: Record<string, Float64Array> = {}
  for (const [layer, directions] of weights.entries()) {
    for (const [direction, own] of directions.entries()) {
      for (const name of parameterNames) {
        const gradient = own[name]
        if (gradient !== undefined) named[`grad_${name}${suffixes[layer]![direction]!}`] = gradient
      }
    }
  }
  return named
}
