import type { RecurrentRequest } from '../format/case.ts'
import type { Nonlinearity } from '../variants/cell.ts'
import { kinds } from '../format/module.ts'
import type { FloatTensor } from '../format/tensor.ts'
import {
  asking,
  departing,
  type Fault,
  hasBias,
  hasState,
  isGRU,
  isLSTM,
  isRNN,
  map,
  type Params,
  reading,
  reorder,
  replace,
  zeros,
} from './fault.ts'

function rational(x: number): number {
  return (x * (27 + x * x)) / (27 + 9 * x * x)
}

/** Where `rational` has a value between −1 and 1: at −3 and 3 it has those, and between them it grows. */
function inverse(value: number): number {
  let [low, high] = [-3, 3]
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (rational(middle) < value) low = middle
    else high = middle
  }
  return low
}

/** The rational approximation of tanh that small runtimes use; off by up to 0.024. */
const crudeTanh: Nonlinearity = {
  of: (x) => (Number.isNaN(x) ? x : rational(Math.max(-3, Math.min(3, x)))),
  slope(y) {
    const square = inverse(y) ** 2
    return (9 - square) ** 2 / (9 * (3 + square) ** 2)
  },
}

/** A sigmoid of three straight pieces. */
export function hardSigmoidOf(steepness: number): Nonlinearity {
  return {
    of: (x) => (Number.isNaN(x) ? x : Math.max(0, Math.min(1, steepness * x + 0.5))),
    slope: (y) => (y > 0 && y < 1 ? steepness : 0),
  }
}

/** As Keras 2 and TensorFlow.js have it. */
const hardSigmoid = hardSigmoidOf(0.2)

const identity: Nonlinearity = { of: (x) => x, slope: () => 1 }
const other = { tanh: 'relu', relu: 'tanh' } as const

function withOtherNonlinearity(request: RecurrentRequest): RecurrentRequest {
  if (!('nonlinearity' in request.config)) return request
  const config = { ...request.config, nonlinearity: other[request.config.nonlinearity] }
  // The same module with another argument; TypeScript cannot follow that.
  return { ...request, config } as RecurrentRequest
}

const usesTanh = ({ config }: RecurrentRequest): boolean =>
  !('nonlinearity' in config) || config.nonlinearity === 'tanh'

const stacked = ['weight_ih', 'weight_hh', 'bias'] as const

/** A port that takes the blocks of rows of some parameters for these gates, in this order. own: torch's order. */
export function inOrder(
  order: string,
  own: string,
  parameters: readonly string[] = stacked,
): Fault<RecurrentRequest>['plant'] {
  const blocks = Array.from(own, (gate) => order.indexOf(gate))
  const move = (tensor: FloatTensor, from: (block: number) => number): FloatTensor => {
    const rows = tensor.shape[0]! / blocks.length
    return reorder(tensor, (row) => from(Math.floor(row / rows)) * rows + (row % rows))
  }
  const readIt = (tensor: FloatTensor): FloatTensor => move(tensor, (block) => blocks[block]!)
  const back = (tensor: FloatTensor): FloatTensor => move(tensor, (block) => blocks.indexOf(block))
  return (right) => parameters.reduce((run, name) => reading(name, readIt, back)(run), right)
}

function wrongOrder(order: string, own: string, whose: string): Fault<RecurrentRequest> {
  const letters = (gates: string): string => Array.from(gates).join(' ')
  return {
    name: `gates in the order ${letters(order)}`,
    sentence: `takes the blocks of rows for ${letters(order)}, as ${whose} has them, where torch has ${letters(own)}`,
    appliesTo: ({ module }) => kinds[module].gates.join('') === own,
    plant: inOrder(order, own),
  }
}

/** The rows of one gate: whether a row of a parameter of a GRU or LSTM belongs to it. */
function gateOf(tensor: FloatTensor, offset: number, gates: number): number {
  const perRow = tensor.data.length / tensor.shape[0]!
  return Math.floor(Math.floor(offset / perRow) / (tensor.shape[0]! / gates))
}

/** Moves a part of one bias to the other. part: whether a gate's bias moves. */
function moving(from: string, to: string, part: (gate: number) => boolean): Fault<RecurrentRequest>['plant'] {
  const read = (bias: FloatTensor, name: string, params: Params): FloatTensor => {
    if (name.startsWith(from)) return map(bias, (x, i) => (part(gateOf(bias, i, 3)) ? 0 : x))
    const moved = params[name.replace(to, from)]!
    return map(bias, (x, i) => (part(gateOf(bias, i, 3)) ? x + moved.data[i]! : x))
  }
  return reading('bias_', read, (gradient, name, gradients) => {
    if (!name.startsWith(from)) return gradient
    const where = gradients[name.replace(from, to)]!
    return map(gradient, (x, i) => (part(gateOf(gradient, i, 3)) ? where.data[i]! : x))
  })
}

