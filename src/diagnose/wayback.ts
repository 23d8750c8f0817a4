// What is in the way back alone: known ways, and a second edit where every output is explained and the gradients are not.
import { isOfWayBack } from '../edits/back.ts'
import type { Context } from '../edits/context.ts'
import { type Edit, keyOf } from '../edits/edit.ts'
import { editsOf, faults } from '../edits/faults.ts'
import type { Clock } from './clock.ts'
import { besides } from './residual.ts'
import { suspectsOf } from './suspects.ts'
import { type Attempt, best, better, ran, type Tried, type Trials } from './trials.ts'

/** To how many of what explains every output something in the way back is added. */
const waysBack = 4
/** The part of the time after which, where something is found, no more is looked for. */
const foundPart = 0.65

/** What the known faults are in a request: those of the way back, or the others. */
export function knownOnes(context: Context, areBack: boolean): (readonly Edit[])[] {
  const { request } = context
  return faults.flatMap((fault) => {
    const edits = fault.equivalent === undefined ? editsOf(fault, request, context) : undefined
    return edits === undefined || edits.some(isOfWayBack) !== areBack ? [] : [edits]
  })
}

/** Where every output is explained but the gradients are not, a second edit may be in the way back: first what changes what is left. */
export function withWayBack(found: readonly Tried[], back: readonly Edit[], trials: Trials, clock: Clock): Tried[] {
  const both: Attempt[] = []
  const bases = found.slice(0, waysBack).flatMap(({ edits }) => {
    const others = ran(edits, trials.question.request, trials.context)
    if (others === undefined) return []
    return [{ edits, isSuspect: suspectsOf(besides(trials.question, { others }), trials.context) }]
  })
  const known = new Set(knownOnes(trials.context, true).flatMap((edits) => edits.map((edit) => keyOf(edit))))
  const isKnown = (edit: Edit): boolean => known.has(keyOf(edit))
  const ordered = [...back.filter(isKnown), ...back.filter((edit) => !isKnown(edit))]
  for (const suspected of [true, false]) {
    for (const { edits, isSuspect } of bases) {
      for (const edit of ordered) {
        if (isSuspect(edit) !== suspected) continue
        if (clock.isOver() || (both.length > 0 && clock.isOver(foundPart))) break
        const attempt = trials.attempt([...edits, edit])
        if (attempt?.tried?.complete === true) both.push(attempt)
      }
    }
    if (both.length > 0) break
  }
  return [...best(both), ...found].toSorted(better)
}
