// A port of torch's recurrent modules as people write them: plain loops, a row and a step at a time, and no code of src's engine.

import { isExported, isModelRequest, type Outputs, type RecurrentRequest, type Request } from '../../src/format/case.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import type { Bug } from './bugs.ts'
import { forward, type Leaves, times } from './layers.ts'
import { runModel } from './model-run.ts'
import { parametersOf } from './parameters.ts'
import { type Sizes, sizesOf } from './request.ts'
import { joined, newTape, type Numbers, type Tape, type Vector } from './tape.ts'
import { type Played, type Port, train } from './training.ts'

/** Runs the port, as torch would but for its bugs. */
export function runPort(request: Request, port: Port): Outputs {
  if (isExported(request)) throw new Error('expected a module or a model of torch_parity.models, got a captured one')
  if (!isModelRequest(request)) return runRecurrent(request, port)
  const arithmetic = request.dtype === 'float64' ? 'float64' : (port.arithmetic ?? 'float32')
  const named = runModel(request, (bug) => port.bugs.includes(bug), arithmetic)
  return Object.fromEntries(
    Object.entries(named).map(([name, { shape, values }]) => [name, floatTensor(request.dtype, shape, values)]),
  )
}

function runRecurrent(request: RecurrentRequest, port: Port): Outputs {
  const play = (params: Readonly<Record<string, Numbers>>): Played => played(request, params, port)
  const params = Object.fromEntries(Object.entries(request.params).map(([name, { data }]) => [name, data]))
  const tensor = (shape: readonly number[], values: ArrayLike<number>): FloatTensor =>
    floatTensor(request.dtype, shape, Float64Array.from(values))
  if (request.training !== undefined) {
    const trained = train(request, request.training, params, play, port)
    const { steps } = request.training
    return Object.fromEntries(
      Object.entries(trained).map(([name, values]) => [
        name,
        tensor([steps, ...(request.params[name]?.shape ?? [])], values),
      ]),
    )
  }
  const { returned, backward } = play(params)
  const shapes = shapesOf(request, sizesOf(request), port.bugs)
  const outputs = Object.entries(returned).filter(([name]) => !name.startsWith('c_') || request.module.includes('LSTM'))
  const named = Object.fromEntries(
    outputs.map(([name, vectors]) => [name, tensor(shapes[name]!, joined(vectors.map(({ value }) => value)))]),
  )
  if (request.cotangents === undefined) return named
  const cotangents = Object.fromEntries(Object.entries(request.cotangents).map(([name, { data }]) => [name, data]))
  const gradients = backward(cotangents)
  const wentIn = { ...floatInputs(request), ...request.params }
  for (const [name, { shape }] of Object.entries(wentIn))
    named[`grad_${name}`] = tensor(shape, gradients[`grad_${name}`]!)
  return named
}

function floatInputs({ inputs: { input, h_0, c_0 } }: RecurrentRequest): Readonly<Record<string, FloatTensor>> {
  return { input, ...(h_0 && { h_0 }), ...(c_0 && { c_0 }) }
}

function shapesOf(
  { inputs: { input } }: RecurrentRequest,
  { isCell, isBatched, num_layers, D, units, hidden_size, seq_len, batch }: Sizes,
  bugs: readonly Bug[],
): Readonly<Record<string, readonly number[]>> {
  const outer = input.shape.slice(0, -1)
  if (isCell) return { h_1: [...outer, hidden_size], c_1: [...outer, hidden_size] }
  const rows = isBatched ? [bugs.includes('batch_first ignored') ? seq_len : batch] : []
  return {
    output: [...outer, D * units],
    h_n: [num_layers * D, ...rows, units],
    c_n: [num_layers * D, ...rows, hidden_size],
  }
}

function played(request: RecurrentRequest, params: Readonly<Record<string, Numbers>>, port: Port): Played {
  const { bugs, seed = 0 } = port
  const arithmetic = request.dtype === 'float64' ? 'float64' : (port.arithmetic ?? 'float32')
  const has = (bug: Bug): boolean => bugs.includes(bug)
  const sizes = sizesOf(request)
  const tape = newTape(arithmetic, request.cotangents !== undefined || request.training !== undefined)
  const leaves: Leaves = {
    parameters: parametersOf(tape, has, params, seed),
    input: vectorsOf(tape, request.inputs.input, sizes.seq_len * sizes.batch),
    h_0: vectorsOf(tape, request.inputs.h_0, sizes.num_layers * sizes.D * sizes.batch),
    c_0: vectorsOf(tape, request.inputs.c_0, sizes.num_layers * sizes.D * sizes.batch),
  }
  const returned = forward(tape, has, sizes, request, leaves)
  return {
    returned,
    backward(cotangents) {
      for (const [name, vectors] of Object.entries(returned)) {
        if (name === 'h_n' && has('cotangent of h_n ignored')) continue
        if (name.startsWith('c_') && has('cotangent of c_n ignored')) continue
        addTo(vectors, cotangents[name])
      }
      tape.backward()
      const gradients = {
        grad_input: joined(leaves.input.map(({ grad }) => grad)),
        grad_h_0: joined(leaves.h_0.map(({ grad }) => grad)),
        grad_c_0: joined(leaves.c_0.map(({ grad }) => grad)),
      }
      const byParameters = Object.entries(leaves.parameters).map(([name, { grad }]) => {
        if (name.startsWith('bias_hh') && has('bias gradient counted once'))
          return [`grad_${name}`, Array.from(grad, () => 0)]
        const divisor = has('gradient averaged over the batch') ? sizes.batch : 1
        return [`grad_${name}`, Array.from(grad, (d) => d / divisor)]
      })
      return { ...gradients, ...Object.fromEntries(byParameters) }
    },
  }
}

/** A tensor as so many vectors; none where there is no tensor. */
function vectorsOf(tape: Tape, tensor: FloatTensor | undefined, count: number): Vector[] {
  if (tensor === undefined) return []
  const size = tensor.shape.at(-1)!
  return times(count, (i) => tape.vector(tensor.data.subarray(i * size, (i + 1) * size)))
}

function addTo(vectors: readonly Vector[], cotangent: ArrayLike<number> | undefined): void {
  let at = 0
  for (const { grad } of vectors) for (let i = 0; i < grad.length; i++) grad[i] = grad[i]! + (cotangent?.[at++] ?? 0)
}
