import type { Inputs, Outputs, RecurrentRequest } from '../format/case.ts'
import { isLayer, kinds, layerConfig, stateSize } from '../format/module.ts'
import { elementCount, type FloatTensor, floatTensor, indexSelect } from '../format/tensor.ts'
import {
  asking,
  departing,
  type Fault,
  hasLayers,
  hasLengths,
  hasState,
  isBatched,
  isBidirectional,
  reorder,
  replace,
  returning,
  type Run,
} from './fault.ts'
import { exchangingAxes, lastStates, movingSteps, reorderingStates, repeatingLastStep } from './axes.ts'
import { ignoring } from './gates.ts'

function withInputs(request: RecurrentRequest, inputs: Inputs): RecurrentRequest {
  return { ...request, inputs }
}

function withoutLengths(request: RecurrentRequest): RecurrentRequest {
  const { lengths: _, ...inputs } = request.inputs
  return withInputs(request, inputs)
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
  return (request, departures) => {
    const config = layerConfig(request.config)
    const stateAxis = config === undefined ? 0 : 1
    const inputAxis = config === undefined || config.batch_first ? 0 : 1
    const names = config === undefined ? { h_0: 'h_1', c_0: 'c_1' } : { h_0: 'h_n', c_0: 'c_n' }
    const { input, lengths, dropout_mask } = request.inputs
    const batch = input.shape[inputAxis] ?? 0
    if (batch < 2) return right(request, departures)
    const rows: Outputs[] = []
    for (let row = 0; row < batch; row++) {
      const start = (name: 'h_0' | 'c_0'): { [K in typeof name]?: FloatTensor } => {
        const given = request.inputs[name]
        const state = rows.at(-1)?.[names[name]] ?? (given && indexSelect(given, stateAxis, [0]))
        return state === undefined ? {} : { [name]: state }
      }
      const inputs = {
        input: indexSelect(input, inputAxis, [row]),
        ...start('h_0'),
        ...start('c_0'),
        ...(dropout_mask && { dropout_mask: indexSelect(dropout_mask, 2, [row]) }),
        ...(lengths && { lengths: { ...lengths, shape: [1], data: lengths.data.slice(row, row + 1) } }),
      }
      rows.push(right(withInputs(request, inputs), departures))
    }
    return Object.fromEntries(
      Object.keys(rows[0]!).map((name) => {
        const tensors = rows.map((outputs) => outputs[name]!)
        return [name, join(tensors, name === 'output' ? inputAxis : stateAxis)]
      }),
    )
  }
}

/** What all states have, added up in the first one. */
function allInFirst(tensor: FloatTensor): FloatTensor {
  const size = tensor.data.length / tensor.shape[0]!
  const sum = new Float64Array(tensor.data.length)
  for (const [i, x] of tensor.data.entries()) sum[i % size]! += x
  return floatTensor(tensor.dtype, tensor.shape, sum)
}

function exchanged(tensors: Outputs): Outputs {
  const { h_n, c_n, h_1, c_1 } = tensors
  if (h_1 !== undefined && c_1 !== undefined) return { ...tensors, h_1: c_1, c_1: h_1 }
  return h_n === undefined || c_n === undefined ? tensors : { ...tensors, h_n: c_n, c_n: h_n }
}

/** The two are computed by asking for other shapes, so there are no gradients to give. */
export const hasOutputsOnly = ({ cotangents }: RecurrentRequest): boolean => cotangents === undefined

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
    plant: (right) => (request, departures) => {
      const { h_0, ...rest } = request.inputs
      if (h_0 === undefined) return right(request, departures)
      const outputs = right(withInputs(request, { ...rest, h_0: reorder(h_0, () => 0) }), departures)
      return replace(outputs, 'grad_h_0', allInFirst)
    },
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
    plant: departing({ wiring: { stateFromEnd: true } }),
  },
  {
    name: 'h_n by direction',
    sentence: 'orders h_n and c_n by direction first, then by layer',
    appliesTo: (request) => isBidirectional(request) && hasLayers(request),
    plant: reorderingStates((i, states) => 2 * (i % (states / 2)) + Math.floor(i / (states / 2))),
  },
  {
    name: 'h_n layers reversed',
    sentence: 'orders h_n and c_n from the last layer to the first',
    appliesTo: hasLayers,
    plant: reorderingStates((i, states) => states - 1 - i),
  },
  {
    name: 'h_n and c_n exchanged',
    sentence: 'returns c_n for h_n and the other way round',
    appliesTo: ({ module, config }) => kinds[module].hasCellState && stateSize(config) === config.hidden_size,
    plant: (right) => (request, departures) => {
      const { cotangents } = request
      const asked = cotangents === undefined ? request : { ...request, cotangents: exchanged(cotangents) }
      return exchanged(right(asked, departures))
    },
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
    plant: repeatingLastStep,
  },
  {
    name: 'batch_first ignored',
    acrossRows: true,
    sentence: 'ignores batch_first and reads (batch, seq_len) as (seq_len, batch)',
    appliesTo: (request) =>
      layerConfig(request.config)?.batch_first === true && isBatched(request) && hasOutputsOnly(request),
    plant: exchangingAxes({ missing: 'again', keepsShape: true }),
  },
  {
    name: 'residual between layers',
    sentence: 'adds the input of a layer to its output, from layer 1 on',
    appliesTo: hasLayers,
    plant: departing({ wiring: { residual: true } }),
  },
  {
    name: 'state carried between rows',
    acrossRows: true,
    sentence: 'starts each batch row from the last state of the row before',
    appliesTo: (request) => isBatched(request) && hasOutputsOnly(request) && request.inputs.dropout_mask === undefined,
    plant: carryState,
  },
  {
    name: 'output shifted by one step',
    sentence: 'puts out each state one step late',
    appliesTo: (request) => isLayer(request.module),
    plant: movingSteps((t) => t - 1),
  },
]
