import type { Outputs, Request } from '../format/case.ts'
import type { Departures } from '../variants/departures.ts'
import { run } from '../variants/run.ts'
import type { Fault, Run } from '../faults.ts'
import { parameterFaults } from '../faults/parameters.ts'
import { fitsConditioned } from './condition.ts'
import { comparisonsWith, departure, fewRows, isGradient, type Question, withoutGradients } from './question.ts'

/** Faults planted together, and how much of what a port gave they explain. */
export interface Tried {
  readonly faults: readonly Fault[]
  /** Of the departure, up to 1. */
  readonly explained: number
  readonly complete: boolean
  /** Whether all that departs before the gradients is explained, and something does. */
  readonly outputs: boolean
}

/** The ways in which faults are tried on a question. */
export interface Trials {
  /** undefined where they explain nothing. */
  readonly attempt: (planted: readonly Fault[]) => Tried | undefined
  /** Whether an engine with it gives torch's own outputs, and at most other gradients. */
  readonly isSilent: (fault: Fault) => boolean
  /** The same once more with the error that rounding makes in such a port. */
  readonly attemptConditioned: (tried: Tried) => Tried | undefined
}

const ofParameters: ReadonlySet<string> = new Set(parameterFaults.map(({ name }) => name))

export function isOfParameters({ name }: Fault): boolean {
  return ofParameters.has(name)
}

/** An attempt asks for the outputs first, in a large case for two rows of them, and for everything only where they fit. */
export function trialsOf(question: Question): Trials {
  const small = fewRows(question)
  const forward = withoutGradients(question)
  const first = small ?? forward
  const isWhole = small === undefined && forward.given.length === question.given.length
  const apart = (asked: Question): number => departure(asked, asked.recorded.expected)
  const [whole, firstWhole] = [apart(question), apart(first)]
  const inOutputs = !matches(forward, question.recorded.expected)

  function attempt(together: readonly Fault[]): Tried | undefined {
    const planted = inOrder(together)
    // What happens between rows cannot be seen in few of them.
    if (small === undefined || !planted.some(({ acrossRows }) => acrossRows)) {
      const others = ran(planted, first.request)
      if (others === undefined) return undefined
      const fits = matches(first, others)
      const explained = 1 - departure(first, others) / firstWhole
      if (!fits || isWhole) {
        return explained > 0 ? { faults: planted, explained, complete: fits, outputs: fits && inOutputs } : undefined
      }
    }
    const others = ran(planted, question.request)
    const explained = others === undefined ? 0 : 1 - departure(question, others) / whole
    if (others === undefined || !(explained > 0)) return undefined
    const compared = comparisonsWith(question, others)
    const forwardMatches = compared.every(({ tensor, outcome }) => outcome === 'match' || isGradient(tensor))
    const complete = compared.every(({ outcome }) => outcome === 'match')
    return { faults: planted, explained, complete, outputs: inOutputs && forwardMatches }
  }

  function isSilent(fault: Fault): boolean {
    const others = ran([fault], forward.request)
    return others !== undefined && matches({ ...forward, outputs: others }, forward.recorded.expected)
  }

  function attemptConditioned(tried: Tried): Tried | undefined {
    const { recorded, request } = question
    // A port in float32 also overflows where float64 does not.
    const rounded = recorded.dtype === 'float64' ? undefined : { scan: { rounded: Math.fround } }
    const others = ran(tried.faults, request, rounded)
    if (others === undefined) return undefined
    const fits = fitsConditioned(question, others, (asked) => ran(tried.faults, asked, rounded))
    return fits ? { ...tried, complete: true, outputs: inOutputs } : undefined
  }

  return { attempt, isSilent, attemptConditioned }
}

/** Parameters are read before anything is done with them: faults of reading are the outermost. */
function inOrder(planted: readonly Fault[]): readonly Fault[] {
  return [...planted.filter((fault) => !isOfParameters(fault)), ...planted.filter(isOfParameters)]
}

/** What an engine with these faults gives. */
function ran(planted: readonly Fault[], request: Request, departures: Departures = {}): Outputs | undefined {
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
