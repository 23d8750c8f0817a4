import type { RecurrentRequest } from '../format/case.ts'
import { kinds, layerConfig, type LayerConfig, stateSize, suffix } from '../format/module.ts'
import type { Address, Machine } from './machine.ts'
import { cells, field, newScan, reserveBackward, reserveForward } from './scan.ts'

/** A tensor in the memory of a machine. */
export interface Place {
  readonly shape: readonly number[]
  readonly address: Address
  /** Whether the first two axes stand in memory the other way round, as batch and time of batch_first do. */
  readonly swapped: boolean
}
export type Places = Record<string, Place>
export type Numbers = Readonly<Record<string, { readonly data: ArrayLike<number> }>>

/** A run, and the way back. */
export interface Run {
  readonly outputs: Places
  /** The gradients by all that went in, from those by outputs. */
  readonly backward: (cotangents: Numbers) => Places
}

/** A layer, or a cell, which is a layer of one step with other names; an unbatched input is one row. */
interface Sizes {
  readonly layers: LayerConfig | undefined
  readonly isBatched: boolean
  /** Whether batch comes before time. */
  readonly swapped: boolean
  readonly seq_len: number
  readonly batch: number
  readonly num_layers: number
  /** 2 when bidirectional, else 1. */
  readonly D: number
  readonly state_size: number
}

function sizesOf({ config, inputs }: RecurrentRequest): Sizes {
  const layers = layerConfig(config)
  const { shape } = inputs.input
  const isBatched = shape.length === (layers === undefined ? 2 : 3)
  const swapped = isBatched && layers?.batch_first === true
  return {
    layers,
    isBatched,
    swapped,
    seq_len: layers === undefined ? 1 : shape[swapped ? 1 : 0]!,
    batch: isBatched ? shape[layers === undefined || swapped ? 0 : 1]! : 1,
    num_layers: layers?.num_layers ?? 1,
    D: layers?.bidirectional === true ? 2 : 1,
    state_size: stateSize(config),
  }
}

function cellOf({ module, config }: RecurrentRequest): number {
  if ('nonlinearity' in config) return cells[config.nonlinearity]
  return kinds[module].hasCellState ? cells.LSTM : cells.GRU
}

const parameters = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh', 'weight_hr'] as const
type Names = Readonly<Record<(typeof parameters)[number], string>>

function withSuffix(own: string): Names {
  return {
    weight_ih: `weight_ih${own}`,
    weight_hh: `weight_hh${own}`,
    bias_ih: `bias_ih${own}`,
    bias_hh: `bias_hh${own}`,
    weight_hr: `weight_hr${own}`,
  }
}
const namesOfCell = withSuffix('')
const namesOfLayers: Names[] = []

/** The names of the parameters of a layer and direction, made once. */
function namesOf(layer: number, direction: number): Names {
  return (namesOfLayers[2 * layer + direction] ??= withSuffix(suffix(layer, direction)))
}

/**
 * Runs the module forward.
 * params: its parameters, by their names. kept: whether `backward` will be called.
 */
