import type { Outputs, RecurrentRequest, Request } from '../format/case.ts'
import type { Departures } from '../variants/departures.ts'
import type { Engine } from '../engine/run.ts'
import { run } from '../variants/run.ts'
import { isLayer, kinds, layerConfig } from '../format/module.ts'
import { elementCount, type FloatTensor, floatTensor } from '../format/tensor.ts'

export type Run<R extends Request = Request> = (request: R, departures?: Departures) => Outputs

/** A known way in which ports depart from PyTorch. */
export interface Fault<R extends Request = Request> {
  /** Short and unique: `weight_hh transposed`. */
  readonly name: string
  /** What such a port does, as a sentence about it: `reads weight_hh transposed`. */
  readonly sentence: string
  /** Whether a request has what the fault is about: the fault may still change nothing in it. */
  appliesTo(request: R): boolean
  /** Whether in such a port a batch row depends on the others. */
  readonly acrossRows?: boolean
  /** Why the fault changes nothing by mathematics; absent when it does. */
  readonly equivalent?: string
  /** Makes the faulty engine out of a right one. */
  plant(right: Run<R>): Run<R>
}

/** Our engine with a fault in it. */
export function faulted(fault: Fault): Engine {
  const wrong = fault.plant(run)
  return { name: fault.name, run: (request) => (fault.appliesTo(request) ? wrong(request) : run(request)) }
}

export type Params = Readonly<Record<string, FloatTensor>>

/** A fault that is another request: a right engine, asked something else. */
export function asking<R extends Request>(change: (request: R) => R): Fault<R>['plant'] {
  return (right) => (request, departures) => right(change(request), departures)
}

/**
 * A fault in how the parameters that `matches` are read. back: what becomes of the gradients by what was read on their way to
 * the gradient by what is stored, which stays as it is when absent. Both see all parameters, or gradients, by the parameters' names.
 */
export function reading(
  matches: string,
  change: (parameter: FloatTensor, name: string, params: Params) => FloatTensor,
  back: (gradient: FloatTensor, name: string, gradients: Params, params: Params) => FloatTensor = (gradient) =>
    gradient,
): Fault<RecurrentRequest>['plant'] {
  return (right) => (request, departures) => {
    const params = Object.fromEntries(
      Object.entries(request.params).map(([name, parameter]) => [
        name,
        name.startsWith(matches) ? change(parameter, name, request.params) : parameter,
      ]),
    )
    const outputs = right({ ...request, params }, departures)
    const gradients = Object.fromEntries(
      Object.keys(params).flatMap((name) => {
        const gradient = outputs[`grad_${name}`]
        return gradient === undefined ? [] : [[name, gradient]]
      }),
    )
    return Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => {
        const own = name.slice('grad_'.length)
        const isOne = name.startsWith(`grad_${matches}`) && own in params
        return [name, isOne ? back(tensor, own, gradients, request.params) : tensor]
      }),
    )
  }
}

/** A fault inside the engine, together with those that are planted around it. */
export function departing<R extends Request>(own: Departures): Fault<R>['plant'] {
  return (right) => (request, others) => right(request, together(own, others ?? {}))
}

function together(one: Departures, other: Departures): Departures {
  const parts = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<keyof Departures>
  return Object.fromEntries([...parts].map((part) => [part, { ...one[part], ...other[part] }]))
}

/** A fault in what is done with right outputs. */
export function returning<R extends Request>(
  change: (outputs: Outputs, request: R, right: Run<R>) => Outputs,
): Fault<R>['plant'] {
  return (right) => (request, departures) => {
    const own: Run<R> = (asked) => right(asked, departures)
    return change(own(request), request, own)
  }
}

/**
 * A fault that puts right numbers elsewhere. from: which number of the tensor stands at an offset, or none for 0. The gradients
 * are those of such a port: what comes by a number goes back to where it is from.
 */
export function rearranging<R extends Request>(
  names: readonly string[],
  from: (tensor: FloatTensor, request: R) => (offset: number) => number | undefined,
): Fault<R>['plant'] {
  return (right) => (request, departures) => {
    const { cotangents } = request
    const back = (tensor: FloatTensor): FloatTensor => {
      const source = from(tensor, request)
      const data = new Float64Array(tensor.data.length)
      for (const [offset, x] of tensor.data.entries()) {
        const at = source(offset)
        if (at !== undefined) data[at]! += x
      }
      return floatTensor(tensor.dtype, tensor.shape, data)
    }
    const forth = (tensor: FloatTensor): FloatTensor => {
      const source = from(tensor, request)
      return map(tensor, (_, offset) => tensor.data[source(offset) ?? -1] ?? 0)
    }
    const inAll = (tensors: Outputs, change: (tensor: FloatTensor) => FloatTensor): Outputs =>
      names.reduce((all, name) => replace(all, name, change), tensors)
    const asked = cotangents === undefined ? request : { ...request, cotangents: inAll(cotangents, back) }
    return inAll(right(asked, departures), forth)
  }
}

export function replace(outputs: Outputs, name: string, change: (tensor: FloatTensor) => FloatTensor): Outputs {
  const tensor = outputs[name]
  return tensor === undefined ? outputs : { ...outputs, [name]: change(tensor) }
}

export function map(tensor: FloatTensor, f: (x: number, offset: number) => number): FloatTensor {
  return floatTensor(tensor.dtype, tensor.shape, Array.from(tensor.data, f))
}

export function zeros(tensor: FloatTensor): FloatTensor {
  return map(tensor, () => 0)
}

/** Blocks of rows of the first axis, in another order: out[i] = tensor[order(i)]. */
export function reorder(tensor: FloatTensor, order: (i: number) => number): FloatTensor {
  const inner = elementCount(tensor.shape.slice(1))
  return map(tensor, (_, offset) => tensor.data[order(Math.floor(offset / inner)) * inner + (offset % inner)]!)
}

export const always = (): boolean => true
export const hasBias = ({ config }: RecurrentRequest): boolean => config.bias
export const hasState = ({ inputs }: RecurrentRequest): boolean => inputs.h_0 !== undefined
export const hasLengths = ({ inputs }: RecurrentRequest): boolean => inputs.lengths !== undefined
export const hasLayers = ({ config }: RecurrentRequest): boolean => (layerConfig(config)?.num_layers ?? 1) > 1
export const isBidirectional = ({ config }: RecurrentRequest): boolean => layerConfig(config)?.bidirectional ?? false
export const isBatched = ({ module, inputs }: RecurrentRequest): boolean =>
  inputs.input.shape.length === (isLayer(module) ? 3 : 2)
export const isOf = (letters: string): ((request: RecurrentRequest) => boolean) => {
  return ({ module }) => kinds[module].gates.join('') === letters
}
export const isRNN = isOf('h')
export const isLSTM = isOf('ifgo')
export const isGRU = isOf('rzn')
export const hasGradients = ({ cotangents }: RecurrentRequest): boolean => cotangents !== undefined

/** Where time stands in the shape of input and output. */
export function timeAxis(request: RecurrentRequest): { seq_len: number; outer: number } {
  const { shape } = request.inputs.input
  const second = isBatched(request) && layerConfig(request.config)?.batch_first === true
  return { seq_len: isLayer(request.module) ? (shape[second ? 1 : 0] ?? 1) : 1, outer: second ? (shape[0] ?? 1) : 1 }
}
