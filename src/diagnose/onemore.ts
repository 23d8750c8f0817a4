import type { Diagnosis } from '../diagnose.ts'
import { explanationOf } from '../diagnose.ts'
import type { Edit } from '../edits/edit.ts'
import { isGradient, type Question } from './question.ts'
import { trialsOf } from './trials.ts'
import { everyEdit } from './why.ts'

/** Looks for one edit that explains a case together with what explains others: a port may have several bugs. */
export function withOneMore(
  question: Question,
  causes: readonly (readonly Edit[])[],
  limitMs: number,
): Diagnosis['explanations'] {
  const began = Date.now()
  const trials = trialsOf(question)
  const hasGradients = question.given.some((tensor) => isGradient(tensor))
  const all = everyEdit(trials.context)
  for (const edits of causes) {
    for (const edit of all) {
      if (Date.now() - began > limitMs) return []
      // The way back may know of it or not.
      for (const own of hasGradients ? [edit, { ...edit, gradient: 'kept' as const }] : [edit]) {
        const tried = trials.attempt([...edits, own])?.tried
        if (tried?.complete === true) return [explanationOf(tried, trials.context)]
        if (tried === undefined) break
      }
    }
  }
  return []
}
