import { expectedAxes, isModelRequest, type Outputs, type Request } from '../case.ts'
import { sizes } from '../module.ts'
import { floatTensor } from '../tensor.ts'
import { type Departures, forward, type Numbers, numbersOf } from './forward.ts'
import { runModel } from './models.ts'
import { train } from './training.ts'

/** Something that computes requests: ours, or the user's port. */
export interface Engine {
  readonly name: string
  /** Names and shapes as in torch, dtype as in the request. */
  run(request: Request): Outputs | Promise<Outputs>
  /** The string says why not. */
  supports?(request: Request): true | string | Promise<true | string>
}

/** Our engine: float64 throughout, outputs rounded to the request's dtype. */
export const engine: Engine = { name: 'torch-parity', run: (request) => run(request) }

/**
 * Computes a request as torch does: the outputs of the module, with cotangents also the gradients, or the steps of a training.
 * Names and shapes as in torch.
 */
export function run(request: Request, departures: Departures = {}): Outputs {
  const numbers = exactly(request, departures)
  return Object.fromEntries(
    Object.entries(expectedAxes(request))
      .filter(([name]) => numbers[name] !== undefined)
      .map(([name, axes]) => [name, floatTensor(request.dtype, sizes(axes), numbers[name]!)]),
  )
}

/** The same as it is in float64, before it is rounded to the request's dtype; there may be more than was asked for. */
export function exactly(request: Request, departures: Departures = {}): Numbers {
  if (isModelRequest(request)) return runModel(request, departures)
  const params = numbersOf(request.params)
  if (request.training !== undefined) return train(request, request.training, params, departures)
  const { outputs, backward } = forward(request, params, departures)
  const { cotangents } = request
  return cotangents === undefined ? outputs : { ...outputs, ...backward(numbersOf(cotangents)) }
}
