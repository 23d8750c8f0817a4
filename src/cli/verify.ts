import { join } from 'node:path'
import { logLine, ParityError } from '../format/errors.ts'
import pc from 'picocolors'
import { watched } from '../verify/conduct.ts'
import type { Causes } from '../diagnose/causes.ts'
import type { Failure, Summary } from '../report/results.ts'
import { renderModules } from '../report/modules.ts'
import { renderAllowed, renderJudged, renderTarget } from '../report/target.ts'
import { countOfFaults, nothingOf, plural, RatioTotals, renderAsked, renderSummary } from '../report/text.ts'
import type { Answers } from '../ports/answers.ts'
import { chosenEngine } from '../ports/engine.ts'
import { newExplainer } from './explainer.ts'
import type { Host } from '../ports/host.ts'
import { onInterrupt } from './interrupt.ts'
import { startProgress } from './progress.ts'
import { askedOf, Deal } from './shard.ts'
import type * as Results from './results.ts'
import type { Writer } from './results.ts'
import type { Judged } from './target.ts'
import { judgeFiles } from './verify/judging.ts'
import { isOver, type Run, timeoutsToStop, type VerifyOptions } from './verify/run.ts'
import { filterOf, wordsOf } from './filter.ts'
import type { KnownFailures } from './known.ts'
import { renderErrors } from '../report/errors.ts'
import { say, width } from './terminal.ts'
import { settle } from './verify/settling.ts'

