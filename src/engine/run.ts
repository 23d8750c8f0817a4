import type { Outputs, Request } from '../case.ts'
import * as variants from '../variants/run.ts'

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
export function run(request: Request): Outputs {
  return variants.run(request)
}

/** The same as it is in float64, before it is rounded to the request's dtype; there may be more than was asked for. */
export function exactly(request: Request): Readonly<Record<string, Float64Array>> {
  return variants.exactly(request)
}
