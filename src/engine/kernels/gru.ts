import { sigmoid, slopeOfSigmoid, slopeOfTanh, tanh } from './activation'
import { add, all, mul, sub } from './vector'

/**
 * r, z = σ(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh), n = tanh(x W_inᵀ + b_in + r ∘ (h W_hnᵀ + b_hn)), in blocks r z n, each so many
 * bytes long; h' = (1 − z) ∘ n + z ∘ h
 * Source: torch.nn.GRUCell.
 */
export function gruForward(gates: usize, fromHidden: usize, h: usize, after: usize, bytes: usize): void {
  for (let u: usize = 0; u < bytes; u += 16) {
    const r = sigmoid(add(v128.load(gates + u), v128.load(fromHidden + u)))
    const z = sigmoid(add(v128.load(gates + u + bytes), v128.load(fromHidden + u + bytes)))
    const n = tanh(add(v128.load(gates + u + 2 * bytes), mul(r, v128.load(fromHidden + u + 2 * bytes))))
    v128.store(gates + u, r)
    v128.store(gates + u + bytes, z)
    v128.store(gates + u + 2 * bytes, n)
    // torch computes n + z (h − n), not (1 − z) n + z h; the two round differently.
    v128.store(after + u, add(n, mul(z, sub(v128.load(h + u), n))))
  }
}

/** dh: by the state after the step; afterwards what reaches the state before it past the weights. */
export function gruBackward(gates: usize, fromHidden: usize, h: usize, dh: usize, bytes: usize): void {
  for (let u: usize = 0; u < bytes; u += 16) {
    const r = v128.load(gates + u)
    const z = v128.load(gates + u + bytes)
    const n = v128.load(gates + u + 2 * bytes)
    const by = v128.load(dh + u)
    const dn = mul(mul(by, sub(all(1), z)), slopeOfTanh(n))
    const dz = mul(mul(by, sub(v128.load(h + u), n)), slopeOfSigmoid(z))
    const dr = mul(mul(dn, v128.load(fromHidden + u + 2 * bytes)), slopeOfSigmoid(r))
    v128.store(gates + u, dr)
    v128.store(gates + u + bytes, dz)
    v128.store(gates + u + 2 * bytes, dn)
    v128.store(fromHidden + u, dr)
    v128.store(fromHidden + u + bytes, dz)
    v128.store(fromHidden + u + 2 * bytes, mul(dn, r))
    v128.store(dh + u, mul(by, z))
  }
}
