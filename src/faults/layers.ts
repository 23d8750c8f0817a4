import type { Inputs, Outputs, RecurrentRequest } from '../case.ts'
import { isLayer, kinds, layerConfig, numDirections, stateSize } from '../module.ts'
import { elementCount, type FloatTensor, floatTensor } from '../tensor.ts'
import {
  asking,
  departing,
  type Fault,
  hasLayers,
  hasLengths,
  hasState,
  isBatched,
  isBidirectional,
  map,
  reorder,
  replace,
  returning,
  type Run,
  timeAxis,
} from './fault.ts'
import { ignoring } from './gates.ts'

function withInputs(request: RecurrentRequest, inputs: Inputs): RecurrentRequest {
  return { ...request, inputs }
}

function withoutLengths(request: RecurrentRequest): RecurrentRequest {
  const { lengths: _, ...inputs } = request.inputs
  return withInputs(request, inputs)
}

const lastStates = ['h_n', 'c_n'] as const

/** Changes h_n, and c_n of an LSTM. */
function returningStates(
  change: (state: FloatTensor, request: RecurrentRequest) => FloatTensor,
): Fault<RecurrentRequest>['plant'] {
  return returning((outputs, request) =>
    lastStates.reduce((all, name) => replace(all, name, (state) => change(state, request)), outputs),
  )
}

