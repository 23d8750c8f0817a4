import type { RecurrentRequest } from '../../format/case.ts'
import { gateSigmoid, gateTanh, type Nonlinearity } from '../../variants/cell.ts'
import { departing, type Fault, isRNN } from '../../faults/fault.ts'

type Recurrent = Fault<RecurrentRequest>

const clamped = (x: number, low: number, high: number): number =>
  Number.isNaN(x) ? x : Math.max(low, Math.min(high, x))

/** By the name that torch.nn has for each. */
const activations: Readonly<Record<string, Nonlinearity>> = {
  Identity: { of: (x) => x, slope: () => 1 },
  ReLU: rectified(0),
  LeakyReLU: rectified(0.01),
  ReLU6: { of: (x) => clamped(x, 0, 6), slope: (y) => (y > 0 && y < 6 ? 1 : 0) },
  ELU: { of: (x) => (x < 0 ? Math.expm1(x) : x), slope: (y) => (y < 0 ? y + 1 : 1) },
  Softplus: { of: (x) => Math.log1p(Math.exp(x)), slope: (y) => -Math.expm1(-y) },
  Softsign: { of: (x) => x / (1 + Math.abs(x)), slope: (y) => (1 - Math.abs(y)) ** 2 },
  Hardtanh: { of: (x) => clamped(x, -1, 1), slope: (y) => (Math.abs(y) < 1 ? 1 : 0) },
  Sigmoid: gateSigmoid,
  Tanh: gateTanh,
}

function rectified(below: number): Nonlinearity {
  return { of: (x) => (x < 0 ? below * x : x), slope: (y) => (y > 0 ? 1 : below) }
}

/** Another activation, one at a time. */
export const activationsOfOthers: readonly Recurrent[] = Object.entries(activations).flatMap(
  ([name, activation]): Recurrent[] => [
    {
      name: `${name} for the nonlinearity`,
      sentence: `applies torch.nn.${name} instead of the nonlinearity`,
      appliesTo: ({ config }) => 'nonlinearity' in config && name.toLowerCase() !== config.nonlinearity,
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
