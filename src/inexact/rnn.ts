import { type Cell, gateTanh, type Nonlinearity } from './cell.ts'

/** relu(NaN) is NaN in torch, so the condition is the one that zeroes; its gradient is selected, not multiplied. */
export const activations: Readonly<Record<'tanh' | 'relu', Nonlinearity>> = {
  tanh: gateTanh,
  relu: { of: (x) => (x < 0 ? 0 : x), slope: (h) => (h <= 0 ? 0 : 1), selects: true },
}

/**
 * h' = f(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh)
 * Source: torch.nn.RNNCell.
 */
export function rnnCell(nonlinearity: 'tanh' | 'relu', activation = activations[nonlinearity]): Cell {
  const { of: f, slope, selects = false } = activation
  return {
    gates: 1,
    forward({ rows, hidden_size, gates, gatesAt, fromHidden, fromHiddenAt, hidden, hiddenAt }) {
      for (let i = 0; i < rows * hidden_size; i++) {
        const h = f(gates[gatesAt + i]! + fromHidden[fromHiddenAt + i]!)
        gates[gatesAt + i] = h
        hidden[hiddenAt + i] = h
      }
    },
    backward({ rows, hidden_size, gates, gatesAt, fromHiddenAt }, { dgates, dfromHidden, dh }) {
      for (let i = 0; i < rows * hidden_size; i++) {
        const by = slope(gates[gatesAt + i]!)
        const da = selects && by === 0 ? 0 : dh[i]! * by
        dgates[gatesAt + i] = da
        dfromHidden[fromHiddenAt + i] = da
        dh[i] = 0
      }
    },
  }
}
