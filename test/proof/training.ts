import type { RecurrentRequest, Training } from '../../src/format/case.ts'
import type { Bug } from './bugs.ts'
import type { Returned } from './layers.ts'
import { joined, type Numbers } from './tape.ts'

export interface Port {
  readonly bugs: readonly Bug[]
  /** float64 tells whether two bugs are the same by mathematics; a case in float64 has it anyway. */
  readonly arithmetic?: 'float32' | 'float64'
  /** Of what a bug draws: the one weight that is off. */
  readonly seed?: number
}

/** What a run gives, and what the gradients become when those by its outputs are given. */
export interface Played {
  readonly returned: Returned
  readonly backward: (cotangents: Readonly<Record<string, ArrayLike<number>>>) => Readonly<Record<string, number[]>>
}

type Params = Readonly<Record<string, Numbers>>

/** What an optimizer remembers of one parameter. */
interface Memory {
  first: number[] | undefined
  second: number[] | undefined
}

/** Steps of an optimizer on the mean squared error of `output`, or `h_1`. → loss and each parameter, one step after the other */
export function train(
  { inputs: { target }, dtype }: RecurrentRequest,
  training: Training,
  start: Params,
  play: (params: Params) => Played,
  port: Port,
): Readonly<Record<string, number[]>> {
  const numbers = dtype === 'float64' || port.arithmetic === 'float64' ? Float64Array : Float32Array
  const memories = new Map(
    Object.keys(start).map((name): [string, Memory] => [name, { first: undefined, second: undefined }]),
  )
  const history: Record<string, number[]> = { loss: [] }
  const kept: Record<string, number[]> = {}
  let params = start
  for (let step = 1; step <= training.steps; step++) {
    const { returned, backward } = play(params)
    const [name, vectors] = Object.entries(returned)[0]!
    const y = joined(vectors.map(({ value }) => value))
    const errors = y.map((own, i) => own - target!.data[i]!)
    history['loss']!.push(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length)
    const gradients = backward({ [name]: errors.map((error) => (2 * error) / errors.length) })
    const next: Record<string, Numbers> = {}
    for (const [name, parameter] of Object.entries(params)) {
      const before = kept[name]
      const own = gradients[`grad_${name}`]!
      const gradient =
        port.bugs.includes('gradients not zeroed between steps') && before !== undefined
          ? own.map((d, i) => d + before[i]!)
          : own
      kept[name] = gradient
      next[name] = numbers.from(stepped(training, Array.from(parameter), gradient, memories.get(name)!, step, port))
      ;(history[name] ??= []).push(...next[name])
    }
    params = next
  }
  return history
}

/** Source: the algorithms on the pages of torch.optim.SGD and torch.optim.Adam. */
function stepped(
  training: Training,
  parameter: readonly number[],
  gradient: readonly number[],
  memory: Memory,
  step: number,
  { bugs }: Port,
): number[] {
  const { lr } = training
  const weight_decay = bugs.includes('weight_decay ignored') ? 0 : training.weight_decay
  const d = gradient.map((own, i) => own + weight_decay * parameter[i]!)
  if (training.optimizer === 'SGD') {
    const momentum = bugs.includes('momentum ignored') ? 0 : training.momentum
    if (momentum === 0) return parameter.map((x, i) => x - lr * d[i]!)
    const { first } = memory
    const b = first === undefined ? d : d.map((own, i) => momentum * first[i]! + (1 - training.dampening) * own)
    memory.first = b
    const nesterov = training.nesterov && !bugs.includes('nesterov ignored')
    return parameter.map((x, i) => x - lr * (nesterov ? d[i]! + momentum * b[i]! : b[i]!))
  }
  const [beta1, beta2] = training.betas
  const m = d.map((own, i) => beta1 * (memory.first?.[i] ?? 0) + (1 - beta1) * own)
  const v = d.map((own, i) => beta2 * (memory.second?.[i] ?? 0) + (1 - beta2) * own ** 2)
  memory.first = m
  memory.second = v
  const corrected = !bugs.includes('Adam without bias correction')
  return parameter.map((x, i) => {
    const mean = m[i]! / (corrected ? 1 - beta1 ** step : 1)
    const square = v[i]! / (corrected ? 1 - beta2 ** step : 1)
    return x - (lr * mean) / (Math.sqrt(square) + training.eps)
  })
}
