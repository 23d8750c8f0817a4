import { type Case, expectedAxes, type Outputs, type Request } from './case.ts'
import { type Engine, exactly } from './engine/run.ts'
import { sizes } from './module.ts'
import { type FloatTensor, floatTensor } from './tensor.ts'

/** Named tensors without their shapes, in float64. */
type Numbers = Readonly<Record<string, Float64Array>>

/** What our engine has given last, and the float64 numbers that it was rounded from. */
let last: { readonly request: Request; readonly outputs: Outputs; readonly exact: Numbers } | undefined

/** Our engine, which remembers the exact numbers behind its last answer: they need not be computed once more to judge it. */
export const engine: Engine = {
  name: 'torch-parity',
  run(request) {
    const exact = exactly(request)
    const axes = expectedAxes(request)
    const outputs: Record<string, FloatTensor> = {}
    for (const name in axes) {
      const numbers = exact[name]
      if (numbers !== undefined) outputs[name] = floatTensor(request.dtype, sizes(axes[name]!), numbers)
    }
    last = { request, outputs, exact }
    return outputs
  },
}

/**
 * The exact result of a case. outputs: what an engine has given for it; where it was ours, that was just computed: the same numbers,
 * from the very same parameters and inputs.
 */
export function exactOf(recorded: Case, outputs: Outputs): Numbers {
  if (last !== undefined && last.outputs === outputs) {
    const { params, inputs, cotangents, training, config } = last.request
    const isSame =
      params === recorded.params &&
      inputs === recorded.inputs &&
      cotangents === recorded.cotangents &&
      training === recorded.training &&
      config === recorded.config
    if (isSame) return last.exact
  }
  return exactly(recorded)
}
