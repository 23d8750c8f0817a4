import type { Case } from '../format/case.ts'
import { compare, type Comparison } from '../verify/compare.ts'
import type { Tensor } from '../format/tensor.ts'
import { run } from '../engine/run.ts'
import { judge, requestOf } from '../verify.ts'
import { stepCases } from '../verify/steps.ts'

/** How a case that was recorded again differs from the one before. */
export interface Drift {
  /** The parameters, inputs and cotangents that are not byte for byte the same, and settings that are others. */
  readonly changed: readonly string[]
  /** The new outputs, and states, judged by the old ones and their budget. */
  readonly comparisons: readonly Comparison[]
  /** The budgets that are not what has been measured now. */
  readonly budgets: readonly BudgetDrift[]
}

/** A budget that is not of the size that was measured now. */
interface BudgetDrift {
  readonly tensor: string
  /** How many times as large it is as the new one, where it is farthest off: below 1 where it is smaller; NaN when the shape is another. */
  readonly ratio: number
}

/**
 * A budget may be so many times another that was measured of the same case, with the same noise: PyTorch's own error is in it, and
 * differs between kernels. Measured between the kernels of two processors: README.md, "A new torch".
 */
export const mostBudgetDrift = 4

/** Compares a case with itself, recorded again: what went in byte for byte, what came out by the budget. */
export function driftOf(recorded: Case, again: Case): Drift {
  const changed: string[] = []
  for (const group of ['params', 'inputs', 'cotangents'] as const) {
    const before: Readonly<Record<string, Tensor>> = { ...recorded[group] }
    const after: Readonly<Record<string, Tensor>> = { ...again[group] }
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      if (!sameBytes(before[name], after[name])) changed.push(`${group}.${name}`)
    }
  }
  if (recorded.module !== again.module) changed.push('module')
  for (const key of ['config', 'training', 'source'] as const) {
    if (JSON.stringify(recorded[key]) !== JSON.stringify(again[key])) changed.push(key)
  }
  const { states } = recorded
  if ((states === undefined) !== (again.states === undefined)) changed.push('states')
  const comparisons = [...judge(recorded, again.expected), ...statesDrift(recorded, again)]
  return { changed, comparisons, budgets: budgetDrift(recorded.budget, again.budget) }
}

/**
 * The new states, judged by the old ones. Where errors grow, two processors part after some steps, and both are right: then each step
 * of both is judged by what our engine makes of the state before it.
 */
function statesDrift(recorded: Case, again: Case): Comparison[] {
  const compared = Object.entries(recorded.states ?? {}).map(([name, state]) =>
    compare(name, again.states?.[name], state, recorded.budget[name]!, []),
  )
  if (compared.every(({ outcome, problem }) => outcome === 'match' || problem !== undefined)) return compared
  const steps = [recorded, again].flatMap((own) => stepCases(own).map(({ case: folded }) => folded))
  const judged = steps.flatMap((folded) => judge(folded, run(requestOf(folded))))
  return judged.every(({ outcome }) => outcome === 'match') ? judged : compared
}

function budgetDrift(before: Case['budget'], after: Case['budget']): BudgetDrift[] {
  return Object.entries(before).flatMap(([tensor, own]): BudgetDrift[] => {
    const other = after[tensor]
    if (other === undefined) return []
    if (other.shape.join() !== own.shape.join()) return [{ tensor, ratio: Number.NaN }]
    let farthest = 1
    for (const [i, value] of own.data.entries()) {
      const ratio = value === other.data[i] ? 1 : value / other.data[i]!
      if (Math.abs(Math.log(ratio)) > Math.abs(Math.log(farthest))) farthest = ratio
    }
    return Math.abs(Math.log(farthest)) > Math.log(mostBudgetDrift) ? [{ tensor, ratio: farthest }] : []
  })
}

function sameBytes(before: Tensor | undefined, after: Tensor | undefined): boolean {
  if (before === undefined || after === undefined || before.dtype !== after.dtype) return false
  if (before.shape.join() !== after.shape.join()) return false
  const one = new Uint8Array(before.data.buffer, before.data.byteOffset, before.data.byteLength)
  const other = new Uint8Array(after.data.buffer, after.data.byteOffset, after.data.byteLength)
  return one.length === other.length && one.every((byte, i) => byte === other[i])
}
