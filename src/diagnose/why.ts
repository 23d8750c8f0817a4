import { isOfLeaves, isOfWayBack, kept } from '../edits/back.ts'
import { type Context, nodesAt, scopesOf } from '../edits/context.ts'
import type { Edit, Scope } from '../edits/edit.ts'
import { isKnown } from '../edits/known.ts'
import { narrowed } from '../edits/operand.ts'
import { laterTiers, operators } from '../edits/operators.ts'
import { runEdited } from '../edits.ts'
import { type Clock, clockOf } from './clock.ts'
import { oneElementOff } from './element.ts'
import { pairsOf } from './pairs.ts'
import { isSlight } from './nearer.ts'
import { comparisonsWith, type Question } from './question.ts'
import { type Base, basesOf, besideBases, knownTogether, surelyFixed, uniqueBases } from './residual.ts'
import { suspectsOf } from './suspects.ts'
import { type Attempt, best, better, explains, type Tried, type Trials, trialsOf } from './trials.ts'
import { knownOnes, withWayBack } from './wayback.ts'

/** How many of the edits that came farthest are run to their end. */
const farthest = 100
/** How many single edits are tried together with a single number that is off. */
const elementEdits = 2
/** How many of what explains something are tried once more with an error of their own. */
const conditionedEdits = 6
/** How many of the edits that came farther than most are run to their end, to see what they put right. */
const farBases = 40
/** After something is found, what is as good is looked for as long again, and so long. */
const leastMs = 30
/** The part of the time after which edits are no more narrowed, but made in pairs. */
const singlesPart = 0.65
/** The part of the time after which what came farthest is no more run to its end. */
const nearestPart = 0.7
/** Explanations that explain less are not worth reading. */
const leastExplained = 0.5

/**
 * Everything that can be said about why a port departs, the best first. limitMs: after which nothing more is tried.
 * stopped: whether that came before everything had been tried.
 */
export function why(
  question: Question,
  limitMs: number,
  now?: () => number,
): { tried: Tried[]; stopped: boolean; context: Context } {
  const clock = clockOf(limitMs, now)
  const trials = trialsOf(question)
  const tried = search(question, trials, clock)
  return { tried, stopped: clock.wasOver && !tried.some(({ complete }) => complete), context: trials.context }
}

