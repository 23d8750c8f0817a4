import type { Cell } from './cell.ts'

export type Activation = (x: number) => number

/** relu(NaN) is NaN in torch, so the condition is the one that zeroes. */
export const activations: Readonly<Record<'tanh' | 'relu', Activation>> = {
  tanh: Math.tanh,
  relu: (x) => (x < 0 ? 0 : x),
}

/**
 * h' = f(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh)
 * Source: torch.nn.RNNCell.
 */
export function rnnCell(f: Activation): Cell {
  return {
    gates: 1,
    step(fromInput, fromInputStart, fromHidden, h) {
      for (let i = 0; i < h.length; i++) h[i] = f(fromInput[fromInputStart + i]! + fromHidden[i]!)
    },
  }
}
