import { PANEL } from './pack'
import { LANES, roundUp } from './vector'

/** The cells, as `cell` names them. */
export const TANH: i32 = 0
export const RELU: i32 = 1
export const LSTM: i32 = 2
export const GRU: i32 = 3

/**
 * One layer and direction over time: what the caller of `forward` and `backward` sets, number by number in this order, and below it
 * what forward leaves for backward. Tensors are addresses, 0 where there is none. src/engine/scan.ts has the same list.
 */
@unmanaged
export class Scan {
  cell: i32
  seq_len: i32
  batch: i32
  input_size: i32
  hidden_size: i32
  /** proj_size where there is one, else hidden_size. */
  state_size: i32
  /** Whether time runs from each row's own last step to its first. */
  reverse: i32
  /** Whether backward will be asked. */
  kept: i32
  /** (batch) 32-bit whole numbers, or none when every row is seq_len long. */
  lengths: usize
  /** (seq_len, batch, input_size) */
  input: usize
  /** (seq_len, batch, state_size), rows outputStride numbers apart: 0 past a row's length. */
  output: usize
  outputStride: i32
  weight_ih: usize
  weight_hh: usize
  bias_ih: usize
  bias_hh: usize
  weight_hr: usize
  /** (batch, state_size) and (batch, hidden_size): the first states, and afterwards the last. */
  h: usize
  c: usize
  /** Gradients: by output, at its stride; by the last states, and afterwards by the first; and to be added to: by all else. */
  doutput: usize
  dh: usize
  dc: usize
  dinput: usize
  dweight_ih: usize
  dweight_hh: usize
  dbias_ih: usize
  dbias_hh: usize
  dweight_hr: usize

  /** (seq_len, batch, width): activated gates, by time. */
  gates: usize
  /** Of a GRU (seq_len, batch, width): h W_hhᵀ + b_hh. */
  fromHidden: usize
  /** (seq_len, batch, stateWidth): the state before each step, 0 where a row has ended. */
  before: usize
  /** Of a projected LSTM (seq_len, batch, hiddenWidth): the state after each step before its projection. */
  hidden: usize
  /** Of an LSTM (seq_len + 1, batch, hiddenWidth): the cell states between the steps, in the order of time. */
  cells: usize

  get isLSTM(): bool {
    return this.cell == LSTM
  }
  get gateCount(): i32 {
    return this.cell == LSTM ? 4 : this.cell == GRU ? 3 : 1
  }
  /** Units, in whole vectors. */
  get hiddenWidth(): i32 {
    return roundUp(this.hidden_size, LANES)
  }
  get stateWidth(): i32 {
    return roundUp(this.state_size, LANES)
  }
  /** Numbers of a row of gates, in whole panels. */
  get width(): i32 {
    return roundUp(this.gateCount * this.hiddenWidth, PANEL)
  }
  timeOf(step: i32): i32 {
    return this.reverse ? this.seq_len - 1 - step : step
  }
  hasEnded(row: i32, time: i32): bool {
    return this.lengths != 0 && time >= load<i32>(this.lengths + ((<usize>row) << 2))
  }
}
