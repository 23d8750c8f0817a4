import type { Case, Request } from './case.ts'
import { exactly } from './engine/run.ts'
import { randomOf } from './random.ts'
import {
  elementCount,
  type FloatTensor,
  floatTensor,
  forCells,
  largest,
  smallestPositive,
  unitRoundoff,
} from './tensor.ts'

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
  return 2 * unitRoundoff[dtype] * largest(data) + smallestPositive[dtype]
}

/** For each number of a budget, the largest deviation from the reference among its elements. */
function largestDeviations(
  shape: readonly number[],
  budgetShape: readonly number[],
  reference: Float64Array,
  others: readonly (Float64Array | Float32Array)[],
): Float64Array {
  const most = new Float64Array(elementCount(budgetShape))
  forCells(shape, budgetShape, (offset, cell) => {
    for (const other of others) {
      const deviation = Math.abs(other[offset]! - reference[offset]!)
      if (deviation > most[cell]! && deviation < Infinity) most[cell] = deviation
    }
  })
  return most
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
