import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import pc from 'picocolors'
import type { Case } from '../format/case.ts'
import { defaultJudgement } from '../verify/compare.ts'
import type { Diagnosis } from '../diagnose.ts'
import type { Engine } from '../engine/run.ts'
import { logLine, messageOf, ParityError } from '../format/errors.ts'
import { encodeFixture } from '../format/fixture/encode.ts'
import { type Finding, fuzz, type Fuzzed, judging, type Recorder } from '../oracle/fuzz.ts'
import { fuzzedModules } from '../oracle/fuzz/spec.ts'
import { openOracle, type Oracle, type RecordSpec } from '../oracle.ts'
import { renderDiagnosis } from '../report/diagnosis.ts'
import { toJSON } from '../report/json.ts'
import { renderCoverage, renderFinding, renderFuzzed } from '../report/fuzz.ts'
import { renderTarget } from '../report/target.ts'
import { renderRow } from '../report/text.ts'
import { isFault, requestOf } from '../verify.ts'
import { chosenEngine } from '../ports/engine.ts'
import { type Explainer, newExplainer } from './explainer.ts'
import { modulesOf } from './arguments.ts'
import { writeAside } from './files.ts'
import { type FuzzCommand, resultsOf, runsOf, seedOf } from './fuzzed.ts'
import type { Host } from '../ports/host.ts'
import { onInterrupt } from './interrupt.ts'
import { startProgress } from './progress.ts'
import { judgedFor } from './target.ts'
import { say, write } from './terminal.ts'

/** So many cases are under way for each oracle, so that Python never waits. */
const ahead = 32

/** Asks PyTorch for random cases until an engine departs from one. → the exit code */
export async function fuzzCommand(options: FuzzCommand): Promise<number> {
  const modules = modulesOf(options.module, fuzzedModules)
  const judged = judgedFor(options.target, defaultJudgement.tolerance)
  const asked = options.case === undefined ? undefined : specOf(options.case)
  const interruption = onInterrupt()
  const explainer = newExplainer(interruption.signal)
  const progress = await startProgress(options.quiet || asked !== undefined)
  const ended = new AbortController()
  const opened: Oracle[] = []
  let host: Host | undefined
  try {
    const { engine, ...chosen } = await chosenEngine(options, options.timeoutMs, interruption.signal)
    host = chosen.host
    await openOracles(opened, options, interruption.signal)
    const [oracle] = opened
    if (oracle === undefined) return interruption.exitCode
    const recordStrictly = inTurn(opened)
    const record: Recorder = async (spec) => judged.as(await recordStrictly(spec))
    const again = { options, engine, oracle, explainer }
    if (asked !== undefined) return await judgeOne(asked, record, again)

    const part = options.shard === undefined ? '' : `, part ${options.shard.index}/${options.shard.of}`
    write(
      `${engine.name} against torch ${oracle.producer.torch}, seed ${options.seed}${part}, ${modules.join(', ')}, sizes up to ${options.maxSize}\n`,
    )
    if (judged.target !== undefined) say(renderTarget(judged.target))
    const runs = runsOf(options)
    progress.expect(Number.isFinite(runs) ? runs : 0)
    if (options.timeMs !== undefined) {
      void sleep(options.timeMs, undefined, { signal: ended.signal }).then(
        () => ended.abort(),
        () => {},
      )
    }
    const began = performance.now()
    const fuzzed = await fuzz(record, engine, {
      modules,
      runs,
      seed: seedOf(options),
      maxSize: options.maxSize,
      maxBatch: options.maxBatch,
      concurrency: ahead * options.oracles,
      signal: ended.signal,
      interruption: interruption.signal,
      onRun: (_, spec) => progress.advance(() => spec.module),
    })
    const seconds = (performance.now() - began) / 1000
    progress.stop()
    if (interruption.signal.aborted) process.stderr.write('interrupted: what was found until then follows\n')
    if (!options.quiet) say(renderCoverage(fuzzed.coverage, pc))
    say(renderFuzzed(fuzzed, seconds, pc))
    for (const message of new Set(fuzzed.lost.map(({ spec, error }) => withoutCase(spec, error)))) {
      process.stderr.write(`${pc.red('error')} ${message}\n`)
    }
    const cause = fuzzed.finding === undefined ? undefined : await report(fuzzed.finding, again)
    const exitCode = interruption.signal.aborted ? interruption.exitCode : codeOf(fuzzed)
    if (options.json !== undefined) {
      const about = {
        modules,
        torch: oracle.producer.torch,
        engine: engine.name,
        toRun: runs,
        seconds,
        cause,
        again: (spec: RecordSpec) => commandOf(spec, options),
        exitCode,
      }
      await writeAside(options.json, [`${toJSON(resultsOf(fuzzed, options, about))}\n`])
    }
    if (exitCode !== 2 || fuzzed.finding !== undefined || fuzzed.lost.length > 0 || options.shard !== undefined)
      return exitCode
    throw new ParityError('NOTHING_JUDGED', `expected at least one case to judge, got ${fuzzed.runs} runs and none`)
  } catch (error) {
    if (interruption.signal.aborted) return interruption.exitCode
    throw error
  } finally {
    ended.abort()
    progress.stop()
    interruption.stop()
    await explainer.close()
    await Promise.all(opened.map((oracle) => oracle.close()))
    await host?.close()
  }
}

