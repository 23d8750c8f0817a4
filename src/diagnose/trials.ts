import type { Outputs, Request } from '../format/case.ts'
import { type Context, contextOf, forwardOf } from '../edits/context.ts'
import { type Edit, keyOf } from '../edits/edit.ts'
import { asAsked, edited, editedFurther, isInside, runEdited } from '../edits.ts'
import { runProgram } from '../program.ts'
import { interpret } from '../program/interpret.ts'
import type { Program } from '../program/operation.ts'
import type { Known } from '../program/reuse.ts'
import { largest, unitRoundoff } from '../format/tensor.ts'
import { areMatches, isClearlyNearer, isSlight } from './nearer.ts'
import { checksOf, type Progress, Refuted, watching } from './checks.ts'
import { fitsConditioned } from './condition.ts'
import { comparisonsWith, departure, fewRows, isGradient, type Question, withoutGradients } from './question.ts'

/** Edits made together, and how much of what a port gave they explain. */
export interface Tried {
  readonly edits: readonly Edit[]
  /** Of the departure, up to 1. */
  readonly explained: number
  readonly complete: boolean
  /** Whether all that departs before the gradients is explained, and something does. */
  readonly outputs: boolean
  /** How near the port's numbers are: the digits of the dtype that are lost between them, in threes. */
  readonly digits: number
}

/** Whether they explain all, or all but the gradients. */
export function explains({ complete, outputs }: Tried): boolean {
  return complete || outputs
}

/** What came of an attempt: how far it came, and what it explains where it came to the end. */
export interface Attempt {
  readonly edits: readonly Edit[]
  readonly progress: Progress
  readonly tried?: Tried | undefined
}

/** The ways in which edits are tried on a question. */
export interface Trials {
  readonly question: Question
  readonly context: Context
  readonly isForwardRight: boolean
  /** What is asked first: what comes before the gradients, in few rows where there are many; all where only gradients are off. */
  readonly asked: Question
  readonly askedContext: Context
  /** What edits give there, whatever refutes it. */
  readonly reach: (edits: readonly Edit[]) => Outputs | undefined
  /** Until something refutes it; undefined where there is nothing to edit, or nothing that runs. */
  readonly attempt: (edits: readonly Edit[]) => Attempt | undefined
  /** The same of edits that begin with some, which are made once. */
  readonly beside: (edits: readonly Edit[]) => (all: readonly Edit[]) => Attempt | undefined
  /** To the end, whatever refutes it. */
  readonly attemptWhole: (edits: readonly Edit[]) => Tried | undefined
  /** The same once more with the error that rounding makes in such a port. */
  readonly attemptConditioned: (tried: Tried) => Tried | undefined
}

/** What is asked first of an edited program: what comes before the gradients, in few rows where there are many. */
export interface Start {
  readonly context: Context
  readonly first: Question
  readonly firstContext: Context
  /** Whether that is all that is asked. */
  readonly isWhole: boolean
  /** Until something refutes it. undefined: nothing to edit, or nothing that runs. beside: what they begin with, made before */
  readonly run: (edits: readonly Edit[], beside?: Made) => Begun | undefined
  readonly made: (edits: readonly Edit[]) => Made | undefined
}

/** Edits of a program, and what it computes, for those that are made with more. */
interface Made {
  readonly edits: readonly Edit[]
  readonly program: Program
  readonly known: Known
}

/** others: what it gives, where nothing on the way has refuted it. */
interface Begun {
  readonly progress: Progress
  readonly others?: Outputs
}

