import type { Cell } from './cell.ts'

/**
 * i = σ(W_ii x + b_ii + W_hi h + b_hi), f and o likewise, g = tanh(W_ig x + b_ig + W_hg h + b_hg)
 * c' = f ∘ c + i ∘ g
 * h' = o ∘ tanh(c')
 * Source: torch.nn.LSTMCell.
 */
export const lstm: Cell = {
  gates: ['i', 'f', 'g', 'o'],
  hasCellState: true,
  step({ gate, ih, hh, sigmoid, tanh, add, mul }, x, { h, c }) {
    const i = gate('i', () => sigmoid(add(ih(x), hh(h))))
    const f = gate('f', () => sigmoid(add(ih(x), hh(h))))
    const g = gate('g', () => tanh(add(ih(x), hh(h))))
    const o = gate('o', () => sigmoid(add(ih(x), hh(h))))
    const after = add(mul(f, c!), mul(i, g))
    return { h: mul(o, tanh(after)), c: after }
  },
}
