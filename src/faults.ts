// Whole although it is long: the list is the catalogue of what ports get wrong, and is read as one.
import type { Inputs, Outputs, Request } from './case.ts'
import { type Departures, type Engine, run } from './engine/run.ts'
import { isLayer, numDirections, type RNNConfig } from './module.ts'
import { roundToBfloat16, roundToFloat16 } from './precision.ts'
import { elementCount, type FloatTensor, floatTensor } from './tensor.ts'

export type Run = (request: Request, departures?: Departures) => Outputs

/** A known way in which ports depart from PyTorch. */
export interface Fault {
  /** Short and unique: `weight_hh transposed`. */
  readonly name: string
  /** What such a port does, as a sentence about it: `reads weight_hh transposed`. */
  readonly sentence: string
  /** Whether a request has what the fault is about: the fault may still change nothing in it. */
  appliesTo(request: Request): boolean
  /** Why the fault changes nothing by mathematics; absent when it does. */
  readonly equivalent?: string
  /** Makes the faulty engine out of a right one. */
  plant(right: Run): Run
}

/** Our engine with a fault in it. */
export function faulted(fault: Fault): Engine {
  const wrong = fault.plant(run)
  return { name: fault.name, run: (request) => (fault.appliesTo(request) ? wrong(request) : run(request)) }
}

type Params = Readonly<Record<string, FloatTensor>>

const always = (): boolean => true
const hasBias = ({ config }: Request): boolean => config.bias
const hasState = ({ inputs }: Request): boolean => inputs.h_0 !== undefined
const layerConfig = (request: Request): RNNConfig | undefined => (request.module === 'RNN' ? request.config : undefined)
const isBidirectional = (request: Request): boolean => layerConfig(request)?.bidirectional ?? false
const hasLayers = (request: Request): boolean => (layerConfig(request)?.num_layers ?? 1) > 1
const hasLengths = ({ inputs }: Request): boolean => inputs.lengths !== undefined
const isBatched = (request: Request): boolean => request.inputs.input.shape.length === (isLayer(request.module) ? 3 : 2)

/** A fault that is another request: a right engine, asked something else. */
function asking(change: (request: Request) => Request): Fault['plant'] {
  return (right) => (request) => right(change(request))
}

/** A fault in how the parameters that `matches` are read. */
function reading(
  matches: string,
  change: (parameter: FloatTensor, name: string, params: Params) => FloatTensor,
): Fault['plant'] {
  return asking((request) => ({
    ...request,
    params: Object.fromEntries(
      Object.entries(request.params).map(([name, parameter]) => [
        name,
        name.startsWith(matches) ? change(parameter, name, request.params) : parameter,
      ]),
    ),
  }))
}

function departing(departures: Departures): Fault['plant'] {
  return (right) => (request) => right(request, departures)
}

/** A fault in what is done with right outputs. */
function returning(change: (outputs: Outputs, request: Request, right: Run) => Outputs): Fault['plant'] {
  return (right) => (request) => change(right(request), request, right)
}

function map(tensor: FloatTensor, f: (x: number, offset: number) => number): FloatTensor {
  return floatTensor(tensor.dtype, tensor.shape, Array.from(tensor.data, f))
}

function transpose(tensor: FloatTensor): FloatTensor {
  const [rows = 1, columns = 1] = tensor.shape
  // The numbers are read as if they were stored (columns, rows) and then turned, which is the same for a square matrix.
  return map(tensor, (_, offset) => tensor.data[(offset % columns) * rows + Math.floor(offset / columns)]!)
}

const isSquare = ({ params }: Request): boolean =>
  Object.entries(params).some(([name, { shape }]) => name.startsWith('weight_ih') && shape[0] === shape[1])

function withInputs(request: Request, inputs: Inputs): Request {
  return { ...request, inputs }
}

function withoutInput(name: 'h_0' | 'lengths'): (request: Request) => Request {
  return (request) => {
    const { [name]: _, ...inputs } = request.inputs
    return withInputs(request, inputs)
  }
}