export function recurrent(machine: Machine, request: RecurrentRequest, params: Numbers, kept: boolean): Run {
  const { config, inputs } = request
  const sizes = sizesOf(request)
  const { layers, swapped, seq_len, batch, num_layers, D, state_size } = sizes
  const { hidden_size } = config
  const cell = cellOf(request)
  const rows = seq_len * batch
  const width = D * state_size
  const bytesOfH = batch * state_size * machine.itemSize
  const isLSTM = cell === cells.LSTM
  const bytesOfC = isLSTM ? batch * hidden_size * machine.itemSize : 0
  const count = num_layers * D * batch
  const put = (name: string): Address => (params[name] === undefined ? 0 : machine.put(params[name].data))

  const h = inputs.h_0 === undefined ? machine.zeros(count * state_size) : machine.put(inputs.h_0.data)
  const c = inputs.c_0 === undefined ? machine.zeros(isLSTM ? count * hidden_size : 0) : machine.put(inputs.c_0.data)
  const lengths = inputs.lengths === undefined ? 0 : putWhole(machine, inputs.lengths.data)
  const scans: Address[] = []
  let input = putOuter(machine, inputs.input.data, swapped, batch, seq_len)
  for (let layer = 0; layer < num_layers; layer++) {
    const input_size = layer === 0 ? config.input_size : width
    const output = layers === undefined ? 0 : machine.take(rows * width)
    for (let direction = 0; direction < D; direction++) {
      const state = layer * D + direction
      const names = layers === undefined ? namesOfCell : namesOf(layer, direction)
      const scan = newScan(machine)
      const weight_ih = put(names.weight_ih)
      const weight_hh = put(names.weight_hh)
      const bias_ih = put(names.bias_ih)
      const bias_hh = put(names.bias_hh)
      const weight_hr = put(names.weight_hr)
      reserveForward(machine, kept, { cell, seq_len, batch, input_size, hidden_size })
      const { integers } = machine
      const at = scan / 4
      integers[at + field.cell] = cell
      integers[at + field.seq_len] = seq_len
      integers[at + field.batch] = batch
      integers[at + field.input_size] = input_size
      integers[at + field.hidden_size] = hidden_size
      integers[at + field.state_size] = state_size
      integers[at + field.reverse] = direction
      integers[at + field.kept] = Number(kept)
      integers[at + field.lengths] = lengths
      integers[at + field.input] = input
      integers[at + field.output] = output === 0 ? 0 : output + direction * state_size * machine.itemSize
      integers[at + field.outputStride] = width
      integers[at + field.weight_ih] = weight_ih
      integers[at + field.weight_hh] = weight_hh
      integers[at + field.bias_ih] = bias_ih
      integers[at + field.bias_hh] = bias_hh
      integers[at + field.weight_hr] = weight_hr
      integers[at + field.h] = h + state * bytesOfH
      integers[at + field.c] = c + state * bytesOfC
      machine.forward(scan)
      scans.push(scan)
    }
    input = output
    if (layer < num_layers - 1 && inputs.dropout_mask !== undefined) {
      input = machine.take(rows * width)
      dropOut(machine, request, layer, output, input)
    }
  }
  return {
    outputs: outputsOf(request, sizes, { output: input, h, c: isLSTM ? c : 0 }),
    backward: (cotangents) => backward(machine, request, sizes, scans, cotangents),
  }
}

/** What torch returns. c: 0 without a cell state */
function outputsOf(
  { config, inputs }: RecurrentRequest,
  { layers, isBatched, swapped, batch, num_layers, D, state_size }: Sizes,
  { output, h, c }: Readonly<Record<'output' | 'h' | 'c', Address>>,
): Places {
  const stateOf = (units: number, address: Address): Place => {
    const rows = isBatched ? [batch, units] : [units]
    return { shape: layers === undefined ? rows : [num_layers * D, ...rows], address, swapped: false }
  }
  const ofH = stateOf(state_size, h)
  if (layers === undefined) return c === 0 ? { h_1: ofH } : { h_1: ofH, c_1: stateOf(config.hidden_size, c) }
  const shape = [...inputs.input.shape.slice(0, -1), D * state_size]
  const ofOutput = { shape, address: output, swapped }
  if (c === 0) return { output: ofOutput, h_n: ofH }
  return { output: ofOutput, h_n: ofH, c_n: stateOf(config.hidden_size, c) }
}

