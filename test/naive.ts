import { type Arguments, argumentsOf } from './arguments.ts'
import type { RecurrentRequest } from '../src/format/case.ts'

// On purpose slow, and on purpose without any code of src: one number at a time, read from torch's pages.

type Numbers = ArrayLike<number>

/** What the naive implementation reads of a request; the dtype, cotangents and training are not its business. */
export type Question = Pick<RecurrentRequest, 'module' | 'params' | 'inputs'> & { readonly config: object }

/** h, and c of an LSTM. */
interface State {
  readonly h: number[]
  readonly c: number[]
}

/** One parameter of a layer and direction, by its name without the suffix: `weight_ih`. */
type Parameter = (name: string) => Numbers

type Equations = (config: Arguments, parameter: Parameter, x: number[], before: State) => State

/**
 * Every tensor that `forward` gives, in its own order: `output`, `h_n`, `c_n` of a layer, `h_1`, `c_1` of a cell; and `h_t`, `c_t`
 * of a layer, (seq_len, D * num_layers, batch, units), batch 1 when unbatched, 0 past a row's length.
 */
export function naive({ module, config: given, params, inputs }: Question): Record<string, number[]> {
  const config = argumentsOf(given)
  const equations = module.startsWith('RNN') ? naiveRNN : module.startsWith('LSTM') ? naiveLSTM : naiveGRU
  const question = { module, params, inputs }
  const hasC = module.startsWith('LSTM')
  const { h, c } = module.endsWith('Cell')
    ? naiveCell(config, equations, question)
    : naiveLayers(config, equations, question)
  return hasC ? { ...h, ...c } : h
}

type Named = Record<string, number[]>

/** A batch of rows, each taken by itself. */
function naiveCell(
  config: Arguments,
  equations: Equations,
  { params, inputs }: Omit<Question, 'config'>,
): { h: Named; c: Named } {
  const { input_size, hidden_size } = config
  const batch = inputs.input.shape.length === 2 ? numberAt(inputs.input.shape, 0) : 1
  const h_1: number[] = []
  const c_1: number[] = []
  for (let row = 0; row < batch; row++) {
    const x: number[] = []
    for (let i = 0; i < input_size; i++) x.push(numberAt(inputs.input.data, row * input_size + i))
    const before = {
      h: initialState(inputs.h_0?.data, row, hidden_size),
      c: initialState(inputs.c_0?.data, row, hidden_size),
    }
    const after = equations(config, (name) => params[name]?.data ?? [], x, before)
    h_1.push(...after.h)
    c_1.push(...after.c)
  }
  return { h: { h_1 }, c: { c_1 } }
}

/** Source: the pseudocode of torch.nn.RNN; for lengths, PackedSequence; for dropout, "introduces a Dropout layer on the outputs". */
function naiveLayers(
  config: Arguments,
  equations: Equations,
  { params, inputs }: Omit<Question, 'config'>,
): { h: Named; c: Named } {
  const { input_size, hidden_size, num_layers, bidirectional, batch_first, proj_size } = config
  const D = bidirectional ? 2 : 1
  const units = proj_size > 0 ? proj_size : hidden_size
  const [first = 0, second = 0] = inputs.input.shape
  const batched = inputs.input.shape.length === 3
  const seq_len = batched && batch_first ? second : first
  const batch = batched ? (batch_first ? first : second) : 1

  const h_t = new Map<string, number>()
  const c_t = new Map<string, number>()
  const h_n = new Map<string, number>()
  const c_n = new Map<string, number>()
  const layerInput = (layer: number, t: number, row: number, i: number): number => {
    if (layer === 0) {
      const at = batched && batch_first ? row * seq_len + t : t * batch + row
      return numberAt(inputs.input.data, at * input_size + i)
    }
    const direction = i < units ? 0 : 1
    const unit = direction === 0 ? i : i - units
    const below = of(h_t, [t, (layer - 1) * D + direction, row, unit])
    if (inputs.dropout_mask === undefined) return below
    const kept = numberAt(inputs.dropout_mask.data, (((layer - 1) * seq_len + t) * batch + row) * D * units + i)
    return kept === 1 ? below / (1 - config.dropout) : 0
  }

  for (let layer = 0; layer < num_layers; layer++) {
    for (let direction = 0; direction < D; direction++) {
      const name = direction === 1 ? `_l${layer}_reverse` : `_l${layer}`
      const state = D * layer + direction
      const width = layer === 0 ? input_size : D * units
      for (let row = 0; row < batch; row++) {
        const length = inputs.lengths === undefined ? seq_len : Number(inputs.lengths.data[row])
        let now: State = {
          h: initialState(inputs.h_0?.data, state * batch + row, units),
          c: initialState(inputs.c_0?.data, state * batch + row, hidden_size),
        }
        for (let step = 0; step < length; step++) {
          const t = direction === 1 ? length - 1 - step : step
          const x: number[] = []
          for (let i = 0; i < width; i++) x.push(layerInput(layer, t, row, i))
          now = equations(config, (parameter) => params[parameter + name]?.data ?? [], x, now)
          for (const [unit, value] of now.h.entries()) h_t.set(`${t} ${state} ${row} ${unit}`, value)
          for (const [unit, value] of now.c.entries()) c_t.set(`${t} ${state} ${row} ${unit}`, value)
        }
        for (const [unit, value] of now.h.entries()) h_n.set(`${state} ${row} ${unit}`, value)
        for (const [unit, value] of now.c.entries()) c_n.set(`${state} ${row} ${unit}`, value)
      }
    }
  }

  const output: number[] = []
  const outer = batched && batch_first ? [batch, seq_len] : [seq_len, batch]
  for (let i = 0; i < numberAt(outer, 0); i++) {
    for (let j = 0; j < numberAt(outer, 1); j++) {
      const [t, row] = batched && batch_first ? [j, i] : [i, j]
      for (let direction = 0; direction < D; direction++) {
        for (let unit = 0; unit < units; unit++) {
          output.push(of(h_t, [t, (num_layers - 1) * D + direction, row, unit]))
        }
      }
    }
  }
  const states = num_layers * D
  return {
    h: { output, h_n: inOrder(h_n, [states, batch, units]), h_t: inOrder(h_t, [seq_len, states, batch, units]) },
    c: { c_n: inOrder(c_n, [states, batch, hidden_size]), c_t: inOrder(c_t, [seq_len, states, batch, hidden_size]) },
  }
}

