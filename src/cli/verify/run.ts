import type { Answered } from '../../verify/again.ts'
import type { Judgement, Tolerance } from '../../verify/compare.ts'
import type { Conduct } from '../../verify/conduct.ts'
import type { Diagnosis } from '../../diagnose.ts'
import type { Engine } from '../../engine/run.ts'
import { ParityError } from '../../format/errors.ts'
import type { EngineOptions } from '../../ports/engine.ts'
import type { Answers } from '../../ports/answers.ts'
import type { Numbers } from '../../report/target.ts'
import type { Detail, Failure, Provenance, Summary } from '../../report/results.ts'
import type { ModuleTotals } from '../../report/modules.ts'
import type { Most, RatioTotals } from '../../report/text.ts'
import type { Mismatches } from '../../verify/targets/allowing.ts'
import type { Verdict } from '../../verify.ts'
import type { Explainer } from '../explainer.ts'
import type { Filter } from '../filter.ts'
import type { KnownFailures } from '../known.ts'
import type { Interruption } from '../interrupt.ts'
import type { Progress } from '../progress.ts'
import type { Deal, Part } from '../shard.ts'
import type { Judged } from '../target.ts'

export interface VerifyOptions extends EngineOptions {
  /** A folder of answers, instead of an engine, and a file that says how its tensors are called. */
  readonly answers?: string
  readonly map?: string
  /** Whether answers may be to some of the cases alone. */
  readonly partial?: boolean
  readonly tolerance: Tolerance
  /** What engines may do otherwise than a CPU, by name. */
  readonly target?: string
  readonly equalNan: boolean
  /** Which cases are meant, as `filterOf` reads it; none: all. */
  readonly filter: readonly string[]
  readonly failFast: boolean
  readonly json?: string
  /** The folder of a report: index.html and results.json. */
  readonly report?: string
  readonly quiet: boolean
  /** How many mismatches are printed. */
  readonly maxMismatches: number
  /** A file of failures that are known, and whether it is written. */
  readonly knownFailures?: string
  readonly updateKnownFailures?: boolean
  readonly timeoutMs: number
  /** How often each case is asked, and the seed of the order of all times but the first. */
  readonly repeat: number
  readonly order: number
  /** The part of the run that is judged here. */
  readonly shard?: Part
}

/** A case that has been judged and shown, and may be asked again before it is written down. */
interface Pending extends Answered {
  readonly file: string
  readonly detail: Detail | undefined
  /** What is known of a mismatch before the run has ended. */
  readonly explained: Promise<Diagnosis | undefined> | undefined
  /** What was seen when it was asked first. */
  readonly conduct: readonly Conduct[]
}

/** What one run of `verify` has come to so far. */
export interface Run {
  readonly options: VerifyOptions
  readonly engine: Engine
  /** Where there are answers instead of an engine. */
  readonly answers: Answers | undefined
  /** What the engine has done beside computing. */
  readonly take: () => Conduct[]
  /** Lets the engine give up what it has prepared. */
  readonly release: () => Promise<void>
  readonly judgement: Judgement
  readonly isMeant: Filter
  readonly known: KnownFailures | undefined
  readonly judged: Judged
  /** What might be allowed elsewhere, once there is any; kept where nothing but a CPU is asked for. */
  mismatches: Mismatches | undefined
  readonly keepsMismatches: boolean
  readonly numbers: Numbers
  readonly progress: Progress
  readonly interruption: Interruption
  readonly explainer: Explainer
  readonly summary: { -readonly [K in keyof Summary]: Summary[K] }
  readonly errors: Failure[]
  readonly fixtures: Provenance[]
  /** Who judges which case, where only a part is judged here. */
  readonly deal: Deal | undefined
  /** Cases that a filter has left out, and those that were not judged for an error. */
  filtered: number
  failed: number
  readonly modules: Map<string, ModuleTotals>
  most: Most | undefined
  readonly ratios: RatioTotals
  timeouts: number
  pending: Pending[]
  pendingNumbers: number
  /** How many sequences were asked in parts as well. */
  chains: number
  /** How many were not, since the engine does not support a part of what it supports whole. */
  refusedParts: number
  /** Mismatches that are not known. */
  news: number
  /** How many mismatches were printed, and how many were not. */
  shown: number
  unshown: number
  /** How many mismatches were given to the explainer. */
  explained: number
  /** Mismatches by file, of which the first have maps in a report. */
  readonly mapped: Map<string, number>
  record(file: string, verdict: Verdict, detail?: Detail): Promise<void>
}

/** A fixture engine that times out twice would time out on every case that is left. */
export const timeoutsToStop = 2

/** Adds what kept something from being judged; anything else than a ParityError is a bug. */
export function fail(run: Run, error: unknown, file?: string, id?: string): void {
  if (!(error instanceof ParityError)) throw error
  const { message: said } = error
  const named = id === undefined || said.startsWith(`case ${id}: `) ? said : `case ${id}: ${said}`
  const message = file === undefined || (id === undefined && said.startsWith(`${file}: `)) ? named : `${file}: ${named}`
  run.errors.push({ ...(file === undefined ? {} : { file }), code: error.code, message })
}

/** Whether nothing more is to be judged. */
export function isOver({ options, news, errors, interruption, timeouts }: Run): boolean {
  const failed = options.failFast && (news > 0 || errors.length > 0)
  return failed || interruption.signal.aborted || timeouts >= timeoutsToStop
}
