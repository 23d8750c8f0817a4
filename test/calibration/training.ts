import type { Training } from '../../src/format/case.ts'
import { forward, type Numbers, type RecurrentRequest, type Ways } from './modules.ts'
import type { Functions } from './tape.ts'

type Round = (x: number) => number
/** The next parameter by the one before, its gradient, and the step, from 1. */
type Optimizer = (parameter: Float32Array, gradient: Float32Array, step: number) => Float32Array

/** The steps of an optimizer on the mean squared error, rounded after every operation. */
export function train(request: RecurrentRequest, training: Training, params: Numbers, ways: Ways): Numbers {
  const { round } = ways
  const target = request.inputs.target!.data
  const optimizers = Object.keys(params).map((name) => [name, optimizer(training, round, ways)] as const)
  const after: Record<string, number[]> = { loss: [] }
  for (const name of Object.keys(params)) after[name] = []
  let current = params
  for (let step = 1; step <= training.steps; step++) {
    const { outputs, backward } = forward(request, current, ways, true)
    const [name, output] = Object.entries(outputs)[0]!
    const error = output.map((y, i) => round(y - target[i]!))
    const dot = ways.dotOfLoss ?? ways.dot
    after['loss']!.push(round(dot(error, 0, error, 0, error.length) / error.length))
    const gradients = backward({ [name]: error.map((e) => round(round(2 * e) / error.length)) })
    current = Object.fromEntries(
      optimizers.map(([name, next]) => [name, next(current[name]!, gradients[`grad_${name}`]!, step)]),
    )
    for (const [name, parameter] of Object.entries(current)) for (const value of parameter) after[name]!.push(value)
  }
  return Object.fromEntries(Object.entries(after).map(([name, values]) => [name, Float32Array.from(values)]))
}

function optimizer(training: Training, r: Round, { functions }: Ways): Optimizer {
  return training.optimizer === 'SGD' ? sgd(training, r) : adam(training, r, functions)
}

/** Source: torch.optim.SGD, the algorithm. */
function sgd(
  { lr, weight_decay, momentum, dampening, nesterov }: Extract<Training, { optimizer: 'SGD' }>,
  r: Round,
): Optimizer {
  let b: Float32Array | undefined
  return (parameter, gradient) => {
    let g = gradient.map((g, i) => r(g + r(weight_decay * parameter[i]!)))
    if (momentum !== 0) {
      const before = b
      const moved = before === undefined ? g : g.map((g, i) => r(r(momentum * before[i]!) + r((1 - dampening) * g)))
      b = moved
      g = nesterov ? g.map((g, i) => r(g + r(momentum * moved[i]!))) : moved
    }
    return parameter.map((x, i) => r(x - r(lr * g[i]!)))
  }
}

/** Source: torch.optim.Adam, the algorithm. */
function adam(
  { lr, weight_decay, betas: [beta1, beta2], eps }: Extract<Training, { optimizer: 'Adam' }>,
  r: Round,
  { sqrt, quotient }: Pick<Functions, 'sqrt' | 'quotient'> = { sqrt: Math.sqrt, quotient: (x, y) => x / y },
): Optimizer {
  let m: Float32Array | undefined
  let v: Float32Array | undefined
  return (parameter, gradient, step) => {
    const g = gradient.map((g, i) => r(g + r(weight_decay * parameter[i]!)))
    const first = g.map((g, i) => r(r(beta1 * (m?.[i] ?? 0)) + r((1 - beta1) * g)))
    const second = g.map((g, i) => r(r(beta2 * (v?.[i] ?? 0)) + r((1 - beta2) * r(g * g))))
    m = first
    v = second
    return parameter.map((x, i) => {
      const denominator = r(r(sqrt(r(quotient(second[i]!, 1 - beta2 ** step)))) + eps)
      return r(x - r(quotient(r(lr * r(quotient(first[i]!, 1 - beta1 ** step))), denominator)))
    })
  }
}
