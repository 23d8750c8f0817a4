import type { Request } from '../../src/format/case.ts'
import { extentOf, kinds, layerConfig, type ModuleName, stateSize } from '../../src/format/module.ts'
import {
  type Arithmetic,
  createTape,
  gradientsOf,
  joined,
  type Linear,
  linearOf,
  type Tape,
  type Vector,
} from './tape.ts'

const { fround } = Math

/** What asks for one of torch's recurrent modules. */
export type RecurrentRequest = Extract<Request, { readonly module: ModuleName }>

export function isRecurrent(request: Request): request is RecurrentRequest {
  return Object.hasOwn(kinds, request.module)
}

/** Named tensors without their shapes. */
export type Numbers = Readonly<Record<string, Float32Array>>

/** How an implementation calculates, and how it writes an equation that can be written in two ways. */
export interface Ways extends Arithmetic {
  /** Whether a GRU takes h' = n + z ∘ (h − n), as torch does, instead of the printed (1 − z) ∘ n + z ∘ h. */
  readonly fromN: boolean
}

interface State {
  readonly h: Vector
  readonly c: Vector
}

/** The products of one layer and direction. */
interface Weights {
  readonly ih: Linear
  readonly hh: Linear
  readonly hr: Linear | undefined
}

type Step = (x: Vector, before: State, weights: Weights, t: number) => State

/** One row of one time step: everything that makes a module an RNN, an LSTM or a GRU. */
function stepOf({ module, config }: RecurrentRequest, tape: Tape, fromN: boolean): Step {
  const { add, subtract, multiply, complement, tanh, relu, sigmoid, linear } = tape
  const gate = (x: Vector, which: number): Vector => tape.part(x, which * config.hidden_size, config.hidden_size)
  const rnn: Step = (x, { h, c }, { ih, hh }, t) => {
    const sum = add(linear(x, ih, t), linear(h, hh, t))
    return { h: 'nonlinearity' in config && config.nonlinearity === 'relu' ? relu(sum) : tanh(sum), c }
  }
  const lstm: Step = (x, { h, c }, { ih, hh, hr }, t) => {
    const sum = add(linear(x, ih, t), linear(h, hh, t))
    const i = sigmoid(gate(sum, 0))
    const f = sigmoid(gate(sum, 1))
    const g = tanh(gate(sum, 2))
    const o = sigmoid(gate(sum, 3))
    const after = add(multiply(f, c), multiply(i, g))
    const hidden = multiply(o, tanh(after))
    return { h: hr === undefined ? hidden : linear(hidden, hr, t), c: after }
  }
  const gru: Step = (x, { h, c }, { ih, hh }, t) => {
    const fromInput = linear(x, ih, t)
    const fromHidden = linear(h, hh, t)
    const r = sigmoid(add(gate(fromInput, 0), gate(fromHidden, 0)))
    const z = sigmoid(add(gate(fromInput, 1), gate(fromHidden, 1)))
    const n = tanh(add(gate(fromInput, 2), multiply(r, gate(fromHidden, 2))))
    if (fromN) return { h: add(n, multiply(z, subtract(h, n))), c }
    return { h: add(multiply(complement(z), n), multiply(z, h)), c }
  }
  return { RNN: rnn, RNNCell: rnn, LSTM: lstm, LSTMCell: lstm, GRU: gru, GRUCell: gru }[module]
}

/**
 * Runs a module, each row on its own, as long as it is; a cell is a layer of one step.
 * recording: whether `backward` will be called.
 * → outputs, and the gradients by everything that went in, by those by the outputs.
 */
