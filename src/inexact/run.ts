// The same computation in plain JavaScript, whose operations may be less exact: what budgets and targets are measured with.
import { expectedAxes, isExported, isModelRequest, type Outputs, type Request } from '../format/case.ts'
import { sizes } from '../format/module.ts'
import { floatTensor } from '../format/tensor.ts'
import type { Inexactness, Numbers } from './inexactness.ts'
import { forward, numbersOf } from './forward.ts'
import { runProgram } from '../program.ts'
import { runModel } from './models.ts'
import { train } from './training.ts'

/** What the module gives, with its gradients or the steps of a training, but for what is less exact. Names and shapes as in torch. */
export function run(request: Request, inexactness: Inexactness = {}): Outputs {
  const numbers = exactly(request, inexactness)
  return Object.fromEntries(
    Object.entries(expectedAxes(request))
      .filter(([name]) => numbers[name] !== undefined)
      .map(([name, axes]) => [name, floatTensor(request.dtype, sizes(axes), numbers[name]!)]),
  )
}

/** The same as it is in float64, before it is rounded to the request's dtype; there may be more than was asked for. */
export function exactly(request: Request, inexactness: Inexactness = {}): Numbers {
  // What is captured has nothing less exact: its budgets are its own.
  if (isExported(request)) return runProgram(request)
  if (isModelRequest(request)) return runModel(request, inexactness)
  const params = numbersOf(request.params)
  if (request.training !== undefined) return train(request, request.training, params, inexactness)
  const { outputs, backward } = forward(request, params, inexactness)
  const { cotangents } = request
  return cotangents === undefined ? outputs : { ...outputs, ...backward(numbersOf(cotangents)) }
}
