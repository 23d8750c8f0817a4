import { type Case, expectedAxes, isExported, type Outputs, type Request } from './format/case.ts'
import { type Comparison, defaultJudgement, type Judgement } from './verify/compare.ts'
import { chainOf } from './verify/chains.ts'
import { type Conduct, fails } from './verify/conduct.ts'
import { decidedSteps, faintOf } from './verify/decide.ts'
import { type Engine, supports } from './engine/run.ts'
import { messageOf, ParityError } from './format/errors.ts'
import { judge } from './verify/judge.ts'
import { type Correspondence, corresponding } from './verify/correspondence.ts'
import { type Blame, blamed, decisionFor, partsOf, tapsOf } from './verify/parts.ts'
import { type Ratios, ratiosOf } from './verify/ratio.ts'
import { stepCases } from './verify/steps.ts'
import { settleTies, type Tie } from './verify/ties.ts'
import { decisionOf, reasonToDoubt } from './verify/doubt.ts'

export { decisionOf } from './verify/doubt.ts'
export { judge } from './verify/judge.ts'

/**
 * What came of a case. `undecided`: everything that was compared agrees, and that says nothing, because the allowed error is too
 * large or there is no number at all; `unsupported`: the engine says that it cannot be asked.
 */
export const outcomes = ['match', 'mismatch', 'undecided', 'unsupported'] as const
export type Outcome = (typeof outcomes)[number]

/** One case, judged. */
export interface Verdict {
  readonly id: string
  readonly module: string
  readonly outcome: Outcome
  /** Why it is undecided or unsupported. */
  readonly reason?: string
  /** One for each tensor, in order of computation. */
  readonly comparisons: readonly Comparison[]
  /** The rows of greedy decoding that part from PyTorch at a tie; what follows it is not judged. */
  readonly ties?: readonly Tie[]
  /** Where the free run cannot decide every time step: how many it can, and each step judged alone. */
  readonly steps?: { readonly decided: number; readonly of: number; readonly comparisons: readonly Comparison[] }
  /** Of a captured model: how many tensors on the way an engine gave, and so were judged. */
  readonly taps?: { readonly given: number; readonly of: number }
  /** Of a captured model: tensors under other names than its taps', told by their numbers. */
  readonly correspondences?: readonly Correspondence[]
  /** Of a captured model: what is wrong though all that it is computed from is right, in order of computation. */
  readonly blame?: readonly Blame[]
  /** Of a captured model, where the whole does not match: each tap alone, from PyTorch's own taps before it, as far as the engine takes parts. */
  readonly parts?: readonly Comparison[]
  /** Taps that were not asked for alone though others were, and why. */
  readonly unasked?: readonly { readonly tap: string; readonly why: string }[]
  /** A sequence in parts, where its states are not handed on as in the whole run. */
  readonly chain?: { readonly sizes: readonly number[]; readonly comparisons: readonly Comparison[] }
  /** The tensors of a match of which zeros would match most numbers, though not the largest; where there is no step check. */
  readonly faint?: readonly string[]
  /** What the engine did beside computing. */
  readonly conduct?: readonly Conduct[]
  /** R of each tensor of a match, where it was asked for: how its error compares with PyTorch's own. */
  readonly ratios?: Ratios
}

/** Somebody who wants to know more than the verdict. */
export interface Observer {
  /** What an engine gave for the whole case, as it came. */
  onAnswer?(outputs: unknown): void
  /** What an engine gave for the whole case, ties settled, before it is judged. */
  onOutputs?(outputs: unknown): void
  /** What an engine gave for a part of a captured model that is wrong by itself. */
  onWrongPart?(part: Case, outputs: unknown): void
  /** Whether R is wanted, for which our own engine computes the case once. */
  readonly ratios?: boolean
  /** Whether the engine can be asked for the whole case alone, as where its answers are in files. */
  readonly wholeOnly?: boolean
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
  const supported = await askWhetherSupported(recorded, engine)
  if (supported !== true) return { id, module, outcome: 'unsupported', reason: supported, comparisons: [] }

