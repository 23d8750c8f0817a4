import { type Case, expectedAxes, type Outputs, type Request } from './case.ts'
import {
  compare,
  type Comparison,
  decidedSteps,
  defaultJudgement,
  type Judgement,
  surplus,
  undecidedTensors,
} from './compare.ts'
import type { Engine } from './engine/run.ts'
import { messageOf, ParityError } from './errors.ts'
import { stepCases } from './steps.ts'
import { settleTies, type Tie } from './ties.ts'

/** One case, judged. */
export interface Verdict {
  readonly id: string
  readonly module: string
  readonly outcome: 'match' | 'mismatch' | 'unsupported'
  /** Why it is unsupported. */
  readonly reason?: string
  /** One for each tensor, in order of computation. */
  readonly comparisons: readonly Comparison[]
  /** The rows of greedy decoding that part from PyTorch at a tie; what follows it is not judged. */
  readonly ties?: readonly Tie[]
  /** Where the free run cannot decide every time step: how many it can, and each step judged alone. */
  readonly steps?: { readonly decided: number; readonly of: number; readonly comparisons: readonly Comparison[] }
}

/** Somebody who wants to see what an engine gave for the whole case, ties settled, before it is judged. */
export interface Observer {
  onOutputs?(outputs: unknown): void
}

/**
 * Asks an engine for a case and judges what it gives against what PyTorch gave.
 * @throws ParityError ENGINE_FAILED when the engine throws, ENGINE_INVALID when `supports` answers something else.
 */
export async function verify(
  recorded: Case,
  engine: Engine,
  judgement: Judgement = defaultJudgement,
  observer: Observer = {},
): Promise<Verdict> {
  const { id, module } = recorded
  const unsupported = (reason: string, comparisons: readonly Comparison[] = []): Verdict => {
    return { id, module, outcome: 'unsupported', reason, comparisons }
  }
  const supported = await askWhetherSupported(recorded, engine)
  if (supported !== true) return unsupported(supported)

  const { comparisons, ties } = await judgeRun(recorded, engine, judgement, observer)
  const tied = ties.length === 0 ? {} : { ties }
  const free = comparisons.every(({ outcome }) => outcome === 'match')
  const byBudget = judgement.tolerance.kind === 'budget'
  const isAnything = ({ elements, unjudged = 0 }: Comparison): boolean => elements > 0 && elements === unjudged
  if (free && recorded.target !== undefined && comparisons.every(isAnything)) {
    return unsupported(`target ${recorded.target.name} lets every number be anything`, comparisons)
  }
  const undecided = free && byBudget ? undecidedTensors(recorded) : []
  if (undecided.length > 0) {
    const reason = `the budget of ${undecided.join(', ')} is so large that a match says little`
    return unsupported(reason, comparisons)
  }
  const steps = byBudget ? decidedSteps(recorded, expectedAxes(recorded)['output'] ?? []) : undefined
  if (steps === undefined || steps.decided === steps.of) {
    return { id, module, outcome: free ? 'match' : 'mismatch', comparisons, ...tied }
  }

  const singles = stepCases(recorded)
  if (singles.length === 0 && free) {
    return unsupported(
      `the free run decides ${steps.decided} of ${steps.of} steps, and the fixture has no states for the others`,
      comparisons,
    )
  }
  const alone: Comparison[] = []
  for (const { case: folded, places } of singles) {
    for (const comparison of (await judgeRun(folded, engine, judgement)).comparisons) {
      alone.push({ ...unfold(comparison, places), tensor: comparison.tensor === 'c_n' ? 'c_t' : 'h_t' })
    }
  }
  const outcome = free && alone.every((comparison) => comparison.outcome === 'match') ? 'match' : 'mismatch'
  return { id, module, outcome, comparisons, steps: { ...steps, comparisons: alone } }
}

async function askWhetherSupported(recorded: Case, engine: Engine): Promise<true | string> {
  if (engine.supports === undefined) return true
  let answer: unknown
  try {
    answer = await engine.supports(requestOf(recorded))
  } catch (cause) {
    throw failed(recorded, engine, cause)
  }
  if (answer === true || typeof answer === 'string') return answer
  throw new ParityError(
    'ENGINE_INVALID',
    `case ${recorded.id}: engine ${engine.name}: expected supports to give true or a string, got ${String(answer)}`,
  )
}

async function judgeRun(
  recorded: Case,
  engine: Engine,
  judgement: Judgement,
  observer: Observer = {},
): Promise<{ comparisons: Comparison[]; ties: readonly Tie[] }> {
  let outputs: unknown
  try {
    outputs = await engine.run(requestOf(recorded))
  } catch (cause) {
    throw failed(recorded, engine, cause)
  }
  const settled = settleTies(recorded, outputs)
  observer.onOutputs?.(settled.outputs)
  return { comparisons: judge(recorded, settled.outputs, judgement), ties: settled.ties }
}

/** An engine sees the request alone, so that it cannot answer with what PyTorch gave. */
export function requestOf(recorded: Case): Request {
  const { module, config, dtype, params, inputs, cotangents, training } = recorded
  const rest = { ...(cotangents && { cotangents }), ...(training && { training }) }
  return { module, config, dtype, params, inputs, ...rest } as Request
}

function failed(recorded: Case, engine: Engine, cause: unknown): ParityError {
  // A time-out says more than that something was thrown.
  if (cause instanceof ParityError) return cause
  return new ParityError(
    'ENGINE_FAILED',
    `case ${recorded.id}: engine ${engine.name}: expected outputs, got ${messageOf(cause)}`,
    {
      cause,
    },
  )
}

/** Judges outputs, which may be anything, tensor by tensor; a missing or surplus one is a mismatch. */
export function judge(recorded: Case, outputs: unknown, judgement: Judgement = defaultJudgement): Comparison[] {
  const given = typeof outputs === 'object' && outputs !== null ? (outputs as Partial<Outputs>) : {}
  const axes = expectedAxes(recorded)
  const comparisons = Object.entries(recorded.expected).map(([name, expected]) =>
    // Reading the case has checked that every expected tensor has its budget and its axes.
    compare(
      name,
      Object.hasOwn(given, name) ? given[name] : undefined,
      expected,
      recorded.budget[name]!,
      axes[name]!,
      judgement,
    ),
  )
  for (const name of Object.keys(given)) {
    // What others have published may be a part of what torch returns.
    if (!Object.hasOwn(recorded.source === undefined ? recorded.expected : axes, name)) comparisons.push(surplus(name))
  }
  return comparisons
}

/** A folded row is a time step of a batch row, of one layer and direction. */
function unfold(comparison: Comparison, places: ReturnType<typeof stepCases>[number]['places']): Comparison {
  const { firstStep: _, worst, ...rest } = comparison
  const from = worst === undefined ? undefined : places[worst.place.batch ?? 0]
  if (worst === undefined || from === undefined) return { ...rest, ...(worst === undefined ? {} : { worst }) }
  const { unit } = worst.place
  return { ...rest, worst: { ...worst, place: { ...from, ...(unit === undefined ? {} : { unit }) } } }
}
