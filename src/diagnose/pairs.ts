// Two edits together that many ports have.
import { type Edit, keyOf } from '../edits/edit.ts'
import { functions } from '../edits/functions.ts'
import { isKnown } from '../edits/known.ts'
import type { Clock } from './clock.ts'
import { Together } from './together.ts'
import type { Attempt, Trials } from './trials.ts'

/**
 * What is common, each with each: those that come farthest by themselves first. What two edits explain together neither explains by
 * itself, so that what is common counts for more than what comes near.
 */
export function pairsOf(ranked: readonly Attempt[], trials: Trials, clock: Clock): Attempt[] {
  const together = new Together(trials, clock)
  const common = commonOf(ranked)
  // 0 and 1, 0 and 2, 1 and 2, 0 and 3, …
  for (const [j, second] of common.entries()) {
    for (const first of common.slice(0, j)) {
      if (together.isOver()) return together.made
      together.consider([...first, ...second])
    }
  }
  return together.made
}

/** One edit, or those that are one known fault together. */
function commonOf(ranked: readonly Attempt[]): (readonly Edit[])[] {
  const keys = new Set<string>()
  return ranked.flatMap(({ edits }) => {
    if (edits.length === 1 && !isCommon(edits[0]!)) return []
    const key = edits.map(keyOf).join()
    const isNew = !keys.has(key)
    keys.add(key)
    return isNew ? [edits] : []
  })
}

const commonOperators = new Set([
  'option',
  'ignored',
  'sibling',
  'exchange',
  'direction',
  'padding',
  'skip',
  'swapped',
  'coupled',
  'droppedLast',
  'increase',
  'divisor',
  'fromOutput',
])

/** What many ports do, as far as it is said of everything: one by a name, or one of few of its kind. */
function isCommon(edit: Edit): boolean {
  const { operator, operand, scope, value } = edit
  if (operator === 'another') return operand.function !== undefined && !functions[value as string]!.isOfAll
  if (operator === 'gates') return (value as { readonly tensors: readonly string[] }).tensors.length === 4
  if (operator === 'direction') return true
  return (scope === undefined && commonOperators.has(operator)) || isKnown(edit)
}
