import { type Activation, type Cell, sigmoid, type Step } from './cell.ts'

/** What a faulty port does otherwise; forward only. */
export interface GRUDepartures {
  /** For sigmoid. */
  readonly sigmoid?: Activation
  readonly tanh?: Activation
  /** Takes h' = (1 − z) ∘ h + z ∘ n. */
  readonly exchanged?: boolean
  /** Resets h before its product with W_hn, instead of the product. */
  readonly resetBefore?: boolean
}

/**
 * r, z = σ(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh), n = tanh(x W_inᵀ + b_in + r ∘ (h W_hnᵀ + b_hn)), in blocks r z n;
 * h' = (1 − z) ∘ n + z ∘ h
 * Source: torch.nn.GRUCell.
 */
export function gruCell(departures: GRUDepartures = {}): Cell {
  const { sigmoid: σ = sigmoid, tanh = Math.tanh, exchanged = false, resetBefore = false } = departures
  return {
    gates: 3,
    forward(step) {
      const { rows, hidden_size: H, gates, gatesAt, fromHidden, fromHiddenAt, h, hAt, hidden, hiddenAt } = step
      for (let row = 0; row < rows; row++) {
        for (let unit = 0; unit < H; unit++) {
          const at = gatesAt + 3 * row * H + unit
          const from = fromHiddenAt + 3 * row * H + unit
          gates[at] = σ(gates[at]! + fromHidden[from]!)
          gates[at + H] = σ(gates[at + H]! + fromHidden[from + H]!)
        }
        for (let unit = 0; unit < H; unit++) {
          const own = row * H + unit
          const at = gatesAt + 3 * row * H + unit
          const r = gates[at]!
          const recurrent = resetBefore
            ? productOfReset(step, row, unit)
            : r * fromHidden[fromHiddenAt + 3 * row * H + unit + 2 * H]!
          const n = tanh(gates[at + 2 * H]! + recurrent)
          gates[at + 2 * H] = n
          const z = exchanged ? 1 - gates[at + H]! : gates[at + H]!
          // torch computes n + z (h − n), not (1 − z) n + z h; the two round differently.
          hidden[hiddenAt + own] = n + z * (h[hAt + own]! - n)
        }
      }
    },
    backward({ rows, hidden_size: H, gates, gatesAt, fromHidden, fromHiddenAt, h, hAt }, { dgates, dfromHidden, dh }) {
      for (let row = 0; row < rows; row++) {
        for (let unit = 0; unit < H; unit++) {
          const own = row * H + unit
          const at = gatesAt + 3 * row * H + unit
          const from = fromHiddenAt + 3 * row * H + unit
          const r = gates[at]!
          const z = gates[at + H]!
          const n = gates[at + 2 * H]!
          const dn = dh[own]! * (1 - z) * (1 - n) * (1 + n)
          dgates[at] = dn * fromHidden[from + 2 * H]! * r * (1 - r)
          dgates[at + H] = dh[own]! * (h[hAt + own]! - n) * z * (1 - z)
          dgates[at + 2 * H] = dn
          dfromHidden[from] = dgates[at]!
          dfromHidden[from + H] = dgates[at + H]!
          dfromHidden[from + 2 * H] = dn * r
          dh[own] = dh[own]! * z
        }
      }
    },
  }
}

/** (r ∘ h) W_hnᵀ + b_hn of one row and unit. */
function productOfReset({ hidden_size: H, weights, gates, gatesAt, h, hAt }: Step, row: number, unit: number): number {
  const { weight_hh, bias_hh } = weights
  let sum = bias_hh?.[2 * H + unit] ?? 0
  for (let i = 0; i < H; i++) {
    sum += gates[gatesAt + 3 * row * H + i]! * h[hAt + row * H + i]! * weight_hh[(2 * H + unit) * H + i]!
  }
  return sum
}
