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

/** Of what a scan has: its sizes, in torch's words. */
interface Sizes {
  readonly cell: number
  readonly seq_len: number
  readonly batch: number
  readonly input_size: number
  readonly hidden_size: number
}

/** Rows that are worked on at a time, and what whole vectors, panels and addresses take besides. */
const [block, spare] = [128, 1024]

/** Makes sure that the kernels can take what they need to go forward and, when `kept`, to leave for the way back. */
export function reserveForward(machine: Machine, kept: boolean, sizes: Sizes): void {
  const { cell, seq_len, batch, input_size } = sizes
  const { units, gates } = widthsOf(sizes)
  // Gates, of a GRU also what they were before their sum; the states, before and after a projection, and cell states.
  const history = kept ? (seq_len + 1) * batch * ((cell === cells.GRU ? 2 : 1) * gates + 3 * units) : 0
  const working = (block + batch) * (2 * gates + 8 * units + input_size)
  machine.reserve(history + working + gates * (input_size + units + 2) + units * units + spare)
}

/** The same for the way back. */
export function reserveBackward(machine: Machine, sizes: Sizes): void {
  const { seq_len, batch, input_size } = sizes
  const { units, gates } = widthsOf(sizes)
  // What was projected, and the input without its padding.
  const history = seq_len * batch * (units + input_size)
  const working = (block + batch) * (gates + 8 * units + input_size + 16)
  machine.reserve(history + working + gates * (input_size + units + 32) + units * units + spare)
}

/** No state is larger than hidden_size. */
function widthsOf({ cell, hidden_size }: Sizes): { readonly units: number; readonly gates: number } {
  const units = hidden_size + 16
  return { units, gates: (cell === cells.LSTM ? 4 : cell === cells.GRU ? 3 : 1) * units + 16 }
}