/** Judges every case behind the paths and prints what came of it. → the exit code */
export async function verifyFiles(paths: readonly string[], asked: VerifyOptions): Promise<number> {
  const answers = await answersOf(asked)
  // Answers are there once.
  const options = answers === undefined ? asked : { ...asked, repeat: 1 }
  const judged = await judgedBy(options)
  const interruption = onInterrupt()
  const explainer = newExplainer(interruption.signal)
  const progress = await startProgress()
  const errors: Failure[] = []
  let host: Host | undefined
  try {
    const chosen =
      answers === undefined
        ? await chosenEngine(options, options.timeoutMs, interruption.signal)
        : { engine: answers.engine, host: undefined }
    host = chosen.host
    const inProcess = watched(chosen.engine)
    const engine = host?.engine ?? inProcess.engine
    const { report } = options
    const kept = [options.json, report && join(report, 'results.json')].filter((path) => path !== undefined)
    const writers = await writersOf(kept, engine.name, { ...options, target: judged.target?.name })
    const known = await knownOf(options, engine.name, judged.target?.name)
    const run: Run = {
      options,
      engine,
      answers,
      take: () => host?.take() ?? inProcess.take(),
      release: async () => host?.release(),
      judgement: { tolerance: options.tolerance, equalNan: options.equalNan },
      judged,
      isMeant: filterOf(options.filter),
      known,
      mismatches: undefined,
      keepsMismatches: judged.target === undefined && options.tolerance.kind === 'budget',
      numbers: { elements: 0, unjudged: 0 },
      progress,
      interruption,
      explainer,
      summary: { cases: 0, matched: 0, mismatched: 0, undecided: 0, unsupported: 0, conduct: {} },
      errors,
      fixtures: [],
      deal: options.shard && new Deal(options.shard),
      filtered: 0,
      failed: 0,
      modules: new Map(),
      most: undefined,
      ratios: new RatioTotals(),
      timeouts: 0,
      pending: [],
      pendingNumbers: 0,
      chains: 0,
      refusedParts: 0,
      news: 0,
      shown: 0,
      unshown: 0,
      explained: 0,
      mapped: new Map(),
      async record(file, verdict, detail) {
        known?.see(file, verdict)
        for (const writer of writers) await writer.add(file, verdict, detail)
      },
    }
    if (judged.target !== undefined && !options.quiet) progress.print(renderTarget(judged.target))
    await judgeFiles(run, paths)
    await settle(run)
    const { summary } = run
    const isNothing = summary.matched + summary.mismatched === 0
    // Of a part that is no error: what the parts decide together counts.
    if (isNothing && run.deal === undefined && errors.length === 0 && !interruption.signal.aborted) {
      errors.push(nothingJudged(summary, options, answers))
    }
    const missing = answers?.tally.answered === 0 || options.partial === true ? undefined : missingAnswers(answers)
    if (missing !== undefined && !interruption.signal.aborted) errors.push(missing)
    const exitCode = interruption.signal.aborted
      ? interruption.exitCode
      : errors.length > 0
        ? 2
        : await failureCode(run)
    const allowed = interruption.signal.aborted
      ? undefined
      : await run.mismatches?.allowedBy(answers === undefined ? engine : undefined)
    const causes = run.explained === 0 ? undefined : await causesOf(run, answers === undefined)
    progress.stop()
    if (causes !== undefined) {
      const { renderCauses, severalCauses } = await import('../report/causes.ts')
      const several = severalCauses(causes)
      if (several !== undefined) say(renderCauses(several, pc))
    }
    for (const line of renderErrors(errors, run.options.maxMismatches))
      process.stderr.write(`${pc.red('error')} ${line}\n`)
    if (run.unshown > 0) {
      say(
        `${plural(run.unshown, 'more mismatch', 'more mismatches')}: --max-mismatches shows them, --json and --report have all`,
      )
    }
    if (run.timeouts >= timeoutsToStop) {
      process.stderr.write(`stopped after ${run.timeouts} time-outs: what was judged until then follows\n`)
    }
    if (interruption.signal.aborted) process.stderr.write('interrupted: what was judged until then follows\n')
    if (run.modules.size > 1) say(renderModules(run.modules, pc, width()))
    say(renderSummary(summary, errors, run.most, pc, run.ratios))
    // Where nothing was seen, a quiet run has no need of it.
    if (options.repeat > 1 && summary.cases > 0 && (!options.quiet || countOfFaults(summary) > 0)) {
      say(renderAsked(options.repeat, options.order, run.chains, run.refusedParts))
    }
    if (answers !== undefined) {
      // What was not looked for is not surplus.
      if (options.filter.length === 0 && !isOver(run)) await answers.end()
      const { renderTally } = await import('../report/answers.ts')
      for (const line of renderTally(answers.folder, answers.tally)) say(line)
    }
    if (known !== undefined && options.knownFailures !== undefined) {
      const { renderTold } = await import('./known.ts')
      const lines = options.updateKnownFailures === true ? [] : renderTold(known.told(), options.knownFailures)
      for (const line of lines) say(line)
    }
    if (judged.target !== undefined) say(renderJudged(judged.target.name, run.numbers))
    if (allowed !== undefined) say(renderAllowed(allowed.target, allowed.count, allowed.undecided))
    const described = report === undefined ? {} : { fixtures: run.fixtures }
    const asked = {
      ...(options.engine !== undefined && { engineFile: options.engine }),
      ...(options.engineCommand !== undefined && { engineCommand: options.engineCommand }),
      ...(options.enginePage !== undefined && { enginePage: options.enginePage }),
    }
    const engineFile = report === undefined ? {} : asked
    const found = causes === undefined ? {} : { causes }
    const shard = run.deal?.stated({ filtered: run.filtered, failed: run.failed }, await askedOf(options))
    const part = shard === undefined ? {} : { shard }
    const end = { ...found, ...part, ...described, ...engineFile }
    for (const writer of writers) await writer.end({ errors, summary, exitCode, ...end })
    if (report !== undefined) await (await import('./page.ts')).writePage(report)
    return exitCode
  } catch (error) {
    // Interrupted while the engine was loaded: there is nothing to report.
    const isTheirs = (options.engine ?? options.engineCommand ?? options.enginePage) !== undefined
    if (interruption.signal.aborted && host === undefined && isTheirs) return interruption.exitCode
    throw error
  } finally {
    progress.stop()
    interruption.stop()
    await explainer.close()
    await host?.close()
  }
}

