import type { RecurrentRequest } from '../case.ts'
import { kinds, layerConfig, stateSize, suffix } from '../module.ts'
import type { Address, Machine } from './machine.ts'
import { cells, type Scan, scanBackward, scanForward } from './scan.ts'

/** A tensor in the memory of a machine. */
export interface Place {
  readonly shape: readonly number[]
  readonly address: Address
  /** Whether the first two axes stand in memory the other way round, as batch and time of batch_first do. */
  readonly swapped: boolean
}
export type Places = Readonly<Record<string, Place>>
export type Numbers = Readonly<Record<string, ArrayLike<number>>>

/** A run, and the way back. */
export interface Run {
  readonly outputs: Places
  /** The gradients by all that went in, from those by outputs. */
  readonly backward: (cotangents: Numbers) => Places
}

/** One layer and direction, and where the kernels have been told of it. */
interface Direction {
  /** Of its parameters. */
  readonly suffix: string
  /** Its place in h_n. */
  readonly state: number
  readonly scan: Scan
  readonly address: Address
}

const parameterNames = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh', 'weight_hr'] as const

/** What the kernels are told before there are any. */
const noGradients = {
  doutput: 0,
  dh: 0,
  dc: 0,
  dinput: 0,
  dweight_ih: 0,
  dweight_hh: 0,
  dbias_ih: 0,
  dbias_hh: 0,
  dweight_hr: 0,
}

/**
 * Runs a layer, or a cell, which is a layer of one step with other names; an unbatched input is one row.
 * params: the parameters, by their names. kept: whether `backward` will be called.
 */
export function recurrent(machine: Machine, request: RecurrentRequest, params: Numbers, kept: boolean): Run {
  const { config, inputs } = request
  const layers = layerConfig(config)
  const { shape } = inputs.input
  const isBatched = shape.length === (layers === undefined ? 2 : 3)
  const swapped = layers?.batch_first === true && isBatched
  const seq_len = layers === undefined ? 1 : shape[swapped ? 1 : 0]!
  const batch = isBatched ? shape[layers === undefined || swapped ? 0 : 1]! : 1
  const rows = seq_len * batch
  const D = layers?.bidirectional === true ? 2 : 1
  const num_layers = layers?.num_layers ?? 1
  const { hidden_size } = config
  const state_size = stateSize(config)
  const cell = cellOf(request)
  const hasCellState = cell === cells.LSTM
  const ofH = batch * state_size
  const ofC = hasCellState ? batch * hidden_size : 0
  const bytes = machine.itemSize

  const h = inputs.h_0 === undefined ? machine.zeros(num_layers * D * ofH) : machine.put(inputs.h_0.data)
  const c = inputs.c_0 === undefined ? machine.zeros(num_layers * D * ofC) : machine.put(inputs.c_0.data)
  const lengths = inputs.lengths === undefined ? 0 : machine.putIntegers(Array.from(inputs.lengths.data, Number))
  const stack: Direction[][] = []
  let input = putSwapped(machine, inputs.input.data, swapped, batch, seq_len)
  let input_size = config.input_size
  for (let layer = 0; layer < num_layers; layer++) {
    const output = layers === undefined ? 0 : machine.take(rows * D * state_size)
    const directions: Direction[] = []
    for (let direction = 0; direction < D; direction++) {
      const state = layer * D + direction
      const own = layers === undefined ? '' : suffix(layer, direction)
      const put = (name: string): Address => {
        const data = params[name + own]
        return data === undefined ? 0 : machine.put(data)
      }
      const scan: Scan = {
        ...noGradients,
        cell,
        seq_len,
        batch,
        input_size,
        hidden_size,
        state_size,
        reverse: direction,
        kept: Number(kept),
        lengths,
        input,
        output: output === 0 ? 0 : output + direction * state_size * bytes,
        outputStride: D * state_size,
        weight_ih: put('weight_ih'),
        weight_hh: put('weight_hh'),
        bias_ih: put('bias_ih'),
        bias_hh: put('bias_hh'),
        weight_hr: put('weight_hr'),
        h: h + state * ofH * bytes,
        c: c + state * ofC * bytes,
      }
      directions.push({ suffix: own, state, scan, address: scanForward(machine, scan) })
    }
    stack.push(directions)
    const isLast = layer === num_layers - 1
    input = output
    if (!isLast && inputs.dropout_mask !== undefined) {
      input = machine.take(rows * D * state_size)
      dropOut(machine, request, layer, output, input)
    }
    input_size = D * state_size
  }

  const leading = isBatched ? [batch] : []
  const states = layers === undefined ? leading : [num_layers * D, ...leading]
  const place = (shape: readonly number[], address: Address): Place => ({ shape, address, swapped: false })
  const ofState = place([...states, state_size], h)
  const ofCell = place([...states, hidden_size], c)
  const output = { shape: [...shape.slice(0, -1), D * state_size], address: input, swapped }
  const outputs: Places =
    layers === undefined
      ? hasCellState
        ? { h_1: ofState, c_1: ofCell }
        : { h_1: ofState }
      : hasCellState
        ? { output, h_n: ofState, c_n: ofCell }
        : { output, h_n: ofState }
  const [nameOfH, nameOfC] = layers === undefined ? (['h_1', 'c_1'] as const) : (['h_n', 'c_n'] as const)

  return {
    outputs,
    backward(cotangents) {
      const given = (name: string, count: number): Address => {
        const data = cotangents[name]
        return data === undefined ? machine.zeros(count) : machine.put(data)
      }
      const dh = given(nameOfH, num_layers * D * ofH)
      const dc = given(nameOfC, num_layers * D * ofC)
      const byParams: Record<string, Place> = {}
      for (const { suffix } of stack.flat()) {
        for (const name of parameterNames) {
          const parameter = request.params[name + suffix]
          if (parameter === undefined) continue
          byParams[`grad_${name}${suffix}`] = place(parameter.shape, machine.zeros(parameter.data.length))
        }
      }
      const byOutput = cotangents['output']
      let doutput = byOutput === undefined ? 0 : putSwapped(machine, byOutput, swapped, batch, seq_len)
      for (const directions of stack.toReversed()) {
        const dinput = machine.zeros(rows * directions[0]!.scan.input_size)
        for (const { suffix, scan, address, state } of directions) {
          const by = (name: string): Address => byParams[`grad_${name}${suffix}`]?.address ?? 0
          scanBackward(machine, address, {
            ...scan,
            doutput: doutput === 0 ? 0 : doutput + scan.reverse * state_size * bytes,
            dh: dh + state * ofH * bytes,
            dc: dc + state * ofC * bytes,
            dinput,
            dweight_ih: by('weight_ih'),
            dweight_hh: by('weight_hh'),
            dbias_ih: by('bias_ih'),
            dbias_hh: by('bias_hh'),
            dweight_hr: by('weight_hr'),
          })
        }
        const below = stack.indexOf(directions) - 1
        if (below >= 0 && inputs.dropout_mask !== undefined) dropOut(machine, request, below, dinput, dinput)
        doutput = dinput
      }
      return {
        grad_input: { shape, address: doutput, swapped },
        ...(inputs.h_0 && { grad_h_0: place(inputs.h_0.shape, dh) }),
        ...(inputs.c_0 && { grad_c_0: place(inputs.c_0.shape, dc) }),
        ...byParams,
      }
    },
  }
}