/** Blocks of rows of the first axis, in another order: out[i] = tensor[order(i)]. */
function reorder(tensor: FloatTensor, order: (i: number) => number): FloatTensor {
  const inner = elementCount(tensor.shape.slice(1))
  return map(tensor, (_, offset) => tensor.data[order(Math.floor(offset / inner)) * inner + (offset % inner)]!)
}

function replace(outputs: Outputs, name: string, change: (tensor: FloatTensor) => FloatTensor): Outputs {
  const tensor = outputs[name]
  return tensor === undefined ? outputs : { ...outputs, [name]: change(tensor) }
}

/** The element of middling size: the largest would be the easiest to see, the smallest may be next to nothing. */
function onePercentOff(parameter: FloatTensor): FloatTensor {
  const bySize = Array.from(parameter.data.keys()).toSorted(
    (i, j) => Math.abs(parameter.data[i]!) - Math.abs(parameter.data[j]!),
  )
  const middle = bySize[Math.floor(bySize.length / 2)]
  return map(parameter, (x, offset) => (offset === middle ? 1.01 * x : x))
}

/** Time is axis 0, or axis 1 of a batch that comes first. */
function timeAxis(request: Request): { seq_len: number; outer: number; inner: number } {
  const { shape } = request.inputs.input
  const second = isBatched(request) && layerConfig(request)?.batch_first === true
  const seq_len = shape[second ? 1 : 0] ?? 1
  return { seq_len, outer: second ? (shape[0] ?? 1) : 1, inner: 0 }
}

/** output with step t taken from step from(t), or zeros where that is undefined. */
function moveSteps(output: FloatTensor, request: Request, from: (t: number, seq_len: number) => number): FloatTensor {
  const { seq_len, outer } = timeAxis(request)
  const inner = output.data.length / (seq_len * outer)
  return map(output, (_, offset) => {
    const t = Math.floor(offset / inner) % seq_len
    const source = from(t, seq_len)
    return source < 0 || source >= seq_len ? 0 : output.data[offset + (source - t) * inner]!
  })
}

/** One batch row of a request, and the state that it starts from. */
function rowOf(request: Request, row: number, h_0: FloatTensor | undefined): Request {
  const config = layerConfig(request)
  const batchAxis = config !== undefined && !config.batch_first ? 1 : 0
  const { input, lengths } = request.inputs
  return withInputs(request, {
    input: pick(input, batchAxis, row),
    ...(h_0 === undefined ? {} : { h_0 }),
    ...(lengths === undefined ? {} : { lengths: { ...lengths, shape: [1], data: lengths.data.slice(row, row + 1) } }),
  })
}

/** tensor[:, i:i+1] along an axis. */
function pick(tensor: FloatTensor, axis: number, i: number): FloatTensor {
  const size = tensor.shape[axis]!
  const inner = elementCount(tensor.shape.slice(axis + 1))
  const shape = tensor.shape.map((old, at) => (at === axis ? 1 : old))
  const data = Array.from({ length: elementCount(shape) }, (_, offset) => {
    const before = Math.floor(offset / inner)
    return tensor.data[(before * size + i) * inner + (offset % inner)]!
  })
  return floatTensor(tensor.dtype, shape, data)
}

/** Tensors of one row each, joined along an axis. */
function join(rows: readonly FloatTensor[], axis: number): FloatTensor {
  const first = rows[0]!
  const inner = elementCount(first.shape.slice(axis + 1))
  const shape = first.shape.map((old, at) => (at === axis ? rows.length : old))
  const data = Array.from({ length: elementCount(shape) }, (_, offset) => {
    const before = Math.floor(offset / inner)
    return rows[before % rows.length]!.data[Math.floor(before / rows.length) * inner + (offset % inner)]!
  })
  return floatTensor(first.dtype, shape, data)
}

