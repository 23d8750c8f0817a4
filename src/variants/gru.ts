import {
  type Activation,
  type Cell,
  gateSigmoid,
  gateTanh,
  type Nonlinearity,
  type Step,
  type StepGradients,
} from './cell.ts'

/** What a faulty port does otherwise. */
export interface GRUDepartures {
  /** For sigmoid. */
  readonly sigmoid?: Nonlinearity
  readonly tanh?: Nonlinearity
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
  const { sigmoid = gateSigmoid, tanh: ofN = gateTanh, exchanged = false, resetBefore = false } = departures
  const { of: σ, slope: slopeOfGate } = sigmoid
  const { of: tanh, slope: slopeOfN } = ofN
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
    backward(step, gradients) {
      const { rows, hidden_size: H, gates, gatesAt, fromHidden, fromHiddenAt, h, hAt } = step
      const { dgates, dfromHidden, dh } = gradients
      for (let row = 0; row < rows; row++) {
        for (let unit = 0; unit < H; unit++) {
          const own = row * H + unit
          const at = gatesAt + 3 * row * H + unit
          const from = fromHiddenAt + 3 * row * H + unit
          const r = gates[at]!
          const z = exchanged ? 1 - gates[at + H]! : gates[at + H]!
          const n = gates[at + 2 * H]!
          const dn = dh[own]! * (1 - z) * slopeOfN(n)
          const dz = dh[own]! * (h[hAt + own]! - n) * slopeOfGate(gates[at + H]!)
          dgates[at] = resetBefore ? 0 : dn * fromHidden[from + 2 * H]! * slopeOfGate(r)
          dgates[at + H] = exchanged ? -dz : dz
          dgates[at + 2 * H] = dn
          dfromHidden[from] = dgates[at]!
          dfromHidden[from + H] = dgates[at + H]!
          dfromHidden[from + 2 * H] = resetBefore ? dn : dn * r
          dh[own] = dh[own]! * z
        }
        if (resetBefore) backThroughReset(step, gradients, row, slopeOfGate)
      }
    },
  }
}

/**
 * What differs from torch where h is reset before its product: the engine takes dn W_hn for the gradient by h, and dn hᵀ for that
 * by W_hn, where r ∘ h stands for h.
 */
function backThroughReset(
  { hidden_size: H, weights, gates, gatesAt, fromHiddenAt, h, hAt }: Step,
  { dgates, dfromHidden, dh, dweight_hh }: StepGradients,
  row: number,
  slopeOfGate: Activation,
): void {
  const at = gatesAt + 3 * row * H
  for (let i = 0; i < H; i++) {
    let byReset = 0
    const r = gates[at + i]!
    const before = h[hAt + row * H + i]!
    for (let unit = 0; unit < H; unit++) {
      const dn = dgates[at + 2 * H + unit]!
      byReset += dn * weights.weight_hh[(2 * H + unit) * H + i]!
      dweight_hh[(2 * H + unit) * H + i]! += dn * (r - 1) * before
    }
    dgates[at + i] = byReset * before * slopeOfGate(r)
    dfromHidden[fromHiddenAt + 3 * row * H + i] = dgates[at + i]!
    dh[row * H + i]! += (r - 1) * byReset
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