/** 1 where something is off that nobody knew of, or a known failure is none; what is written as known is known from then on. */
async function failureCode({ options, summary, known }: Run): Promise<number> {
  if (known === undefined) return summary.mismatched > 0 || countOfFaults(summary) > 0 ? 1 : 0
  if (options.updateKnownFailures === true) {
    say(`written: ${logLine(options.knownFailures!)}: ${plural(await known.write(), 'known failure')}`)
    return 0
  }
  const { news, passing, gone } = known.told()
  return news.length + passing.length + gone.length > 0 ? 1 : 0
}

/** @throws ParityError USAGE, or as `KnownFailures.open`. */
async function knownOf(
  { knownFailures, updateKnownFailures = false, ...options }: VerifyOptions,
  engine: string,
  target: string | undefined,
): Promise<KnownFailures | undefined> {
  if (knownFailures === undefined) {
    if (updateKnownFailures)
      throw new ParityError('USAGE', '--update-known-failures: expected --known-failures FILE, got none')
    return undefined
  }
  const { filter, shard, failFast, equalNan, tolerance } = options
  if (updateKnownFailures && (filter.length > 0 || shard !== undefined || failFast)) {
    throw new ParityError(
      'USAGE',
      '--update-known-failures: expected a whole run, got --filter, --shard or --fail-fast',
    )
  }
  const stated = tolerance.kind === 'explicit' ? `${tolerance.rtol},${tolerance.atol}` : tolerance.kind
  const { KnownFailures: Known } = await import('./known.ts')
  const way = { engine, tolerance: stated, equalNan, ...(target !== undefined && { target }) }
  return Known.open(knownFailures, way, updateKnownFailures)
}

/** What the mismatches come from; where there are several, and an engine can be asked, as other requests leave it. */
async function causesOf(run: Run, canAsk: boolean): Promise<Causes | undefined> {
  const causes = await run.explainer.causes()
  if (causes === undefined) return undefined
  const { heldAgainst, unasked } = await import('./verify/asking.ts')
  return canAsk && run.summary.mismatched > 1 ? await heldAgainst(causes, run) : unasked(causes)
}

async function answersOf(options: VerifyOptions): Promise<Answers | undefined> {
  if (options.partial === true && options.answers === undefined)
    throw new ParityError('USAGE', '--partial: expected it with --answers, got none')
  if (options.answers === undefined && options.map === undefined) return undefined
  const { chosenAnswers } = await import('./answers.ts')
  return chosenAnswers(options)
}

async function judgedBy({ target, tolerance }: VerifyOptions): Promise<Judged> {
  if (target === undefined) return { target, as: (recorded) => recorded }
  const { judgedFor } = await import('./target.ts')
  return judgedFor(target, tolerance)
}

async function writersOf(
  paths: readonly string[],
  engine: string,
  options: Parameters<typeof Results.writeResults>[2],
): Promise<Writer[]> {
  if (paths.length === 0) return []
  const { writeResults } = await import('./results.ts')
  return paths.map((path) => writeResults(path, engine, options))
}

/** Whatever computes answers may have died after the first: what is not there is not passed over. */
function missingAnswers(answers: Answers | undefined): Failure | undefined {
  const { answered, unanswered, missing = '' } = answers?.tally ?? { answered: 0, unanswered: 0 }
  if (unanswered === 0) return undefined
  const got = `none to ${unanswered} of ${answered + unanswered}, the first looked for at ${logLine(missing)}`
  const message = `${answers?.folder}: expected an answer to each case, got ${got}\n--partial judges those that are there`
  return { code: 'ANSWER_MISSING', message }
}

function nothingJudged(summary: Summary, { filter }: VerifyOptions, answers: Answers | undefined): Failure {
  const missing = answers?.tally.answered === 0 ? answers.tally.missing : undefined
  if (missing !== undefined) {
    const got = `none to ${plural(summary.unsupported, 'case')}\nthe first is looked for at ${missing}`
    return { code: 'NOTHING_JUDGED', message: `${answers?.folder}: expected at least one answer, got ${got}` }
  }
  const none = filter.length === 0 ? 'no cases' : `no case that contains ${wordsOf(filter)}`
  const why = nothingOf(summary) ?? none
  return { code: 'NOTHING_JUDGED', message: `expected at least one case to judge, got ${why}` }
}