/** Every row begins with the state in which the row before it ended. */
function carryState(right: Run): Run {
  return (request) => {
    const stateName = isLayer(request.module) ? 'h_n' : 'h_1'
    const stateAxis = isLayer(request.module) ? 1 : 0
    const outputAxis = layerConfig(request)?.batch_first === true ? 0 : 1
    const batch = (right(request)[stateName]?.shape ?? [])[stateAxis] ?? 0
    if (batch < 2) return right(request)
    const rows: Outputs[] = []
    for (let row = 0; row < batch; row++) {
      const { h_0 } = request.inputs
      const before = rows.at(-1)?.[stateName] ?? (h_0 === undefined ? undefined : pick(h_0, stateAxis, 0))
      rows.push(right(rowOf(request, row, before)))
    }
    return Object.fromEntries(
      Object.keys(rows[0]!).map((name) => [
        name,
        join(
          rows.map((outputs) => outputs[name]!),
          name === stateName ? stateAxis : outputAxis,
        ),
      ]),
    )
  }
}

/** The rational approximation of tanh that small runtimes use; off by up to 0.024. */
function crudeTanh(x: number): number {
  if (Number.isNaN(x)) return x
  const y = Math.max(-3, Math.min(3, x))
  return (y * (27 + y * y)) / (27 + 9 * y * y)
}

const usesTanh = ({ config }: Request): boolean => config.nonlinearity === 'tanh'
const other = { tanh: 'relu', relu: 'tanh' } as const

/** Changes the nonlinearity, whatever the module. */
function withNonlinearity(request: Request): Request {
  return { ...request, config: { ...request.config, nonlinearity: other[request.config.nonlinearity] } } as Request
}

