import { join } from 'node:path'
import pc from 'picocolors'
import { type Answered, askAgain, kept, once } from '../again.ts'
import type { Case, Outputs } from '../case.ts'
import type { Judgement, Tolerance } from '../compare.ts'
import { type Conduct, watched } from '../conduct.ts'
import type { Diagnosis } from '../diagnose.ts'
import type { Engine } from '../engine/run.ts'
import { logLine, ParityError } from '../errors.ts'
import type { Fixture } from '../fixture.ts'
import { detailOf } from '../report/detail.ts'
import { renderDiagnosis } from '../report/diagnosis.ts'
import { addNumbers, type Numbers, renderAllowed, renderJudged, renderTarget } from '../report/target.ts'
import type { Detail, Failure, Provenance, Summary } from '../report/results.ts'
import {
  addToModules,
  countOfFaults,
  type ModuleTotals,
  type Most,
  nothingOf,
  plural,
  RatioTotals,
  renderAsked,
  renderConduct,
  renderFile,
  renderMismatch,
  renderModules,
  renderRow,
  renderSummary,
  shareOf,
} from '../report/text.ts'
import { type Mismatches, newMismatches } from '../targets/allowing.ts'
import { type Observer, verify, verifyChain, type Verdict } from '../verify.ts'
import { chosenEngine } from './engine.ts'
import { type Explainer, newExplainer } from './explainer.ts'
import { findFixtures, openFile } from './files.ts'
import type { Host } from './host.ts'
import { type Interruption, onInterrupt } from './interrupt.ts'
import { type Progress, startProgress } from './progress.ts'
import { writePage } from './page.ts'
import { writeResults } from './results.ts'
import { type Judged, judgedFor } from './target.ts'

export interface VerifyOptions {
  /** A module that exports an Engine, or float32; ours when absent. */
  readonly engine?: string
  readonly tolerance: Tolerance
  /** What engines may do otherwise than a CPU, by name. */
  readonly target?: string
  readonly equalNan: boolean
  /** Only cases whose `file#id` contains this. */
  readonly filter?: string
  readonly failFast: boolean
  readonly json?: string
  /** The folder of a report: index.html and results.json. */
  readonly report?: string
  readonly quiet: boolean
  readonly timeoutMs: number
  /** How often each case is asked, and the seed of the order of all times but the first. */
  readonly repeat: number
  readonly order: number
}

/** A fixture engine that times out twice would time out on every case that is left. */
const timeoutsToStop = 2

/** The first mismatches of a run are explained, and more while that has taken less: `torch-parity explain` tells of any other. */
const explainedAlways = 3
const explainingMs = 10_000
/** In a report, for which one waits. */
const reportedMs = 30_000

/** So many cases are asked before any is asked again, or fewer that hold so many numbers. */
const windowCases = 64
const windowNumbers = 8e6

/** So many cases are shown of each thing that an engine does beside computing, and all are counted. */
const shownOfEach = 3

/** A case that has been judged and shown, and may be asked again before it is written down. */
interface Pending extends Answered {
  readonly file: string
  readonly detail: Detail | undefined
  /** What was seen when it was asked first. */
  readonly conduct: readonly Conduct[]
}

/** What one run of `verify` has come to so far. */
interface Run {
  readonly options: VerifyOptions
  readonly engine: Engine
  /** What the engine has done beside computing. */
  readonly take: () => Conduct[]
  /** Lets the engine give up what it has prepared. */
  readonly release: () => Promise<void>
  readonly judgement: Judgement
  readonly judged: Judged
  /** Where nothing but a CPU is asked for, what might be allowed elsewhere. */
  readonly mismatches: Mismatches | undefined
  readonly numbers: Numbers
  readonly progress: Progress
  readonly interruption: Interruption
  readonly explainer: Explainer
  readonly summary: { -readonly [K in keyof Summary]: Summary[K] }
  readonly errors: Failure[]
  readonly fixtures: Provenance[]
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
  /** How many mismatches have been explained, and how long that has taken. */
  explained: number
  explainedMs: number
  record(file: string, verdict: Verdict, detail?: Detail): Promise<void>
}