export function startOf(question: Question): Start {
  const small = fewRows(question)
  const forward = withoutGradients(question)
  const first = small ?? forward
  const context = contextOf(question.request)
  const firstContext = small === undefined ? forwardOf(context) : contextOf(small.request)
  const checks = checksOf(firstContext, first)
  return {
    context,
    first,
    firstContext,
    isWhole: small === undefined && forward.given.length === question.given.length,
    made(edits) {
      const own = isInside(edits) ? change(edits, first.request, firstContext) : undefined
      if (own?.request !== first.request || first.request.training !== undefined) return undefined
      const { params, inputs } = first.request
      try {
        const { known } = interpret(own.program, { ...params, ...inputs }, { gradients: false })
        return { edits, program: own.program, known }
      } catch {
        return undefined
      }
    },
    run(edits, beside) {
      const further = beside && changeFurther(beside, edits, firstContext)
      const made = further === undefined ? change(edits, first.request, firstContext) : undefined
      if (made === undefined && further === undefined) return undefined
      const { request, program } = made ?? { request: first.request, program: further! }
      const { seen, stepped, progress } = watching(checks, firstContext, program, first)
      // Another request is another program: nothing on the way is comparable.
      const known = further === undefined ? firstContext.known : beside!.known
      const watched = request === first.request ? { seen, stepped, known } : {}
      try {
        const others = asAsked(first.request, runProgram(request, program, watched))
        return { progress: progress(), others }
      } catch (error) {
        return error instanceof Refuted ? { progress: progress() } : undefined
      }
    },
  }
}

export function trialsOf(question: Question): Trials {
  const { context, first, firstContext, isWhole, run, made } = startOf(question)
  const apart = (asked: Question): number => departure(asked, asked.recorded.expected)
  const [whole, inOutputs] = [apart(question), !matches(withoutGradients(question), question.recorded.expected)]
  const off = comparisonsWith(question, question.recorded.expected)
  const offInOutputs = off.filter(({ tensor }) => !isGradient(tensor))

  /** Whether everything before the gradients is PyTorch's: in a training, the first loss. */
  const isForwardRight = question.request.training === undefined ? !inOutputs : isFirstLossRight(question)

  const attempt = (edits: readonly Edit[]): Attempt | undefined => attempted(edits)

  /** Attempts of edits that begin with these, which are made once. */
  function beside(edits: readonly Edit[]): (edits: readonly Edit[]) => Attempt | undefined {
    const own = isForwardRight && !isWhole ? undefined : made(edits)
    return (all) => attempted(all, own)
  }

  function attempted(edits: readonly Edit[], own?: Made): Attempt | undefined {
    // What is only on the way back is nothing in a request without it.
    if (isForwardRight && !isWhole) {
      const tried = attemptWhole(edits)
      return tried && { edits, progress: { passed: 0, departure: 1 - tried.explained }, tried }
    }
    if (!isInside(edits)) {
      // What happens between rows cannot be seen in few of them.
      const tried = attemptWhole(edits)
      return tried && { edits, progress: { passed: 0, departure: 1 - tried.explained }, tried }
    }
    const begun = run(edits, own)
    if (begun === undefined) return undefined
    const { progress, others } = begun
    if (others === undefined || !matches(first, others)) return { edits, progress }
    return { edits, progress, tried: isWhole ? triedOf(edits, others) : attemptWhole(edits) }
  }

  function attemptWhole(edits: readonly Edit[]): Tried | undefined {
    const others = ran(edits, question.request, context)
    return others && triedOf(edits, others)
  }

  function triedOf(edits: readonly Edit[], others: Outputs): Tried | undefined {
    const explained = 1 - departure(question, others) / whole
    // Where the outputs are explained, their gradients may be farther off than PyTorch's: the way back may be another.
    if (!(explained > 0) && !inOutputs) return undefined
    const compared = comparisonsWith(question, others)
    const forward = compared.filter(({ tensor }) => !isGradient(tensor))
    const outputs = inOutputs && areMatches(forward) && isClearlyNearer(forward, offInOutputs)
    if (!(explained > 0) && !outputs) return undefined
    const complete = areMatches(compared) && isClearlyNearer(compared, off) && isOther(question, others)
    return { edits, explained: Math.max(0, explained), complete, outputs, digits: digitsOf(question, others) }
  }

  function attemptConditioned(tried: Tried): Tried | undefined {
    // Rounding that may grow larger explains by itself what is no further off than that.
    if (isSlight(off)) return undefined
    const others = ran(tried.edits, question.request, context)
    if (others === undefined || !isOther(question, others)) return undefined
    const fits = fitsConditioned(question, others, (asked) => ran(tried.edits, asked))
    return fits ? { ...tried, complete: true, outputs: inOutputs } : undefined
  }

  const [asked, askedContext] = isForwardRight ? [question, context] : [first, firstContext]
  const reach = (edits: readonly Edit[]): Outputs | undefined => ran(edits, asked.request, askedContext)
  return {
    question,
    context,
    isForwardRight,
    asked,
    askedContext,
    reach,
    attempt,
    beside,
    attemptWhole,
    attemptConditioned,
  }
}

