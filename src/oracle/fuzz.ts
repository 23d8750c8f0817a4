import * as fc from 'fast-check'
import { kept } from '../verify/again.ts'
import type { Case } from '../format/case.ts'
import { difference } from '../verify/conduct.ts'
import type { Engine } from '../engine/run.ts'
import { ParityError } from '../format/errors.ts'
import { type Coverage, newCoverage } from './fuzz/coverage.ts'
import { smaller } from './fuzz/smaller.ts'
import { type Limits, specs } from './fuzz/spec.ts'
import type { RecordSpec } from '../oracle.ts'
import { isFault, requestOf, verify, verifyChain, type Verdict } from '../verify.ts'

/** What came of one case: a verdict, or why there is none. */
export type Outcome =
  | { readonly kind: 'judged'; readonly recorded: Case; readonly verdict: Verdict }
  /** PyTorch or the recorder refuses it. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The engine threw, or took too long. */
  | { readonly kind: 'failed'; readonly recorded: Case; readonly error: ParityError }

/** A case in which an engine departs from PyTorch. */
export interface Finding {
  /** The run that found it, from 1. */
  readonly run: number
  readonly drawn: RecordSpec
  /** The smallest that was found below it; `drawn` itself when shrinking was interrupted at once. */
  readonly minimal: RecordSpec
  /** Of the minimal case. */
  readonly outcome: Exclude<Outcome, { kind: 'refused' }>
  /** How many smaller cases were tried. */
  readonly tried: number
}

export interface Lost {
  readonly spec: RecordSpec
  readonly error: ParityError
}

export interface Fuzzed {
  readonly runs: number
  readonly matched: number
  /** Cases in which everything agrees, and that says nothing. */
  readonly undecided: number
  readonly unsupported: number
  readonly refused: number
  /** Cases of which PyTorch gave nothing, since its process was killed, hung or broke down: they count as nothing else. */
  readonly lost: readonly Lost[]
  /** The largest share of the allowed error in a match, and where. */
  readonly most: { readonly share: number; readonly spec: RecordSpec } | undefined
  /** Why cases were refused, with an example of each. */
  readonly refusals: ReadonlyMap<string, RecordSpec>
  readonly finding: Finding | undefined
  readonly coverage: Coverage
}

export interface FuzzOptions extends Limits {
  /** How many cases at most; Infinity for until `signal`. */
  readonly runs: number
  readonly seed: number
  /** How many cases are under way at a time. */
  readonly concurrency: number
  /** Ends the run when what is under way has ended; what was found until then is given. */
  readonly signal?: AbortSignal
  /** Ends it at once, without what is under way. */
  readonly interruption?: AbortSignal
  /** After each run. */
  readonly onRun?: (outcome: Outcome, spec: RecordSpec) => void
}

/** Answers of a recorder: an oracle's, or several oracles' in turn. */
export type Recorder = (spec: RecordSpec) => Promise<Case>

/** So many are drawn at once. */
const chunk = 256
const mostRefusals = 20
const mostTried = 2000
/** Of so many lost cases in a row nobody expects another to be recorded. */
const mostLostInRow = 8

/**
 * Draws random cases, has PyTorch record them and an engine judged by them, until one departs; that one is made as small as it can
 * be. The same seed draws the same cases. It ends early when case after case is lost.
 */
export async function fuzz(record: Recorder, engine: Engine, options: FuzzOptions): Promise<Fuzzed> {
  const { runs, seed, concurrency, signal, interruption, onRun } = options
  const coverage = newCoverage()
  const lost = newLost()
  const judge = untilInterrupted(lost.watching(judging(record, engine)), interruption)
  const counts = { runs: 0, matched: 0, undecided: 0, unsupported: 0, refused: 0 }
  const refusals = new Map<string, RecordSpec>()
  let most: Fuzzed['most']
  let first: { readonly draw: Draw; readonly outcome: Finding['outcome'] } | undefined
  const failure: unknown[] = []

  const account = (draw: Draw, outcome: Outcome): void => {
    const { spec } = draw
    counts.runs++
    onRun?.(outcome, spec)
    if (outcome.kind === 'refused') {
      counts.refused++
      if (refusals.size < mostRefusals && !refusals.has(outcome.reason)) refusals.set(outcome.reason, spec)
      return
    }
    if (outcome.kind === 'failed' || isFault(outcome.verdict)) {
      // Those that are under way are waited for, so that the first one does not depend on who is faster.
      if (first === undefined || draw.run < first.draw.run) first = { draw, outcome }
      return
    }
    const { outcome: judged } = outcome.verdict
    if (judged === 'unsupported' || judged === 'undecided') {
      counts[judged]++
      return
    }
    counts.matched++
    coverage.add(spec)
    const share = Math.max(0, ...outcome.verdict.comparisons.map((comparison) => comparison.share))
    if (most === undefined || share > most.share) most = { share, spec }
  }

  const draws = drawing(options, seed)
  const isEnded = (): boolean => lost.isHopeless() || signal?.aborted === true || interruption?.aborted === true
  const isOver = (): boolean => first !== undefined || failure.length > 0 || isEnded()
  const work = async (): Promise<void> => {
    while (!isOver()) {
      const draw = draws.next().value
      if (draw.run > runs) return
      try {
        const outcome = await judge(draw.spec)
        if (outcome !== undefined) account(draw, outcome)
      } catch (error) {
        failure.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, runs) }, work))
  // What was found is worth more than why there is no more of it.
  if (failure.length > 0 && first === undefined) await Promise.reject(failure[0])
  const finding = first === undefined ? undefined : await shrink(first.draw, first.outcome, judge, options, isEnded)
  return { ...counts, lost: lost.all, most, refusals, finding, coverage }
}