/** Judges every case behind the paths and prints what came of it. → the exit code */
export async function verifyFiles(paths: readonly string[], options: VerifyOptions): Promise<number> {
  const judged = judgedFor(options.target, options.tolerance)
  const interruption = onInterrupt()
  const explainer = newExplainer(interruption.signal)
  const progress = startProgress(options.quiet)
  const errors: Failure[] = []
  let host: Host | undefined
  try {
    const chosen = await chosenEngine(options.engine, options.timeoutMs, interruption.signal)
    host = chosen.host
    const inProcess = watched(chosen.engine)
    const engine = host?.engine ?? inProcess.engine
    const { report } = options
    const kept = [options.json, report && join(report, 'results.json')].filter((path) => path !== undefined)
    const writers = kept.map((path) => writeResults(path, engine.name, { ...options, target: judged.target?.name }))
    const run: Run = {
      options,
      engine,
      take: () => host?.take() ?? inProcess.take(),
      release: async () => host?.release(),
      judgement: { tolerance: options.tolerance, equalNan: options.equalNan },
      judged,
      mismatches: judged.target === undefined && options.tolerance.kind === 'budget' ? newMismatches() : undefined,
      numbers: { elements: 0, unjudged: 0 },
      progress,
      interruption,
      explainer,
      summary: { cases: 0, matched: 0, mismatched: 0, undecided: 0, unsupported: 0, conduct: {} },
      errors,
      fixtures: [],
      modules: new Map(),
      most: undefined,
      ratios: new RatioTotals(),
      timeouts: 0,
      pending: [],
      pendingNumbers: 0,
      chains: 0,
      refusedParts: 0,
      explained: 0,
      explainedMs: 0,
      async record(file, verdict, detail) {
        for (const writer of writers) await writer.add(file, verdict, detail)
      },
    }
    if (judged.target !== undefined && !options.quiet) progress.print(renderTarget(judged.target))
    await judgeFiles(run, paths)
    await settle(run)
    const { summary } = run
    if (summary.matched + summary.mismatched === 0 && errors.length === 0 && !interruption.signal.aborted) {
      errors.push(nothingJudged(summary, options))
    }
    const exitCode = interruption.signal.aborted
      ? interruption.exitCode
      : errors.length > 0
        ? 2
        : summary.mismatched > 0 || countOfFaults(summary) > 0
          ? 1
          : 0
    const allowed = interruption.signal.aborted ? undefined : await run.mismatches?.allowedBy(engine)
    progress.stop()
    const untold = summary.mismatched - run.explained
    if (untold > 0) {
      progress.print(
        `${plural(untold, 'mismatching case')} unexplained: \`torch-parity explain FILE --case ID\` tells of one`,
      )
    }
    for (const { message } of errors) process.stderr.write(`${pc.red('error')} ${message}\n`)
    if (run.timeouts >= timeoutsToStop) {
      process.stderr.write(`stopped after ${run.timeouts} time-outs: what was judged until then follows\n`)
    }
    if (interruption.signal.aborted) process.stderr.write('interrupted: what was judged until then follows\n')
    if (run.modules.size > 1) process.stdout.write(`${renderModules(run.modules, pc)}\n`)
    process.stdout.write(`${renderSummary(summary, errors, run.most, pc, run.ratios)}\n`)
    // Where nothing was seen, a quiet run has no need of it.
    if (options.repeat > 1 && summary.cases > 0 && (!options.quiet || countOfFaults(summary) > 0)) {
      process.stdout.write(`${renderAsked(options.repeat, options.order, run.chains, run.refusedParts)}\n`)
    }
    if (judged.target !== undefined) process.stdout.write(`${renderJudged(judged.target.name, run.numbers)}\n`)
    if (allowed !== undefined)
      process.stdout.write(`${renderAllowed(allowed.target, allowed.count, allowed.undecided)}\n`)
    const described = report === undefined ? {} : { fixtures: run.fixtures }
    const engineFile = report === undefined || options.engine === undefined ? {} : { engineFile: options.engine }
    for (const writer of writers) await writer.end({ errors, summary, exitCode, ...described, ...engineFile })
    if (report !== undefined) await writePage(report)
    return exitCode
  } catch (error) {
    // Interrupted while the engine was loaded: there is nothing to report.
    if (interruption.signal.aborted && host === undefined && options.engine !== undefined) return interruption.exitCode
    throw error
  } finally {
    progress.stop()
    interruption.stop()
    await explainer.close()
    await host?.close()
  }
}

