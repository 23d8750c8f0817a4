import type { RecurrentRequest, Training } from '../format/case.ts'
import { isLayer } from '../format/module.ts'
import type { FloatTensor } from '../format/tensor.ts'
import {
  asking,
  departing,
  type Fault,
  hasBias,
  hasGradients,
  isBatched,
  isLSTM,
  isRNN,
  map,
  replace,
  returning,
  timeAxis,
  zeros,
} from './fault.ts'

const truncatedAfter = 4

const hasSteps =
  (steps: number) =>
  (request: RecurrentRequest): boolean =>
    hasGradients(request) && timeAxis(request).seq_len > steps

function ignoringCotangent(layer: string, cell: string): Fault<RecurrentRequest>['plant'] {
  return asking((request) => {
    const { cotangents = {} } = request
    const name = isLayer(request.module) ? layer : cell
    return { ...request, cotangents: replace(cotangents, name, zeros) }
  })
}

function batchOf({ module, config, inputs }: RecurrentRequest): number {
  if (!isLayer(module)) return inputs.input.shape[0] ?? 1
  return inputs.input.shape['batch_first' in config && config.batch_first ? 0 : 1] ?? 1
}

/** Faults of the backward pass alone: what is computed forward is right. */
const backwardFaults: readonly Fault<RecurrentRequest>[] = [
  {
    name: 'gradient not accumulated over time',
    sentence: 'keeps the gradient by the weights of one time step instead of adding all up',
    appliesTo: hasSteps(1),
    plant: departing({ scan: { overwritten: true } }),
  },
  {
    name: `gradient truncated after ${truncatedAfter} steps`,
    sentence: `passes no gradient back through more than ${truncatedAfter} time steps`,
    appliesTo: hasSteps(truncatedAfter),
    plant: departing({ scan: { truncated: truncatedAfter } }),
  },
  {
    name: 'bias gradient counted once',
    sentence: 'gives the gradient by the biases to bias_ih and none to bias_hh',
    appliesTo: (request) => hasGradients(request) && hasBias(request),
    plant: returningGradients('grad_bias_hh', zeros),
  },
  {
    name: '1 − h² at the step before',
    sentence: 'takes the derivative of tanh, 1 − h², at the state before the step',
    appliesTo: (request) => hasGradients(request) && isRNN(request) && hasTanh(request),
    plant: departing({ rnn: { derivativeOfStepBefore: true } }),
  },
  {
    name: 'cotangent of h_n ignored',
    sentence: 'lets only output contribute to the gradients, not h_n',
    appliesTo: (request) => hasGradients(request) && isLayer(request.module),
    plant: ignoringCotangent('h_n', 'none'),
  },
  {
    name: 'cotangent of c_n ignored',
    sentence: 'lets c_n, or c_1 of a cell, contribute nothing to the gradients',
    appliesTo: (request) => hasGradients(request) && isLSTM(request),
    plant: ignoringCotangent('c_n', 'c_1'),
  },
  {
    name: 'gradient averaged over the batch',
    sentence: 'divides the gradient by each parameter by the batch size',
    appliesTo: (request) => hasGradients(request) && isBatched(request) && batchOf(request) > 1,
    plant: (right) => (request, departures) => {
      const average = (gradient: FloatTensor): FloatTensor => map(gradient, (x) => x / batchOf(request))
      const names = ['grad_weight', 'grad_bias']
      const averaged = names.map((name) => returningGradients(name, average))
      return averaged.reduce((run, plant) => plant(run), right)(request, departures)
    },
  },
]

function returningGradients(
  prefix: string,
  change: (gradient: FloatTensor) => FloatTensor,
): Fault<RecurrentRequest>['plant'] {
  return returning((outputs) =>
    Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => [name, name.startsWith(prefix) ? change(tensor) : tensor]),
    ),
  )
}

function hasTanh({ config }: RecurrentRequest): boolean {
  return 'nonlinearity' in config && config.nonlinearity === 'tanh'
}

const hasMask = ({ inputs }: RecurrentRequest): boolean => inputs.dropout_mask !== undefined

/** A port whose optimizer has other arguments. */
function withTraining(change: (training: Training) => Training): Fault<RecurrentRequest>['plant'] {
  return asking((request) => ({ ...request, ...(request.training && { training: change(request.training) }) }))
}

function withMask(change: (mask: FloatTensor, dropout: number) => FloatTensor): Fault<RecurrentRequest>['plant'] {
  return asking((request) => {
    const { dropout_mask, ...rest } = request.inputs
    if (dropout_mask === undefined || !('dropout' in request.config)) return request
    return { ...request, inputs: { ...rest, dropout_mask: change(dropout_mask, request.config.dropout) } }
  })
}

/** Faults of training mode and of optimizers. */
const trainingFaults: readonly Fault<RecurrentRequest>[] = [
  {
    name: 'dropout ignored in training mode',
    sentence: 'applies no dropout between layers in training mode',
    appliesTo: hasMask,
    plant: asking((request) => {
      const { dropout_mask: _, ...inputs } = request.inputs
      return { ...request, inputs }
    }),
  },
  {
    name: 'dropout not scaled',
    sentence: 'does not divide what dropout keeps by 1 − p',
    appliesTo: hasMask,
    plant: withMask((mask, dropout) => map(mask, (kept) => kept * (1 - dropout))),
  },
  {
    name: 'dropout mask inverted',
    sentence: 'keeps what dropout drops and drops what it keeps',
    appliesTo: hasMask,
    plant: withMask((mask) => map(mask, (kept) => 1 - kept)),
  },
  {
    name: 'gradients not zeroed between steps',
    sentence: 'adds the gradients of each step of the optimizer to those before',
    appliesTo: ({ training }) => training !== undefined,
    plant: departing({ training: { gradientsKept: true } }),
  },
  {
    name: 'Adam without bias correction',
    sentence: 'leaves out Adam’s division by 1 − βᵗ',
    appliesTo: ({ training }) => training?.optimizer === 'Adam',
    plant: departing({ training: { biasUncorrected: true } }),
  },
  {
    name: 'momentum ignored',
    sentence: 'leaves out the momentum of SGD',
    appliesTo: ({ training }) => training?.optimizer === 'SGD' && training.momentum !== 0,
    plant: withTraining((training) => (training.optimizer === 'SGD' ? { ...training, momentum: 0 } : training)),
  },
  {
    name: 'nesterov ignored',
    sentence: 'takes plain momentum where nesterov is asked for',
    appliesTo: ({ training }) => training?.optimizer === 'SGD' && training.nesterov,
    plant: withTraining((training) => (training.optimizer === 'SGD' ? { ...training, nesterov: false } : training)),
  },
  {
    name: 'weight_decay ignored',
    sentence: 'leaves out weight_decay',
    appliesTo: ({ training }) => training !== undefined && training.weight_decay !== 0,
    plant: withTraining((training) => ({ ...training, weight_decay: 0 })),
  },
]

export const gradientFaults: readonly Fault<RecurrentRequest>[] = [...backwardFaults, ...trainingFaults]
