import { dirname } from 'node:path'
import pc from 'picocolors'
import type { NameMap } from '../format/actual/rules.ts'
import { mostBytesOf, readActual } from '../format/actual.ts'
import { once } from '../verify/again.ts'
import { type Case, isModelRequest } from '../format/case.ts'
import { confirmed, tellingOf } from '../probe/confirm.ts'
import { probe } from '../probe.ts'
import { drawOf } from '../probe/draw.ts'
import { whenOf } from '../report/probe.ts'
import { defaultJudgement } from '../verify/compare.ts'
import { type Conduct, fails } from '../verify/conduct.ts'
import type { Diagnosis } from '../diagnose.ts'
import type { Engine } from '../engine/run.ts'
import { logLine, ParityError } from '../format/errors.ts'
import { renderTally } from '../report/answers.ts'
import { explainedBy } from '../report/detail.ts'
import { renderDiagnosis } from '../report/diagnosis.ts'
import { renderTarget } from '../report/target.ts'
import { renderConduct, renderMismatch, renderRow } from '../report/text.ts'
import { judge, type Observer, verdictOf, verify, verifyChain, type Verdict } from '../verify.ts'
import type { Answers } from '../ports/answers.ts'
import { chosenEngine, type EngineOptions } from '../ports/engine.ts'
import { readRegular } from '../ports/regular.ts'
import { chosenAnswers, chosenMap } from './answers.ts'
import { type Explainer, newExplainer } from './explainer.ts'
import { settleTies } from '../verify/ties.ts'
import { nameBelow } from './files.ts'
import { historyOf } from './history.ts'
import type { Host } from '../ports/host.ts'
import { namedCase } from './named.ts'
import { onInterrupt } from './interrupt.ts'
import { writeResults } from './results.ts'
import { judgedFor } from './target.ts'
import { say } from './terminal.ts'

// Scripts that explain ports by the built checkout take it from here.
export { diagnosisOf } from '../diagnose/given.ts'

export interface ExplainOptions extends EngineOptions {
  readonly case: string
  /** Tensors that were computed elsewhere, instead of an engine. */
  readonly actual?: string
  /** A folder of such for all cases; and a file that says how they are called. */
  readonly answers?: string
  readonly map?: string
  /** What engines may do otherwise than a CPU, by name. */
  readonly target?: string
  readonly timeoutMs: number
  readonly searchMs: number
  /** Where the results are written, as those of `verify`. */
  readonly json?: string
}

/** Judges one case and prints where the engine departs from PyTorch, and why. → the exit code */
export async function explain(file: string, options: ExplainOptions): Promise<number> {
  for (const [flag, asked] of [
    ['--engine', options.engine],
    ['--engine-command', options.engineCommand],
    ['--engine-page', options.enginePage],
  ]) {
    if (options.actual !== undefined && asked !== undefined)
      throw new ParityError('USAGE', `--actual: expected it without ${flag}, got both`)
  }
  const answers = await chosenAnswers(options)
  const isElsewhere = options.actual !== undefined || answers !== undefined
  const target = judgedFor(options.target, defaultJudgement.tolerance)
  const interruption = onInterrupt()
  const explainer = newExplainer(interruption.signal)
  let host: Host | undefined
  try {
    const chosen = await chosenEngine(options, options.timeoutMs, interruption.signal)
    host = chosen.host
    const recorded = target.as(await namedCase(file, options.case))
    if (target.target !== undefined) say(renderTarget(target.target))
    const judged =
      answers !== undefined
        ? await judgeAnswer(file, recorded, answers)
        : options.actual === undefined
          ? await judgeEngine(recorded, chosen.engine)
          : await judgeActual(recorded, options.actual, await chosenMap(options.map))
    const asked = isElsewhere ? undefined : { engine: chosen.engine, host }
    let told = await tell(file, recorded, judged, { options, explainer, asked })
    if (told.exitCode === 0 && host !== undefined) {
      told = await tellConduct(file, { recorded, judged, host }, { options, explainer, asked })
    }
    if (!interruption.signal.aborted) {
      if (options.json !== undefined) await writeTold(options.json, file, told, options, chosen.engine.name)
      return told.exitCode
    }
  } catch (error) {
    if (!interruption.signal.aborted) throw error
  } finally {
    interruption.stop()
    await explainer.close()
    await host?.close()
  }
  process.stderr.write('interrupted\n')
  return interruption.exitCode
}

/** What was said, as data. */
interface Told {
  readonly verdict: Verdict
  readonly diagnosis?: Diagnosis | undefined
  readonly exitCode: number
}

/** As `verify` would write it. */
async function writeTold(
  path: string,
  file: string,
  { verdict, diagnosis, exitCode }: Told,
  { actual, answers, target }: ExplainOptions,
  engine: string,
): Promise<void> {
  const writer = writeResults(path, actual ?? answers ?? engine, { ...defaultJudgement, target })
  await writer.add(file, verdict, explainedBy(undefined, diagnosis))
  const is = (outcome: Verdict['outcome']): number => Number(verdict.outcome === outcome)
  const conduct = Object.fromEntries((verdict.conduct ?? []).map(({ kind }) => [kind, 1]))
  const summary = {
    cases: 1,
    matched: is('match'),
    mismatched: is('mismatch'),
    undecided: is('undecided'),
    unsupported: is('unsupported'),
    conduct,
  }
  await writer.end({ errors: [], summary, exitCode })
}

interface Judged {
  readonly verdict: Verdict
  readonly outputs: unknown
}

