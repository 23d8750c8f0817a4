import { type Cell, gateSigmoid, type GateFunctions, gateTanh } from './cell.ts'

/**
 * i, f, o = σ(…), g = tanh(…) of x W_ihᵀ + b_ih + h W_hhᵀ + b_hh, in blocks i f g o;
 * c' = f ∘ c + i ∘ g; h' = o ∘ tanh(c')
 * Source: torch.nn.LSTMCell.
 */
export function lstmCell(functions: GateFunctions = {}): Cell {
  const { of: σ, slope: slopeOfGate } = functions.sigmoid ?? gateSigmoid
  const { of: tanh, slope: slopeOfTanh } = functions.tanh ?? gateTanh
  return {
    gates: 4,
    forward({ rows, hidden_size: H, gates, gatesAt, fromHidden, fromHiddenAt, hidden, hiddenAt, c, cAt, cAfterAt }) {
      for (let row = 0; row < rows; row++) {
        for (let unit = 0; unit < H; unit++) {
          const own = row * H + unit
          const at = gatesAt + 4 * row * H + unit
          const from = fromHiddenAt + 4 * row * H + unit
          const before = c[cAt + own]!
          const i = σ(gates[at]! + fromHidden[from]!)
          const f = σ(gates[at + H]! + fromHidden[from + H]!)
          const g = tanh(gates[at + 2 * H]! + fromHidden[from + 2 * H]!)
          const after = f * before + i * g
          const o = σ(gates[at + 3 * H]! + fromHidden[from + 3 * H]!)
          gates[at] = i
          gates[at + H] = f
          gates[at + 2 * H] = g
          gates[at + 3 * H] = o
          c[cAfterAt + own] = after
          hidden[hiddenAt + own] = o * tanh(after)
        }
      }
    },
    backward(
      { rows, hidden_size: H, gates, gatesAt, fromHiddenAt, c, cAt, cAfterAt },
      { dgates, dfromHidden, dh, dc },
    ) {
      for (let row = 0; row < rows; row++) {
        for (let unit = 0; unit < H; unit++) {
          const own = row * H + unit
          const at = gatesAt + 4 * row * H + unit
          const from = fromHiddenAt + 4 * row * H + unit
          const i = gates[at]!
          const f = gates[at + H]!
          const g = gates[at + 2 * H]!
          const o = gates[at + 3 * H]!
          const squashed = tanh(c[cAfterAt + own]!)
          const byO = dh[own]! * squashed * slopeOfGate(o)
          const dafter = dc[own]! + dh[own]! * o * slopeOfTanh(squashed)
          const byI = dafter * g * slopeOfGate(i)
          const byF = dafter * c[cAt + own]! * slopeOfGate(f)
          dgates[at] = byI
          dgates[at + H] = byF
          dgates[at + 2 * H] = dafter * i * slopeOfTanh(g)
          dgates[at + 3 * H] = byO
          for (let gate = 0; gate < 4; gate++) dfromHidden[from + gate * H] = dgates[at + gate * H]!
          dc[own] = dafter * f
          dh[own] = 0
        }
      }
    },
  }
}
