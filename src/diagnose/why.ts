import type { Outputs, Request } from '../case.ts'
import type { Departures } from '../engine/forward.ts'
import { run } from '../engine/run.ts'
import { type Fault, faults, type Run, variants } from '../faults.ts'
import { parameterFaults } from '../faults/parameters.ts'
import { fitsConditioned } from './condition.ts'
import { oneElementOff } from './element.ts'
import { comparisonsWith, departure, fewRows, isGradient, type Question, withoutGradients } from './question.ts'
import { searched } from './searches.ts'

/** Faults planted together, and how much of what a port gave they explain. */
export interface Tried {
  readonly faults: readonly Fault[]
  /** Of the departure, up to 1. */
  readonly explained: number
  readonly complete: boolean
  /** Whether all that departs before the gradients is explained, and something does. */
  readonly outputs: boolean
  /** Whether an engine with it gives the right outputs, and only other gradients. */
  readonly silent: boolean
}

/** How many single faults are tried together with a single number that is off. */
const elementFaults = 2
/** How many of what explains something, but not everything, are tried with a third. */
const extendedPairs = 12
/** How many faults may be tried once more with an error of their own. */
const conditionedFaults = 6
/** The part of the time after which no more pairs are tried, but triples. */
const pairsPart = 0.6
/** Causes of a family that are tried in pairs: those that explain most by themselves. */
const familiesInPairs = 12
/** Explanations that explain less are not worth reading. */
const leastExplained = 0.5

const ofParameters = parameterFaults.map(({ name }) => name)

/** Everything that is known about why a port departs, the best first. limitMs: after which nothing more is tried. */
export function why(question: Question, limitMs: number): Tried[] {
  const began = Date.now()
  const elapsed = (): number => Date.now() - began
  const { request } = question
  const known = [...faults, ...variants].filter((fault) => fault.equivalent === undefined && fault.appliesTo(request))
  const small = fewRows(question)
  const { attempt, attemptOutputs, fits } = trials(question, small)

  const singles = known
    .flatMap((fault) => (small === undefined || fits([fault]) ? (attempt([fault]) ?? []) : []))
    .toSorted(better)
  if (singles.some(({ complete }) => complete)) return only(singles)
  if (!singles.some((single) => single.outputs)) {
    const within = conditionedOnes(question, singles)
    if (within.length > 0) return within
  }

  const near: Tried[] = []
  for (const fault of searched(request, known, ofParameters)) {
    if (elapsed() > limitMs) break
    const tried = attemptOutputs([fault])
    const whole = tried?.complete === true ? attempt([fault]) : tried
    if (whole !== undefined) near.push(whole)
  }
  if (near.some(({ complete }) => complete)) return only(near)
  const singlesInOutputs = [...singles, ...near].filter((single) => single.outputs)
  if (singlesInOutputs.length === 0) {
    const element = besideOneElement(question, singles, attempt)
    if (element !== undefined) return element
  }

  if (singlesInOutputs.length > 0) {
    // Where one fault explains every output, a second one can only be in the gradients.
    const silent = singles.filter((single) => single.silent).flatMap((single) => single.faults)
    const both = singlesInOutputs.flatMap(({ faults: first }) =>
      silent.filter((second) => !first.includes(second)).flatMap((second) => attempt([...first, second]) ?? []),
    )
    return only([...both, ...singlesInOutputs])
  }

  const partial = [...near].toSorted(better).slice(0, familiesInPairs)
  const ranked = [...singles, ...partial].toSorted(better).flatMap((single) => single.faults)
  const rest = known.filter((fault) => !ranked.includes(fault))
  const candidates = [...ranked, ...rest]
  const found: Tried[] = []
  let foundAt = Infinity
  /** Once something is found, what else is as good is looked for as long again. */
  const isOver = (part: number): boolean => elapsed() > Math.min(part * limitMs, 2 * foundAt)
  const consider = (together: readonly Fault[]): Tried | undefined => {
    const planted = inOrder(together)
    const tried = attemptOutputs(planted)
    if (tried?.complete !== true) return tried
    const whole = attempt(planted)
    if (whole?.complete !== true && whole?.outputs !== true) return undefined
    found.push(whole)
    foundAt = Math.min(foundAt, elapsed())
    return undefined
  }
  const pairs: Tried[] = []
  // Those that explain most by themselves come first: 0 and 1, 0 and 2, 1 and 2, 0 and 3, …
  search: for (let j = 1; j < candidates.length; j++) {
    for (let i = 0; i < j; i++) {
      if (isOver(pairsPart)) break search
      const pair = consider([candidates[i]!, candidates[j]!])
      if (pair !== undefined) pairs.push(pair)
    }
  }
  if (found.length > 0) return only(found)
  const extended = pairs.toSorted(better).slice(0, extendedPairs)
  triples: for (const { faults: two } of extended) {
    for (const third of candidates) {
      if (isOver(1)) break triples
      if (!two.includes(third)) consider([...two, third])
    }
  }
  if (found.length > 0) return only(found)
  const within = conditionedOnes(question, [...near, ...pairs].toSorted(better))
  if (within.length > 0) return within
  // A pair must explain clearly more than the better of its two.
  const worthwhile = pairs.filter(({ explained }) => explained > (singles[0]?.explained ?? 0) + 0.1)
  return [...singles, ...near, ...worthwhile].toSorted(better).filter(({ explained }) => explained >= leastExplained)
}