/** Of a part that decides nothing that is no error: what the parts decide together counts. */
function codeOf({ finding, lost, matched }: Fuzzed): number {
  if (finding !== undefined) return exitCodeOf(finding)
  return lost.length > 0 || matched === 0 ? 2 : 0
}

interface Again {
  readonly options: FuzzCommand
  readonly engine: Engine
  readonly oracle: Oracle
  readonly explainer: Explainer
}

/** Those that are opened while it is interrupted are ended with the command. */
async function openOracles(
  opened: Oracle[],
  { python, oracles, ray, timeoutMs }: FuzzCommand,
  signal: AbortSignal,
): Promise<void> {
  const given = { python, maxInFlight: ahead, timeoutMs, ray }
  const opening = Array.from({ length: ray === undefined ? oracles : 1 }, () => openOracle(given))
  const interrupted = once(signal, 'abort').then(() => [])
  const results = await Promise.race([Promise.allSettled(opening), interrupted])
  for (const result of results) if (result.status === 'fulfilled') opened.push(result.value)
  for (const result of results) if (result.status === 'rejected' && !signal.aborted) throw result.reason
}

/** Asks one after the other, as long as it can be asked. */
function inTurn(oracles: readonly Oracle[]): Recorder {
  let turn = 0
  return (spec) => {
    const open = oracles.filter((oracle) => oracle.isOpen())
    const asked = open.length > 0 ? open : oracles
    return asked[turn++ % asked.length]!.record(spec)
  }
}

/** Why a case was lost, which many may have in common. */
function withoutCase({ id }: RecordSpec, { message }: ParityError): string {
  return message.replace(`case ${id}: `, '').replace(`to case ${id} `, 'to a case ')
}

/** An engine that failed has not been judged. */
function exitCodeOf({ outcome }: Finding): number {
  return outcome.kind === 'judged' ? 1 : 2
}

function specOf(text: string): RecordSpec {
  try {
    // The oracle checks what is in it.
    return JSON.parse(text) as RecordSpec
  } catch (cause) {
    throw new ParityError('USAGE', `--case: expected a specification in JSON, got ${messageOf(cause)}`, { cause })
  }
}

/** The command that judges one case again. */
function commandOf(spec: RecordSpec, { engine, engineCommand, enginePage, target }: FuzzCommand): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
  const named = (flag: string, value: string | undefined): string =>
    value === undefined ? '' : ` ${flag} ${/^[\w./-]+$/.test(value) ? value : quoted(value)}`
  const port = `${named('--engine', engine)}${named('--engine-command', engineCommand)}${named('--engine-page', enginePage)}`
  const asked = target === undefined ? '' : ` --target ${target}`
  return `torch-parity fuzz --case ${quoted(JSON.stringify(spec))}${port}${asked}`
}

async function judgeOne(spec: RecordSpec, record: Recorder, again: Again): Promise<number> {
  const outcome = await judging(record, again.engine)(spec)
  if (outcome.kind === 'refused') throw new ParityError('CASE_REFUSED', `--case: ${outcome.reason}`)
  if (outcome.kind === 'failed' || isFault(outcome.verdict)) {
    const finding = { run: 1, drawn: spec, minimal: spec, outcome, tried: 0 }
    await report(finding, again)
    return exitCodeOf(finding)
  }
  say(renderRow(outcome.verdict, pc))
  return outcome.verdict.outcome === 'match' ? 0 : 2
}

/** → what explains it, as a sentence of the engine */
async function report(finding: Finding, { options, engine, oracle, explainer }: Again): Promise<string | undefined> {
  say(renderFinding(finding, pc))
  const { outcome } = finding
  let cause: string | undefined
  if (outcome.kind === 'judged') {
    const diagnosis = await askAndExplain(outcome.recorded, engine, explainer)
    if (diagnosis !== undefined) say(renderDiagnosis(diagnosis, pc))
    cause = diagnosis?.explanations[0]?.sentence
  }
  write(`again: ${logLine(commandOf(finding.minimal, options))}\n`)
  if (options.save === undefined) return cause
  const { seed = 0, module } = finding.minimal
  const name = `regressions/${module}-${seed}`
  const path = join(options.save, `${module}-${seed}.msgpack`)
  const record = await oracle.recordForFile(finding.minimal)
  const header = { format: 'torch-parity', version: 1, name, seed, producer: oracle.producer } as const
  await writeAside(path, [encodeFixture(header, [record])])
  say(`saved: ${logLine(path)}`)
  return cause
}

/** Asks an engine once more and finds why it departs; nothing where it fails or gives other tensors. */
async function askAndExplain(recorded: Case, engine: Engine, explainer: Explainer): Promise<Diagnosis | undefined> {
  try {
    return await explainer.explain({ recorded, outputs: await engine.run(requestOf(recorded)), limitMs: 1000 })
  } catch (error) {
    // It has been judged already: what it does the second time is not worth an error.
    if (error instanceof ParityError) return undefined
    throw error
  }
}