function cellOf({ module, config }: RecurrentRequest): number {
  if ('nonlinearity' in config) return cells[config.nonlinearity]
  return kinds[module].hasCellState ? cells.LSTM : cells.GRU
}

/** What dropout in training mode makes of the output of a layer, or of a gradient by it: kept ones are divided by 1 − dropout. */
function dropOut(
  { numbers, placeOf }: Machine,
  request: RecurrentRequest,
  layer: number,
  x: Address,
  out: Address,
): void {
  const { dropout = 0 } = layerConfig(request.config) ?? {}
  const mask = request.inputs.dropout_mask!
  const size = mask.data.length / mask.shape[0]!
  for (let i = 0; i < size; i++) {
    numbers[placeOf(out) + i] = numbers[placeOf(x) + i]! * (mask.data[layer * size + i]! / (1 - dropout))
  }
}

/** Puts what is (first, second, …) as (second, first, …), where they are swapped. */
function putSwapped(
  machine: Machine,
  data: ArrayLike<number>,
  swapped: boolean,
  first: number,
  second: number,
): Address {
  if (!swapped) return machine.put(data)
  const address = machine.take(data.length)
  swapOuter(data, 0, machine.numbers, machine.placeOf(address), first, second, data.length)
  return address
}

/** Exchanges the first two axes. from: (first, second, …) → to: (second, first, …) */
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

/** The numbers of a tensor, in memory of their own, rounded to what `out` holds. */
export function read<T extends Float64Array | Float32Array>(
  machine: Machine,
  { shape, address, swapped }: Place,
  out: T,
): T {
  const at = machine.placeOf(address)
  if (swapped) swapOuter(machine.numbers, at, out, 0, shape[1]!, shape[0]!, out.length)
  else if (out.length > 64) out.set(machine.numbers.subarray(at, at + out.length))
  else for (let i = 0; i < out.length; i++) out[i] = machine.numbers[at + i]!
  return out
}