/** A port that starts from zeros, whatever it is given: nothing it puts out depends on the state. */
export function ignoring(name: 'h_0' | 'c_0'): Fault<RecurrentRequest>['plant'] {
  return (right) => (request, departures) => {
    const state = request.inputs[name]
    if (state === undefined) return right(request, departures)
    const outputs = right({ ...request, inputs: { ...request.inputs, [name]: zeros(state) } }, departures)
    return replace(outputs, `grad_${name}`, zeros)
  }
}

/** Faults in the equations of one step. Source of the orders: FACTS, "Gates and biases elsewhere". */
export const gateFaults: readonly Fault<RecurrentRequest>[] = [
  {
    name: 'relu for tanh, tanh for relu',
    sentence: 'applies the other nonlinearity',
    appliesTo: isRNN,
    plant: asking(withOtherNonlinearity),
  },
  {
    name: 'no nonlinearity',
    sentence: 'applies no nonlinearity',
    appliesTo: isRNN,
    plant: departing({ rnn: { activation: identity } }),
  },
  {
    name: 'crude tanh',
    sentence: 'approximates tanh by x (27 + x²) / (27 + 9 x²)',
    appliesTo: usesTanh,
    plant: departing({ rnn: { activation: crudeTanh }, lstm: { tanh: crudeTanh }, gru: { tanh: crudeTanh } }),
  },
  {
    name: 'hard sigmoid',
    sentence: 'approximates the sigmoid by 0.2 x + 0.5, cut off at 0 and 1',
    appliesTo: (request) => isLSTM(request) || isGRU(request),
    plant: departing({ lstm: { sigmoid: hardSigmoid }, gru: { sigmoid: hardSigmoid } }),
  },
  wrongOrder('iofg', 'ifgo', 'ONNX'),
  wrongOrder('ifog', 'ifgo', 'Core ML'),
  wrongOrder('figo', 'ifgo', 'OpenVINO'),
  wrongOrder('zrn', 'rzn', 'ONNX'),
  {
    name: 'forget bias + 1',
    sentence: 'adds 1 to the bias of the forget gate',
    appliesTo: (request) => isLSTM(request) && hasBias(request),
    plant: reading('bias_ih', (bias) => map(bias, (x, i) => (gateOf(bias, i, 4) === 1 ? x + 1 : x))),
  },
  {
    name: 'no tanh on c',
    sentence: 'takes o ∘ c for h, without the tanh of c',
    appliesTo: isLSTM,
    plant: departing({ lstm: { tanhOfC: identity } }),
  },
  {
    name: 'peephole added',
    sentence: 'lets i, f and o see c, as an LSTM with peepholes does',
    appliesTo: isLSTM,
    plant: departing({ lstm: { peephole: true } }),
  },
  {
    name: 'proj_size ignored in the recurrence',
    sentence: 'feeds back the units before the projection',
    appliesTo: ({ config }) => 'proj_size' in config && config.proj_size > 0,
    plant: departing({ scan: { unprojected: true } }),
  },
  {
    name: 'c_0 ignored',
    sentence: 'ignores c_0 and starts from zeros',
    appliesTo: ({ inputs }) => inputs.c_0 !== undefined,
    plant: ignoring('c_0'),
  },
  {
    name: 'h_0 and c_0 exchanged',
    sentence: 'takes h_0 for c_0 and the other way round',
    appliesTo: (request) => {
      const { h_0, c_0 } = request.inputs
      return hasState(request) && c_0 !== undefined && h_0?.shape.join() === c_0.shape.join()
    },
    plant: (right) => (request, departures) => {
      const { h_0, c_0, ...rest } = request.inputs
      const inputs = { ...rest, ...(c_0 && { h_0: c_0 }), ...(h_0 && { c_0: h_0 }) }
      const outputs = right({ ...request, inputs }, departures)
      const { grad_h_0, grad_c_0 } = outputs
      return { ...outputs, ...(grad_c_0 && { grad_h_0: grad_c_0 }), ...(grad_h_0 && { grad_c_0: grad_h_0 }) }
    },
  },
  {
    name: 'reset before the product',
    sentence: 'multiplies h by r before its product with W_hn, where torch multiplies the product',
    appliesTo: isGRU,
    plant: departing({ gru: { resetBefore: true } }),
  },
  {
    name: 'b_hn outside the reset',
    sentence: 'adds b_hn after the reset, where torch multiplies it by r',
    appliesTo: (request) => isGRU(request) && hasBias(request),
    plant: moving('bias_hh', 'bias_ih', (gate) => gate === 2),
  },
  {
    name: 'one summed bias',
    sentence: 'adds b_ih + b_hh as one bias inside the reset, where torch multiplies only b_hn by r',
    appliesTo: (request) => isGRU(request) && hasBias(request),
    plant: moving('bias_ih', 'bias_hh', () => true),
  },
  {
    name: 'z and 1 − z exchanged',
    sentence: 'takes (1 − z) ∘ h + z ∘ n, where torch takes (1 − z) ∘ n + z ∘ h',
    appliesTo: isGRU,
    plant: departing({ gru: { exchanged: true } }),
  },
]