/** Takes the gradients by the outputs back through scans that have been kept, by layer and direction. */
function backward(
  machine: Machine,
  request: RecurrentRequest,
  { layers, swapped, seq_len, batch, num_layers, D, state_size }: Sizes,
  scans: readonly Address[],
  cotangents: Numbers,
): Places {
  const { config, inputs, params } = request
  const { hidden_size } = config
  const { itemSize } = machine
  const cell = cellOf(request)
  const given = (name: string, units: number): Address => {
    const by = cotangents[name]
    return by === undefined ? machine.zeros(num_layers * D * batch * units) : machine.put(by.data)
  }
  const isLSTM = cell === cells.LSTM
  const dh = given(layers === undefined ? 'h_1' : 'h_n', state_size)
  const dc = given(layers === undefined ? 'c_1' : 'c_n', isLSTM ? hidden_size : 0)
  const { output } = cotangents
  let doutput = output === undefined ? 0 : putOuter(machine, output.data, swapped, batch, seq_len)

  const gradients: Places = {}
  const by = (name: string): Address => {
    const parameter = params[name]
    if (parameter === undefined) return 0
    const address = machine.zeros(parameter.data.length)
    gradients[`grad_${name}`] = { shape: parameter.shape, address, swapped: false }
    return address
  }
  // In the order of torch's names, before the last layer begins.
  const addresses = scans.map((_, state) => {
    const names = layers === undefined ? namesOfCell : namesOf(Math.floor(state / D), state % D)
    return parameters.map((name) => by(names[name]))
  })
  for (let layer = num_layers - 1; layer >= 0; layer--) {
    const input_size = layer === 0 ? config.input_size : D * state_size
    const dinput = machine.zeros(seq_len * batch * input_size)
    for (let direction = 0; direction < D; direction++) {
      const state = layer * D + direction
      reserveBackward(machine, { cell, seq_len, batch, input_size, hidden_size })
      const { integers } = machine
      const at = scans[state]! / 4
      integers[at + field.doutput] = doutput === 0 ? 0 : doutput + direction * state_size * itemSize
      integers[at + field.dh] = dh + state * batch * state_size * itemSize
      integers[at + field.dc] = dc + (isLSTM ? state * batch * hidden_size * itemSize : 0)
      integers[at + field.dinput] = dinput
      integers.set(addresses[state]!, at + field.dweight_ih)
      machine.backward(scans[state]!)
    }
    if (layer > 0 && inputs.dropout_mask !== undefined) dropOut(machine, request, layer - 1, dinput, dinput)
    doutput = dinput
  }
  const place = ({ shape }: { readonly shape: readonly number[] }, address: Address): Place => {
    return { shape, address, swapped: false }
  }
  return {
    grad_input: { shape: inputs.input.shape, address: doutput, swapped },
    ...(inputs.h_0 && { grad_h_0: place(inputs.h_0, dh) }),
    ...(inputs.c_0 && { grad_c_0: place(inputs.c_0, dc) }),
    ...gradients,
  }
}

/** What dropout in training mode makes of the output of a layer, or of a gradient by it: kept ones are divided by 1 − dropout. */
function dropOut(
  machine: Machine,
  { config, inputs }: RecurrentRequest,
  layer: number,
  x: Address,
  out: Address,
): void {
  const { dropout = 0 } = layerConfig(config) ?? {}
  const { data, shape } = inputs.dropout_mask!
  const size = data.length / shape[0]!
  const { numbers } = machine
  const [from, to] = [machine.placeOf(x), machine.placeOf(out)]
  for (let i = 0; i < size; i++) numbers[to + i] = numbers[from + i]! * (data[layer * size + i]! / (1 - dropout))
}

function putWhole(machine: Machine, data: BigInt64Array): Address {
  const address = machine.takeIntegers(data.length)
  for (let i = 0; i < data.length; i++) machine.integers[address / 4 + i] = Number(data[i])
  return address
}

/** Puts what is (first, second, …), as (second, first, …) where these are to be swapped. */
function putOuter(machine: Machine, data: ArrayLike<number>, swapped: boolean, first: number, second: number): Address {
  if (!swapped) return machine.put(data)
  const address = machine.take(data.length)
  swapOuter(data, 0, machine.numbers, machine.placeOf(address), first, second, data.length)
  return address
}

/** (first, second, …) → (second, first, …), so many numbers in all. */
function swapOuter(
  from: ArrayLike<number>,
  fromAt: number,
  to: Float64Array | Float32Array,
  toAt: number,
  first: number,
  second: number,
  count: number,
): void {
  const inner = count / Math.max(1, first * second)
  for (let i = 0; i < first; i++) {
    for (let j = 0; j < second; j++) {
      const start = fromAt + (i * second + j) * inner
      const target = toAt + (j * first + i) * inner
      for (let k = 0; k < inner; k++) to[target + k] = from[start + k]!
    }
  }
}

/** The numbers of a tensor, rounded to what `out` holds. */
export function read<T extends Float64Array | Float32Array>(machine: Machine, place: Place, out: T): T {
  const { shape, address, swapped } = place
  if (swapped) swapOuter(machine.numbers, machine.placeOf(address), out, 0, shape[1]!, shape[0]!, out.length)
  else machine.get(address, out)
  return out
}
