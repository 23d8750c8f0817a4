import { run } from '../variants/run.ts'
import { type Fault, faults, type Run, variants } from '../faults.ts'
import { oneElementOff } from './element.ts'
import type { Question } from './question.ts'
import { searched } from './searches.ts'
import { isOfParameters, type Tried, trialsOf, type Trials } from './trials.ts'

/** How many single faults are tried together with a single number that is off. */
const elementFaults = 2
/** How many of what explains something, but not everything, are tried with a third. */
const extendedPairs = 12
/** How many of what explains something are tried once more with an error of their own. */
const conditionedFaults = 6
/** Causes of a family that are tried in pairs: those that explain most by themselves. */
const familiesInPairs = 12
/** The part of the time after which no more pairs are tried, but triples. */
const pairsPart = 0.6
/** Explanations that explain less are not worth reading. */
const leastExplained = 0.5

/** The time that a search may take, and whether it has. */
interface Clock {
  elapsed(): number
  isOver(part?: number): boolean
  wasOver: boolean
}

/**
 * Everything that is known about why a port departs, the best first. limitMs: after which nothing more is tried.
 * stopped: whether that came before everything had been tried.
 */
export function why(question: Question, limitMs: number): { tried: Tried[]; stopped: boolean } {
  const began = Date.now()
  const clock: Clock = {
    elapsed: () => Date.now() - began,
    isOver(part = 1) {
      const over = Date.now() - began > part * limitMs
      this.wasOver ||= over
      return over
    },
    wasOver: false,
  }
  const tried = search(question, clock)
  return { tried, stopped: clock.wasOver && !tried.some(({ complete }) => complete) }
}

function search(question: Question, clock: Clock): Tried[] {
  const { request } = question
  const trials = trialsOf(question)
  const isKnown = (fault: Fault): boolean => fault.equivalent === undefined && fault.appliesTo(request)
  const known = [...faults, ...variants].filter(isKnown)
  const each = (candidates: readonly Fault[]): Tried[] =>
    candidates.flatMap((fault) => (clock.isOver() ? [] : (trials.attempt([fault]) ?? []))).toSorted(better)

  const singles = each(known)
  if (singles.some(explains)) return withGradients(singles, known, trials)
  const conditioned = conditionedOnes(singles, trials)
  if (conditioned.length > 0) return conditioned
  const near = each(searched(request, known.filter(isOfParameters)))
  if (near.some(explains)) return withGradients(near, known, trials)
  const element = besideOneElement(question, singles, known, trials)
  if (element !== undefined) return element

  const partial = near.slice(0, familiesInPairs)
  const ranked = [...singles, ...partial].toSorted(better).flatMap((single) => single.faults)
  const candidates = [...ranked, ...known.filter((fault) => !ranked.includes(fault))]
  const together = combinations(candidates, trials, clock)
  if (together.some(explains)) return withGradients(together, known, trials)
  const conditionedPairs = conditionedOnes(together, trials)
  if (conditionedPairs.length > 0) return conditionedPairs
  // A pair must explain clearly more than the better of its two.
  const worthwhile = together.filter(({ explained }) => explained > (singles[0]?.explained ?? 0) + 0.1)
  return [...singles, ...near, ...worthwhile].toSorted(better).filter(({ explained }) => explained >= leastExplained)
}

function explains({ complete, outputs }: Tried): boolean {
  return complete || outputs
}

/** Those that explain everything, one for each name; or, where one explains every output, also what may be off in the gradients. */
function withGradients(tried: readonly Tried[], known: readonly Fault[], { attempt, isSilent }: Trials): Tried[] {
  const complete = tried.filter((each) => each.complete)
  if (complete.length > 0) return distinct(complete)
  const inOutputs = tried.filter(({ outputs }) => outputs)
  const silent = known.filter(isSilent)
  const both = inOutputs.flatMap(({ faults: first }) => silent.flatMap((second) => attempt([...first, second]) ?? []))
  return distinct([...both.filter((each) => each.complete), ...inOutputs])
}

function distinct(tried: readonly Tried[]): Tried[] {
  const names = new Set<string>()
  return tried.toSorted(better).filter(({ faults: planted }) => {
    const name = planted.map((fault) => fault.name).toSorted()
    return !names.has(name.join('\n')) && names.add(name.join('\n'))
  })
}

/** What explains most, once more: in a port with such a fault rounding may grow larger than in torch. */
function conditionedOnes(tried: readonly Tried[], { attemptConditioned }: Trials): Tried[] {
  const worthwhile = tried.toSorted(better).slice(0, conditionedFaults)
  return distinct(worthwhile.flatMap((each) => attemptConditioned(each) ?? []))
}

/** What no known fault explains may be a single number that is off, alone or beside the fault that explains most. */
function besideOneElement(
  { request, outputs, given }: Question,
  singles: readonly Tried[],
  known: readonly Fault[],
  trials: Trials,
): Tried[] | undefined {
  for (const base of [[], ...singles.slice(0, elementFaults).map((single) => single.faults)]) {
    const engine = base.reduce<Run>((own, fault) => fault.plant(own), run)
    const element = oneElementOff(request, outputs, given, engine)
    const found = element && trials.attempt([...base, element])
    if (found !== undefined && explains(found)) return withGradients([found], known, trials)
  }
  return undefined
}

/** Two faults together, and where no two explain everything, three. */
function combinations(candidates: readonly Fault[], { attempt }: Trials, clock: Clock): Tried[] {
  const pairs: Tried[] = []
  const found: Tried[] = []
  let foundAt = Infinity
  const consider = (planted: readonly Fault[]): void => {
    const tried = attempt(planted)
    if (tried === undefined) return
    ;(explains(tried) ? found : pairs).push(tried)
    if (explains(tried)) foundAt = Math.min(foundAt, clock.elapsed())
  }
  /** Once something is found, what else is as good is looked for as long again. */
  const isOver = (part: number): boolean => clock.elapsed() > 2 * foundAt || clock.isOver(part)
  // Those that explain most by themselves come first: 0 and 1, 0 and 2, 1 and 2, 0 and 3, …
  for (const [j, second] of candidates.entries()) {
    for (const first of candidates.slice(0, j)) if (!isOver(pairsPart)) consider([first, second])
  }
  if (found.length > 0) return found
  for (const { faults: two } of pairs.toSorted(better).slice(0, extendedPairs)) {
    for (const third of candidates) if (!two.includes(third) && !isOver(1)) consider([...two, third])
  }
  return found.length > 0 ? found : pairs
}

function better(one: Tried, other: Tried): number {
  const fewer = one.faults.length - other.faults.length
  const more = other.explained - one.explained
  if (one.complete && other.complete) return fewer || more
  return Number(other.complete) - Number(one.complete) || more || fewer
}