/** Whether what edits give is not what torch gives: else they explain nothing. */
export function isOther(question: Question, others: Outputs): boolean {
  return !matches({ ...question, outputs: others }, question.recorded.expected)
}

function change(edits: readonly Edit[], request: Request, context?: Context): ReturnType<typeof edited> | undefined {
  try {
    const made = edited(edits, request, context)
    return made.isEdited ? made : undefined
  } catch {
    // A port that takes an option otherwise may need parameters that are not there.
    return undefined
  }
}

function changeFurther(
  { edits: { length }, program }: Made,
  edits: readonly Edit[],
  context: Context,
): Program | undefined {
  try {
    return editedFurther(program, edits.slice(length), context)
  } catch {
    return undefined
  }
}

/** What an engine with these edits gives. */
export function ran(edits: readonly Edit[], asked: Request, context?: Context): Outputs | undefined {
  try {
    if (!isInside(edits) || edits.some(({ at }) => at !== undefined)) return runEdited(edits, asked, context)
    const made = change(edits, asked, context)
    const known = made?.request === asked && context?.request === asked ? context.known : undefined
    return made && asAsked(asked, runProgram(made.request, made.program, { known }))
  } catch {
    return undefined
  }
}

export function matches(question: Question, others: Outputs): boolean {
  return areMatches(comparisonsWith(question, others))
}

/** The larger a budget, the more comes within it by chance: what is nearer is likelier. */
function digitsOf({ outputs, given, recorded }: Question, others: Outputs): number {
  const u = unitRoundoff[recorded.dtype]
  let lost = 0
  let count = 0
  for (const name of given) {
    const [own, other] = [outputs[name]!.data, others[name]?.data ?? []]
    const scale = largest(own)
    for (let i = 0; i < own.length; i++) {
      const off = Math.abs(own[i]! - (other[i] ?? 0))
      if (!(off < Infinity) || !(scale > 0)) continue
      count++
      lost += Math.log2(1 + off / (u * Math.max(Math.abs(own[i]!), scale / 256)))
    }
  }
  return Math.floor(lost / Math.max(1, count) / 3)
}

function isFirstLossRight({ outputs, recorded, limits }: Question): boolean {
  const [own, expected] = [outputs['loss']?.data[0], recorded.expected['loss']?.data[0]]
  return own !== undefined && expected !== undefined && isSame(own, expected, limits['loss']![0]!)
}

const isSame = (own: number, expected: number, limit: number): boolean =>
  Object.is(own, expected) || Math.abs(own - expected) <= limit

/** What has come to its end, the best first. */
export function best(attempts: readonly Attempt[]): Tried[] {
  const keys = new Set<string>()
  return attempts
    .flatMap(({ tried }) => tried ?? [])
    .toSorted(better)
    .filter(({ edits }) => {
      const key = edits.map(keyOf).toSorted().join('\n')
      return !keys.has(key) && keys.add(key)
    })
}

export function better(one: Tried, other: Tried): number {
  const fewer = one.edits.length - other.edits.length
  if (one.complete !== other.complete) return Number(other.complete) - Number(one.complete)
  if (one.complete) return fewer || one.digits - other.digits
  return other.explained - one.explained || fewer
}