function search(question: Question, trials: Trials, clock: Clock): Tried[] {
  const { context } = trials
  const all = everyEdit(context)
  const { cotangents } = context.request
  const hasGradients = cotangents !== undefined
  let foundAt = Infinity
  /** Before it, what is wider and explains as much. */
  const put = (attempt: Attempt, edit: Edit, attempts: Attempt[]): void => {
    if (attempt.tried?.complete === true) {
      foundAt = Math.min(foundAt, clock.elapsed())
      attempts.push(...widerOnes(edit, trials))
    }
    attempts.push(attempt)
  }
  const each = (edits: Iterable<Edit>, part: number): Attempt[] => {
    const attempts: Attempt[] = []
    for (const edit of edits) {
      if (clock.isOver(part) || clock.elapsed() > 2 * foundAt + leastMs) break
      const attempt = trials.attempt([edit])
      if (attempt === undefined) continue
      // The way back may be another. Where nothing tells, it is that of a port that is right but for what it reads.
      const isKept = hasGradients ? isExplained(attempt) : isOfLeaves(edit, context)
      const keeping = isKept ? trials.attempt([kept(edit)]) : undefined
      if (keeping === undefined || hasGradients) put(attempt, edit, attempts)
      if (keeping !== undefined) put(keeping, kept(edit), attempts)
    }
    return attempts
  }
  /** What is one known fault together. */
  const eachTogether = (ways: readonly (readonly Edit[])[]): Attempt[] => {
    const attempts: Attempt[] = []
    const add = (attempt: Attempt | undefined): void => {
      if (attempt?.tried?.complete === true) foundAt = Math.min(foundAt, clock.elapsed())
      if (attempt !== undefined) attempts.push(attempt)
    }
    for (const edits of ways) {
      if (clock.isOver(singlesPart)) break
      const attempt = trials.attempt(edits)
      add(attempt)
      if (attempt !== undefined && hasGradients && isExplained(attempt)) {
        add(trials.attempt(edits.map((edit) => kept(edit))))
      }
    }
    return attempts
  }
  const back = all.filter(isOfWayBack)
  const isBack = new Set(back)
  const own = trials.isForwardRight ? back : all.filter((edit) => !isBack.has(edit) || edit.operator === 'training')
  const ranked: Attempt[] = []
  const reached: Tried[] = []
  const knownWays = (): (readonly Edit[])[] => knownOnes(context, trials.isForwardRight)
  const knownAttempts = (): Attempt[] => {
    const ways = trials.isForwardRight ? [] : knownWays()
    const singles = ways.flatMap(([edit, ...more]) => (edit !== undefined && more.length === 0 ? [edit] : []))
    return [...each(singles, singlesPart), ...eachTogether(ways.filter(({ length }) => length > 1))]
  }
  const isSuspect = suspectsOf(question, context)
  const tiers = tiersOf(own).map((tier) => ({ tier, partsOf: once(() => narrowedOnes(tier, context)) }))
  let knownBases: readonly Base[] = []
  let bases: readonly Base[] = []
  for (const suspected of [true, false]) {
    for (const [i, own] of tiers.entries()) {
      for (const isWhole of [true, false]) {
        const edits = isWhole ? own.tier : own.partsOf()
        const attempts = each(
          edits.filter((edit) => isSuspect(edit) === suspected),
          singlesPart,
        )
        const first = best(attempts)
        // What is known comes after the first tier, whose edits say the same more widely.
        const isFirst = suspected && i === 0 && isWhole
        const known = isFirst && !first.some(({ complete }) => complete) ? knownAttempts() : []
        const found = known.length === 0 ? first : best([...attempts, ...known])
        if (found.some(({ complete }) => complete)) return found.filter(({ explained }) => explained > 0)
        ranked.push(...known, ...attempts)
        reached.push(...found)
        const outputsAlone = found.filter(({ outputs }) => outputs).toSorted(better)
        if (isFirst && outputsAlone.length > 0) {
          const [known] = withWayBack(outputsAlone, knownOnes(context, true).flat(), trials, clock)
          if (known?.complete === true) return [known, ...outputsAlone]
        }
        if (isFirst && outputsAlone.length === 0) {
          knownBases = basesOf(knownWays(), trials, clock)
          bases = uniqueBases([...knownBases, ...basesOf(farthestOnes(ranked.toSorted(farther)), trials, clock)])
          const known = best(knownTogether(knownBases, 'telling', trials, clock))
          if (known.some(({ complete }) => complete)) return simplest(known, trials)
          const beside = known.some(explains) ? [] : best(besideBases(bases, own.tier, trials, clock, surelyFixed))
          if (beside.some(({ complete }) => complete)) return simplest(beside, trials)
          reached.push(...known, ...beside)
        }
      }
    }
    const found = reached.filter(({ outputs }) => outputs).toSorted(better)
    if (found.length > 0) return withWayBack(found, back, trials, clock)
    ranked.sort(farther)
    if (!suspected) break
    // What has the name of what is known is it, said of something else.
    const named = basesOf(
      own.filter((edit) => isKnown(edit)).map((edit) => [edit]),
      trials,
      clock,
    )
    const known = best(knownTogether(uniqueBases([...knownBases, ...named]), 'all', trials, clock))
    if (known.some(({ complete }) => complete)) return simplest(known, trials)
    if (known.some(explains)) return withWayBack(known.filter(explains), back, trials, clock)
    bases = uniqueBases([...bases, ...basesOf(farthestOnes(ranked), trials, clock)])
    const pairs = best(besideBases(bases, [...own, ...(tiers[0]?.partsOf() ?? [])], trials, clock))
    if (pairs.some(({ complete }) => complete)) return simplest(pairs, trials)
    if (pairs.some(explains)) return withWayBack(pairs.filter(explains), back, trials, clock)
  }
  const nearest = nearestOf(ranked, trials, clock)
  const conditioned = conditionedOnes(nearest, trials, clock)
  if (conditioned.length > 0) return conditioned
  const element = besideOneElement(question, nearest, trials)
  if (element !== undefined) return [element]
  const pairs = pairsOf(ranked, trials, clock)
  const together = best(pairs)
  if (together.some(explains)) return simplest(together, trials)
  return [...reached, ...nearest].toSorted(better).filter(({ explained }) => explained >= leastExplained)
}

const isExplained = ({ tried }: Attempt): boolean => tried?.outputs === true && !tried.complete

/**
 * Of edits together each alone, in a part of what it is about, or where the rest may be left by rounding, which may grow larger in
 * such a port than in torch.
 */
