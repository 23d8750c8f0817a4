import type { RecurrentRequest, Training } from '../format/case.ts'
import { float64Data } from '../format/tensor.ts'
import type { Machine } from './machine.ts'
import { type Numbers, type Place, read, recurrent } from './recurrent.ts'

/** Moves one parameter by its gradient, in place. step: from 1. */
type Update = (parameter: Float64Array, gradient: Float64Array, step: number) => void

/**
 * Takes the steps of an optimizer on the mean squared error of the module's first output.
 * → loss before each step, and each parameter after each step, one step after the other.
 */
export function train(machine: Machine, request: RecurrentRequest, training: Training): Record<string, Float64Array> {
  const { steps } = training
  const target = float64Data(request.inputs.target!)
  const params = Object.entries(request.params).map(([name, { data }]) => ({
    name,
    current: Float64Array.from(data),
    after: new Float64Array(steps * data.length),
    update: optimizer(training, data.length),
  }))
  const current: Numbers = Object.fromEntries(params.map(({ name, current }) => [name, { data: current }]))
  const loss = new Float64Array(steps)
  for (let step = 1; step <= steps; step++) {
    machine.begin()
    const { outputs, backward } = recurrent(machine, request, current, true)
    const [name, place] = Object.entries(outputs)[0]!
    const output = numbersAt(machine, place)
    loss[step - 1] = output.reduce((sum, y, i) => sum + (y - target[i]!) ** 2, 0) / output.length
    const data = output.map((y, i) => (2 * (y - target[i]!)) / output.length)
    const gradients = backward({ [name]: { data } })
    for (const { name, current, after, update } of params) {
      update(current, numbersAt(machine, gradients[`grad_${name}`]!), step)
      after.set(current, (step - 1) * current.length)
    }
  }
  return { loss, ...Object.fromEntries(params.map(({ name, after }) => [name, after])) }
}

function numbersAt(machine: Machine, place: Place): Float64Array {
  return read(machine, place, new Float64Array(place.shape.reduce((product, size) => product * size, 1)))
}

/** A fresh optimizer of one parameter. Source: the algorithms on the pages of torch.optim.SGD and torch.optim.Adam. */
function optimizer(training: Training, count: number): Update {
  return training.optimizer === 'SGD' ? sgd(training, count) : adam(training, count)
}

/** torch adds the decay where there is one: 0 times an infinite parameter would be NaN. */
function decay(gradient: Float64Array, parameter: Float64Array, weight_decay: number): void {
  if (weight_decay === 0) return
  for (let i = 0; i < gradient.length; i++) gradient[i]! += weight_decay * parameter[i]!
}

/** Source: torch.lerp, which is from the nearer end; between two equal infinities it is NaN. */
function lerp(start: number, end: number, weight: number): number {
  return weight < 0.5 ? start + weight * (end - start) : end - (end - start) * (1 - weight)
}

function sgd(
  { lr, weight_decay, momentum, dampening, nesterov }: Extract<Training, { optimizer: 'SGD' }>,
  count: number,
): Update {
  const buffer = new Float64Array(count)
  return (parameter, gradient, step) => {
    decay(gradient, parameter, weight_decay)
    for (let i = 0; i < count; i++) {
      let direction = gradient[i]!
      if (momentum !== 0) {
        // The first gradient is not dampened.
        const moved = step === 1 ? direction : momentum * buffer[i]! + (1 - dampening) * direction
        buffer[i] = moved
        direction = nesterov ? direction + momentum * moved : moved
      }
      parameter[i]! -= lr * direction
    }
  }
}

function adam(
  { lr, weight_decay, betas: [beta1, beta2], eps }: Extract<Training, { optimizer: 'Adam' }>,
  count: number,
): Update {
  const first = new Float64Array(count)
  const second = new Float64Array(count)
  return (parameter, gradient, step) => {
    decay(gradient, parameter, weight_decay)
    const correction1 = 1 - beta1 ** step
    const correction2 = 1 - beta2 ** step
    for (let i = 0; i < count; i++) {
      const g = gradient[i]!
      const m = lerp(first[i]!, g, 1 - beta1)
      const v = beta2 * second[i]! + (1 - beta2) * g * g
      first[i] = m
      second[i] = v
      parameter[i]! -= (lr * (m / correction1)) / (Math.sqrt(v / correction2) + eps)
    }
  }
}
