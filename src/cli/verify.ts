import { join } from 'node:path'
import pc from 'picocolors'
import type { Case } from '../case.ts'
import type { Judgement, Tolerance } from '../compare.ts'
import type { Diagnosis } from '../diagnose.ts'
import { engine as ours, type Engine } from '../engine/run.ts'
import { logLine, ParityError } from '../errors.ts'
import type { Fixture } from '../fixture.ts'
import { detailOf } from '../report/detail.ts'
import { renderDiagnosis } from '../report/diagnosis.ts'
import type { Detail, Failure, Provenance, Summary } from '../report/results.ts'
import {
  addToModules,
  type ModuleTotals,
  plural,
  renderFile,
  renderMismatch,
  renderModules,
  renderRow,
  renderSummary,
  shareOf,
} from '../report/text.ts'
import { verify, type Verdict } from '../verify.ts'
import { type Explainer, newExplainer } from './explainer.ts'
import { findFixtures, openFile } from './files.ts'
import { type Host, hostEngine } from './host.ts'
import { type Interruption, onInterrupt } from './interrupt.ts'
import { type Progress, startProgress } from './progress.ts'
import { writePage } from './page.ts'
import { writeResults } from './results.ts'

export interface VerifyOptions {
  /** A module that exports an Engine; ours when absent. */
  readonly engine?: string
  readonly tolerance: Tolerance
  readonly equalNan: boolean
  /** Only cases whose `file#id` contains this. */
  readonly filter?: string
  readonly failFast: boolean
  readonly json?: string
  /** The folder of a report: index.html and results.json. */
  readonly report?: string
  readonly quiet: boolean
  readonly timeoutMs: number
}

/** A fixture engine that times out twice would time out on every case that is left. */
const timeoutsToStop = 2

/** The first mismatches of a run are explained, and more while that has taken less: `torch-parity explain` tells of any other. */
const explainedAlways = 3
const explainingMs = 10_000
/** In a report, for which one waits. */
const reportedMs = 30_000

/** What one run of `verify` has come to so far. */
interface Run {
  readonly options: VerifyOptions
  readonly engine: Engine
  readonly judgement: Judgement
  readonly progress: Progress
  readonly interruption: Interruption
  readonly explainer: Explainer
  readonly summary: { -readonly [K in keyof Summary]: Summary[K] }
  readonly errors: Failure[]
  readonly fixtures: Provenance[]
  readonly modules: Map<string, ModuleTotals>
  most: { share: number; where: string } | undefined
  timeouts: number
  /** How many mismatches have been explained, and how long that has taken. */
  explained: number
  explainedMs: number
  record(file: string, verdict: Verdict, detail?: Detail): Promise<void>
}

/** Judges every case behind the paths and prints what came of it. → the exit code */
export async function verifyFiles(paths: readonly string[], options: VerifyOptions): Promise<number> {
  const interruption = onInterrupt()
  const explainer = newExplainer(interruption.signal)
  const progress = startProgress(options.quiet)
  const errors: Failure[] = []
  let host: Host | undefined
  try {
    if (options.engine !== undefined) host = await hostEngine(options.engine, options.timeoutMs, interruption.signal)
    const engine = host?.engine ?? ours
    const { report } = options
    const kept = [options.json, report && join(report, 'results.json')].filter((path) => path !== undefined)
    const writers = kept.map((path) => writeResults(path, engine.name, options))
    const run: Run = {
      options,
      engine,
      judgement: { tolerance: options.tolerance, equalNan: options.equalNan },
      progress,
      interruption,
      explainer,
      summary: { cases: 0, matched: 0, mismatched: 0, unsupported: 0 },
      errors,
      fixtures: [],
      modules: new Map(),
      most: undefined,
      timeouts: 0,
      explained: 0,
      explainedMs: 0,
      async record(file, verdict, detail) {
        for (const writer of writers) await writer.add(file, verdict, detail)
      },
    }
    await judgeFiles(run, paths)
    const { summary } = run
    if (summary.matched + summary.mismatched === 0 && errors.length === 0 && !interruption.signal.aborted) {
      errors.push(nothingJudged(summary, options))
    }
    const exitCode = interruption.signal.aborted
      ? interruption.exitCode
      : errors.length > 0
        ? 2
        : summary.mismatched > 0
          ? 1
          : 0
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
    process.stdout.write(`${renderSummary(summary, errors, run.most, pc)}\n`)
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
  const why =
    summary.unsupported > 0
      ? `${plural(summary.unsupported, 'case')} that the engine does not support`
      : filter === undefined
        ? 'no cases'
        : `no case that contains ${JSON.stringify(filter)}`
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
    let outputs: unknown
    const verdict = await judgeCase(run, file, read.case, (given) => (outputs = given))
    if (verdict !== undefined) await report(run, file, verdict, read.case, outputs)
    await run.interruption.breathe()
  }
}

async function judgeCase(
  run: Run,
  file: string,
  recorded: Case,
  onOutputs: (outputs: unknown) => void,
): Promise<Verdict | undefined> {
  try {
    return await verify(recorded, run.engine, run.judgement, { onOutputs })
  } catch (error) {
    if (run.interruption.signal.aborted) return undefined
    if (error instanceof ParityError && error.code === 'ENGINE_TIMEOUT') run.timeouts++
    fail(run, error, file, recorded.id)
    return undefined
  }
}

async function report(run: Run, file: string, verdict: Verdict, recorded: Case, outputs: unknown): Promise<void> {
  const { summary, progress, options } = run
  summary.cases++
  addToModules(run.modules, verdict)
  if (verdict.outcome === 'match') {
    summary.matched++
    const share = shareOf(verdict)
    if (run.most === undefined || share > run.most.share) run.most = { share, where: `${file}: case ${verdict.id}` }
  } else if (verdict.outcome === 'mismatch') summary.mismatched++
  else summary.unsupported++
  if (!options.quiet) progress.print(renderRow(verdict, pc))
  let diagnosis: Diagnosis | undefined
  if (verdict.outcome === 'mismatch') {
    if (
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
  await run.record(file, verdict, detail)
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