function simplest(pairs: readonly Tried[], { attempt, attemptWhole, attemptConditioned, context }: Trials): Tried[] {
  const edits = pairs[0]?.edits.length === 2 ? pairs[0].edits : []
  const parts = edits.flatMap((edit) => narrowed(edit, context)).flatMap((edit) => attempt([edit]) ?? [])
  const alone = edits.flatMap((edit) => attemptWhole([edit]) ?? [])
  const conditioned = alone.flatMap((own) => (own.explained < leastExplained ? [] : (attemptConditioned(own) ?? [])))
  return [...best(parts).filter(({ complete }) => complete), ...conditioned, ...pairs]
}

/** The same edit in more than it was found in: what explains as much there says more. */
function widerOnes({ scope, ...edit }: Edit, { context, attempt }: Trials): Attempt[] {
  if (scope === undefined) return []
  const nodes = (own?: Scope): number => nodesAt(context, edit.operand, own).length
  const wider = [undefined, ...scopesOf(context)].filter((own) => nodes(own) > nodes(scope))
  return wider
    .map((own) => attempt([own === undefined ? edit : { ...edit, scope: own }]))
    .filter((own): own is Attempt => own?.tried?.complete === true)
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

/** The likelier kinds of bugs, and those of which there are more. */
function tiersOf(edits: readonly Edit[]): Edit[][] {
  const names = Object.keys(operators)
  const starts = [0, ...laterTiers.map((name) => names.indexOf(name)), names.length]
  const tierOf = new Map(names.map((name, i) => [name, starts.findLastIndex((start) => start <= i)]))
  return starts.slice(0, -1).map((_, tier) => edits.filter(({ operator }) => tierOf.get(operator) === tier))
}

/** Edits in parts of what they are about: all in the widest part first. */
function narrowedOnes(edits: readonly Edit[], context: Context): Edit[] {
  const places = new Map(scopesOf(context).map((scope, i) => [JSON.stringify(scope), i]))
  const byPlace: Edit[][] = Array.from({ length: places.size }, () => [])
  for (const edit of edits)
    for (const own of narrowed(edit, context)) byPlace[places.get(JSON.stringify(own.scope))!]!.push(own)
  return byPlace.flat()
}

/** Every edit that a request admits, the likelier first. */
export function everyEdit(context: Context): Edit[] {
  return Object.values(operators).flatMap((operator) => [...operator.candidates(context)])
}

/** What no edit explains may be a single number that is off, alone or beside the edit that comes farthest. */
function besideOneElement(question: Question, ranked: readonly Tried[], trials: Trials): Tried | undefined {
  if (isSlight(comparisonsWith(question, question.recorded.expected))) return undefined
  const { request, outputs, given } = question
  for (const base of [[], ...ranked.slice(0, elementEdits).map(({ edits }) => edits)]) {
    const element = oneElementOff(request, outputs, given, (asked) => runEdited(base, asked))
    const found = element && trials.attempt([...base, element])?.tried
    if (found !== undefined && explains(found)) return found
  }
  return undefined
}

function farther(one: Attempt, other: Attempt): number {
  return other.progress.passed - one.progress.passed || one.progress.departure - other.progress.departure
}

/** Of single edits, those that come farther than most do, in whose place another would come as far. */
function farthestOnes(ranked: readonly Attempt[]): (readonly Edit[])[] {
  const usual = ranked[ranked.length >> 1]?.progress.passed ?? 0
  const far = ranked.filter(({ edits, progress }) => edits.length === 1 && progress.passed > usual)
  return far.slice(0, farBases).map(({ edits }) => edits)
}

/** What explains most, once more: in a port with such an edit rounding may grow larger than in torch. */
function conditionedOnes(nearest: readonly Tried[], { attemptConditioned }: Trials, clock: Clock): Tried[] {
  return nearest
    .slice(0, conditionedEdits)
    .flatMap((each) => (clock.isOver() ? [] : (attemptConditioned(each) ?? [])))
    .toSorted(better)
}

/** Of those that came farthest, those that explain most of everything. */
function nearestOf(ranked: readonly Attempt[], { attemptWhole }: Trials, clock: Clock): Tried[] {
  return ranked
    .slice(0, farthest)
    .flatMap(({ edits, tried }) => tried ?? (clock.isOver(nearestPart) ? [] : (attemptWhole(edits) ?? [])))
    .toSorted((one, other) => other.explained - one.explained)
}