  const { comparisons, ties, outputs, found } = await judgeRun(recorded, engine, judgement, observer)
  const tied = { ...(ties.length > 0 && { ties }), ...(found.length > 0 && { correspondences: found }) }
  const free = comparisons.every(({ outcome }) => outcome === 'match')
  const { tolerance } = judgement
  const decision = decisionFor(recorded, comparisons, tolerance)
  const isStepped = decision.wide.length > 0 && tolerance.kind === 'budget' && observer.wholeOnly !== true
  const singles = isStepped ? stepCases(recorded) : []
  const steps = singles.length === 0 ? undefined : await judgeSteps(recorded, singles, engine, judgement)
  const judged = { id, module, comparisons, ...tied, ...tapsOf(recorded, comparisons), ...(steps && { steps }) }
  const isWhole = observer.wholeOnly === true || (free && decision.wide.length === 0)
  const { alone, unasked } = await judgeParts(recorded, engine, judgement, isWhole, observer)
  const beside = {
    ...(alone.length > 0 && { parts: alone }),
    ...(unasked.length > 0 && { unasked }),
    ...(!free && blamed(recorded, comparisons)),
  }
  const partsMatch = alone.every(({ outcome }) => outcome === 'match')
  const matches = free && partsMatch && (steps?.comparisons ?? []).every(({ outcome }) => outcome === 'match')
  if (!matches) return { ...judged, ...beside, outcome: 'mismatch' }
  const reason = reasonToDoubt(recorded, comparisons, decision, tolerance, steps !== undefined)
  if (reason !== undefined) return { ...judged, outcome: 'undecided', reason }
  // What our engine does not compute it says nothing of.
  const isComputed = observer.ratios === true && ties.length === 0 && supports(recorded) === true
  const ratios = isComputed ? { ratios: ratiosOf(recorded, outputs as Outputs) } : {}
  const faint = steps !== undefined || tolerance.kind !== 'budget' ? [] : faintOf(recorded)
  return { ...judged, outcome: 'match', ...(faint.length > 0 && { faint }), ...ratios }
}

/** The verdict on some tensors of a case that were computed elsewhere, where no engine can be asked for single steps. */
export function verdictOf(recorded: Case, comparisons: readonly Comparison[]): Verdict {
  const { id, module, expected } = recorded
  const judged = { id, module, comparisons }
  if (comparisons.some(({ outcome }) => outcome === 'mismatch')) return { ...judged, outcome: 'mismatch' }
  const given = Object.fromEntries(comparisons.map(({ tensor }) => [tensor, expected[tensor]!]))
  const { tolerance } = defaultJudgement
  const reason = reasonToDoubt(recorded, comparisons, decisionOf(recorded, given, tolerance), tolerance, false)
  return reason === undefined ? { ...judged, outcome: 'match' } : { ...judged, outcome: 'undecided', reason }
}

/** Whether there is something to mend: a mismatch, or something done beside computing that makes numbers wrong for somebody. */
export function isFault({
  outcome,
  conduct = [],
}: {
  readonly outcome: Outcome
  readonly conduct?: readonly Conduct[] | undefined
}): boolean {
  return outcome === 'mismatch' || conduct.some((each) => fails(each))
}

/**
 * Asks an engine for a sequence in uneven parts, the states of one going into the next, and judges what comes of it as if it had been
 * run whole. → the verdict with what was wrong, or as it was; and whether there was anything to ask
 * @throws ParityError as `verify` does.
 */
export async function verifyChain(
  recorded: Case,
  engine: Engine,
  verdict: Verdict,
  judgement: Judgement = defaultJudgement,
  seed = 0,
): Promise<{ readonly verdict: Verdict; readonly asked: boolean; readonly refused?: string }> {
  const chain = verdict.outcome === 'match' ? chainOf(recorded, seed) : undefined
  if (chain === undefined) return { verdict, asked: false }
  // A part may be more than the engine supports, though the whole is not.
  let refused: string | undefined
  const outputs = await chain.run(async (request) => {
    const part = { ...recorded, ...request } as Case
    const supported = refused ?? (await askWhetherSupported(part, engine))
    if (supported !== true) refused = supported
    return refused === undefined ? run(part, engine) : undefined
  })
  if (refused !== undefined) return { verdict, asked: false, refused }
  const comparisons = judge(recorded, outputs, judgement)
  if (comparisons.every(({ outcome }) => outcome === 'match')) return { verdict, asked: true }
  const { ratios: _, ...rest } = verdict
  return { verdict: { ...rest, outcome: 'mismatch', chain: { sizes: chain.sizes, comparisons } }, asked: true }
}

