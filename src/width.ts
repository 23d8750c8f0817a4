import type { Case, Request } from './case.ts'
import { exactly } from './engine/run.ts'
import { randomOf } from './random.ts'
import { broadcastStrides, type FloatTensor, floatTensor, smallestPositive, unitRoundoff } from './tensor.ts'

/** How often a case is run with noise: enough to find the size of what rounding can do, if not the largest. */
const runs = 4

/**
 * A budget so many times as large as what noise gives on our own engine is wide for its case. Of the committed fixtures, which
 * were recorded with twice as many runs, the largest is 18 times, the median 1.4: `torch-parity audit` names those that are wider.
 */
export const widest = 32

/**
 * How many times as large each budget is as what noise of the size of rounding does to the case on our own engine: the largest
 * over the numbers of the budget, by tensor. It needs no PyTorch, so it finds a budget that no recorder has measured.
 */
export function widthsOf(recorded: Case): Readonly<Record<string, number>> {
  const exact = exactly(recorded)
  const noisy = Array.from({ length: runs }, (_, run) => exactly(perturbed(recorded, run)))
  const widths: Record<string, number> = {}
  for (const [name, expected] of Object.entries(recorded.expected)) {
    const reference = exact[name]
    // Symbols are exact: their budget is 0.
    if (reference === undefined || expected.data.length === 0 || name === 'symbols') continue
    const budget = recorded.budget[name]!
    const others = [...noisy.map((numbers) => numbers[name]!), expected.data]
    const measured = largestDeviations(expected.shape, budget.shape, reference, others)
    const floor = roundingOf(expected)
    widths[name] = budget.data.reduce((most, own, cell) => Math.max(most, own / (measured[cell]! + floor)), 0)
  }
  return widths
}

/** What the budget holds of the rounding of a result, whatever came before it. */
function roundingOf({ data, dtype }: FloatTensor): number {
  let largest = 0
  for (const x of data) if (Math.abs(x) > largest && Math.abs(x) < Infinity) largest = Math.abs(x)
  return 2 * unitRoundoff[dtype] * largest + smallestPositive[dtype]
}

/** For each number of a budget, the largest deviation from the reference among its elements. */
function largestDeviations(
  shape: readonly number[],
  budgetShape: readonly number[],
  reference: Float64Array,
  others: readonly (Float64Array | Float32Array)[],
): Float64Array {
  const largest = new Float64Array(budgetShape.reduce((product, size) => product * size, 1))
  // Reading the case has checked that the budget broadcasts.
  const strides = broadcastStrides(budgetShape, shape) ?? []
  const index = new Uint32Array(shape.length)
  let cell = 0
  for (let offset = 0; offset < reference.length; offset++) {
    for (const other of others) {
      const deviation = Math.abs(other[offset]! - reference[offset]!)
      if (deviation > largest[cell]! && deviation < Infinity) largest[cell] = deviation
    }
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      cell += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      cell -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return largest
}

/** Every parameter and input times 1 + δ, δ within ±u √K for dot products of K terms, as the recorder does. */
export function perturbed(recorded: Case, run: number): Request {
  const { params, inputs, cotangents, dtype } = recorded
  const longest = Object.values(params).reduce((most, { shape }) => Math.max(most, shape[1] ?? 1), 1)
  const bound = unitRoundoff[dtype] * Math.sqrt(longest)
  const random = randomOf(run)
  const moved = (tensor: FloatTensor): FloatTensor =>
    floatTensor(
      'float64',
      tensor.shape,
      Float64Array.from(tensor.data, (x) => x * (1 + bound * (2 * random() - 1))),
    )
  const all = (tensors: object): object =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => {
        const isExact = name === 'dropout_mask' || tensor.dtype === 'int64'
        return [name, isExact ? tensor : moved(tensor)]
      }),
    )
  const noisy = { params: all(params), inputs: all(inputs), ...(cotangents && { cotangents: all(cotangents) }) }
  return { ...recorded, ...noisy } as Request
}
