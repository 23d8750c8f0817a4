import { type Case, isExported, isModelRequest, type Outputs, type Request } from '../format/case.ts'
import { kappa } from './compare.ts'
import { randomOf } from './random.ts'
import { stepCases } from './steps.ts'
import {
  elementCount,
  type FloatTensor,
  floatTensor,
  forCells,
  smallestPositive,
  type Tensor,
  unitRoundoff,
} from '../format/tensor.ts'
import { gateSigmoid, gateTanh, type Nonlinearity } from '../inexact/cell.ts'
import type { Inexactness, Numbers } from '../inexact/inexactness.ts'
import { exactly } from '../inexact/run.ts'

type Budget = Readonly<Record<string, Tensor<'float64'>>>

/** A case that has no budget yet. */
export type Unmeasured = Request & Omit<Case, 'budget'>

const noisyRuns = 8

/**
 * The error that a correct implementation may make in each expected tensor, and in each of `states`, measured: the largest
 * deviation from our float64 result of eight runs with noise of the size of rounding, along the axis along which errors grow, and
 * one rounding. It is a property of the mathematics, so it is measured on our own engine, and needs no PyTorch. PyTorch's own
 * error counts as well, where it is of that size: what is more is a departure of one of the two, and no rounding.
 * seed: of the noise.
 */
export function measureBudget(recorded: Unmeasured, seed = 0): Budget {
  const uniform = uniformOf(seed)
  return { ...budgetOf(recorded, uniform), ...budgetOfSteps(recorded, uniform) }
}

function budgetOf(recorded: Unmeasured, uniform: Uniform): Budget {
  const { expected, params, dtype } = recorded
  const symbols = expected['symbols'] === undefined ? {} : { forced: expected['symbols'].data }
  const reference = exactly(recorded, symbols)
  const runs: Numbers[] = Array.from({ length: noisyRuns }, () => {
    const numbers = exactly(perturbed(recorded, uniform), { ...roundingOf(recorded, uniform), ...symbols })
    return seesRounding(recorded) ? withRoundedSums(recorded, numbers, uniform) : numbers
  })
  // Of subnormal numbers every term of a sum may lose as much as the smallest.
  const smallest = smallestPositive[dtype] * (1 + longestOf(params))
  const budget: Record<string, Tensor<'float64'>> = {}
  for (const [name, tensor] of Object.entries(expected)) {
    if (name === 'symbols') {
      budget[name] = { dtype: 'float64', shape: [1, 1], data: new Float64Array(1) }
      continue
    }
    const axis = growthAxis(recorded, name, tensor.shape.length)
    const shape = tensor.shape.map((size, own) => (own === axis ? size : 1))
    const noise = new Float64Array(elementCount(shape))
    const own = new Float64Array(noise.length)
    const exact = reference[name]!
    let most = 0
    forCells(tensor.shape, shape, (offset, cell) => {
      const wanted = exact[offset]!
      if (!Number.isFinite(wanted)) return
      most = Math.max(most, Math.abs(wanted))
      for (const run of runs) noise[cell] = larger(noise[cell]!, run[name]![offset]! - wanted)
      own[cell] = larger(own[cell]!, tensor.data[offset]! - wanted)
    })
    // A mean of so many terms, added in any order: noise in parameters cancels out over rows.
    const ofSum =
      isModelRequest(recorded) && name === 'loss' ? sizeOfNoise(termsOf(recorded), dtype) * Math.abs(exact[0]!) : 0
    const rounding = 2 * unitRoundoff[dtype] * most + smallest + ofSum
    const data = noise.map((size, cell) => {
      const limit = kappa * (size + rounding)
      return (own[cell]! > size && own[cell]! <= limit ? own[cell]! : size) + rounding
    })
    budget[name] = { dtype: 'float64', shape, data }
  }
  return budget
}

/** One number for each layer and direction: the largest over all steps, each from the recorded state before it. */
function budgetOfSteps(recorded: Unmeasured, uniform: Uniform): Budget {
  const { states } = recorded
  if (states === undefined || isModelRequest(recorded)) return {}
  const count = states['h_t']!.shape[1]!
  const zeros = (): Tensor<'float64'> => ({
    dtype: 'float64',
    shape: [1, count, 1, 1],
    data: new Float64Array(count),
  })
  const budget = Object.fromEntries(Object.keys(states).map((name) => [name, zeros()]))
  for (const [state, { case: folded }] of stepCases({ ...recorded, budget }).entries()) {
    const { h_n, c_n } = budgetOf(folded, uniform)
    for (const [name, own] of Object.entries({ h_t: h_n, c_t: c_n })) {
      if (own !== undefined && budget[name] !== undefined) budget[name].data[state] = Math.max(0, ...own.data)
    }
  }
  return budget
}

/** Infinite and NaN deviations say nothing of the size of errors. */
function larger(most: number, deviation: number): number {
  const size = Math.abs(deviation)
  return size > most && size < Infinity ? size : most
}

