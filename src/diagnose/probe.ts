import { type Diagnosis, explanationOf } from '../diagnose.ts'
import type { Context } from '../edits/context.ts'
import type { Edit } from '../edits/edit.ts'
import type { Case, Outputs } from '../format/case.ts'
import { effectOf } from './alike.ts'
import { comparisonsWith, questionOf } from './question.ts'
import { type Attempt, type Trials, trialsOf } from './trials.ts'
import { where } from './where.ts'

/** From this part on it may be rounding that leaves the rest unexplained. */
const nearlyAll = 0.5

/** What is asked of one mismatch: whether edits that explained another explain it as well. */
export interface Probe {
  readonly context: Context
  /** Whether a port with these edits gives what was given; undefined where they have nothing to change. */
  explains(edits: readonly Edit[]): boolean | undefined
  /** What is said of it where they do. */
  diagnosis(edits: readonly Edit[]): Diagnosis
}

export function probeOf(recorded: Case, outputs: Outputs): Probe {
  const question = questionOf(recorded, outputs)
  const trials = trialsOf(question)
  const { context } = trials
  const known = new Map<string, boolean | undefined>()
  return {
    context,
    explains(edits) {
      const key = edits.map((edit) => effectOf(edit, context)).join('\n')
      if (!known.has(key)) known.set(key, isExplained(trials.attempt(edits), trials))
      return known.get(key)
    },
    diagnosis(edits) {
      const tried = { edits, explained: 1, complete: true, outputs: true }
      const comparisons = comparisonsWith(question, recorded.expected)
      return { where: where(question, comparisons), explanations: [explanationOf(tried, context)] }
    },
  }
}

function isExplained(attempt: Attempt | undefined, { attemptConditioned }: Trials): boolean | undefined {
  if (attempt === undefined) return undefined
  const { tried } = attempt
  if (tried === undefined || tried.complete) return tried?.complete === true
  return tried.explained >= nearlyAll && attemptConditioned(tried) !== undefined
}
