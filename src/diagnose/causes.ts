// What the mismatches of a run come from: a cause that is found for one is tried on all others before anything else is.
import { type Confirmation, diagnose, type Diagnosis, type Explanation, explanationOf } from '../diagnose.ts'
import type { Edit } from '../edits/edit.ts'
import type { Case } from '../format/case.ts'
import { alikeTo, keyOfAll } from '../edits/alike.ts'
import { givenOf, isShaped, isWorthwhile } from './given.ts'
import { type Held, Holding } from './holding.ts'
import { withOneMore } from './onemore.ts'
import { type Mismatch, mismatchOf } from './mismatch.ts'
import { questionOf } from './question.ts'

interface Place {
  readonly file: string
  readonly id: string
}

/** Mismatches that one cause explains. */
export interface CauseGroup extends Omit<Explanation, 'explained' | 'complete' | 'outputsAlone' | 'confirmation'> {
  /** In words, what explains all of them as well: nothing in the run tells these apart. */
  readonly alike?: readonly string[] | undefined
  /** Besides the first: how many it explains of those of the same modules that it was tried on and has something to change in. */
  readonly confirmed: { readonly cases: number; readonly of: number }
  /** Of other requests than those of the run, in how many the port gives the same; where it was asked. */
  readonly asked?: Confirmation | undefined
  /** In the order in which they came. */
  readonly cases: readonly Place[]
}

/** What the mismatches of a run come from, the most frequent cause first. */
export interface Causes<Group extends CauseGroup = CauseGroup> {
  readonly groups: readonly Group[]
  /** searched: in how many of them a cause has been looked for, and none found that explains everything. */
  readonly unexplained: { readonly cases: readonly Place[]; readonly searched: number }
}

/** A group, and what explains all of its cases as well, by which a port may be asked. */
export interface OpenGroup extends CauseGroup {
  readonly others: readonly Explanation[]
}

interface Candidate {
  readonly edits: readonly Edit[]
  readonly explanation: Explanation
}

/** Something that explains some mismatches. All of its candidates explain all of them. */
interface Cause {
  candidates: Candidate[]
  readonly places: Place[]
  /** The modules of its places. */
  readonly modules: Set<string>
  /** On how many cases of each module it was tried, where it has something to change. */
  readonly tried: Map<string, number>
}

export interface CausesOptions {
  /** All looking for causes together, but for that in the first mismatches. */
  readonly limitMs?: number
  /** For the causes of one. */
  readonly searchMs?: number
  /** In so many a cause is looked for at once, whatever it takes. */
  readonly firsts?: number
  /** Whether it is looked for in every other at once, and not only in the first of each module. */
  readonly isEager?: boolean
  /** What may be kept to look for causes in it later. */
  readonly heldBytes?: number
}

/** More ways to say what a cause is than these are not kept. */
const mostCandidates = 24
/** So many of them are named. */
const mostAlike = 3
/** So many causes are tried together in twos on what none of them explains. */
const mostTogether = 4
/** So many causes are tried together with everything else. */
const mostExtended = 2
/** Before the end of a run, looking for causes takes this part of the time at most. */
const earlyPart = 0.5
/** A search that is given less finds little. */
const leastSearchMs = 150

const sizeFirst = (one: Cause, other: Cause): number => other.places.length - one.places.length

/** Collects mismatches and what explains them. A class, since all that it keeps changes. */
export class CausesOfRun {
  private readonly options: Required<CausesOptions>
  private causes: Cause[] = []
  private readonly unexplained = new Map<Place, { searched: boolean }>()
  private readonly holding: Holding
  private readonly modules = new Set<string>()
  /** On what each cause has been tried, and whether it has something to change there. */
  private readonly tried = new WeakMap<Held, Map<Cause, boolean>>()
  /** Every mismatch, and as how manieth it came. */
  private readonly places = new Map<Place, number>()
  private spentMs = 0

  constructor({
    limitMs = 30_000,
    searchMs = 1000,
    firsts = 3,
    isEager = false,
    heldBytes = 2 ** 26,
  }: CausesOptions = {}) {
    this.options = { limitMs, searchMs, firsts, isEager, heldBytes }
    this.holding = new Holding(heldBytes)
  }

