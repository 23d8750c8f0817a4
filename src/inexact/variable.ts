// What models are computed with.
import type { Cell } from './cell.ts'
import type { Product } from './linear.ts'
import type { ScanInexactness } from './scan.ts'

/** A tensor on its way through a model, and the gradient of what comes out by it. C order, float64. */
export interface Variable {
  readonly shape: readonly number[]
  readonly data: Float64Array
  readonly grad: Float64Array
}

export interface State {
  /** (batch, hidden_size) */
  readonly h: Variable
  /** Of an LSTM. */
  readonly c: Variable | undefined
}

/**
 * Operations that remember how to go back: each is its equation and, beside it, what it makes of gradients. Called
 * `backward` after the gradients of the last variables have been set, they fill those of all others.
 */
export interface Tape {
  variable(shape: readonly number[], data: Float64Array): Variable
  /** x · weightᵀ + bias over the last axis. weight: (outputs, inputs), bias: (outputs) or absent. Source: torch.nn.Linear. */
  linear(x: Variable, weight: Variable, bias?: Variable): Variable
  /** A row of weight for each symbol. symbols: of the given shape. Source: torch.nn.Embedding. */
  embedding(weight: Variable, symbols: readonly number[], shape: readonly number[]): Variable
  tanh(x: Variable): Variable
  /** x + y, with y repeated along the first axis. x: (n, …), y: (…) */
  addToEach(x: Variable, y: Variable): Variable
  /** Joined along the last axis. */
  concatenate(x: Variable, y: Variable): Variable
  /** x[i] */
  step(x: Variable, i: number): Variable
  /** (…) of each → (n, …) */
  stack(steps: readonly Variable[]): Variable
  /** x with zeros where a row is not kept. x: (rows, …), kept: (rows). */
  keep(x: Variable, kept: readonly boolean[]): Variable
  /** x: (seq_len, batch, size) → (batch, size), over each row's own length. */
  meanOverTime(x: Variable, lengths: readonly number[] | undefined): Variable
  /** Over the last axis, of which lengths says how much counts in each row. Shifted by the largest value, so that nothing overflows. */
  softmax(x: Variable, lengths?: readonly number[]): Variable
  logSoftmax(x: Variable): Variable
  /** The mean of −log_softmax at the target, over rows whose target is not undefined. Source: torch.nn.CrossEntropyLoss. */
  crossEntropy(logits: Variable, target: readonly (number | undefined)[]): Variable
  /** Σ over units of h · states. h: (batch, size), states: (seq_len, batch, size) → (batch, seq_len) */
  dotOverUnits(h: Variable, states: Variable): Variable
  /** (seq_len, batch, 1) → (batch, seq_len) */
  rowsFirst(x: Variable): Variable
  /** Σ over time of weights · states. weights: (batch, seq_len), states: (seq_len, batch, size) → (batch, size) */
  weightedSum(weights: Variable, states: Variable): Variable
  /** A layer of one direction. x: (seq_len, batch, input_size); state: undefined for zeros. */
  layer(
    cell: Cell,
    x: Variable,
    params: Readonly<Record<string, Variable>>,
    hidden_size: number,
    hasCellState: boolean,
    state: State | undefined,
    lengths: readonly number[] | undefined,
  ): { readonly output: Variable; readonly last: State }
  backward(): void
}

/** Operations that are less exact than float64's, as hardware may have them. */
export interface TapeInexactness {
  readonly scan?: ScanInexactness
  readonly product?: Product
  readonly tanh?: (x: number) => number
  readonly exp?: (x: number) => number
  readonly log?: (x: number) => number
  readonly quotient?: (x: number, y: number) => number
  /** What becomes of every number that comes out of an operation, and of every gradient on its way back. */
  readonly rounded?: (x: number) => number
}
