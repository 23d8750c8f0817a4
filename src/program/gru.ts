import type { Cell } from './cell.ts'

/**
 * r = σ(W_ir x + b_ir + W_hr h + b_hr), z likewise
 * n = tanh(W_in x + b_in + r ∘ (W_hn h + b_hn))
 * h' = (1 − z) ∘ n + z ∘ h
 * Source: torch.nn.GRUCell.
 */
export const gru: Cell = {
  gates: ['r', 'z', 'n'],
  hasCellState: false,
  step({ gate, ih, hh, sigmoid, tanh, add, sub, mul }, x, { h }) {
    const r = gate('r', () => sigmoid(add(ih(x), hh(h))))
    const z = gate('z', () => sigmoid(add(ih(x), hh(h))))
    const n = gate('n', () => tanh(add(ih(x), mul(r, hh(h)))))
    // torch computes n + z (h − n), not (1 − z) n + z h; the two round differently.
    return { h: add(n, mul(z, sub(h, n))) }
  },
}
