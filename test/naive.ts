import type { Inputs, Outputs } from '../src/case.ts'
import type { RNNCellConfig, RNNConfig } from '../src/module.ts'

// On purpose slow, and on purpose without any code of src: one number at a time, read from torch's page.

type Numbers = ArrayLike<number>

/** Every state of a run, by time step, layer · direction, batch row and unit; 0 past a row's length. */
export interface NaiveRun {
  /** In the order of `output`. */
  readonly output: number[]
  /** In the order of `h_n`. */
  readonly h_n: number[]
  /** (seq_len, D * num_layers, batch, hidden_size), batch 1 when unbatched. */
  readonly h_t: number[]
}

/**
 * h_t = tanh(x_t W_ihᵀ + b_ih + h_{t−1} W_hhᵀ + b_hh), one number at a time.
 * Source: torch.nn.RNN, the equation and the pseudocode below it; for lengths, PackedSequence.
 */
export function naiveRNN(config: RNNConfig, params: Outputs, inputs: Inputs): NaiveRun {
  const { input_size, hidden_size, num_layers, bidirectional, batch_first } = config
  const D = bidirectional ? 2 : 1
  const [first = 0, second = 0] = inputs.input.shape
  const batched = inputs.input.shape.length === 3
  const seq_len = batched && batch_first ? second : first
  const batch = batched ? (batch_first ? first : second) : 1

  const h_t = new Map<string, number>()
  const h_n = new Map<string, number>()
  const layerInput = (layer: number, t: number, row: number, i: number): number => {
    if (layer === 0) {
      const at = batched && batch_first ? row * seq_len + t : t * batch + row
      return numberAt(inputs.input.data, at * input_size + i)
    }
    const direction = i < hidden_size ? 0 : 1
    const unit = direction === 0 ? i : i - hidden_size
    return of(h_t, [t, (layer - 1) * D + direction, row, unit])
  }

  for (let layer = 0; layer < num_layers; layer++) {
    for (let direction = 0; direction < D; direction++) {
      const name = direction === 1 ? `_l${layer}_reverse` : `_l${layer}`
      const state = D * layer + direction
      const width = layer === 0 ? input_size : D * hidden_size
      for (let row = 0; row < batch; row++) {
        const length = inputs.lengths === undefined ? seq_len : Number(inputs.lengths.data[row])
        let h: number[] = []
        for (let unit = 0; unit < hidden_size; unit++) {
          h.push(inputs.h_0 === undefined ? 0 : numberAt(inputs.h_0.data, (state * batch + row) * hidden_size + unit))
        }
        for (let step = 0; step < length; step++) {
          const t = direction === 1 ? length - 1 - step : step
          const x: number[] = []
          for (let i = 0; i < width; i++) x.push(layerInput(layer, t, row, i))
          h = naiveStep(config, params, name, x, h)
          for (let unit = 0; unit < hidden_size; unit++) h_t.set(`${t} ${state} ${row} ${unit}`, numberAt(h, unit))
        }
        for (let unit = 0; unit < hidden_size; unit++) h_n.set(`${state} ${row} ${unit}`, numberAt(h, unit))
      }
    }
  }

  const output: number[] = []
  const outer = batched && batch_first ? [batch, seq_len] : [seq_len, batch]
  for (let i = 0; i < numberAt(outer, 0); i++) {
    for (let j = 0; j < numberAt(outer, 1); j++) {
      const [t, row] = batched && batch_first ? [j, i] : [i, j]
      for (let direction = 0; direction < D; direction++) {
        for (let unit = 0; unit < hidden_size; unit++) {
          output.push(of(h_t, [t, (num_layers - 1) * D + direction, row, unit]))
        }
      }
    }
  }
  const lastStates: number[] = []
  const allStates: number[] = []
  for (let state = 0; state < num_layers * D; state++) {
    for (let row = 0; row < batch; row++) {
      for (let unit = 0; unit < hidden_size; unit++) lastStates.push(of(h_n, [state, row, unit]))
    }
  }
  for (let t = 0; t < seq_len; t++) {
    for (let state = 0; state < num_layers * D; state++) {
      for (let row = 0; row < batch; row++) {
        for (let unit = 0; unit < hidden_size; unit++) allStates.push(of(h_t, [t, state, row, unit]))
      }
    }
  }
  return { output, h_n: lastStates, h_t: allStates }
}

/** h_1 of a cell, one number at a time. Source: torch.nn.RNNCell. */
export function naiveRNNCell(config: RNNCellConfig, params: Outputs, inputs: Inputs): number[] {
  const { input_size, hidden_size } = config
  const batch = inputs.input.shape.length === 2 ? numberAt(inputs.input.shape, 0) : 1
  const h_1: number[] = []
  for (let row = 0; row < batch; row++) {
    const x: number[] = []
    const h: number[] = []
    for (let i = 0; i < input_size; i++) x.push(numberAt(inputs.input.data, row * input_size + i))
    for (let i = 0; i < hidden_size; i++) {
      h.push(inputs.h_0 === undefined ? 0 : numberAt(inputs.h_0.data, row * hidden_size + i))
    }
    h_1.push(...naiveStep(config, params, '', x, h))
  }
  return h_1
}

function naiveStep(
  { hidden_size, nonlinearity, bias }: Pick<RNNConfig, 'hidden_size' | 'nonlinearity' | 'bias'>,
  params: Outputs,
  suffix: string,
  x: number[],
  h: number[],
): number[] {
  const parameter = (name: string): Numbers => params[name + suffix]?.data ?? []
  const next: number[] = []
  for (let unit = 0; unit < hidden_size; unit++) {
    let sum = 0
    for (let i = 0; i < x.length; i++) sum += numberAt(x, i) * numberAt(parameter('weight_ih'), unit * x.length + i)
    if (bias) sum += numberAt(parameter('bias_ih'), unit)
    for (let i = 0; i < h.length; i++) sum += numberAt(h, i) * numberAt(parameter('weight_hh'), unit * h.length + i)
    if (bias) sum += numberAt(parameter('bias_hh'), unit)
    next.push(nonlinearity === 'tanh' ? Math.tanh(sum) : Math.max(sum, 0))
  }
  return next
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