async function judgeEngine(recorded: Case, engine: Engine): Promise<Judged> {
  let outputs: unknown
  // The whole case comes first, and its single steps after it.
  const observer: Observer = { ratios: true, onOutputs: (given) => (outputs ??= given) }
  const free = await verify(recorded, engine, defaultJudgement, observer)
  return { verdict: (await verifyChain(recorded, engine, free)).verdict, outputs }
}

/** Judges what a file holds of a case. */
async function judgeActual(recorded: Case, actual: string, map: NameMap | undefined): Promise<Judged> {
  const { outputs, notes } = readActual(actual, await readRegular(actual, mostBytesOf(recorded)), recorded, map)
  const settled = settleTies(recorded, outputs).outputs
  const comparisons = judge(recorded, settled).filter(({ tensor }) => Object.hasOwn(outputs, tensor))
  for (const note of notes) say(`note: ${logLine(note)}`)
  return { verdict: verdictOf(recorded, comparisons), outputs }
}

/** Judges the answer to a case, as `verify` does. */
async function judgeAnswer(file: string, recorded: Case, answers: Answers): Promise<Judged> {
  const own = await answers.to(file, nameBelow(dirname(file), file))
  let outputs: unknown
  const observer: Observer = { ratios: true, wholeOnly: true, onOutputs: (given) => (outputs ??= given) }
  const verdict = await verify(recorded, own.engineFor(recorded), defaultJudgement, observer)
  for (const line of renderTally(answers.folder, answers.tally)) say(`note: ${line}`)
  for (const { message } of own.errors) process.stderr.write(`${pc.red('error')} ${message}\n`)
  return { verdict, outputs }
}

/** What there is to explain with. */
interface Means {
  readonly options: ExplainOptions
  readonly explainer: Explainer
  /** Who can be asked for more than the case. */
  readonly asked: { readonly engine: Engine; readonly host: Host | undefined } | undefined
}

async function tell(
  file: string,
  recorded: Case,
  { verdict, outputs }: Judged,
  { options: { searchMs }, explainer, asked }: Means,
): Promise<Told> {
  if (verdict.outcome !== 'mismatch') {
    say(renderRow(verdict, pc))
    return { verdict, exitCode: verdict.outcome === 'match' ? 0 : 2 }
  }
  // At once: why may take a while, and be interrupted.
  say(renderMismatch(file, verdict, pc))
  // The whole run is right where only its parts are not, and so leaves nothing to explain.
  if (verdict.chain !== undefined) return { verdict, exitCode: 1 }
  const found = await explainer.explain({ recorded, outputs, limitMs: searchMs })
  const diagnosis = found && (await heldAgainst(recorded, found, searchMs, asked))
  if (diagnosis !== undefined) say(renderDiagnosis(diagnosis, pc))
  return { verdict, diagnosis, exitCode: 1 }
}

/** The explanations of a case, as other cases leave them; or what would tell them apart, where nobody can be asked. */
async function heldAgainst(
  recorded: Case,
  diagnosis: Diagnosis,
  limitMs: number,
  asked: Means['asked'],
): Promise<Diagnosis> {
  if (asked === undefined) {
    const telling = tellingOf(
      recorded,
      diagnosis.explanations.filter(({ complete }) => complete),
      limitMs,
    )
    return telling === undefined ? diagnosis : { ...diagnosis, telling }
  }
  const { engine, host } = asked
  const when = async (): Promise<readonly string[]> => {
    if (isModelRequest(recorded)) return []
    const around = drawOf(recorded)
    const experiments = { experiments: mostExperiments, limitMs: whenPart * limitMs, take: () => host?.take() ?? [] }
    return whenOf(
      await probe(engine, { modules: [around.module], largest: mostSize, seed: 0, around, ...experiments }),
      pc,
    )
  }
  return await confirmed(recorded, diagnosis, engine, { limitMs, when })
}

/** Experiments take longer than a search: so many times as long. */
const whenPart = 4
const mostExperiments = 1500
const mostSize = 520

/** Each try starts a process, so a search among the cases of a file takes longer than one for causes. */
const historyMs = 60_000

/** What an engine that is right at first does beside computing, and which calls before a case change its answer. */
async function tellConduct(
  file: string,
  { recorded, judged, host }: { readonly recorded: Case; readonly judged: Judged; readonly host: Host },
  means: Means,
): Promise<Told> {
  const history = await historyOf(file, recorded, host, historyMs)
  const seen = once(host.take())
  const name = `${file}: case ${recorded.id}`
  if (seen.length > 0) say(renderConduct(name, seen, pc))
  const asSeen = (conduct: readonly Conduct[]): Verdict =>
    conduct.length === 0 ? judged.verdict : { ...judged.verdict, conduct }
  if (history === undefined) {
    return { verdict: asSeen(seen), exitCode: seen.some((each) => fails(each)) ? 1 : 0 }
  }
  const { calls, difference, outputs } = history
  const changed = { kind: 'not repeatable', text: `after ${calls.join(', then ')}: ${difference}` } as const
  say(renderConduct(name, [changed], pc))
  const verdict = verdictOf(recorded, judge(recorded, outputs))
  if (verdict.outcome !== 'mismatch') {
    say('  both answers match PyTorch')
    return { verdict: asSeen([...seen, changed]), exitCode: 1 }
  }
  const { diagnosis } = await tell(file, recorded, { verdict, outputs }, { ...means, asked: undefined })
  return { verdict: asSeen([...seen, changed]), diagnosis, exitCode: 1 }
}