function nothingJudged(summary: Summary, { filter }: VerifyOptions): Failure {
  const none = filter === undefined ? 'no cases' : `no case that contains ${JSON.stringify(filter)}`
  const why = nothingOf(summary) ?? none
  return { code: 'NOTHING_JUDGED', message: `expected at least one case to judge, got ${why}` }
}

async function judgeFiles(run: Run, paths: readonly string[]): Promise<void> {
  const { files, errors } = await findFixtures(paths)
  for (const error of errors) fail(run, error)
  for (const file of files) {
    if (isOver(run)) return
    try {
      await judgeFile(run, file, await openFile(file))
    } catch (error) {
      fail(run, error, file)
    }
  }
}

async function judgeFile(run: Run, file: string, fixture: Fixture): Promise<void> {
  const { options, progress } = run
  progress.expect(fixture.length)
  if (fixture.length === 0) {
    fail(run, new ParityError('NOTHING_JUDGED', `${file}: expected at least one case, got none`), file)
  }
  let titled = false
  for await (const read of fixture.cases()) {
    if (isOver(run)) return
    if ('error' in read) {
      fail(run, read.error, file)
      continue
    }
    const { id } = read.case
    progress.advance(logLine(`${file} ${id}`))
    if (options.filter !== undefined && !`${file}#${id}`.includes(options.filter)) continue
    if (!titled && !options.quiet) progress.print(renderFile(file, fixture.header, fixture.length, pc))
    if (!titled) {
      const { name, seed, producer } = fixture.header
      run.fixtures.push({ file, name, seed, cases: fixture.length, producer })
    }
    titled = true
    const recorded = run.judged.as(read.case)
    const given: Given = { answer: undefined, outputs: undefined, ms: 0 }
    const verdict = await judgeCase(run, file, recorded, given)
    if (verdict !== undefined) await report(run, file, verdict, recorded, given)
    await run.interruption.breathe()
  }
}

/** What an engine gave for a whole case: in memory of its own, and with ties settled; and how long it took. */
interface Given {
  answer: unknown
  outputs: unknown
  ms: number
}

async function judgeCase(run: Run, file: string, recorded: Case, given: Given): Promise<Verdict | undefined> {
  const { engine, judgement, options } = run
  const began = performance.now()
  const observer: Observer = {
    ratios: true,
    onAnswer: (answer) => {
      // Of the whole case, which comes first; single steps come after it.
      if (given.ms > 0) return
      given.ms = performance.now() - began
      given.answer = kept(answer)
    },
    onOutputs: (outputs) => (given.outputs ??= outputs),
  }
  // What was judged before a part has failed stands.
  let verdict: Verdict | undefined
  try {
    verdict = await verify(recorded, engine, judgement, observer)
    if (options.repeat < 2) return verdict
    const chained = await verifyChain(recorded, engine, verdict, judgement, options.order)
    if (chained.asked) run.chains++
    else if (chained.refused !== undefined) run.refusedParts++
    return chained.verdict
  } catch (error) {
    if (run.interruption.signal.aborted) return verdict
    if (error instanceof ParityError && error.code === 'ENGINE_TIMEOUT') run.timeouts++
    fail(run, error, file, recorded.id)
    return verdict
  }
}

