/**
 * The equations of one time step, in float64, over all rows at once.
 * The engine gives each cell its two linear terms, so a cell is only what makes it an RNN, an LSTM or a GRU.
 */
export interface Cell {
  /** Blocks of hidden_size rows in weight_ih and weight_hh: 1 for an RNN. */
  readonly gates: number
  /**
   * fromInput: x W_ihᵀ + b_ih, from fromInputStart, and fromHidden: h W_hhᵀ + b_hh, both (rows, gates * hidden_size);
   * h: (rows, hidden_size), the state before the step, which becomes the state after it.
   */
  step(
    fromInput: Float64Array,
    fromInputStart: number,
    fromHidden: Float64Array,
    h: Float64Array,
    rows: number,
    hidden_size: number,
  ): void
}
