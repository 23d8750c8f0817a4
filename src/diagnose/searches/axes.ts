import type { RecurrentRequest } from '../../format/case.ts'
import { type Fault, hasLayers, isBatched, isBidirectional, map, rearranging, replace } from '../../faults/fault.ts'
import { exchangingAxes, movingSteps } from '../../faults/axes.ts'
import { hasOutputsOnly } from '../../faults/layers.ts'
import { layerConfig } from '../../format/module.ts'
import type { FloatTensor } from '../../format/tensor.ts'

type Recurrent = Fault<RecurrentRequest>

/** The index along an axis from the end. */
function flipped(tensor: FloatTensor, axis: number): FloatTensor {
  const source = flip(tensor, axis)
  return map(tensor, (_, offset) => tensor.data[source(offset)]!)
}

function flip({ shape }: FloatTensor, axis: number): (offset: number) => number {
  const size = shape[axis] ?? 1
  const inner = shape.slice(axis + 1).reduce((product, each) => product * each, 1)
  return (offset) => offset + (size - 1 - 2 * (Math.floor(offset / inner) % size)) * inner
}

/** The numbers of (first, second, …) as they stand in (second, first, …). */
function exchanged({ shape, data }: FloatTensor): (offset: number) => number {
  const [first = 1, second = 1] = shape
  const inner = data.length / (first * second)
  return (offset) => {
    const place = Math.floor(offset / inner)
    return ((place % first) * second + Math.floor(place / first)) * inner + (offset % inner)
  }
}

const isLayered = ({ config }: RecurrentRequest): boolean => layerConfig(config) !== undefined
const rowAxis = ({ config }: RecurrentRequest): number => (layerConfig(config)?.batch_first === false ? 1 : 0)
const stepAxis = (request: RecurrentRequest): number => (isBatched(request) && rowAxis(request) === 0 ? 1 : 0)

function flippingInput(axisOf: (request: RecurrentRequest) => number): Recurrent['plant'] {
  return (right) => (request, departures) => {
    const axis = axisOf(request)
    const input = flipped(request.inputs.input, axis)
    const outputs = right({ ...request, inputs: { ...request.inputs, input } }, departures)
    return replace(outputs, 'grad_input', (gradient) => flipped(gradient, axis))
  }
}

const everyOutput = ['output', 'h_n', 'c_n', 'h_1', 'c_1'] as const

/** Axes of what goes in or comes out, the other way round or for each other. */
export const axisOrders: readonly Recurrent[] = [
  {
    name: 'input reversed in time',
    sentence: 'reads the input from the last time step to the first',
    appliesTo: isLayered,
    plant: flippingInput(stepAxis),
  },
  {
    name: 'output reversed in time',
    sentence: 'puts output out from the last time step to the first',
    appliesTo: isLayered,
    plant: movingSteps((t, seq_len) => seq_len - 1 - t),
  },
  {
    name: 'input and output reversed in time',
    sentence: 'reads input, and puts output out, from the last time step to the first',
    appliesTo: isLayered,
    plant: (right) => flippingInput(stepAxis)(movingSteps((t, seq_len) => seq_len - 1 - t)(right)),
  },
  {
    name: 'features reversed',
    sentence: 'reads the features of input from the last to the first',
    appliesTo: () => true,
    plant: flippingInput(({ inputs }) => inputs.input.shape.length - 1),
  },
  {
    name: 'rows of input reversed',
    acrossRows: true,
    sentence: 'takes the rows of input in the opposite order',
    appliesTo: isBatched,
    plant: flippingInput(rowAxis),
  },
  {
    name: 'units reversed',
    sentence: 'puts out the units from the last to the first',
    appliesTo: () => true,
    plant: rearranging(everyOutput, (tensor) => flip(tensor, tensor.shape.length - 1)),
  },
  {
    name: 'units of output reversed',
    sentence: 'puts out the units of output from the last to the first',
    appliesTo: isLayered,
    plant: rearranging(['output'], (tensor) => flip(tensor, tensor.shape.length - 1)),
  },
  {
    name: 'output transposed',
    acrossRows: true,
    sentence: 'puts out the numbers of output with time steps and rows exchanged, in the shape that torch has',
    appliesTo: (request) => isLayered(request) && isBatched(request),
    plant: rearranging(['output'], exchanged),
  },
  {
    name: 'h_n transposed',
    acrossRows: true,
    sentence: 'puts out the numbers of h_n and c_n with layers and rows exchanged, in the shape that torch has',
    appliesTo: (request) => (hasLayers(request) || isBidirectional(request)) && isBatched(request),
    plant: rearranging(['h_n', 'c_n'], exchanged),
  },
  {
    name: 'batch_first assumed',
    acrossRows: true,
    sentence: 'reads (seq_len, batch) as (batch, seq_len), as with batch_first',
    appliesTo: (request) =>
      layerConfig(request.config)?.batch_first === false && isBatched(request) && hasOutputsOnly(request),
    plant: exchangingAxes({ missing: 'again', keepsShape: true }),
  },
]