/** Judges each time step alone, from PyTorch's own state before it. */
async function judgeSteps(
  recorded: Case,
  singles: ReturnType<typeof stepCases>,
  engine: Engine,
  judgement: Judgement,
): Promise<NonNullable<Verdict['steps']>> {
  const comparisons: Comparison[] = []
  for (const { case: folded, places } of singles) {
    for (const comparison of (await judgeRun(folded, engine, judgement)).comparisons) {
      comparisons.push({ ...unfold(comparison, places), tensor: comparison.tensor === 'c_n' ? 'c_t' : 'h_t' })
    }
  }
  const { output } = recorded.expected
  // What others have published may be without it.
  if (output === undefined) return { decided: 0, of: recorded.states?.['h_t']?.shape[0] ?? 0, comparisons }
  const axis = expectedAxes(recorded)['output']!.findIndex(({ name }) => name === 'seq_len')
  return { ...decidedSteps(output, recorded.budget['output']!, axis, recorded.target), comparisons }
}

/** Each tap of a captured model alone, where the whole is off or says too little, and where the engine takes parts. */
async function judgeParts(
  recorded: Case,
  engine: Engine,
  judgement: Judgement,
  isDecided: boolean,
  observer: Observer,
): Promise<{ readonly alone: readonly Comparison[]; readonly unasked: NonNullable<Verdict['unasked']> }> {
  if (isDecided || !isExported(recorded) || engine.supports === undefined || judgement.tolerance.kind !== 'budget')
    return { alone: [], unasked: [] }
  const comparisons: Comparison[] = []
  const { cases, unasked } = partsOf(recorded)
  for (const part of cases) {
    if ((await askWhetherSupported(part, engine)) !== true) continue
    const outputs = await run(part, engine)
    const judged = judge(part, outputs, judgement)
    if (judged.some(({ outcome }) => outcome === 'mismatch')) observer.onWrongPart?.(part, outputs)
    comparisons.push(...judged)
  }
  // Of an engine that takes no parts nothing is left out.
  const isTaken = comparisons.length > 0
  return { alone: comparisons, unasked: isTaken ? Object.entries(unasked).map(([tap, why]) => ({ tap, why })) : [] }
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
    `case ${recorded.id}: engine ${engine.name}: expected supports to give true or a string, got ${shown(answer)}`,
  )
}

/** Of somebody else's value so much that nothing of it is called. */
function shown(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'object') return Object.prototype.toString.call(value)
  return typeof value === 'number' || typeof value === 'boolean' ? `${value}` : typeof value
}

async function judgeRun(
  recorded: Case,
  engine: Engine,
  judgement: Judgement,
  observer: Observer = {},
): Promise<{
  comparisons: Comparison[]
  ties: readonly Tie[]
  outputs: unknown
  found: readonly Correspondence[]
}> {
  const answer = await run(recorded, engine)
  observer.onAnswer?.(answer)
  const { outputs, found } = isExported(recorded) ? corresponding(recorded, answer) : { outputs: answer, found: [] }
  const settled = settleTies(recorded, outputs)
  observer.onOutputs?.(settled.outputs)
  return { ...settled, found, comparisons: judge(recorded, settled.outputs, judgement) }
}

async function run(recorded: Case, engine: Engine): Promise<unknown> {
  try {
    return await engine.run(requestOf(recorded))
  } catch (cause) {
    throw failed(recorded, engine, cause)
  }
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

/** A folded row is a time step of a batch row, of one layer and direction. */
function unfold(comparison: Comparison, places: ReturnType<typeof stepCases>[number]['places']): Comparison {
  const { firstStep: _, worst, ...rest } = comparison
  const from = worst === undefined ? undefined : places[worst.place.batch ?? 0]
  if (worst === undefined || from === undefined) return { ...rest, ...(worst === undefined ? {} : { worst }) }
  const { unit } = worst.place
  return { ...rest, worst: { ...worst, place: { ...from, ...(unit === undefined ? {} : { unit }) } } }
}