  /** Takes a mismatch. → what is said of it, where that is known by now */
  look(file: string, recorded: Case, outputs: unknown): Diagnosis | undefined {
    const began = Date.now()
    try {
      const given = givenOf(recorded, outputs)
      const place = { file, id: recorded.id }
      this.places.set(place, this.places.size)
      if (given === undefined) return undefined
      // Of another shape there is no more to say than that, unless something gives just it.
      if (isShaped(recorded, given)) this.unexplained.set(place, { searched: false })
      return this.lookInto({ place, recorded, outputs: given })
    } finally {
      this.spentMs += Date.now() - began
    }
  }

  private lookInto(held: Held): Diagnosis | undefined {
    const { searchMs, firsts, isEager, limitMs } = this.options
    const { recorded, outputs } = held
    const isAmongFirst = this.places.size <= firsts
    if (!isAmongFirst && this.spentMs > limitMs) return undefined
    const explained = this.tryKnown(held)
    if (explained !== undefined) return explained
    const kind = JSON.stringify([recorded.module, recorded.cotangents !== undefined, recorded.training !== undefined])
    const isFirst = !this.modules.has(kind)
    this.modules.add(kind)
    if (isAmongFirst || isEager || (isFirst && this.spentMs < earlyPart * limitMs)) {
      const diagnosis = this.search(held, searchMs)
      return isWorthwhile(recorded, outputs, diagnosis) ? diagnosis : undefined
    }
    this.holding.add(held)
    return undefined
  }

  /** Looks for causes in what is left, one of each module and file first, while there is time. */
  lookAgain(): void {
    const { limitMs, searchMs } = this.options
    const began = Date.now()
    const left = (): number => limitMs - this.spentMs - (Date.now() - began)
    while (left() > 0) {
      const next = this.holding.next()
      if (next === undefined) break
      if (this.tryKnown(next) !== undefined) {
        this.holding.drop(next)
        continue
      }
      const share = left() / this.holding.countOfKeys()
      this.search(next, Math.max(leastSearchMs, Math.min(searchMs, share)), left)
    }
    this.spentMs += Date.now() - began
  }

  /** What the mismatches come from, as far as it is known. */
  result(): Causes<OpenGroup> {
    const groups = new Map<string, OpenGroup>()
    for (const cause of this.causes.toSorted(sizeFirst)) {
      const { candidates, places } = cause
      const [first, ...others] = candidates
      const { explanation, edits } = first!
      const { faults, sentence, advice } = explanation
      const key = keyOfAll(edits)
      const before = groups.get(key)
      const cases = [...(before?.cases ?? []), ...places].toSorted((a, b) => this.places.get(a)! - this.places.get(b)!)
      const of = (before === undefined ? 0 : before.confirmed.of + 1) + triedOn(cause) - 1
      const alike = [...new Set(others.map((other) => other.explanation.sentence))].filter((own) => own !== sentence)
      groups.set(key, {
        faults,
        edits,
        sentence,
        ...(advice && { advice }),
        ...(alike.length > 0 && { alike: alike.slice(0, mostAlike) }),
        confirmed: { cases: cases.length - 1, of },
        cases,
        others: before?.others ?? others.map((other) => other.explanation),
      })
    }
    const searched = [...this.unexplained.values()].filter((each) => each.searched).length
    return { groups: [...groups.values()], unexplained: { cases: [...this.unexplained.keys()], searched } }
  }

  /** Those that have not been tried on it, the most frequent first, and each together with another. */
  private tryKnown(held: Held): Diagnosis | undefined {
    const before = this.tried.get(held) ?? new Map<Cause, boolean>()
    this.tried.set(held, before)
    const causes = this.causes.toSorted(sizeFirst)
    const untried = new Set(causes.filter((cause) => !before.has(cause)))
    if (untried.size === 0) return undefined
    const mismatch = mismatchOf(held.recorded, held.outputs)
    for (const cause of untried) {
      const tried = cause.candidates.map((candidate) => mismatch.explains(candidate.edits))
      before.set(
        cause,
        tried.some((each) => each !== undefined),
      )
      if (before.get(cause) === false) continue
      cause.tried.set(held.recorded.module, 1 + (cause.tried.get(held.recorded.module) ?? 0))
      if (!tried.includes(true)) continue
      cause.candidates = cause.candidates.filter((_, i) => tried[i] === true)
      return this.explain(held, cause, mismatch)
    }
    const applicable = causes.filter((cause) => before.get(cause) === true).slice(0, mostTogether)
    for (const cause of pairsOf(applicable, untried, held.recorded.module)) {
      cause.candidates = cause.candidates.filter(({ edits }) => mismatch.explains(edits) === true)
      if (cause.candidates.length === 0) continue
      this.causes.push(cause)
      return this.explain(held, cause, mismatch)
    }
    return undefined
  }

