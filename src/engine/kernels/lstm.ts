import { sigmoid, slopeOfSigmoid, slopeOfTanh, tanh } from './activation'
import { add, mul } from './vector'

/** A gate before its activation. */
function sum(gates: usize, fromHidden: usize, at: usize): v128 {
  return add(v128.load(gates + at), v128.load(fromHidden + at))
}

/**
 * i, f, o = σ(…), g = tanh(…) of x W_ihᵀ + b_ih + h W_hhᵀ + b_hh, in blocks i f g o, each so many bytes long;
 * c' = f ∘ c + i ∘ g; h' = o ∘ tanh(c')
 * Source: torch.nn.LSTMCell.
 */
export function lstmForward(
  gates: usize,
  fromHidden: usize,
  c: usize,
  cAfter: usize,
  after: usize,
  bytes: usize,
): void {
  for (let u: usize = 0; u < bytes; u += 16) {
    const i = sigmoid(sum(gates, fromHidden, u))
    const f = sigmoid(sum(gates, fromHidden, u + bytes))
    const g = tanh(sum(gates, fromHidden, u + 2 * bytes))
    const o = sigmoid(sum(gates, fromHidden, u + 3 * bytes))
    const next = add(mul(f, v128.load(c + u)), mul(i, g))
    v128.store(gates + u, i)
    v128.store(gates + u + bytes, f)
    v128.store(gates + u + 2 * bytes, g)
    v128.store(gates + u + 3 * bytes, o)
    v128.store(cAfter + u, next)
    v128.store(after + u, mul(o, tanh(next)))
  }
}

/** dh, dc: by the states after the step; afterwards what reaches those before it past the weights. */
export function lstmBackward(gates: usize, c: usize, cAfter: usize, dh: usize, dc: usize, bytes: usize): void {
  for (let u: usize = 0; u < bytes; u += 16) {
    const i = v128.load(gates + u)
    const f = v128.load(gates + u + bytes)
    const g = v128.load(gates + u + 2 * bytes)
    const o = v128.load(gates + u + 3 * bytes)
    const squashed = tanh(v128.load(cAfter + u))
    const by = v128.load(dh + u)
    const byC = add(v128.load(dc + u), mul(mul(by, o), slopeOfTanh(squashed)))
    v128.store(gates + u, mul(mul(byC, g), slopeOfSigmoid(i)))
    v128.store(gates + u + bytes, mul(mul(byC, v128.load(c + u)), slopeOfSigmoid(f)))
    v128.store(gates + u + 2 * bytes, mul(mul(byC, i), slopeOfTanh(g)))
    v128.store(gates + u + 3 * bytes, mul(mul(by, squashed), slopeOfSigmoid(o)))
    v128.store(dc + u, mul(byC, f))
    v128.store(dh + u, i64x2.splat(0))
  }
}