type Judge = (spec: RecordSpec) => Promise<Outcome | undefined>

/** Cases that were lost with the Python that recorded them; the others are recorded by the one that takes its place. */
function newLost(): {
  readonly all: readonly Lost[]
  isHopeless(): boolean
  watching(judge: (spec: RecordSpec) => Promise<Outcome>): Judge
} {
  const all: Lost[] = []
  let inRow = 0
  return {
    all,
    isHopeless: () => inRow >= mostLostInRow,
    watching: (judge) => async (spec) => {
      try {
        const outcome = await judge(spec)
        inRow = 0
        return outcome
      } catch (error) {
        if (!(error instanceof ParityError) || error.code !== 'PYTHON_FAILED') throw error
        inRow++
        all.push({ spec, error })
        return undefined
      }
    },
  }
}

/** Gives nothing for what is still under way when it is interrupted, such as an engine that was ended for it. */
function untilInterrupted(judge: Judge, interruption: AbortSignal | undefined): Judge {
  if (interruption === undefined) return judge
  // Those who wait: what is raced with one promise would be kept for as long as that promise is.
  const waiting = new Set<() => void>()
  interruption.addEventListener('abort', () => {
    for (const stop of waiting) stop()
  })
  return async (spec) => {
    if (interruption.aborted) return undefined
    let stop = (): void => {}
    const interrupted = new Promise<undefined>((resolve) => {
      stop = () => resolve(undefined)
      waiting.add(stop)
    })
    try {
      const outcome = await Promise.race([judge(spec), interrupted])
      return interruption.aborted ? undefined : outcome
    } finally {
      waiting.delete(stop)
    }
  }
}

interface Draw {
  /** From 1. */
  readonly run: number
  readonly spec: RecordSpec
  /** Where fast-check finds it again. */
  readonly replay: { readonly seed: number; readonly path: string }
}

function* drawing(limits: Limits, seed: number): Generator<Draw, never> {
  const arbitrary = specs(limits)
  for (let run = 0; ; run += chunk) {
    const own = (seed + run / chunk) | 0
    for (const [i, spec] of fc.sample(arbitrary, { seed: own, numRuns: chunk }).entries()) {
      yield { run: run + i + 1, spec, replay: { seed: own, path: String(i) } }
    }
  }
}

export function isFound(outcome: Outcome): outcome is Exclude<Outcome, { kind: 'refused' }> {
  return outcome.kind === 'failed' || (outcome.kind === 'judged' && isFault(outcome.verdict))
}

/** Records a case and judges it; the engine is asked for one at a time. */
export function judging(record: Recorder, engine: Engine): (spec: RecordSpec) => Promise<Outcome> {
  let turn: Promise<unknown> = Promise.resolve()
  return async (spec) => {
    let recorded: Case
    try {
      recorded = await record(spec)
    } catch (error) {
      if (error instanceof ParityError && error.code === 'CASE_REFUSED') return refused(error, spec)
      throw error
    }
    const before = turn
    const own = (async (): Promise<Outcome> => {
      await before
      try {
        return { kind: 'judged', recorded, verdict: await judgeTwice(recorded, engine) }
      } catch (error) {
        if (!(error instanceof ParityError)) throw error
        return { kind: 'failed', recorded, error }
      }
    })()
    turn = own.catch(() => {})
    return own
  }
}

/** The verdict on a case, on its parts, and on a second answer, which is to be the same bit for bit. */
async function judgeTwice(recorded: Case, engine: Engine): Promise<Verdict> {
  let answer: unknown
  const free = await verify(recorded, engine, undefined, { onAnswer: (given) => (answer ??= kept(given)) })
  const { verdict } = await verifyChain(recorded, engine, free)
  if (verdict.outcome !== 'match') return verdict
  const where = difference(answer, await engine.run(requestOf(recorded)))
  return where === undefined ? verdict : { ...verdict, conduct: [{ kind: 'not repeatable', text: `run 2: ${where}` }] }
}

function refused({ message }: ParityError, { id }: RecordSpec): Outcome {
  const [reason = ''] = message.split('\n')
  return { kind: 'refused', reason: reason.replace(`case ${id}: `, '') }
}

/** As far as fast-check comes, and from there one thing at a time until nothing smaller departs. */
async function shrink(
  draw: Draw,
  outcome: Finding['outcome'],
  judge: Judge,
  limits: FuzzOptions,
  isStopped: () => boolean,
): Promise<Finding> {
  let best = { spec: draw.spec, outcome }
  const known = new Map<string, boolean>([[JSON.stringify(draw.spec), true]])
  let tried = 0
  const departs = async (spec: RecordSpec): Promise<boolean> => {
    const key = JSON.stringify(spec)
    const before = known.get(key)
    if (before !== undefined) return before
    if (isStopped() || tried >= mostTried) return false
    tried++
    const own = await judge(spec)
    if (own === undefined) return false
    known.set(key, isFound(own))
    if (isFound(own)) best = { spec, outcome: own }
    return isFound(own)
  }
  await fc.check(
    fc.asyncProperty(specs(limits), async (spec) => !(await departs(spec))),
    { ...draw.replay, numRuns: 1 },
  )
  search: for (;;) {
    for (const spec of smaller(best.spec)) if (await departs(spec)) continue search
    break
  }
  return { run: draw.run, drawn: draw.spec, minimal: best.spec, outcome: best.outcome, tried }
}
