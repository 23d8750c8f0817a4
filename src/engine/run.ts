// What PyTorch computes, of any request: our own engine, and what an engine is.
import {
  expectedAxes,
  type ExportedRequest,
  isExported,
  isModelRequest,
  type Outputs,
  type RecurrentRequest,
  type Request,
} from '../format/case.ts'
import { type FloatTensor, floatTensor } from '../format/tensor.ts'
import { sizes } from '../format/module.ts'
import { type Machine, onMachine, type Precision } from './machine.ts'
import { exportedProgram, missingGradient, missingOperation } from '../program/exported.ts'
import { model } from './models.ts'
import { type Place, type Places, read, recurrent } from './recurrent.ts'
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
export const engine: Engine = {
  name: 'torch-parity',
  run: (request) => run(request),
  supports: (request) => supports(request),
}

/** Captured models may have operations that are not known here. */
export function supports(request: Request): true | string {
  if (!isExported(request)) return true
  const missing = missingOperation(request.config)
  if (missing === undefined) return asWritten(request)
  return `computes no ${missing.op}, which is ${missing.name}${missing.module === '' ? '' : ` of ${missing.module}`}`
}

/** The same arithmetic in float32 throughout, as ports in float32 do it: what others can be compared with. */
export const float32Engine: Engine = {
  name: 'torch-parity float32',
  run: (request) => computed('float32', request as RecurrentRequest),
  supports(request) {
    if (request.dtype !== 'float32') return `computes float32, not ${request.dtype}`
    if (isModelRequest(request)) return 'computes layers and cells, no models'
    return request.training === undefined || 'takes no steps of an optimizer'
  },
}

/** Of an operation there may be a form that is not known. */
function asWritten(request: ExportedRequest): true | string {
  try {
    const lost = missingGradient(request, exportedProgram(request))
    return lost === undefined || `computes no gradient of ${lost}`
  } catch (error) {
    if (error instanceof RangeError) return error.message
    throw error
  }
}

/**
 * Computes a request as torch does: the outputs of the module, with cotangents also the gradients, or the steps of a training.
 * Names and shapes as in torch.
 */
export function run(request: Request): Outputs {
  if (isModelRequest(request)) return rounded(request, model(request))
  if (request.training === undefined) return computed('float64', request)
  const { training } = request
  return onMachine('float64', (machine) =>
    Object.fromEntries(
      Object.entries(train(machine, request, training)).map(([name, numbers]) => {
        const shape = [training.steps, ...(request.params[name]?.shape ?? [])]
        return [name, floatTensor(request.dtype, shape, numbers)]
      }),
    ),
  )
}

/** What has been computed in float64 as the tensors that were asked for, in the request's dtype. */
export function rounded(request: Request, exact: Readonly<Record<string, Float64Array>>): Outputs {
  const axes = expectedAxes(request)
  const outputs: Record<string, FloatTensor> = {}
  for (const name of Object.keys(axes)) {
    const numbers = exact[name]
    if (numbers !== undefined) outputs[name] = floatTensor(request.dtype, sizes(axes[name]!), numbers)
  }
  return outputs
}

function computed(precision: Precision, request: RecurrentRequest): Outputs {
  const { dtype } = request
  return gathered(precision, request, (machine, place, count): FloatTensor => {
    // The arrays of float16 and bfloat16 hold what their numbers are rounded from.
    if (dtype === 'float32') return { dtype, shape: place.shape, data: read(machine, place, new Float32Array(count)) }
    return floatTensor(dtype, place.shape, read(machine, place, new Float64Array(count)))
  })
}

/** The same as it is in float64, before it is rounded to the request's dtype; there may be more than was asked for. */
export function exactly(request: Request): Readonly<Record<string, Float64Array>> {
  if (isModelRequest(request)) return model(request)
  const { training } = request
  if (training !== undefined) return onMachine('float64', (machine) => train(machine, request, training))
  return gathered('float64', request, (machine, place, count) => read(machine, place, new Float64Array(count)))
}

/** What each tensor of a run becomes, in the order of torch's names. */
function gathered<T>(
  precision: Precision,
  request: RecurrentRequest,
  become: (machine: Machine, place: Place, count: number) => T,
): Record<string, T> {
  const { cotangents } = request
  return onMachine(precision, (machine) => {
    const { outputs, backward } = recurrent(machine, request, request.params, cotangents !== undefined)
    const all: Record<string, T> = {}
    const add = (places: Places): void => {
      for (const name of Object.keys(places)) {
        const place = places[name]!
        let count = 1
        for (const size of place.shape) count *= size
        all[name] = become(machine, place, count)
      }
    }
    add(outputs)
    if (cotangents !== undefined) add(backward(cotangents))
    return all
  })
}
