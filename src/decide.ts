import type { Case } from './case.ts'
import { kappa, limitOf, type Tolerance } from './compare.ts'
import { type FloatTensor, forCells, smallestNormal, type Tensor, unitRoundoff } from './tensor.ts'

/** How many numbers of a tensor a comparison can be about. What is in neither count is left out: its budget is infinite. */
export interface Decision {
  /** A match of these says something: their allowed error is a small part of the values around them. */
  readonly decided: number
  /** Of these it does not: two correct implementations, or a port that returns anything, may differ by as much. */
  readonly undecided: number
}

/**
 * Whether a match says anything, element by element. Elements that share a number of the budget (a time step, a layer) are
 * held to the largest value among them: the allowed error is at most 2⁻¹⁰ of it, or 64 roundings, or 32 roundings of the
 * largest value of the tensor, which a budget never goes below.
 * By any other tolerance, which is its owner's choice, a tensor is undecided when zeros would match it.
 * target: what an engine may do otherwise than a CPU, which changes how coarse its numbers are.
 */
export function decide(
  expected: FloatTensor,
  budget: Tensor<'float64'>,
  tolerance: Tolerance,
  target?: Coarseness,
): Decision {
  return tolerance.kind === 'budget' ? byBudget(expected, budget, target) : byZeros(expected, tolerance)
}

/**
 * Whether zeros would match most numbers of a tensor, beside others that they would not: a number of a budget is for the largest
 * of those that share it. A match is one, and says little about the rest.
 */
export function isFaint({ shape, data }: FloatTensor, budget: Tensor<'float64'>): boolean {
  let numbers = 0
  let small = 0
  forCells(shape, budget.shape, (offset, cell) => {
    const size = Math.abs(data[offset]!)
    if (!(size > 0 && size < Infinity)) return
    numbers++
    if (size <= kappa * budget.data[cell]!) small++
  })
  return small > numbers / 2
}

/** Of a target: the roundoff of its products, and whether subnormal numbers may become 0, so that they decide nothing. */
export type Coarseness = NonNullable<Case['target']>

function byBudget(expected: FloatTensor, budget: Tensor<'float64'>, target: Coarseness | undefined): Decision {
  const cells = cellsOf(expected, budget, target)
  const count = (state: CellState): number =>
    cells.states.reduce((sum, own, cell) => (own === state ? sum + cells.counts[cell]! : sum), 0)
  return { decided: count('decided'), undecided: count('undecided') }
}

/** How many time steps of a tensor are decided by its budget, along an axis. */
export function decidedSteps(
  expected: FloatTensor,
  budget: Tensor<'float64'>,
  axis: number,
  target?: Coarseness,
): { readonly decided: number; readonly of: number } {
  const of = expected.shape[axis] ?? 0
  const inner = expected.shape.slice(axis + 1).reduce((product, size) => product * size, 1)
  const { states } = cellsOf(expected, budget, target)
  const isUndecided = new Uint8Array(of)
  forCells(expected.shape, budget.shape, (offset, cell) => {
    if (states[cell] === 'undecided') isUndecided[Math.floor(offset / inner) % of] = 1
  })
  return { decided: isUndecided.filter((each) => each === 0).length, of }
}

type CellState = 'decided' | 'undecided' | 'left out'

/** The elements that share a number of a budget. */
interface Group {
  largest: number
  isFinite: boolean
}

/** What each number of a budget decides, and for how many elements it stands. */
function cellsOf(
  { dtype, shape, data }: FloatTensor,
  budget: Tensor<'float64'>,
  target: Coarseness | undefined,
): { readonly states: readonly CellState[]; readonly counts: Float64Array } {
  const counts = new Float64Array(budget.data.length)
  // By the number itself: what a target makes of a budget may repeat it, element by element.
  const groups = new Map<number, Group>()
  const groupOf = Array.from(budget.data, (own) => {
    const group = groups.get(own) ?? { largest: 0, isFinite: false }
    groups.set(own, group)
    return group
  })
  let most = 0
  forCells(shape, budget.shape, (offset, cell) => {
    counts[cell]!++
    const size = Math.abs(data[offset]!)
    if (!(size < Infinity)) return
    const group = groupOf[cell]!
    group.isFinite = true
    group.largest = Math.max(group.largest, size)
    most = Math.max(most, size)
  })
  const u = target?.roundoff ?? unitRoundoff[dtype]
  const part = Math.max(2 ** -10, 64 * u)
  const smallest = target?.flushes === true && most > 0 ? 0 : smallestNormal[dtype]
  const floor = Math.max(32 * u * most, smallest)
  const states = Array.from(budget.data, (own, cell): CellState => {
    const allowed = kappa * own
    const { largest, isFinite } = groupOf[cell]!
    if (own === Infinity && target !== undefined) return 'left out'
    // Of NaN and infinities the kind is judged, whatever the budget.
    return !isFinite || allowed <= Math.max(part * largest, floor) ? 'decided' : 'undecided'
  })
  return { states, counts }
}

function byZeros({ dtype, data }: FloatTensor, tolerance: Tolerance): Decision {
  const limit = limitOf(tolerance, dtype)
  const sizes = Array.from(data, Math.abs).filter((size) => size < Infinity)
  const says = sizes.some((size) => size > limit(0, size))
  // Zeros alone, and what is not finite, are told from anything that is far off.
  const isZero = sizes.every((size) => size === 0) && limit(0, 0) <= 2 ** -10
  return says || isZero ? { decided: data.length, undecided: 0 } : { decided: 0, undecided: data.length }
}
