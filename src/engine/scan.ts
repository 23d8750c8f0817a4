import type { Address, Machine } from './machine.ts'

/** The cells, as the kernels number them. */
export const cells = { tanh: 0, relu: 1, LSTM: 2, GRU: 3 } as const

/** What the kernels are told of one layer and direction: src/engine/kernels/scan.ts says what each is, and has the same order. */
const fields = [
  'cell',
  'seq_len',
  'batch',
  'input_size',
  'hidden_size',
  'state_size',
  'reverse',
  'kept',
  'lengths',
  'input',
  'output',
  'outputStride',
  'weight_ih',
  'weight_hh',
  'bias_ih',
  'bias_hh',
  'weight_hr',
  'h',
  'c',
  'doutput',
  'dh',
  'dc',
  'dinput',
  'dweight_ih',
  'dweight_hh',
  'dbias_ih',
  'dbias_hh',
  'dweight_hr',
] as const

/** What the kernels add to it themselves. */
const ownFields = 5

type Field = (typeof fields)[number]
export type Scan = Readonly<Record<Field, number>>

/** One layer and direction over time, forward, and back when `kept` is 1 and the gradients' addresses are there. */
export function scanForward(machine: Machine, scan: Scan): Address {
  const { seq_len, batch, input_size, hidden_size, state_size } = scan
  const address = machine.take(Math.ceil(((fields.length + ownFields) * 4) / machine.itemSize))
  describe(machine, address, scan)
  // No more than: gates twice, states of every kind, a copy of the input, and each weight packed twice.
  const rows = (seq_len + 2) * batch + 512
  const width = 4 * (hidden_size + 16)
  machine.mayTake(
    rows * (2 * width + 4 * (hidden_size + state_size + 16) + input_size) + 2 * width * (input_size + 4 * state_size),
  )
  machine.forward(address)
  return address
}

/** What `scanForward` has been told, and gradients. */
export function scanBackward(machine: Machine, address: Address, scan: Scan): void {
  describe(machine, address, scan)
  machine.backward(address)
}

function describe({ integers }: Machine, address: Address, scan: Scan): void {
  let at = address / 4
  for (const field of fields) integers[at++] = scan[field]
}
