// Causes by regions: one puts a part of what is off right, and another is looked for in what is left.
import { type Edit, keyOf } from '../edits/edit.ts'
import { nodesAt } from '../edits/context.ts'
import { isInside } from '../edits.ts'
import type { Outputs } from '../format/case.ts'
import type { Clock } from './clock.ts'
import type { Question } from './question.ts'
import { suspectsOf } from './suspects.ts'
import { Together } from './together.ts'
import { type Attempt, explains, type Trials } from './trials.ts'

/** Edits, what an engine with them gives, and which part of what is off they put right. */
export interface Base {
  readonly edits: readonly Edit[]
  readonly others: Outputs
  /** Up to the number of tensors that are off; what they put wrong counts against them. */
  readonly fixed: number
}

/** An edited program is worse conditioned than torch's, perhaps: so many limits are right. */
const slack = 16
/** What is not as many times as far off may come near by anything. */
const clearly = 16
/** What is right in PyTorch and not with an edit may be put right again by the other one: it counts less. */
const brokenWeight = 0.25
/** How many of those that put most right are made together with others. */
const mostBases = 6
/** The part of the time after which no more of what is known is made together, and of what puts something right. */
const knownPart = 0.75
const basesPart = 0.95
/** What puts as much right is surely a part of the cause: as much of one tensor. */
export const surelyFixed = 0.15

/** → which part of what is off in a question an engine puts right */
function fixedIn({ given, outputs, recorded, limits }: Question): (others: Outputs) => number {
  const isNear = (x: number, y: number, allowed: number): boolean => Object.is(x, y) || Math.abs(x - y) <= allowed
  return (others) => {
    let sum = 0
    for (const name of given) {
      const [own, expected, other] = [outputs[name]!.data, recorded.expected[name]!.data, others[name]?.data]
      if (other?.length !== own.length || expected.length !== own.length) continue
      const limit = limits[name]!
      let [off, fixed, broken] = [0, 0, 0]
      for (let i = 0; i < own.length; i++) {
        // What many engines give by chance tells nothing.
        if (own[i] === 0 || !Number.isFinite(own[i])) continue
        const isRight = isNear(own[i]!, expected[i]!, clearly * slack * limit[i]!)
        const isGiven = isNear(own[i]!, other[i]!, slack * limit[i]!)
        if (!isRight) off++
        if (!isRight && isGiven) fixed++
        if (isRight && !isGiven) broken++
      }
      if (off > 0) sum += fixed / off
      sum -= (brokenWeight * broken) / own.length
    }
    return sum
  }
}

/** The ways, each run to its end: those that put most right first. */
export function basesOf(ways: readonly (readonly Edit[])[], { asked, reach }: Trials, clock: Clock): Base[] {
  const fixed = fixedIn(asked)
  return uniqueBases(
    ways.flatMap((edits) => {
      const others = clock.isOver(knownPart) ? undefined : reach(edits)
      return others === undefined ? [] : [{ edits, others, fixed: fixed(others) }]
    }),
  )
}

/** The first of the same edits, in order of what they put right. */
export function uniqueBases(bases: readonly Base[]): Base[] {
  const keys = new Set<string>()
  const first = bases.filter(({ edits }) => {
    const key = edits.map((edit) => keyOf(edit)).join('\n')
    return !keys.has(key) && keys.add(key)
  })
  return first.toSorted((one, other) => other.fixed - one.fixed)
}

/**
 * What is known, each with each: those that put most right by themselves first.
 * part: those of which one puts something right alone, or all
 */
export function knownTogether(all: readonly Base[], part: 'telling' | 'all', trials: Trials, clock: Clock): Attempt[] {
  const together = new Together(trials, clock)
  // What runs a port more than once takes too long to be tried with everything.
  const bases = all.filter(({ edits }) => isInside(edits))
  for (const [i, first] of bases.entries()) {
    if (part === 'telling' && !(first.fixed > 0)) break
    const attemptBeside = trials.beside(first.edits)
    for (const second of bases.slice(i + 1)) {
      if (together.isOver(knownPart)) return together.made
      const keys = new Set(first.edits.map((edit) => keyOf(edit)))
      if (second.edits.some((edit) => keys.has(keyOf(edit)))) continue
      together.consider([...first.edits, ...second.edits], attemptBeside)
      // At the same place it matters which comes first.
      if (areAtOnePlace(first.edits, second.edits, trials)) together.consider([...second.edits, ...first.edits])
    }
  }
  return together.made
}

function areAtOnePlace(first: readonly Edit[], second: readonly Edit[], { context }: Trials): boolean {
  const nodesOf = (edits: readonly Edit[]) => edits.flatMap(({ operand, scope }) => nodesAt(context, operand, scope))
  const own = new Set(nodesOf(first))
  return nodesOf(second).some((node) => own.has(node))
}

/** Each of what puts something right with every edit that changes what is left, and nothing of what is right by then. */
export function besideBases(
  bases: readonly Base[],
  edits: readonly Edit[],
  trials: Trials,
  clock: Clock,
  least = 0,
): Attempt[] {
  const { asked, askedContext } = trials
  const together = new Together(trials, clock)
  for (const base of tellingBases(bases, least)) {
    const isSuspect = suspectsOf(besides(asked, base), askedContext)
    const attemptBeside = trials.beside(base.edits)
    const keys = new Set(base.edits.map((edit) => keyOf(edit)))
    for (const edit of edits) {
      if (together.isOver(basesPart)) return together.made
      if (!isSuspect(edit) || keys.has(keyOf(edit))) continue
      together.consider([...base.edits, edit], attemptBeside)
    }
    if (together.made.some(({ tried }) => explains(tried!))) break
  }
  return together.made
}

/** Those that put something right, without those that put as much right as one before: they are the same in this case. */
function tellingBases(bases: readonly Base[], least: number): Base[] {
  const telling = bases.filter(({ fixed }) => fixed > least)
  return telling.filter(({ fixed }, i) => fixed !== telling[i - 1]?.fixed).slice(0, mostBases)
}

/** The same question, as if an engine with the edits of a base were right. */
export function besides(question: Question, { others }: Pick<Base, 'others'>): Question {
  const given = question.given.filter((name) => others[name]?.data.length === question.outputs[name]!.data.length)
  const limits = Object.fromEntries(given.map((name) => [name, question.limits[name]!.map((limit) => slack * limit)]))
  return { ...question, given, limits, recorded: { ...question.recorded, expected: { ...others } } }
}