/** output with step t taken from step from(t), or zeros where that is undefined. */
function moveSteps(output: FloatTensor, request: RecurrentRequest, from: (t: number) => number): FloatTensor {
  const { seq_len, outer } = timeAxis(request)
  const inner = output.data.length / (seq_len * outer)
  return map(output, (_, offset) => {
    const t = Math.floor(offset / inner) % seq_len
    const source = from(t)
    return source < 0 || source >= seq_len ? 0 : output.data[offset + (source - t) * inner]!
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

/** Every row begins with the states in which the row before it ended. */
function carryState(right: Run<RecurrentRequest>): Run<RecurrentRequest> {
  return (request) => {
    const config = layerConfig(request.config)
    const stateAxis = config === undefined ? 0 : 1
    const inputAxis = config === undefined || config.batch_first ? 0 : 1
    const names = config === undefined ? { h_0: 'h_1', c_0: 'c_1' } : { h_0: 'h_n', c_0: 'c_n' }
    const { input, lengths } = request.inputs
    const batch = input.shape[inputAxis] ?? 0
    if (batch < 2) return right(request)
    const rows: Outputs[] = []
    for (let row = 0; row < batch; row++) {
      const start = (name: 'h_0' | 'c_0'): { [K in typeof name]?: FloatTensor } => {
        const given = request.inputs[name]
        const state = rows.at(-1)?.[names[name]] ?? (given && pick(given, stateAxis, 0))
        return state === undefined ? {} : { [name]: state }
      }
      const inputs = {
        input: pick(input, inputAxis, row),
        ...start('h_0'),
        ...start('c_0'),
        ...(lengths && { lengths: { ...lengths, shape: [1], data: lengths.data.slice(row, row + 1) } }),
      }
      rows.push(right(withInputs(request, inputs)))
    }
    return Object.fromEntries(
      Object.keys(rows[0]!).map((name) => {
        const tensors = rows.map((outputs) => outputs[name]!)
        return [name, join(tensors, name === 'output' ? inputAxis : stateAxis)]
      }),
    )
  }
}

/** The last time step of a row: that of its length, where it has one. */
function lastStepAsState(outputs: Outputs, request: RecurrentRequest): Outputs {
  const { output, h_n } = outputs
  const config = layerConfig(request.config)
  if (output === undefined || h_n === undefined || config === undefined) return outputs
  const { seq_len } = timeAxis(request)
  const D = numDirections(config)
  const size = stateSize(config)
  const batch = isBatched(request) ? h_n.shape[1]! : 1
  const data = h_n.data.slice()
  for (let row = 0; row < batch; row++) {
    const { lengths } = request.inputs
    const t = lengths === undefined ? seq_len - 1 : Number(lengths.data[row]) - 1
    const batchFirst = config.batch_first && isBatched(request)
    const from = ((batchFirst ? row * seq_len + t : t * batch + row) * D + 1) * size
    const to = ((config.num_layers * D - 1) * batch + row) * size
    data.set(output.data.subarray(from, from + size), to)
  }
  return { ...outputs, h_n: floatTensor(h_n.dtype, h_n.shape, data) }
}

function repeatLastStep(outputs: Outputs, request: RecurrentRequest): Outputs {
  const { output } = outputs
  const { lengths } = request.inputs
  if (output === undefined || lengths === undefined) return outputs
  const batchFirst = layerConfig(request.config)?.batch_first === true
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

/** The numbers that are there in another shape; what is missing begins again at the first. */
function reshape(tensor: FloatTensor, shape: readonly number[]): FloatTensor {
  const { data } = tensor
  const length = elementCount(shape)
  return floatTensor(
    tensor.dtype,
    shape,
    Array.from({ length }, (_, i) => data[i % data.length] ?? 0),
  )
}

/** The same numbers, with the first two axes' sizes exchanged, as a port without batch_first would take them. */
function ignoreBatchFirst(right: Run<RecurrentRequest>, request: RecurrentRequest): Outputs {
  const config = layerConfig(request.config)
  if (config === undefined) return right(request)
  const { h_0, c_0, input } = request.inputs
  const [batch = 1, seq_len = 1, input_size = 1] = input.shape
  const states = config.num_layers * numDirections(config)
  const outputs = right({
    ...request,
    config: { ...config, batch_first: false },
    inputs: {
      input: floatTensor(input.dtype, [batch, seq_len, input_size], input.data),
      ...(h_0 && { h_0: reshape(h_0, [states, seq_len, h_0.shape[2]!]) }),
      ...(c_0 && { c_0: reshape(c_0, [states, seq_len, c_0.shape[2]!]) }),
    },
    // The same module with another argument; TypeScript cannot follow that.
  } as RecurrentRequest)
  // The last states keep the shape that is asked for, with the numbers that are there.
  return lastStates.reduce(
    (all, name) => replace(all, name, (state) => reshape(state, [states, batch, state.shape[2]!])),
    outputs,
  )
}

/** The two are computed by asking for other shapes, so there are no gradients to give. */
const hasOutputsOnly = ({ cotangents, inputs }: RecurrentRequest): boolean =>
  cotangents === undefined && inputs.dropout_mask === undefined

/** Faults in how layers, directions, rows and time are put together. */
export const layerFaults: readonly Fault<RecurrentRequest>[] = [
  {
    name: 'h_0 ignored',
    sentence: 'ignores h_0 and starts from zeros',
    appliesTo: hasState,
    plant: ignoring('h_0'),
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
    sentence: 'orders h_n and c_n by direction first, then by layer',
    appliesTo: (request) => isBidirectional(request) && hasLayers(request),
    plant: returningStates((state, { config }) => {
      const layers = layerConfig(config)?.num_layers ?? 1
      return reorder(state, (i) => 2 * (i % layers) + Math.floor(i / layers))
    }),
  },
  {
    name: 'h_n layers reversed',
    sentence: 'orders h_n and c_n from the last layer to the first',
    appliesTo: hasLayers,
    plant: returningStates((state) => reorder(state, (i) => state.shape[0]! - 1 - i)),
  },
  {
    name: 'h_n and c_n exchanged',
    sentence: 'returns c_n for h_n and the other way round',
    appliesTo: ({ module, config }) => kinds[module].hasCellState && stateSize(config) === config.hidden_size,
    plant: returning((outputs) => {
      const { h_n, c_n, h_1, c_1 } = outputs
      if (h_1 !== undefined && c_1 !== undefined) return { ...outputs, h_1: c_1, c_1: h_1 }
      return h_n === undefined || c_n === undefined ? outputs : { ...outputs, h_n: c_n, c_n: h_n }
    }),
  },
  {
    name: 'h_n from the padded end',
    sentence: 'takes h_n and c_n after the padding instead of at each row’s own last step',
    appliesTo: hasLengths,
    plant: returning((outputs, request, right) => {
      const padded = right(withoutLengths(request))
      return lastStates.reduce((all, name) => replace(all, name, () => padded[name]!), outputs)
    }),
  },
  {
    name: 'lengths ignored',
    sentence: 'ignores lengths and runs through the padding',
    appliesTo: hasLengths,
    plant: asking(withoutLengths),
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
    appliesTo: (request) =>
      layerConfig(request.config)?.batch_first === true && isBatched(request) && hasOutputsOnly(request),
    plant: (right) => (request, departures) => ignoreBatchFirst((asked) => right(asked, departures), request),
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
    appliesTo: (request) => isBatched(request) && hasOutputsOnly(request),
    plant: carryState,
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