/** h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu. Source: torch.nn.RNN. */
const naiveRNN: Equations = (config, parameter, x, { h }) => {
  const next: number[] = []
  for (let unit = 0; unit < config.hidden_size; unit++) {
    const sum = fromInput(config, parameter, x, unit) + fromHidden(config, parameter, h, unit)
    next.push(config.nonlinearity === 'tanh' ? Math.tanh(sum) : Math.max(sum, 0))
  }
  return { h: next, c: [] }
}

/**
 * i = σ(W_ii x + b_ii + W_hi h + b_hi), f and o alike, g = tanh(W_ig x + b_ig + W_hg h + b_hg), c' = f c + i g, h' = o tanh(c'),
 * and W_hr h' where there is a proj_size. weight_ih is (W_ii|W_if|W_ig|W_io). Source: torch.nn.LSTM.
 */
const naiveLSTM: Equations = (config, parameter, x, { h, c }) => {
  const { hidden_size, proj_size } = config
  const hidden: number[] = []
  const cell: number[] = []
  for (let unit = 0; unit < hidden_size; unit++) {
    const gate = (block: number): number => {
      const row = block * hidden_size + unit
      return fromInput(config, parameter, x, row) + fromHidden(config, parameter, h, row)
    }
    const after = sigmoid(gate(1)) * numberAt(c, unit) + sigmoid(gate(0)) * Math.tanh(gate(2))
    cell.push(after)
    hidden.push(sigmoid(gate(3)) * Math.tanh(after))
  }
  if (proj_size === 0) return { h: hidden, c: cell }
  const projected: number[] = []
  for (let unit = 0; unit < proj_size; unit++) projected.push(rowTimes(parameter('weight_hr'), unit, hidden))
  return { h: projected, c: cell }
}

/**
 * r = σ(W_ir x + b_ir + W_hr h + b_hr), z alike, n = tanh(W_in x + b_in + r (W_hn h + b_hn)), h' = (1 − z) n + z h.
 * weight_ih is (W_ir|W_iz|W_in). Source: torch.nn.GRU.
 */
const naiveGRU: Equations = (config, parameter, x, { h }) => {
  const { hidden_size } = config
  const next: number[] = []
  for (let unit = 0; unit < hidden_size; unit++) {
    const input = (block: number): number => fromInput(config, parameter, x, block * hidden_size + unit)
    const hidden = (block: number): number => fromHidden(config, parameter, h, block * hidden_size + unit)
    const r = sigmoid(input(0) + hidden(0))
    const z = sigmoid(input(1) + hidden(1))
    const n = Math.tanh(input(2) + r * hidden(2))
    next.push((1 - z) * n + z * numberAt(h, unit))
  }
  return { h: next, c: [] }
}

function fromInput({ bias }: Arguments, parameter: Parameter, x: number[], row: number): number {
  return rowTimes(parameter('weight_ih'), row, x) + (bias ? numberAt(parameter('bias_ih'), row) : 0)
}

function fromHidden({ bias }: Arguments, parameter: Parameter, h: number[], row: number): number {
  return rowTimes(parameter('weight_hh'), row, h) + (bias ? numberAt(parameter('bias_hh'), row) : 0)
}

/** A row of a matrix times a vector. */
function rowTimes(matrix: Numbers, row: number, x: number[]): number {
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += numberAt(x, i) * numberAt(matrix, row * x.length + i)
  return sum
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x))
}

/** A row of an initial state, or zeros. */
function initialState(data: Numbers | undefined, row: number, size: number): number[] {
  const state: number[] = []
  for (let i = 0; i < size; i++) state.push(data === undefined ? 0 : numberAt(data, row * size + i))
  return state
}

function numberAt(numbers: Numbers, index: number): number {
  const number = numbers[index]
  if (number === undefined) throw new Error(`expected a number at ${index} of ${numbers.length}, got none`)
  return number
}

/** The state at an index; 0 where there is none, which is past a row's length. */
function of(states: ReadonlyMap<string, number>, index: readonly number[]): number {
  return states.get(index.join(' ')) ?? 0
}

/** All states of a shape, the last axis first. */
function inOrder(
  states: ReadonlyMap<string, number>,
  shape: readonly number[],
  index: readonly number[] = [],
): number[] {
  if (index.length === shape.length) return [of(states, index)]
  const numbers: number[] = []
  for (let i = 0; i < numberAt(shape, index.length); i++) numbers.push(...inOrder(states, shape, [...index, i]))
  return numbers
}