/** Parameters are read before anything is done with them: faults of reading are the outermost. */
function inOrder(planted: readonly Fault[]): readonly Fault[] {
  const isOfReading = ({ name }: Fault): boolean => ofParameters.includes(name)
  return [...planted.filter((fault) => !isOfReading(fault)), ...planted.filter(isOfReading)]
}

/** The ways in which faults are tried on a question. small: the same with fewer rows, where all of them take too long. */
function trials(question: Question, small: Question | undefined) {
  const forward = small ?? withoutGradients(question)
  const wholeOf = (asked: Question): number => departure(asked, asked.recorded.expected)
  const [whole, forwardWhole] = [wholeOf(question), wholeOf(forward)]
  const departsInOutputs = comparisonsWith(question, question.recorded.expected).some(
    ({ tensor, outcome }) => outcome === 'mismatch' && !isGradient(tensor),
  )

  /** undefined where it explains nothing. */
  function attempt(planted: readonly Fault[]): Tried | undefined {
    const others = ran(planted, question.request)
    const explained = others === undefined ? 0 : 1 - departure(question, others) / whole
    if (others === undefined || !(explained > 0)) return undefined
    const compared = comparisonsWith(question, others)
    const forwardMatches = compared.every(({ tensor, outcome }) => outcome === 'match' || isGradient(tensor))
    return {
      faults: planted,
      explained,
      complete: compared.every(({ outcome }) => outcome === 'match'),
      outputs: departsInOutputs && forwardMatches,
      silent: isSilent(question, others),
    }
  }
  /** The same by the outputs alone, and by few rows: what is complete in them need not be so in all. */
  function attemptOutputs(planted: readonly Fault[]): Tried | undefined {
    const others = ran(planted, forward.request)
    if (others === undefined) return undefined
    const complete = departsInOutputs && matches(forward, others)
    const explained = 1 - departure(forward, others) / forwardWhole
    return explained > 0 || complete
      ? { faults: planted, explained, complete, outputs: complete, silent: false }
      : undefined
  }
  return { attempt, attemptOutputs, fits: (planted: readonly Fault[]) => attemptOutputs(planted) !== undefined }
}

/** What an engine with these faults gives. */
export function ran(planted: readonly Fault[], request: Request, departures: Departures = {}): Outputs | undefined {
  try {
    return planted.reduce<Run>((engine, fault) => fault.plant(engine), run)(request, departures)
  } catch {
    // Two faults may leave nothing that can be run.
    return undefined
  }
}

function matches(question: Question, others: Outputs): boolean {
  return comparisonsWith(question, others).every(({ outcome }) => outcome === 'match')
}

/** Whether an engine gives torch's own outputs. */
function isSilent({ recorded, given, ...rest }: Question, others: Outputs): boolean {
  const outputs = given.filter((name) => !isGradient(name))
  return matches({ ...rest, recorded, given: outputs, outputs: others }, recorded.expected)
}

/** What explains most, once more: in a port with such a fault rounding may grow larger than in torch. */
function conditionedOnes(question: Question, tried: readonly Tried[]): Tried[] {
  const { recorded, request } = question
  // A port in float32 also overflows where float64 does not.
  const rounded = recorded.dtype === 'float64' ? undefined : { scan: { rounded: Math.fround } }
  const worthwhile = tried.filter(({ explained }) => explained > leastExplained).slice(0, conditionedFaults)
  return worthwhile
    .filter(({ faults: planted }) => {
      const others = ran(planted, request, rounded)
      return others !== undefined && fitsConditioned(question, others, (asked) => ran(planted, asked, rounded))
    })
    .map((single) => ({ ...single, complete: true, outputs: true }))
}

/** What no known fault explains may be a single number that is off, alone or beside the fault that explains most. */
function besideOneElement(
  { request, outputs, given }: Question,
  singles: readonly Tried[],
  attempt: (planted: readonly Fault[]) => Tried | undefined,
): Tried[] | undefined {
  for (const base of [[], ...singles.slice(0, elementFaults).map((single) => single.faults)]) {
    const engine = base.reduce<Run>((own, fault) => fault.plant(own), run)
    const element = oneElementOff(request, outputs, given, engine)
    const found = element && attempt([...base, element])
    if (found?.complete === true) return [found]
    if (element === undefined || found?.outputs !== true || base.length > 0) continue
    const besides = singles
      .filter(({ silent }) => silent)
      .flatMap((single) => attempt([element, ...single.faults]) ?? [])
    return [...besides.filter(({ complete }) => complete), found]
  }
  return undefined
}

/** Those that explain everything, or every output, one for each name; what explains less is not worth reading beside them. */
function only(tried: readonly Tried[]): Tried[] {
  const sorted = tried.toSorted(better)
  const best = sorted.some(({ complete }) => complete)
    ? sorted.filter(({ complete }) => complete)
    : sorted.filter(({ outputs }) => outputs)
  const names = new Set<string>()
  return best.filter(({ faults: planted }) => {
    const name = planted
      .map((fault) => fault.name)
      .toSorted()
      .join('\n')
    return !names.has(name) && names.add(name)
  })
}

export function better(one: Tried, other: Tried): number {
  const fewer = one.faults.length - other.faults.length
  const more = other.explained - one.explained
  if (one.complete && other.complete) return fewer || more
  return Number(other.complete) - Number(one.complete) || more || fewer
}