async function report(run: Run, file: string, verdict: Verdict, recorded: Case, given: Given): Promise<void> {
  const { summary, progress, options } = run
  const { outputs, answer, ms } = given
  summary.cases++
  addToModules(run.modules, verdict)
  run.ratios.add(verdict, file)
  addNumbers(run.numbers, verdict)
  if (verdict.outcome === 'mismatch') run.mismatches?.add(recorded, outputs)
  if (verdict.outcome === 'match') {
    summary.matched++
    const share = shareOf(verdict)
    if (run.most === undefined || share > run.most.share) run.most = { share, where: `${file}: case ${verdict.id}` }
  } else if (verdict.outcome === 'mismatch') summary.mismatched++
  else summary[verdict.outcome]++
  if (!options.quiet) progress.print(renderRow(verdict, pc))
  let diagnosis: Diagnosis | undefined
  if (verdict.outcome === 'mismatch') {
    if (verdict.chain !== undefined) run.explained++
    else if (
      run.explained < explainedAlways ||
      run.explainedMs < (options.report === undefined ? explainingMs : reportedMs)
    ) {
      const began = performance.now()
      diagnosis = await run.explainer.explain({ recorded, outputs, limitMs: 1000 })
      run.explainedMs += performance.now() - began
      run.explained++
    }
    const why = diagnosis === undefined ? [] : [renderDiagnosis(diagnosis, pc)]
    progress.print([renderMismatch(file, verdict, pc), ...why].join('\n'))
  }
  // The shape of a diagnosis is that of an explanation.
  const explained = diagnosis && { explanation: structuredClone(diagnosis) as Detail['explanation'] }
  const detail =
    options.report === undefined ? explained : detailOf(recorded, outputs, verdict, run.judgement, diagnosis)
  const name = `${file}: case ${recorded.id}`
  run.pending.push({ file, name, recorded, verdict, answer, ms, detail, conduct: run.take() })
  run.pendingNumbers += Object.values(recorded.expected).reduce(
    (sum, { data }) => sum + data.length,
    numbersOf(recorded),
  )
  if (run.pending.length >= windowCases || run.pendingNumbers >= windowNumbers) await settle(run)
}

function numbersOf({ params, inputs }: Case): number {
  return Object.values({ ...params, ...inputs } as Outputs).reduce((sum, { data }) => sum + data.length, 0)
}

/** Asks the cases that are pending again, shows what was seen of the engine, and writes them down. */
async function settle(run: Run): Promise<void> {
  const { pending, engine, take, options, interruption, summary, progress } = run
  run.pending = []
  run.pendingNumbers = 0
  const isLast = isOver(run)
  const again = await askAgain(isLast ? [] : pending, engine, {
    repeat: options.repeat,
    seed: options.order,
    tolerance: options.tolerance,
    take,
    signal: interruption.signal,
    onTimeout: () => ++run.timeouts >= timeoutsToStop,
    onError: (answered, { code, message }, time) => {
      // By the case itself: others of other files may have its id.
      const file = pending.find((own) => own === answered)?.file
      fail(run, new ParityError(code, `run ${time}: ${message}`), file, answered.recorded.id)
    },
  })
  try {
    if (!isLast) await run.release()
  } catch (error) {
    fail(run, error)
  }
  for (const [i, { file, name, verdict, detail, conduct: before }] of pending.entries()) {
    const conduct = once([...before, ...(again[i] ?? [])])
    const shown = conduct.filter(({ kind }) => (summary.conduct[kind] ?? 0) < shownOfEach)
    for (const kind of new Set(conduct.map((each) => each.kind)))
      summary.conduct[kind] = (summary.conduct[kind] ?? 0) + 1
    if (shown.length > 0) progress.print(renderConduct(name, shown, pc))
    await run.record(file, conduct.length === 0 ? verdict : { ...verdict, conduct }, detail)
  }
}

function fail(run: Run, error: unknown, file?: string, id?: string): void {
  if (!(error instanceof ParityError)) throw error
  const { message: said } = error
  const named = id === undefined || said.startsWith(`case ${id}: `) ? said : `case ${id}: ${said}`
  const message = file === undefined || (id === undefined && said.startsWith(`${file}: `)) ? named : `${file}: ${named}`
  run.errors.push({ ...(file === undefined ? {} : { file }), code: error.code, message })
}

function isOver({ options, summary, errors, interruption, timeouts }: Run): boolean {
  const failed = options.failFast && (summary.mismatched > 0 || errors.length > 0)
  return failed || interruption.signal.aborted || timeouts >= timeoutsToStop
}
