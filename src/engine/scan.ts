import type { Cell } from './cell.ts'
import { addProduct, fillRows, linear } from './linear.ts'

/** The parameters of one layer and direction, in float64; biases are undefined when the module has none. */
export interface Weights {
  readonly weight_ih: Float64Array
  readonly weight_hh: Float64Array
  readonly bias_ih: Float64Array | undefined
  readonly bias_hh: Float64Array | undefined
}

/** One layer and direction over time. */
export interface Scan {
  readonly cell: Cell
  readonly weights: Weights
  /** (seq_len, batch, input_size) */
  readonly input: Float64Array
  /** (batch, hidden_size), changed in place: it holds h_n afterwards. */
  readonly h: Float64Array
  readonly seq_len: number
  readonly batch: number
  readonly input_size: number
  readonly hidden_size: number
  /** (batch), or undefined when every row is seq_len long. */
  readonly lengths: readonly number[] | undefined
  /** Whether time runs from each row's own last step to its first. */
  readonly reverse: boolean
}

/**
 * Runs a cell over time.
 * → (seq_len, batch, hidden_size): the state after each step, at the time of its input, 0 past a row's length.
 */
export function scan(options: Scan): Float64Array {
  const { cell, weights, input, h, seq_len, batch, input_size, hidden_size, lengths, reverse } = options
  const width = cell.gates * hidden_size
  // The input's term does not wait for the state, so it is one product over all steps.
  const fromInput = linear(input, weights.weight_ih, weights.bias_ih, seq_len * batch, input_size, width)
  const fromHidden = new Float64Array(batch * width)
  const output = new Float64Array(seq_len * batch * hidden_size)
  const before = lengths === undefined ? undefined : new Float64Array(h.length)

  // An empty batch may have any number of steps.
  const steps = batch === 0 ? 0 : seq_len
  for (let step = 0; step < steps; step++) {
    const t = reverse ? seq_len - 1 - step : step
    fillRows(fromHidden, weights.bias_hh, batch, width)
    addProduct(fromHidden, 0, h, 0, weights.weight_hh, batch, hidden_size, width)
    before?.set(h)
    cell.step(fromInput, t * batch * width, fromHidden, h, batch, hidden_size)
    output.set(h, t * batch * hidden_size)
    if (lengths !== undefined && before !== undefined) {
      // Past its length a row keeps its state and puts out zeros. In reverse it so starts at its own last step.
      for (let row = 0; row < batch; row++) {
        if (t < lengths[row]!) continue
        const start = row * hidden_size
        h.set(before.subarray(start, start + hidden_size), start)
        const at = t * batch * hidden_size + start
        output.fill(0, at, at + hidden_size)
      }
    }
  }
  return output
}
