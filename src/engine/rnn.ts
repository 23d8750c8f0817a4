import type { Activation, Cell } from './cell.ts'

/** relu(NaN) is NaN in torch, so the condition is the one that zeroes. */
export const activations: Readonly<Record<'tanh' | 'relu', Activation>> = {
  tanh: Math.tanh,
  relu: (x) => (x < 0 ? 0 : x),
}

/** f' by f's value, as torch's autograd has them. */
const derivatives: Readonly<Record<'tanh' | 'relu', Activation>> = {
  // Not 1 − h²: rounding h² would be all that is left of it where h is near 1.
  tanh: (h) => (1 - h) * (1 + h),
  relu: (h) => (h <= 0 ? 0 : 1),
}

/** What a faulty port does otherwise. */
export interface RNNDepartures {
  readonly activation?: Activation
  /** Takes f' at the state before the step. */
  readonly derivativeOfStepBefore?: boolean
}

/**
 * h' = f(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh)
 * Source: torch.nn.RNNCell.
 */
export function rnnCell(nonlinearity: 'tanh' | 'relu', departures: RNNDepartures = {}): Cell {
  const { activation: f = activations[nonlinearity], derivativeOfStepBefore = false } = departures
  const derivative = derivatives[nonlinearity]
  return {
    gates: 1,
    forward({ rows, hidden_size, gates, gatesAt, fromHidden, fromHiddenAt, hidden, hiddenAt }) {
      for (let i = 0; i < rows * hidden_size; i++) {
        const h = f(gates[gatesAt + i]! + fromHidden[fromHiddenAt + i]!)
        gates[gatesAt + i] = h
        hidden[hiddenAt + i] = h
      }
    },
    backward({ rows, hidden_size, gates, gatesAt, fromHiddenAt, h, hAt }, { dgates, dfromHidden, dh }) {
      for (let i = 0; i < rows * hidden_size; i++) {
        const at = derivativeOfStepBefore ? h[hAt + i]! : gates[gatesAt + i]!
        const da = dh[i]! * derivative(at)
        dgates[gatesAt + i] = da
        dfromHidden[fromHiddenAt + i] = da
        dh[i] = 0
      }
    },
  }
}
