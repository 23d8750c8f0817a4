import type { RecurrentRequest } from '../../case.ts'
import { type Activation, sigmoid } from '../../engine/cell.ts'
import { departing, type Fault, isRNN } from '../../faults/fault.ts'

type Recurrent = Fault<RecurrentRequest>

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

/** Another activation, one at a time. */
export const activationsOfOthers: readonly Recurrent[] = Object.entries(activations).flatMap(
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