/** Every known fault of RNN and RNNCell. Source: public issues of ports; FACTS and DESIGN name most of them. */
export const faults: readonly Fault[] = [
  {
    name: 'weight_hh transposed',
    sentence: 'reads weight_hh transposed',
    appliesTo: always,
    plant: reading('weight_hh', transpose),
  },
  {
    name: 'weight_ih transposed',
    sentence: 'reads weight_ih transposed where it is square',
    appliesTo: isSquare,
    plant: reading('weight_ih', (weight) => (weight.shape[0] === weight.shape[1] ? transpose(weight) : weight)),
  },
  {
    name: 'weight_ih misread',
    sentence: 'reads weight_ih as if it were stored (input_size, hidden_size)',
    appliesTo: (request) => !isSquare(request),
    plant: reading('weight_ih', transpose),
  },
  {
    name: 'bias_ih dropped',
    sentence: 'leaves bias_ih out',
    appliesTo: hasBias,
    plant: reading('bias_ih', (bias) => map(bias, () => 0)),
  },
  {
    name: 'bias_hh dropped',
    sentence: 'leaves bias_hh out',
    appliesTo: hasBias,
    plant: reading('bias_hh', (bias) => map(bias, () => 0)),
  },
  {
    name: 'bias_ih added twice',
    sentence: 'adds bias_ih twice',
    appliesTo: hasBias,
    plant: reading('bias_ih', (bias) => map(bias, (x) => 2 * x)),
  },
  {
    name: 'bias_hh added twice',
    sentence: 'adds bias_hh twice',
    appliesTo: hasBias,
    plant: reading('bias_hh', (bias) => map(bias, (x) => 2 * x)),
  },
  {
    name: 'biases swapped',
    sentence: 'takes bias_ih for bias_hh and the other way round',
    appliesTo: hasBias,
    equivalent: 'an RNN adds both biases to the same sum',
    plant: reading('bias_', (_, name, params) => {
      const swapped = name.startsWith('bias_ih') ? name.replace('_ih', '_hh') : name.replace('_hh', '_ih')
      return params[swapped]!
    }),
  },
  {
    name: 'relu for tanh, tanh for relu',
    sentence: 'applies the other nonlinearity',
    appliesTo: always,
    plant: asking(withNonlinearity),
  },
  {
    name: 'no nonlinearity',
    sentence: 'applies no nonlinearity',
    appliesTo: always,
    plant: departing({ activation: (x) => x }),
  },
  {
    name: 'crude tanh',
    sentence: 'approximates tanh by x (27 + x²) / (27 + 9 x²)',
    appliesTo: usesTanh,
    plant: departing({ activation: crudeTanh }),
  },
  {
    name: 'h_0 ignored',
    sentence: 'ignores h_0 and starts from zeros',
    appliesTo: hasState,
    plant: asking(withoutInput('h_0')),
  },
  {
    name: 'h_0 of layer 0 for all layers',
    sentence: 'starts every layer and direction from the first h_0',
    appliesTo: (request) => hasState(request) && (hasLayers(request) || isBidirectional(request)),
    plant: asking((request) => {
      const { h_0, ...rest } = request.inputs
      return h_0 === undefined ? request : withInputs(request, { ...rest, h_0: reorder(h_0, () => 0) })
    }),
  },
  {
    name: 'no recurrence',
    sentence: 'leaves out the product of h and weight_hh',
    appliesTo: always,
    plant: reading('weight_hh', (weight) => map(weight, () => 0)),
  },
  {
    name: 'reverse not reversed',
    sentence: 'runs the reverse direction forward in time',
    appliesTo: isBidirectional,
    plant: departing({ wiring: { reversed: false } }),
  },
  {
    name: 'reverse output not flipped back',
    sentence: 'leaves the reverse direction’s output in the order in which it was computed',
    appliesTo: isBidirectional,
    plant: departing({ wiring: { flippedBack: false } }),
  },
  {
    name: 'reverse with forward weights',
    sentence: 'uses the forward parameters for the reverse direction',
    appliesTo: isBidirectional,
    plant: reading('', (parameter, name, params) => params[name.replace(/_reverse$/, '')] ?? parameter),
  },
  {
    name: 'directions concatenated the other way',
    sentence: 'puts the reverse direction before the forward one in output',
    appliesTo: isBidirectional,
    plant: departing({ wiring: { concatenated: [1, 0] } }),
  },
  {
    name: 'h_n of reverse from the last step',
    sentence: 'takes the reverse direction’s h_n where the forward direction ends',
    appliesTo: isBidirectional,
    plant: returning(lastStepAsState),
  },
  {
    name: 'h_n by direction',
    sentence: 'orders h_n by direction first, then by layer',
    appliesTo: (request) => isBidirectional(request) && hasLayers(request),
    plant: returning((outputs, { config }) =>
      replace(outputs, 'h_n', (h_n) => {
        const layers = 'num_layers' in config ? config.num_layers : 1
        return reorder(h_n, (i) => 2 * (i % layers) + Math.floor(i / layers))
      }),
    ),
  },
  {
    name: 'h_n layers reversed',
    sentence: 'orders h_n from the last layer to the first',
    appliesTo: hasLayers,
    plant: returning((outputs) => replace(outputs, 'h_n', (h_n) => reorder(h_n, (i) => h_n.shape[0]! - 1 - i))),
  },
  {
    name: 'h_n from the padded end',
    sentence: 'takes h_n after the padding instead of at each row’s own last step',
    appliesTo: hasLengths,
    plant: returning((outputs, request, right) =>
      replace(outputs, 'h_n', () => right(withoutInput('lengths')(request))['h_n']!),
    ),
  },
  {
    name: 'lengths ignored',
    sentence: 'ignores lengths and runs through the padding',
    appliesTo: hasLengths,
    plant: asking(withoutInput('lengths')),
  },
  {
    name: 'padding not zeroed',
    sentence: 'repeats a row’s last state past its length where torch puts zeros',
    appliesTo: hasLengths,
    plant: returning(repeatLastStep),
  },
  {
    name: 'batch_first ignored',
    sentence: 'ignores batch_first and reads (batch, seq_len) as (seq_len, batch)',
    appliesTo: (request) => layerConfig(request)?.batch_first === true && isBatched(request),
    plant: (right) => (request) => ignoreBatchFirst(right, request),
  },
  {
    name: 'residual between layers',
    sentence: 'adds the input of a layer to its output, from layer 1 on',
    appliesTo: hasLayers,
    plant: departing({ wiring: { residual: true } }),
  },
  {
    name: 'state carried between rows',
    sentence: 'starts each batch row from the last state of the row before',
    appliesTo: isBatched,
    plant: carryState,
  },
  {
    name: 'weights in float16',
    sentence: 'rounds the weights to float16',
    appliesTo: always,
    plant: reading('weight', (weight) => map(weight, roundToFloat16)),
  },
  {
    name: 'weights in bfloat16',
    sentence: 'rounds the weights to bfloat16',
    appliesTo: always,
    plant: reading('weight', (weight) => map(weight, roundToBfloat16)),
  },
  {
    name: 'one weight_hh 1 % off',
    sentence: 'has one element of weight_hh 1 % off',
    appliesTo: always,
    plant: reading('weight_hh', (weight, name, params) =>
      name === Object.keys(params).find((first) => first.startsWith('weight_hh')) ? onePercentOff(weight) : weight,
    ),
  },
  {
    name: 'output shifted by one step',
    sentence: 'puts out each state one step late',
    appliesTo: (request) => isLayer(request.module),
    plant: returning((outputs, request) =>
      replace(outputs, 'output', (output) => moveSteps(output, request, (t) => t - 1)),
    ),
  },
]

