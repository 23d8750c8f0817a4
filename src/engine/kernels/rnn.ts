import { relu, slopeOfTanh, tanh } from './activation'
import { add, all, mul } from './vector'

/** h' = f(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh). Source: torch.nn.RNNCell. */
export function rnnForward(isRelu: bool, gates: usize, fromHidden: usize, after: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const sum = add(v128.load(gates + i), v128.load(fromHidden + i))
    const h = isRelu ? relu(sum) : tanh(sum)
    v128.store(gates + i, h)
    v128.store(after + i, h)
  }
}

/** dh: by the state after the step; afterwards what reaches the state before it past the weights, which is nothing. */
export function rnnBackward(isRelu: bool, gates: usize, dh: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const h = v128.load(gates + i)
    const by = v128.load(dh + i)
    // relu selects: even an infinite gradient ends at a unit that is 0. 1 − h² is a factor: 0 · ∞ is NaN.
    const before = isRelu ? v128.andnot(by, v128.le<Real>(h, all(0))) : mul(by, slopeOfTanh(h))
    v128.store(gates + i, before)
    v128.store(dh + i, i64x2.splat(0))
  }
}
