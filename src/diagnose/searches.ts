import { isModelRequest, type Outputs, type RecurrentRequest, type Request } from '../case.ts'
import { type Activation, sigmoid } from '../engine/cell.ts'
import { among, type Fault, inOneRun, isRecurrent } from '../faults.ts'
import {
  asking,
  departing,
  hasBias,
  isBatched,
  isGRU,
  isLSTM,
  isRNN,
  map,
  reading,
  rearranging,
  reorder,
  timeAxis,
} from '../faults/fault.ts'
import { inOrder } from '../faults/gates.ts'
import { exchangingAxes, hasOutputsOnly, movingSteps } from '../faults/layers.ts'
import { kinds, layerConfig, numDirections, suffix } from '../module.ts'
import { roundToBfloat16, roundToFloat16 } from '../precision.ts'
import { type FloatTensor } from '../tensor.ts'

type Recurrent = Fault<RecurrentRequest>

/** Every order of these letters but their own. */
function orders(own: string): string[] {
  const all = (letters: string): string[] =>
    letters.length < 2
      ? [letters]
      : [...letters].flatMap((first) => all(letters.replace(first, '')).map((rest) => first + rest))
  return all(own).filter((order) => order !== own)
}

const spaced = (letters: string): string => [...letters].join(' ')

/** The blocks of rows in any other order, in all parameters or in some. */
const gateOrders: readonly Recurrent[] = (['ifgo', 'rzn'] as const).flatMap((own) => {
  const places = [
    ['weight_ih', 'weight_hh', 'bias'],
    ['weight_ih', 'weight_hh'],
    ['weight_ih'],
    ['weight_hh'],
    ['bias'],
  ]
  return orders(own).flatMap((order) =>
    places.map((parameters): Recurrent => {
      const where = parameters.length === 3 ? '' : ` in ${parameters.join(' and ')} alone`
      return {
        name: `gates in the order ${spaced(order)}${where}`,
        sentence: `takes the blocks of rows for ${spaced(order)}${where}, where torch has ${spaced(own)}`,
        appliesTo: (request) =>
          kinds[request.module].gates.join('') === own && (parameters[0] !== 'bias' || hasBias(request)),
        plant: inOrder(order, own, parameters),
      }
    }),
  )
})

/** Rows that stand unit by unit, with the gates of each beside each other, as some frameworks store them. */
function interleaved(gates: number): Recurrent['plant'] {
  const from = (tensor: FloatTensor): ((row: number) => number) => {
    const units = tensor.shape[0]! / gates
    return (row) => (row % units) * gates + Math.floor(row / units)
  }
  const back = (tensor: FloatTensor): FloatTensor => {
    const units = tensor.shape[0]! / gates
    return reorder(tensor, (row) => (row % gates) * units + Math.floor(row / gates))
  }
  return (right) =>
    ['weight_ih', 'weight_hh', 'bias'].reduce(
      (run, name) => reading(name, (tensor) => reorder(tensor, from(tensor)), back)(run),
      right,
    )
}

const gateLayouts: readonly Recurrent[] = [isLSTM, isGRU].map((isOne, i) => ({
  name: 'gates interleaved by unit',
  sentence: 'reads the rows of weights and biases unit by unit, with the gates of a unit beside each other',
  appliesTo: isOne,
  plant: interleaved(4 - i),
}))

/** Whole numbers from −127 to 127 times a scale, one for each tensor or for each row. */
function toInt8(weight: FloatTensor, byRow: boolean): FloatTensor {
  const columns = weight.shape[1] ?? 1
  const size = byRow ? columns : weight.data.length
  const scales: number[] = []
  for (let at = 0; at < weight.data.length; at += size) {
    scales.push(Math.max(...Array.from(weight.data.subarray(at, at + size), Math.abs)) / 127)
  }
  return map(weight, (x, offset) => {
    const scale = scales[Math.floor(offset / size)]!
    return scale === 0 ? 0 : Math.round(x / scale) * scale
  })
}

const precisions: readonly Recurrent[] = [
  ...[false, true].map((byRow): Recurrent => ({
    name: 'weights in int8',
    sentence: `rounds the weights to int8, with one scale for each ${byRow ? 'row' : 'matrix'}`,
    appliesTo: () => true,
    plant: reading('weight', (weight) => toInt8(weight, byRow)),
  })),
  ...(
    [
      ['float16', roundToFloat16],
      ['bfloat16', roundToBfloat16],
    ] as const
  ).map(([dtype, rounded]): Recurrent => ({
    name: `states in ${dtype}`,
    sentence: `rounds the states to ${dtype} after each step`,
    appliesTo: (request) => request.dtype === 'float32' || request.dtype === 'float64',
    plant: departing({ scan: { rounded } }),
  })),
  {
    name: 'weights in float32',
    sentence: 'rounds the weights and biases to float32',
    appliesTo: ({ dtype }) => dtype === 'float64',
    plant: reading('', (parameter) => map(parameter, Math.fround)),
  },
]

const clamped = (x: number, low: number, high: number): number =>
  Number.isNaN(x) ? x : Math.max(low, Math.min(high, x))