  private explain({ place, recorded }: Held, cause: Cause, mismatch: Mismatch): Diagnosis {
    cause.places.push(place)
    cause.modules.add(recorded.module)
    this.unexplained.delete(place)
    return mismatch.diagnosis(cause.candidates[0]!.edits)
  }

  /** left: how much time there is for trying what is found on the others. */
  private search(held: Held, searchMs: number, left = (): number => this.options.limitMs - this.spentMs): Diagnosis {
    const { recorded, outputs, place } = held
    const found = diagnose(recorded, outputs, { limitMs: searchMs })
    const diagnosis = found.ownDeparture === undefined ? this.withOneMore(held, found, searchMs) : found
    const complete = diagnosis.explanations.filter((each) => each.complete)
    if (complete.length === 0) {
      if (this.unexplained.has(place)) this.unexplained.set(place, { searched: true })
      this.holding.failed(held)
      return diagnosis
    }
    const { context } = mismatchOf(recorded, outputs)
    const keys = new Set<string>()
    const candidates = complete
      .flatMap(({ edits }) => alikeTo(edits, context))
      .filter((edits) => !keys.has(keyOfAll(edits)) && keys.add(keyOfAll(edits)))
      .map((edits) => {
        return { edits, explanation: explanationOf({ edits, explained: 1, complete: true, outputs: true }, context) }
      })
    const { module } = recorded
    const cause = {
      candidates: candidates.slice(0, mostCandidates),
      places: [place],
      modules: new Set<string>([module]),
      tried: new Map<string, number>([[module, 1]]),
    }
    this.unexplained.delete(place)
    this.holding.drop(held)
    this.causes.push(cause)
    for (const other of this.holding) {
      if (left() <= 0) break
      if (this.tryKnown(other) !== undefined) this.holding.drop(other)
    }
    return diagnosis
  }

  /** Where nothing explains everything, it may be what explains others, and something else. */
  private withOneMore(held: Held, found: Diagnosis, limitMs: number): Diagnosis {
    if (found.explanations.some(({ complete }) => complete)) return found
    const tried = this.tried.get(held)
    const known = this.causes.filter((cause) => tried?.get(cause) === true).toSorted(sizeFirst)
    const edits = known.slice(0, mostExtended).map(({ candidates: [first] }) => first!.edits)
    if (edits.length === 0) return found
    const more = withOneMore(questionOf(held.recorded, held.outputs), edits, limitMs)
    return more.length === 0 ? found : { where: found.where, explanations: more }
  }
}

/** How many cases of the modules in which it explains any: a bug in an LSTM says nothing of a GRU. */
function triedOn({ modules, tried }: Cause): number {
  return [...modules].reduce((sum, module) => sum + (tried.get(module) ?? 0), 0)
}

/** Each two causes of which one at least is new as one, which explains nothing yet. */
function pairsOf(causes: readonly Cause[], fresh: ReadonlySet<Cause>, module: string): Cause[] {
  return causes.flatMap((one, i) =>
    causes.slice(i + 1).flatMap((other): Cause[] => {
      if (!fresh.has(one) && !fresh.has(other)) return []
      const candidates = one.candidates.slice(0, 2).flatMap((first) =>
        other.candidates.slice(0, 2).map((second): Candidate => {
          const edits = [...first.edits, ...second.edits]
          const [a, b] = [first.explanation, second.explanation]
          const explanation = {
            ...a,
            edits,
            faults: [...a.faults, ...b.faults],
            sentence: `${a.sentence}, and ${b.sentence}`,
            advice: [...(a.advice ?? []), ...(b.advice ?? [])],
          }
          return { edits, explanation }
        }),
      )
      return [{ candidates, places: [], modules: new Set(), tried: new Map([[module, 1]]) }]
    }),
  )
}
