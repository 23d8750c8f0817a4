import { type Case, expectedAxes, isModelRequest, type Outputs, type Request } from '../format/case.ts'
import { compare, type Comparison, kappa } from '../verify/compare.ts'
import { type Axis, layerConfig } from '../format/module.ts'
import {
  broadcastStrides,
  type FloatTensor,
  indexAt,
  indexSelect,
  largest,
  type Tensor,
  unitRoundoff,
} from '../format/tensor.ts'
import { requestOf } from '../verify.ts'

/** What is to be explained: what a port gave for a case. */
export interface Question {
  readonly recorded: Case
  readonly request: Request
  readonly outputs: Outputs
  /** The tensors that were given, in order of computation. */
  readonly given: readonly string[]
  readonly axes: Readonly<Record<string, readonly Axis[]>>
  /** The error that is allowed in each number of a tensor. */
  readonly limits: Readonly<Record<string, Float64Array>>
}

export function questionOf(recorded: Case, outputs: Outputs): Question {
  const given = Object.keys(recorded.expected).filter((name) => Object.hasOwn(outputs, name))
  const limits = Object.fromEntries(
    given.map((name) => [name, limitsOf(recorded.expected[name]!, recorded.budget[name]!)]),
  )
  return { recorded, request: requestOf(recorded), outputs, given, axes: expectedAxes(recorded), limits }
}

function limitsOf({ shape, data }: FloatTensor, budget: Tensor<'float64'>): Float64Array {
  // Reading the case has checked that the budget broadcasts.
  const strides = broadcastStrides(budget.shape, shape) ?? []
  return Float64Array.from(data, (_, offset) => {
    const at = indexAt(shape, offset).reduce((sum, i, axis) => sum + i * strides[axis]!, 0)
    return kappa * budget.data[at]!
  })
}

export const isGradient = (tensor: string): boolean => tensor.startsWith('grad_')

/** The same without gradients, which take longer and follow from the rest. */
export function withoutGradients({ request, given, ...rest }: Question): Question {
  const { cotangents: _, ...forward } = request
  return { ...rest, request: forward, given: given.filter((name) => !isGradient(name)) }
}

/** More products than this, in a run of a layer, take longer than a search over hundreds of runs should. */
const mostProducts = 5e6

/** The same for two batch rows, where all of them would take too long; undefined where that is not so. */
export function fewRows(question: Question): Question | undefined {
  const { recorded, request, outputs, given, axes } = question
  if (isModelRequest(request) || request.training !== undefined) return undefined
  const { config, inputs } = request
  const layers = layerConfig(config)
  const unbatched = inputs.input.shape.length < (layers === undefined ? 2 : 3)
  const axis = layers === undefined || layers.batch_first ? 0 : 1
  const batch = unbatched ? 1 : inputs.input.shape[axis]!
  const perRow = Object.values(request.params).reduce((sum, { data }) => sum + data.length, 0)
  const steps = inputs.input.data.length / Math.max(1, batch * config.input_size)
  if (batch <= 2 || perRow * steps * batch <= mostProducts) return undefined

  const worst = comparisonsWith(question, recorded.expected).find(({ outcome }) => outcome === 'mismatch')?.worst
  const first = worst?.place.batch ?? 0
  const rows = [first, first === 0 ? 1 : 0]
  const select = (tensor: FloatTensor, at: number): FloatTensor => indexSelect(tensor, at, rows)
  const stateAxis = layers === undefined ? 0 : 1
  const { input, h_0, c_0, lengths, dropout_mask } = inputs
  const cut = {
    ...request,
    inputs: {
      input: select(input, axis),
      ...(h_0 && { h_0: select(h_0, stateAxis) }),
      ...(c_0 && { c_0: select(c_0, stateAxis) }),
      ...(lengths && {
        lengths: { ...lengths, shape: [2], data: BigInt64Array.from(rows, (row) => lengths.data[row]!) },
      }),
      ...(dropout_mask && { dropout_mask: select(dropout_mask, 2) }),
    },
  } as Request
  const { cotangents: _, ...forward } = cut
  const names = given.filter((name) => !isGradient(name))
  const ofRows = (name: string, tensor: FloatTensor): FloatTensor => {
    const at = axes[name]!.findIndex((each) => each.name === 'batch')
    return tensor.shape.length === axes[name]!.length && tensor.shape[at] === batch ? select(tensor, at) : tensor
  }
  const all = (tensors: Outputs): Outputs =>
    Object.fromEntries(names.map((name) => [name, ofRows(name, tensors[name]!)]))
  const expected = all(recorded.expected)
  const budget = all(recorded.budget)
  const smaller = { ...recorded, ...forward, expected, budget } as Case
  return { ...questionOf(smaller, all(outputs)), request: forward as Request }
}

/** Judges what the port gave by what another engine gives, as if that were PyTorch's. allowed: budgets of that engine. */
export function comparisonsWith(
  { recorded, outputs, given, axes }: Question,
  others: Outputs,
  allowed?: Readonly<Record<string, Tensor<'float64'>>>,
): Comparison[] {
  return given.map((name) => {
    const expected = recorded.expected[name]!
    const other = others[name] ?? expected
    const same = other.shape.join() === expected.shape.join()
    const budget = allowed?.[name] ?? scaled(recorded.budget[name]!, expected, other)
    // Axes and budgets are for tensors of torch's shape.
    return compare(name, outputs[name], other, same ? budget : largestOf(budget), same ? axes[name]! : [])
  })
}

/** Where torch's numbers are not finite nothing is measured: those of another engine may be off by so many roundings. */
const roundings = 16

/** A budget is for numbers of the size of PyTorch's: those of a faulty engine may be larger, or finite where PyTorch's are not. */
export function scaled(budget: Tensor<'float64'>, expected: FloatTensor, other: FloatTensor): Tensor<'float64'> {
  const largestOther = largest(other.data)
  const ratio = largestOther / largest(expected.data)
  const larger = ratio > 1 && ratio < Infinity ? { ...budget, data: budget.data.map((x) => x * ratio) } : budget
  if (expected.data.every((x) => Number.isFinite(x)) || !(largestOther < Infinity)) return larger
  const least = roundings * unitRoundoff[expected.dtype] * largestOther
  return { ...larger, data: larger.data.map((x) => Math.max(x, least)) }
}

function largestOf({ data }: Tensor<'float64'>): Tensor<'float64'> {
  return { dtype: 'float64', shape: [], data: Float64Array.of(largest(data)) }
}

/** How far the port is from another engine: the mean logarithm of the share of the allowed error, added up over tensors. */
export function departure({ limits, outputs, given }: Question, others: Outputs): number {
  let sum = 0
  for (const name of given) {
    const own = outputs[name]?.data ?? []
    const other = others[name]?.data ?? []
    const length = Math.max(own.length, other.length)
    let part = 0
    for (let i = 0; i < length; i++) {
      const error = Math.abs((own[i] ?? Number.NaN) - (other[i] ?? Number.NaN))
      const same = Object.is(own[i], other[i])
      const allowed = limits[name]![i] ?? 0
      part +=
        same || allowed === Infinity
          ? 0
          : Number.isFinite(error)
            ? Math.log1p(allowed > 0 ? error / allowed : error)
            : 30
    }
    // Every tensor counts alike, however large it is.
    sum += part / Math.max(1, length)
  }
  return sum
}