/** By the name that torch.nn has for each. */
const activations: Readonly<Record<string, Activation>> = {
  Identity: (x) => x,
  ReLU: (x) => (x < 0 ? 0 : x),
  ReLU6: (x) => clamped(x, 0, 6),
  LeakyReLU: (x) => (x < 0 ? 0.01 * x : x),
  ELU: (x) => (x < 0 ? Math.expm1(x) : x),
  Softplus: (x) => Math.log1p(Math.exp(x)),
  Softsign: (x) => x / (1 + Math.abs(x)),
  Hardtanh: (x) => clamped(x, -1, 1),
  Sigmoid: sigmoid,
  Tanh: Math.tanh,
  SiLU: (x) => x * sigmoid(x),
}

const otherActivations: readonly Recurrent[] = Object.entries(activations).flatMap(
  ([name, activation]): Recurrent[] => [
    {
      name: `${name} for the nonlinearity`,
      sentence: `applies torch.nn.${name} instead of the nonlinearity`,
      appliesTo: isRNN,
      plant: departing({ rnn: { activation } }),
    },
    {
      name: `${name} for tanh`,
      sentence: `applies torch.nn.${name} instead of tanh`,
      appliesTo: (request) => name !== 'Tanh' && !isRNN(request),
      plant: departing({ lstm: { tanh: activation }, gru: { tanh: activation } }),
    },
    {
      name: `${name} for sigmoid`,
      sentence: `applies torch.nn.${name} instead of the sigmoid`,
      appliesTo: (request) => name !== 'Sigmoid' && !isRNN(request),
      plant: departing({ lstm: { sigmoid: activation }, gru: { sigmoid: activation } }),
    },
  ],
)

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
  return asking((request) => {
    const { input } = request.inputs
    return { ...request, inputs: { ...request.inputs, input: flipped(input, axisOf(request)) } }
  })
}

const everyOutput = ['output', 'h_n', 'c_n', 'h_1', 'c_1'] as const

/** Axes of what goes in or comes out, the other way round or for each other. */
const axisOrders: readonly Recurrent[] = [
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
    sentence: 'puts out the numbers of output with time steps and rows exchanged, in the shape that torch has',
    appliesTo: (request) => isLayered(request) && isBatched(request),
    plant: rearranging(['output'], exchanged),
  },
  {
    name: 'h_n transposed',
    sentence: 'puts out the numbers of h_n and c_n with layers and rows exchanged, in the shape that torch has',
    appliesTo: (request) => isLayered(request) && isBatched(request),
    plant: rearranging(['h_n', 'c_n'], exchanged),
  },
  {
    name: 'batch_first assumed',
    sentence: 'reads (seq_len, batch) as (batch, seq_len), as with batch_first',
    appliesTo: (request) =>
      layerConfig(request.config)?.batch_first === false && isBatched(request) && hasOutputsOnly(request),
    plant: exchangingAxes({ missing: 'again', keepsShape: true }),
  },
]

/** Every cause that belongs to a family rather than to the catalogue. */
const families: readonly Fault[] = [
  ...gateOrders,
  ...gateLayouts,
  ...precisions,
  ...otherActivations,
  ...axisOrders,
].map((fault) => among(inOneRun(fault), isRecurrent))

/** A fault in how parameters are read, in one layer and direction alone. */
function onlyIn(fault: Fault, own: string, where: string): Fault {
  return {
    ...fault,
    name: `${fault.name} in ${where} alone`,
    sentence: `${fault.sentence}, in ${where} alone`,
    plant: (right) => (request, departures) => {
      let inner: Outputs = {}
      const wrong = fault.plant((asked, others) => {
        const params = Object.fromEntries(
          Object.entries(request.params).map(([name, tensor]) => [
            name,
            name.endsWith(own) ? asked.params[name]! : tensor,
          ]),
        )
        return (inner = right({ ...asked, params } as Request, others))
      })
      const outputs = wrong(request, departures)
      return Object.fromEntries(
        Object.entries(inner).map(([name, tensor]) => [name, name.endsWith(own) ? outputs[name]! : tensor]),
      )
    },
  }
}

/**
 * Causes that are not in the catalogue but near to it, for a request: other orders of gates and axes, precisions, activations, and
 * faults of parameters in one layer and direction alone. Those that are known are left out.
 */
export function searched(request: Request, known: readonly Fault[], ofParameters: readonly string[]): readonly Fault[] {
  if (isModelRequest(request)) return []
  const names = new Set(known.map(({ name }) => name))
  const found = families.filter((fault) => !names.has(fault.name) && fault.appliesTo(request))
  const config = layerConfig(request.config)
  const states = config === undefined ? 1 : config.num_layers * numDirections(config)
  if (config === undefined || states === 1) return found
  const D = numDirections(config)
  const parts = known.filter((fault) => ofParameters.includes(fault.name) && fault.appliesTo(request))
  for (let state = 0; state < states; state++) {
    const own = suffix(Math.floor(state / D), state % D)
    const direction = D === 1 ? '' : state % D === 0 ? ' forward' : ' reverse'
    for (const fault of parts) found.push(onlyIn(fault, own, `layer ${Math.floor(state / D)}${direction}`))
  }
  return found
}
