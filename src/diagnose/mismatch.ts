import { type Diagnosis, explanationOf } from '../diagnose.ts'
import { type Context, contextOf } from '../edits/context.ts'
import type { Edit } from '../edits/edit.ts'
import { isInside } from '../edits.ts'
import type { Case, Outputs } from '../format/case.ts'
import { effectOf } from '../edits/alike.ts'
import { comparisonsWith, departure, fewRows, questionOf, withoutGradients } from './question.ts'
import { isOther, matches, ran, trialsOf } from './trials.ts'
import { where } from './where.ts'

/** More than this part of a departure is not left by rounding. */
const leftOver = 0.5

/** What is asked of one mismatch: whether edits that explained another explain it as well. */
export interface Mismatch {
  readonly context: Context
  /** Whether a port with these edits gives what was given; undefined where they have nothing to change. */
  explains(edits: readonly Edit[]): boolean | undefined
  /** What is said of it where they do. */
  diagnosis(edits: readonly Edit[]): Diagnosis
}

export function mismatchOf(recorded: Case, outputs: Outputs): Mismatch {
  const question = questionOf(recorded, outputs)
  const small = fewRows(question)
  const first = small ?? withoutGradients(question)
  const isWhole = small === undefined && first.given.length === question.given.length
  const context = contextOf((small ?? question).request)
  const known = new Map<string, boolean | undefined>()

  function isExplained(edits: readonly Edit[]): boolean | undefined {
    // What happens between rows cannot be seen in few of them.
    if (!isInside(edits) && !isWhole) {
      const all = ran(edits, question.request)
      return all && matches(question, all) && isOther(question, all)
    }
    const others = ran(edits, first.request, context)
    if (others === undefined) return undefined
    if (!matches(first, others)) return isConditioned(edits, others)
    const all = isWhole ? others : ran(edits, question.request, small === undefined ? context : undefined)
    if (all === undefined) return undefined
    return matches(question, all) ? isOther(question, all) : isConditioned(edits, others)
  }

  /** Whether it is rounding, which may grow larger in such a port than in torch, that leaves a rest. others: of the first question */
  function isConditioned(edits: readonly Edit[], others: Outputs): boolean {
    if (!(departure(first, others) <= leftOver * departure(first, first.recorded.expected))) return false
    const { attemptWhole, attemptConditioned } = trialsOf(question)
    const tried = attemptWhole(edits)
    return tried !== undefined && attemptConditioned(tried) !== undefined
  }

  return {
    context,
    explains(edits) {
      const key = edits.map((edit) => effectOf(edit, context, recorded.cotangents !== undefined)).join('\n')
      if (!known.has(key)) known.set(key, isExplained(edits))
      return known.get(key)
    },
    diagnosis(edits) {
      const tried = { edits, explained: 1, complete: true, outputs: true }
      const comparisons = comparisonsWith(question, recorded.expected)
      return { where: where(question, comparisons), explanations: [explanationOf(tried, context)] }
    },
  }
}
