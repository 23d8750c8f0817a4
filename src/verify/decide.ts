import type { Case } from '../format/case.ts'
import { kappa, limitOf, type Tolerance } from './compare.ts'
import { type FloatTensor, forCells, smallestNormal, type Tensor, unitRoundoff } from '../format/tensor.ts'

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

/** The tensors of a case that are faint. */
export function faintOf({ expected, budget, target }: Case): string[] {
  // What a target permits it permits in numbers of every size.
  if (target !== undefined) return []
  return Object.keys(expected).filter((name) => isFaint(expected[name]!, budget[name]!))
}

/** Of a target: the roundoff of its products, and whether subnormal numbers may become 0, so that they decide nothing. */
type Coarseness = NonNullable<Case['target']>

function byBudget(expected: FloatTensor, budget: Tensor<'float64'>, target: Coarseness | undefined): Decision {
  if (isPlain(expected, budget, target)) return { decided: expected.data.length, undecided: 0 }
  const cells = cellsOf(expected, budget, target)
  const count = (state: CellState): number =>
    cells.states.reduce((sum, own, cell) => (own === state ? sum + cells.counts[cell]! : sum), 0)
  return { decided: count('decided'), undecided: count('undecided') }
}

/** By number of a budget, the largest size among its elements: used again and again. */
let sizes = new Float64Array(256)

/**
 * Whether every number of the budget is decided by its own elements alone, and so by all that share it, as in nearly every tensor.
 * What has no finite element may be decided by others: that is left to a closer look.
 */
function isPlain(
  { dtype, shape, data }: FloatTensor,
  budget: Tensor<'float64'>,
  target: Coarseness | undefined,
): boolean {
  const cells = budget.data
  const [count, elements] = [cells.length, data.length]
  if (target !== undefined || elements === 0) return false
  if (count > sizes.length) sizes = new Float64Array(2 * count)
  sizes.fill(-1, 0, count)
  let most = 0
  // The numbers of most budgets stand one after the other, each for a block of elements, or for all.
  const block = blockOf(shape, budget.shape)
  if (block > 0) {
    for (let cell = 0, offset = 0; cell < count; cell++) {
      let own = -1
      for (const end = offset + block; offset < end; offset++) {
        const size = Math.abs(data[offset]!)
        if (size < Infinity && size > own) own = size
      }
      sizes[cell] = own
      if (own > most) most = own
    }
  } else {
    forCells(shape, budget.shape, (offset, cell) => {
      const size = Math.abs(data[offset]!)
      if (size < Infinity && size > sizes[cell]!) sizes[cell] = size
      if (size < Infinity && size > most) most = size
    })
  }
  const u = unitRoundoff[dtype]
  const part = Math.max(2 ** -10, 64 * u)
  const floor = Math.max(32 * u * most, smallestNormal[dtype])
  for (let cell = 0; cell < count; cell++) {
    const largest = sizes[cell]!
    if (largest < 0 || !(kappa * cells[cell]! <= Math.max(part * largest, floor))) return false
  }
  return true
}

/** How many elements, one after the other, share each number of a budget that stands in their order; 0 where it does not. */
function blockOf(shape: readonly number[], budgetShape: readonly number[]): number {
  let block = 1
  let axis = shape.length - 1
  let own = budgetShape.length - 1
  for (; axis >= 0 && (own < 0 || budgetShape[own] === 1); axis--, own--) block *= shape[axis]!
  for (; axis >= 0; axis--, own--) if (budgetShape[own] !== shape[axis]) return 0
  return block
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
