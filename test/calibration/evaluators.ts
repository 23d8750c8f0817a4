import { expectedAxes, type Outputs } from '../../src/format/case.ts'
import type { Engine } from '../../src/engine/run.ts'
import { sizes } from '../../src/format/module.ts'
import { roundToBfloat16, roundToFloat16 } from '../../src/format/precision.ts'
import { type FloatDType, floatTensor } from '../../src/format/tensor.ts'
import { forward, isRecurrent, type Numbers, type RecurrentRequest, type Ways } from './modules.ts'
import { blocked, sequential } from './tape.ts'
import { train } from './training.ts'

const { fround } = Math

type Rounding = Readonly<Partial<Record<FloatDType, (x: number) => number>>>
const float32: Rounding = { float32: fround }
const half: Rounding = {
  // Half kernels compute in float32.
  float16: (x) => roundToFloat16(fround(x)),
  bfloat16: (x) => roundToBfloat16(fround(x)),
}

/** Honest implementations: nothing in them is wrong, only their rounding is their own. */
export const evaluators: readonly Engine[] = [
  evaluator('sequential float32', float32, { dot: sequential, stepwise: false, fromN: false }),
  evaluator('blocked float32', float32, { dot: blocked, stepwise: false, fromN: true }),
  evaluator('sequential half', half, { dot: sequential, stepwise: false, fromN: true }),
  evaluator('blocked half', half, { dot: blocked, stepwise: true, fromN: false }),
]

/** An engine that rounds to the dtype of the request after every operation. */
function evaluator(name: string, rounding: Rounding, ways: Omit<Ways, 'round'>): Engine {
  return {
    name,
    supports: (request) =>
      (isRecurrent(request) && rounding[request.dtype] !== undefined) ||
      `${name} leaves out ${request.dtype} ${request.module}`,
    run(request) {
      const round = rounding[request.dtype]
      if (!isRecurrent(request) || round === undefined) throw new Error('expected a request that is supported')
      return run(request, { ...ways, round })
    },
  }
}

function run(request: RecurrentRequest, ways: Ways): Outputs {
  const params = numbersOf(request.params)
  let numbers: Numbers
  if (request.training === undefined) {
    const cotangents = request.cotangents && numbersOf(request.cotangents)
    const { outputs, backward } = forward(request, params, ways, cotangents !== undefined)
    numbers = cotangents === undefined ? outputs : { ...outputs, ...backward(cotangents) }
  } else numbers = train(request, request.training, params, ways)
  return Object.fromEntries(
    Object.entries(expectedAxes(request)).map(([name, axes]) => [
      name,
      floatTensor(request.dtype, sizes(axes), numbers[name]!),
    ]),
  )
}

function numbersOf(tensors: Outputs): Numbers {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, Float32Array.from(data)]))
}
