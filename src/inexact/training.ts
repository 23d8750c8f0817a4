import type { RecurrentRequest, Training } from '../format/case.ts'
import { float64Data } from '../format/tensor.ts'
import { forward } from './forward.ts'
import type { Inexactness, Numbers, TrainingInexactness } from './inexactness.ts'

/** Moves one parameter by its gradient. step: from 1. */
type Update = (parameter: Float64Array, gradient: Float64Array, step: number) => Float64Array

/**
 * Takes the steps of an optimizer on the mean squared error of the module's first output.
 * → loss before each step, and each parameter after each step, one step after the other.
 */
export function train(
  request: RecurrentRequest,
  training: Training,
  params: Numbers,
  inexactness: Inexactness,
): Numbers {
  const { rounded } = inexactness.training ?? {}
  const { steps } = training
  const target = float64Data(request.inputs.target!)
  const names = Object.keys(params)
  const updates = new Map(names.map((name) => [name, optimizer(training, inexactness.training)]))
  const loss = new Float64Array(steps)
  const after = Object.fromEntries(names.map((name) => [name, new Float64Array(steps * params[name]!.length)]))
  let current = params
  for (let step = 1; step <= steps; step++) {
    const { outputs, backward } = forward(request, current, inexactness)
    const [name, output] = Object.entries(outputs)[0]!
    loss[step - 1] = output.reduce((sum, y, i) => sum + (y - target[i]!) ** 2, 0) / output.length
    if (rounded !== undefined) loss[step - 1] = rounded(loss[step - 1]!, output.length)
    const gradients = backward({ [name]: output.map((y, i) => (2 * (y - target[i]!)) / output.length) })
    current = Object.fromEntries(
      names.map((name) => {
        const exact = updates.get(name)!(current[name]!, gradients[`grad_${name}`]!, step)
        const next = rounded === undefined ? exact : exact.map((x) => rounded(x, 1))
        after[name]!.set(next, (step - 1) * next.length)
        return [name, next]
      }),
    )
  }
  return { loss, ...after }
}

/** A fresh optimizer of one parameter. Source: the algorithms on the pages of torch.optim.SGD and torch.optim.Adam. */
function optimizer(training: Training, inexactness: TrainingInexactness = {}): Update {
  return training.optimizer === 'SGD' ? sgd(training) : adam(training, inexactness)
}

/** torch adds the decay where there is one: 0 times an infinite parameter would be NaN. */
function decay(gradient: Float64Array, parameter: Float64Array, weight_decay: number): Float64Array {
  return weight_decay === 0 ? gradient : gradient.map((g, i) => g + weight_decay * parameter[i]!)
}

/** Source: torch.lerp, which is from the nearer end; between two equal infinities it is NaN. */
function lerp(start: number, end: number, weight: number): number {
  return weight < 0.5 ? start + weight * (end - start) : end - (end - start) * (1 - weight)
}

function sgd({ lr, weight_decay, momentum, dampening, nesterov }: Extract<Training, { optimizer: 'SGD' }>): Update {
  let buffer: Float64Array | undefined
  return (parameter, gradient) => {
    const decayed = decay(gradient, parameter, weight_decay)
    let direction: Float64Array = decayed
    if (momentum !== 0) {
      const before = buffer
      const moved = before === undefined ? decayed : decayed.map((g, i) => momentum * before[i]! + (1 - dampening) * g)
      buffer = moved
      direction = nesterov ? decayed.map((g, i) => g + momentum * moved[i]!) : moved
    }
    return parameter.map((x, i) => x - lr * direction[i]!)
  }
}

const exactQuotient = (x: number, y: number): number => x / y

function adam(
  { lr, weight_decay, betas: [beta1, beta2], eps }: Extract<Training, { optimizer: 'Adam' }>,
  { sqrt = Math.sqrt, quotient = exactQuotient }: TrainingInexactness,
): Update {
  let first: Float64Array | undefined
  let second: Float64Array | undefined
  return (parameter, gradient, step) => {
    const decayed = decay(gradient, parameter, weight_decay)
    const m = decayed.map((g, i) => lerp(first?.[i] ?? 0, g, 1 - beta1))
    const v = decayed.map((g, i) => beta2 * (second?.[i] ?? 0) + (1 - beta2) * g * g)
    first = m
    second = v
    const correction1 = 1 - beta1 ** step
    const correction2 = 1 - beta2 ** step
    return parameter.map(
      (x, i) => x - quotient(lr * quotient(m[i]!, correction1), sqrt(quotient(v[i]!, correction2)) + eps),
    )
  }
}
