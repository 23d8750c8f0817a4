// Two edits together.
import { type Edit, keyOf } from '../edits/edit.ts'
import { functions } from '../edits/functions.ts'
import { isKnown } from '../edits/known.ts'
import type { Clock } from './clock.ts'
import { type Attempt, explains, type Tried, type Trials } from './trials.ts'

/** How many of the edits that explain most are made together with every other. */
const firsts = 12
/** So many of those that put more right than most do are made together with every common one first. */
const mostPromising = 6
/** The part of the time after which no more of them is. */
const promisingPart = 0.5
/** The part of the time after which no more of what is common is made together. */
const pairsPart = 0.95

/** Where one edit puts more right than most do, a second may do the rest: each such one with all that is common. */
export function promisingPairs(ranked: readonly Attempt[], trials: Trials, clock: Clock): Attempt[] {
  const pairs = new Pairs(trials, clock)
  const common = commonOf(ranked)
  for (const first of promisingOf(ranked)) {
    for (const second of common) if (!second.includes(first)) pairs.consider([first, ...second], promisingPart)
  }
  return pairs.made
}

/**
 * Edits together: those that are common with each other, and those that explain most with every one. What two edits explain
 * together neither explains by itself, so that what is common counts for more than what comes near.
 */
export function pairsOf(
  ranked: readonly Attempt[],
  nearest: readonly Tried[],
  all: readonly Edit[],
  trials: Trials,
  clock: Clock,
): Attempt[] {
  const pairs = new Pairs(trials, clock)
  const common = commonOf(ranked)
  // Those that come farthest by themselves first: 0 and 1, 0 and 2, 1 and 2, 0 and 3, …
  for (const [j, second] of common.entries()) {
    for (const first of common.slice(0, j)) pairs.consider([...first, ...second], pairsPart)
  }
  if (pairs.made.some(({ tried }) => explains(tried!))) return pairs.made
  for (const { edits } of nearest.slice(0, firsts)) {
    for (const second of all) if (!edits.includes(second)) pairs.consider([...edits, second])
  }
  return pairs.made
}

/** What has been made together, and explains something. */
class Pairs {
  readonly made: Attempt[] = []
  readonly #trials: Trials
  readonly #clock: Clock
  #foundAt = Infinity

  constructor(trials: Trials, clock: Clock) {
    this.#trials = trials
    this.#clock = clock
  }

  /** part: of the time, after which nothing more is; what is as good as the first that is found is looked for as long again. */
  consider(edits: readonly Edit[], part = 1): void {
    if (this.#clock.isOver(part) || this.#clock.elapsed() > 2 * this.#foundAt) return
    const attempt = this.#trials.attempt(edits)
    if (attempt?.tried === undefined) return
    this.made.push(attempt)
    if (explains(attempt.tried)) this.#foundAt = Math.min(this.#foundAt, this.#clock.elapsed())
  }
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

/** Those that come farther than most, in whose place another would come as far: one of two bugs puts a part right. */
function promisingOf(ranked: readonly Attempt[]): Edit[] {
  const usual = ranked[ranked.length >> 1]?.progress.passed ?? 0
  return ranked
    .filter(({ edits, progress }) => edits.length === 1 && progress.passed > usual)
    .slice(0, mostPromising)
    .map(({ edits: [edit] }) => edit!)
}