function lastStepAsState(outputs: Outputs, request: Request): Outputs {
  const { output, h_n } = outputs
  const { config, inputs } = request
  if (output === undefined || h_n === undefined || !('num_layers' in config)) return outputs
  const { seq_len, outer } = timeAxis(request)
  const { hidden_size, num_layers } = config
  const D = numDirections(config)
  const batch = isBatched(request) ? h_n.shape[1]! : 1
  const data = h_n.data.slice()
  for (let row = 0; row < batch; row++) {
    const t = inputs.lengths === undefined ? seq_len - 1 : Number(inputs.lengths.data[row]) - 1
    const from = ((outer > 1 || config.batch_first ? row * seq_len + t : t * batch + row) * D + 1) * hidden_size
    const to = ((num_layers * D - 1) * batch + row) * hidden_size
    data.set(output.data.subarray(from, from + hidden_size), to)
  }
  return { ...outputs, h_n: floatTensor(h_n.dtype, h_n.shape, data) }
}

function repeatLastStep(outputs: Outputs, request: Request): Outputs {
  const { output } = outputs
  const { lengths } = request.inputs
  if (output === undefined || lengths === undefined) return outputs
  const batchFirst = layerConfig(request)?.batch_first === true
  const second = output.shape[1] ?? 1
  const width = output.shape[2] ?? 1
  return {
    ...outputs,
    output: map(output, (x, offset) => {
      const place = Math.floor(offset / width)
      const [row, t] = batchFirst
        ? [Math.floor(place / second), place % second]
        : [place % second, Math.floor(place / second)]
      const last = Number(lengths.data[row]) - 1
      if (t <= last) return x
      return output.data[offset + (last - t) * width * (batchFirst ? 1 : second)]!
    }),
  }
}

/** The same numbers, with the first two axes' sizes exchanged, as a port without batch_first would take them. */
function ignoreBatchFirst(right: Run, request: Request): Outputs {
  const config = layerConfig(request)
  if (config === undefined) return right(request)
  const { h_0, lengths: _, input } = request.inputs
  const [batch = 1, seq_len = 1, input_size = 1] = input.shape
  const rows = seq_len
  const states = config.num_layers * numDirections(config)
  const taken = floatTensor(input.dtype, [batch, rows, input_size], input.data)
  // As many rows of h_0 as there are; what is missing begins again at the first.
  const state =
    h_0 === undefined
      ? undefined
      : floatTensor(
          h_0.dtype,
          [states, rows, config.hidden_size],
          Array.from({ length: states * rows * config.hidden_size }, (_, i) => h_0.data[i % h_0.data.length] ?? 0),
        )
  const { output, h_n } = right({
    ...request,
    module: 'RNN',
    config: { ...config, batch_first: false },
    inputs: { input: taken, ...(state === undefined ? {} : { h_0: state }) },
  })
  // h_n keeps the shape that is asked for, with the numbers that are there.
  const shape = [states, batch, config.hidden_size]
  return {
    output: output!,
    h_n: floatTensor(
      input.dtype,
      shape,
      Array.from({ length: elementCount(shape) }, (_, i) => h_n!.data[i % h_n!.data.length] ?? 0),
    ),
  }
}
