import { measureBudget } from './budget.ts'
import type { Case } from '../format/case.ts'

/**
 * A budget so many times as large as what noise gives on our own engine is wide for its case: `torch-parity audit` names those
 * that are wider, and the largest of the committed fixtures.
 */
export const widest = 32

/**
 * How many times as large each budget is as what is measured now, the largest over its numbers, by tensor. It needs no PyTorch,
 * so it finds a budget that no recorder has measured.
 */
export function widthsOf(recorded: Case): Readonly<Record<string, number>> {
  const measured = measureBudget(recorded)
  return Object.fromEntries(
    Object.entries(recorded.budget)
      // Symbols are exact: their budget is 0.
      .filter(([name, { data }]) => name !== 'symbols' && data.length > 0)
      .map(([name, { shape, data }]) => {
        const own = measured[name]!
        // Of another shape than is measured, it is held to the smallest number.
        const isSame = own.shape.join() === shape.join()
        const least = own.data.reduce((most, x) => Math.min(most, x), Infinity)
        return [name, data.reduce((most, x, i) => Math.max(most, x / (isSame ? own.data[i]! : least)), 0)]
      }),
  )
}
