/**
 * One time step, over all rows at once, in float64. The engine gives a cell its two linear terms, so a cell is only what
 * makes it an RNN, an LSTM or a GRU. Every array holds all steps: the numbers of this one start at the offset beside it.
 */
export interface Step {
  readonly rows: number
  readonly hidden_size: number
  /** (rows, gates * hidden_size): x W_ihᵀ + b_ih, which the cell turns into its activated gates. */
  readonly gates: Float64Array
  gatesAt: number
  /** (rows, gates * hidden_size): h W_hhᵀ + b_hh. */
  readonly fromHidden: Float64Array
  fromHiddenAt: number
  /** (rows, hidden_size): the state before the step; of a projected LSTM (rows, proj_size), which no cell reads. */
  readonly h: Float64Array
  hAt: number
  /** (rows, hidden_size): where the state after the step goes, not projected yet. */
  readonly hidden: Float64Array
  hiddenAt: number
  /** (rows, hidden_size): the cell state of an LSTM before the step, and after it. */
  readonly c: Float64Array
  cAt: number
  cAfterAt: number
}

/** The gradients that a cell passes on. dgates and dfromHidden stand where gates and fromHidden do. */
export interface StepGradients {
  readonly dgates: Float64Array
  readonly dfromHidden: Float64Array
  /** (rows, hidden_size): by the state after the step; afterwards what reaches the state before it past the weights. */
  readonly dh: Float64Array
  /** (rows, hidden_size): by the cell state after the step; afterwards by the one before it. */
  readonly dc: Float64Array
}

/** The equations of a module, forward beside backward. */
export interface Cell {
  readonly gates: number
  forward(step: Step): void
  backward(step: Step, gradients: StepGradients): void
}

type Activation = (x: number) => number

/** A function, and its derivative by the function's own value, as torch's autograd has them. */
export interface Nonlinearity {
  readonly of: Activation
  readonly slope: Activation
  /** Whether a gradient ends where the slope is 0, even an infinite one; else 0 times it is NaN, as elsewhere. */
  readonly selects?: boolean
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x))
}

/** The two that gates have. Not 1 − y²: rounding y² would be all that is left of it where y is near 1. */
export const gateSigmoid: Nonlinearity = { of: sigmoid, slope: (y) => y * (1 - y) }
export const gateTanh: Nonlinearity = { of: Math.tanh, slope: (y) => (1 - y) * (1 + y) }

/** The functions of gates, where they are less exact. */
export interface GateFunctions {
  readonly sigmoid?: Nonlinearity
  readonly tanh?: Nonlinearity
}
