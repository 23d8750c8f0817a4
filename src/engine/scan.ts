import type { Address, Machine } from './machine.ts'

/** The cells, as the kernels number them. */
export const cells = { tanh: 0, relu: 1, LSTM: 2, GRU: 3 } as const

/** What the kernels are told of one layer and direction: src/engine/kernels/scan.ts says what each is, and has the same order. */
export const field = {
  cell: 0,
  seq_len: 1,
  batch: 2,
  input_size: 3,
  hidden_size: 4,
  state_size: 5,
  reverse: 6,
  kept: 7,
  lengths: 8,
  input: 9,
  output: 10,
  outputStride: 11,
  weight_ih: 12,
  weight_hh: 13,
  bias_ih: 14,
  bias_hh: 15,
  weight_hr: 16,
  h: 17,
  c: 18,
  doutput: 19,
  dh: 20,
  dc: 21,
  dinput: 22,
  dweight_ih: 23,
  dweight_hh: 24,
  dbias_ih: 25,
  dbias_hh: 26,
  dweight_hr: 27,
} as const

/** With what the kernels add to it themselves. */
const fields = 33

export function newScan(machine: Machine): Address {
  return machine.takeIntegers(fields)
}

/** Makes sure that the kernels can take what they need for a scan, forward and, when `kept` is 1, back. */
export function reserve(
  machine: Machine,
  seq_len: number,
  batch: number,
  input_size: number,
  hidden_size: number,
  kept: boolean,
): void {
  // No state is larger than hidden_size; the rest is what whole vectors and panels take.
  const units = hidden_size + 16
  const gates = 4 * units
  const rows = (kept ? seq_len + 1 : Math.min(seq_len, 128)) * batch
  // Gates, for a GRU twice; the states, before and after a projection; the projected; the input without its padding.
  const history = (rows + 128) * (2 * gates + 4 * units + input_size)
  const working = batch * (2 * gates + 8 * units)
  const weights = 2 * (gates + 16) * (input_size + 16 + 3 * units)
  machine.reserve(history + working + weights + 128 * (gates + 2 * units + input_size + 16))
}
