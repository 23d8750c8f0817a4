import { type Cell, gateSigmoid, type GateFunctions, gateTanh } from './cell.ts'

/**
 * r, z = σ(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh), n = tanh(x W_inᵀ + b_in + r ∘ (h W_hnᵀ + b_hn)), in blocks r z n;
 * h' = (1 − z) ∘ n + z ∘ h
 * Source: torch.nn.GRUCell.
 */
export function gruCell(functions: GateFunctions = {}): Cell {
  const { of: σ, slope: slopeOfGate } = functions.sigmoid ?? gateSigmoid
  const { of: tanh, slope: slopeOfN } = functions.tanh ?? gateTanh
  return {
    gates: 3,
    forward({ rows, hidden_size: H, gates, gatesAt, fromHidden, fromHiddenAt, h, hAt, hidden, hiddenAt }) {
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
          const recurrent = r * fromHidden[fromHiddenAt + 3 * row * H + unit + 2 * H]!
          const n = tanh(gates[at + 2 * H]! + recurrent)
          gates[at + 2 * H] = n
          const z = gates[at + H]!
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
          const dn = dh[own]! * (1 - z) * slopeOfN(n)
          const dz = dh[own]! * (h[hAt + own]! - n) * slopeOfGate(z)
          dgates[at] = dn * fromHidden[from + 2 * H]! * slopeOfGate(r)
          dgates[at + H] = dz
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
