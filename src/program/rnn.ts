import type { Cell } from './cell.ts'
import type { Activation } from './operation.ts'

/**
 * h' = f(W_ih x + b_ih + W_hh h + b_hh)
 * Source: torch.nn.RNNCell.
 */
export function rnn(nonlinearity: Activation): Cell {
  return {
    gates: ['h'],
    hasCellState: false,
    step({ gate, ih, hh, add, activation }, x, { h }) {
      return { h: gate('h', () => activation(nonlinearity, add(ih(x), hh(h)))) }
    },
  }
}
