import type { Case, Outputs, Request } from '../format/case.ts'
import { type Engine, exactly, rounded, run, supports } from '../engine/run.ts'

/** Named tensors without their shapes, in float64. */
type Numbers = Readonly<Record<string, Float64Array>>

/** What our engine has given for one request, and the float64 numbers that it was rounded from. */
interface Remembered {
  readonly request: Request
  readonly outputs: Outputs
  readonly exact: Numbers
}

let remembered: Remembered | undefined
let isNextRemembered = false

/** Our engine, as it is judged: the exact numbers behind an answer need not be computed once more to judge it. */
export const engine: Engine = {
  name: 'torch-parity',
  run(request) {
    if (!isNextRemembered) return run(request)
    isNextRemembered = false
    const exact = exactly(request)
    const outputs = rounded(request, exact)
    remembered = { request, outputs, exact }
    return outputs
  },
  supports: (request) => supports(request),
}

/** The next answer of `engine` is remembered with its exact numbers, until another one is. */
export function rememberNext(): void {
  isNextRemembered = true
}

/**
 * The exact result of a case. outputs: what an engine has given for it; where that is what is remembered of ours, the numbers are the
 * same: they were computed from the very same parameters and inputs.
 */
export function exactOf(recorded: Case, outputs: Outputs): Numbers {
  if (remembered?.outputs !== outputs) return exactly(recorded)
  const { params, inputs, cotangents, training, config } = remembered.request
  const isSame =
    params === recorded.params &&
    inputs === recorded.inputs &&
    cotangents === recorded.cotangents &&
    training === recorded.training &&
    config === recorded.config
  return isSame ? remembered.exact : exactly(recorded)
}