/** The axis along which errors grow: time in outputs, layer and direction in states, steps in a training; gradients have none. */
function growthAxis(recorded: Unmeasured, name: string, rank: number): number | undefined {
  if (isModelRequest(recorded)) return rank === 3 && !name.startsWith('grad_') ? 0 : undefined
  if (recorded.training !== undefined) return 0
  if (name === 'output') return rank === 3 && 'batch_first' in recorded.config && recorded.config.batch_first ? 1 : 0
  return name === 'h_n' || name === 'c_n' ? 0 : undefined
}

type Uniform = (bound: number) => number

function uniformOf(seed: number): Uniform {
  const random = randomOf(seed)
  return (bound) => bound * (2 * random() - 1)
}

/** The length of the longest dot product with a parameter. */
function longestOf(params: Request['params']): number {
  return Object.values(params).reduce((most, { shape }) => (shape.length === 2 ? Math.max(most, shape[1]!) : most), 1)
}

/** The size of δ for a sum of so many terms: what rounding in another order looks like. */
function sizeOfNoise(terms: number, dtype: Request['dtype']): number {
  return unitRoundoff[dtype] * Math.sqrt(Math.max(terms, 1))
}

/** Every parameter and input times 1 + δ, and each row of a weight with its bias by one more, δ by the longest dot product. */
export function perturbed<R extends Request>(request: R, uniform: Uniform = uniformOf(0)): R {
  const { params, inputs, cotangents, dtype } = request
  const bound = sizeOfNoise(longestOf(params), dtype)
  const rows = new Map<string, Float64Array>()
  const noisy = ({ shape, data }: FloatTensor, row?: Float64Array): FloatTensor => {
    const width = row === undefined ? 1 : data.length / row.length
    const moved = new Float64Array(data.length)
    for (let i = 0; i < data.length; i++) {
      moved[i] = data[i]! * (1 + uniform(bound)) * (row?.[Math.floor(i / width)] ?? 1)
    }
    return floatTensor('float64', shape, moved)
  }
  const all = (tensors: object): object =>
    Object.fromEntries(
      Object.entries(tensors as Outputs).map(([name, tensor]) => [
        name,
        // Exact by their nature.
        name === 'dropout_mask' || (tensor as Tensor).dtype === 'int64' ? tensor : noisy(tensor),
      ]),
    )
  const ofParams = Object.entries(params).map(([name, tensor]) => {
    const key = name.replace('weight', '').replace('bias', '')
    if (!rows.has(key))
      rows.set(
        key,
        Float64Array.from({ length: tensor.shape[0] ?? 1 }, () => 1 + uniform(bound)),
      )
    return [name, noisy(tensor, rows.get(key))]
  })
  return {
    ...request,
    dtype: 'float64',
    params: Object.fromEntries(ofParams),
    inputs: all(inputs),
    ...(cotangents && { cotangents: all(cotangents) }),
  }
}

/**
 * Whether the rounding of an activation can count for more than itself: where it is subtracted, 1 − h² in a backward pass,
 * n + z (h − n) of a GRU and f ∘ c + i ∘ g of an LSTM; and where a model takes the mean of states that cancel out.
 */
function seesRounding({ module, config, cotangents, training }: Request): boolean {
  return cotangents !== undefined || training !== undefined || !module.startsWith('RNN') || 'rnn' in config
}

/** tanh and sigmoid times 1 + δ, as if they were rounded, and so the results of training steps. */
function roundingOf(request: Request, uniform: Uniform): Inexactness {
  if (!seesRounding(request)) return {}
  const { dtype, params } = request
  const longest = longestOf(params)
  const bound = 2 * unitRoundoff[dtype]
  const rounded = (of: (x: number) => number) => (x: number) => Math.min(1, Math.max(-1, of(x) * (1 + uniform(bound))))
  const like = ({ of, slope }: Nonlinearity): Nonlinearity => ({ of: rounded(of), slope })
  const [sigmoid, tanh] = [like(gateSigmoid), like(gateTanh)]
  const isRelu = 'nonlinearity' in request.config && request.config.nonlinearity === 'relu'
  return {
    ...(isRelu ? {} : { activation: tanh }),
    gates: { sigmoid, tanh },
    // Attention and its gradient subtract what is nearly equal, so the rounding of each operation may be all that is left.
    tape: { tanh: tanh.of, rounded: (x) => x * (1 + uniform(bound)) },
    // The numbers of a parameter come from gradients, which are sums.
    training: { rounded: (x, terms) => x * (1 + uniform(sizeOfNoise(terms === 1 ? longest : terms, dtype))) },
  }
}

/** Gradients by parameters are sums over all steps and rows. */
function withRoundedSums(request: Unmeasured, numbers: Numbers, uniform: Uniform): Numbers {
  const bound = sizeOfNoise(termsOf(request), request.dtype)
  return Object.fromEntries(
    Object.entries(numbers).map(([name, own]) =>
      name.startsWith('grad_') && /weight|bias/.test(name)
        ? [name, own.map((x) => x * (1 + uniform(bound)))]
        : [name, own],
    ),
  )
}

/** Over how many rows and steps the gradients by parameters, and the loss of a model, are summed. */
function termsOf(request: Unmeasured): number {
  if (isExported(request)) return 1
  if (isModelRequest(request)) return elementCount(request.expected['logits']!.shape.slice(0, -1))
  return request.inputs.input.data.length / Math.max(request.config.input_size, 1)
}