export function forward(
  request: RecurrentRequest,
  params: Numbers,
  ways: Ways,
  recording: boolean,
): { readonly outputs: Numbers; readonly backward: (cotangents: Numbers) => Numbers } {
  const { module, config, inputs } = request
  const { hidden_size } = config
  const layers = layerConfig(config)
  const { seq_len = 1, batch: given } = extentOf(module, config, inputs.input.shape)
  const batch = given ?? 1
  const num_layers = layers?.num_layers ?? 1
  const D = layers?.bidirectional === true ? 2 : 1
  const state_size = stateSize(config)
  const rowFirst = layers?.batch_first === true && given !== undefined
  /** The place of a step of a row in input and output. */
  const place = (t: number, row: number): number => (rowFirst ? row * seq_len + t : t * batch + row)
  const lengthOf = (row: number): number => Number(inputs.lengths?.data[row] ?? seq_len)

  const tape = createTape(ways, recording)
  const step = stepOf(request, tape, ways.fromN)
  /** A number of vectors, from a tensor or zeros. */
  const vectors = (data: Float32Array | Float64Array | undefined, count: number, size: number): Vector[] =>
    Array.from({ length: count }, (_, at) => tape.vector(size, data?.subarray(at * size, (at + 1) * size)))
  const x_0 = vectors(inputs.input.data, seq_len * batch, config.input_size)
  const h_0 = vectors(inputs.h_0?.data, num_layers * D * batch, state_size)
  const c_0 = vectors(inputs.c_0?.data, num_layers * D * batch, kinds[module].hasCellState ? hidden_size : 0)

  const linears: (readonly [weight: string, bias: string, Linear])[] = []
  const linear = (name: string, suffix: string, outputs: number, size: number): Linear => {
    const [weight, bias] = [`weight_${name}${suffix}`, `bias_${name}${suffix}`]
    const own = linearOf(params[weight]!, params[bias], outputs, size)
    linears.push([weight, bias, own])
    return own
  }

  let x = x_0
  const h_n: Vector[] = []
  const c_n: Vector[] = []
  for (let layer = 0; layer < num_layers; layer++) {
    if (layer > 0) x = dropout(x, layer - 1)
    const outputs: Vector[][] = []
    for (let direction = 0; direction < D; direction++) {
      const suffix = layers === undefined ? '' : `_l${layer}${direction === 1 ? '_reverse' : ''}`
      const rows = kinds[module].gates.length * hidden_size
      const weights = {
        ih: linear('ih', suffix, rows, layer === 0 ? config.input_size : D * state_size),
        hh: linear('hh', suffix, rows, state_size),
        hr: 'proj_size' in config && config.proj_size > 0 ? linear('hr', suffix, state_size, hidden_size) : undefined,
      }
      const output = vectors(undefined, seq_len * batch, state_size)
      for (let row = 0; row < batch; row++) {
        const at = (layer * D + direction) * batch + row
        let state = { h: h_0[at]!, c: c_0[at]! }
        const length = lengthOf(row)
        for (let i = 0; i < length; i++) {
          const t = direction === 1 ? length - 1 - i : i
          state = step(x[place(t, row)]!, state, weights, t)
          output[place(t, row)] = state.h
        }
        h_n.push(state.h)
        c_n.push(state.c)
      }
      outputs.push(output)
    }
    const [first, second] = outputs
    x = second === undefined ? first! : first!.map((forwards, at) => tape.concat([forwards, second[at]!]))
  }

  /** What the outputs of a layer become in front of the next one. */
  function dropout(x: Vector[], layer: number): Vector[] {
    if (inputs.dropout_mask === undefined || layers === undefined) return x
    const scale = ways.round(1 / fround(1 - layers.dropout))
    const mask = inputs.dropout_mask.data
    const dropped = [...x]
    for (let t = 0; t < seq_len; t++) {
      for (let row = 0; row < batch; row++) {
        const start = ((layer * seq_len + t) * batch + row) * D * state_size
        const factors = mask.subarray(start, start + D * state_size).map((kept) => kept * scale)
        dropped[place(t, row)] = tape.multiply(x[place(t, row)]!, tape.vector(factors.length, factors))
      }
    }
    return dropped
  }

  const all = layers === undefined ? { h_1: h_n, c_1: c_n } : { output: x, h_n, c_n }
  const outputs = Object.entries(all).filter(([name]) => !name.startsWith('c') || kinds[module].hasCellState)
  return {
    outputs: Object.fromEntries(outputs.map(([name, own]) => [name, joined(own.map(({ data }) => data))])),
    backward(cotangents) {
      for (const [name, own] of outputs) {
        let at = 0
        for (const vector of own) {
          tape.seed(vector, cotangents[name]?.subarray(at, at + vector.data.length) ?? new Float32Array(0))
          at += vector.data.length
        }
      }
      tape.backward()
      const gradients = linears.flatMap(([weight, bias, own]) => {
        const gradient = gradientsOf(own, ways)
        return [[`grad_${weight}`, gradient.weight] as const, [`grad_${bias}`, gradient.bias] as const]
      })
      const gradient = (of: readonly Vector[]): Float32Array => joined(of.map(({ grad }) => grad))
      return {
        ...Object.fromEntries(gradients),
        grad_input: gradient(x_0),
        grad_h_0: gradient(h_0),
        grad_c_0: gradient(c_0),
      }
    },
  }
}
