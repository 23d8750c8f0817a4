import type { Cell } from '../../src/program/cell.ts'
import { type Asked, recurrent } from '../../src/program/layers.ts'
import type { Program } from '../../src/program/operation.ts'
import { program } from '../../src/program/write.ts'

/**
 * An LSTM whose gates see c, too:
 * i = σ(W_ii x + b_ii + W_hi h + b_hi + w_ci ∘ c), f likewise, g = tanh(W_ig x + b_ig + W_hg h + b_hg)
 * c' = f ∘ c + i ∘ g
 * o = σ(W_io x + b_io + W_ho h + b_ho + w_co ∘ c'), h' = o ∘ tanh(c')
 * Source: Gers, Schraudolph and Schmidhuber 2002.
 */
const peephole: Cell = {
  gates: ['i', 'f', 'g', 'o'],
  hasCellState: true,
  step({ gate, ih, hh, own, sigmoid, tanh, add, mul }, x, { h, c }) {
    const i = gate('i', () => sigmoid(add(add(ih(x), hh(h)), mul(own('weight_ci'), c!))))
    const f = gate('f', () => sigmoid(add(add(ih(x), hh(h)), mul(own('weight_cf'), c!))))
    const g = gate('g', () => tanh(add(ih(x), hh(h))))
    const after = add(mul(f, c!), mul(i, g))
    const o = gate('o', () => sigmoid(add(add(ih(x), hh(h)), mul(own('weight_co'), after))))
    return { h: mul(o, tanh(after)), c: after }
  },
}

/** Everything that a torch.nn.LSTM can be beside it: layers, directions, lengths, dropout, an initial state. */
export function peepholeProgram(asked: Asked): Program {
  return program((writer) => recurrent(writer, peephole, asked))
}
