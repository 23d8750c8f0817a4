import { readFile } from 'node:fs/promises'
import pc from 'picocolors'
import { readActual } from '../actual.ts'
import { once } from '../again.ts'
import type { Case } from '../case.ts'
import { defaultJudgement } from '../compare.ts'
import { fails } from '../conduct.ts'
import { diagnose, type Diagnosis } from '../diagnose.ts'
import { engine as ours, type Engine } from '../engine/run.ts'
import { messageOf, ParityError } from '../errors.ts'
import { renderDiagnosis } from '../report/diagnosis.ts'
import { renderTarget } from '../report/target.ts'
import { renderConduct, renderMismatch, renderRow } from '../report/text.ts'
import { elementCount, type FloatTensor } from '../tensor.ts'
import { judge, type Observer, requestOf, verdictOf, verify, verifyChain, type Verdict } from '../verify.ts'
import { openFile } from './files.ts'
import { historyOf } from './history.ts'
import { type Host, hostEngine } from './host.ts'
import { onInterrupt } from './interrupt.ts'
import { judgedFor } from './target.ts'

export interface ExplainOptions {
  readonly case: string
  /** A module that exports an Engine; ours when absent. */
  readonly engine?: string
  /** Tensors that were computed elsewhere, instead of an engine. */
  readonly actual?: string
  /** What engines may do otherwise than a CPU, by name. */
  readonly target?: string
  readonly timeoutMs: number
  readonly searchMs: number
}

/** Judges one case and prints where the engine departs from PyTorch, and why. → the exit code */
export async function explain(file: string, options: ExplainOptions): Promise<number> {
  if (options.actual !== undefined && options.engine !== undefined) {
    throw new ParityError('USAGE', '--actual: expected it without --engine, got both')
  }
  const judged = judgedFor(options.target, defaultJudgement.tolerance)
  const interruption = onInterrupt()
  const host =
    options.engine === undefined ? undefined : await hostEngine(options.engine, options.timeoutMs, interruption.signal)
  try {
    const engine = host?.engine ?? ours
    for await (const read of (await openFile(file)).cases()) {
      if ('error' in read) {
        if (read.error.message.includes(`case ${options.case}`)) throw read.error
        continue
      }
      if (read.case.id !== options.case) continue
      const recorded = judged.as(read.case)
      if (judged.target !== undefined) process.stdout.write(`${renderTarget(judged.target)}\n`)
      if (options.actual !== undefined) return await explainActual(file, options.actual, recorded, options.searchMs)
      let outputs: unknown
      // The whole case comes first, and its single steps after it.
      const observer: Observer = { ratios: true, onOutputs: (given) => (outputs ??= given) }
      const free = await verify(recorded, engine, defaultJudgement, observer)
      const { verdict } = await verifyChain(recorded, engine, free)
      if (verdict.outcome === 'mismatch') {
        const told = renderMismatch(file, verdict, pc)
        const isWhole = verdict.chain === undefined
        process.stdout.write(`${isWhole ? explained(told, recorded, outputs, options.searchMs) : told}\n`)
        return 1
      }
      process.stdout.write(`${renderRow(verdict, pc)}\n`)
      if (verdict.outcome !== 'match') return 2
      return host === undefined ? 0 : await explainConduct(file, recorded, host, options.searchMs)
    }
  } finally {
    interruption.stop()
    await host?.close()
  }
  throw new ParityError(
    'USAGE',
    `${file}: expected a case ${options.case}, got none of that id\n\`torch-parity inspect ${file}\` lists them`,
  )
}

/** Each try starts a process, so a search among the cases of a file takes longer than one for causes. */
const historyMs = 60_000

/** What an engine that is right at first does beside computing, and which calls before a case change its answer. */
async function explainConduct(file: string, recorded: Case, host: Host, searchMs: number): Promise<number> {
  const history = await historyOf(file, recorded, host, historyMs)
  const seen = once(host.take())
  const name = `${file}: case ${recorded.id}`
  if (seen.length > 0) process.stdout.write(`${renderConduct(name, seen, pc)}\n`)
  if (history === undefined) return seen.some((each) => fails(each)) ? 1 : 0
  const { calls, difference, outputs } = history
  const text = `after ${calls.join(', then ')}: ${difference}`
  process.stdout.write(`${renderConduct(name, [{ kind: 'not repeatable', text }], pc)}\n`)
  const comparisons = judge(recorded, outputs)
  const { id, module } = recorded
  if (comparisons.every(({ outcome }) => outcome === 'match')) {
    process.stdout.write('  both answers match PyTorch\n')
    return 1
  }
  const verdict: Verdict = { id, module, outcome: 'mismatch', comparisons }
  process.stdout.write(`${explained(renderMismatch(file, verdict, pc), recorded, outputs, searchMs)}\n`)
  return 1
}

/** Judges and explains what a file holds of a case. */
async function explainActual(file: string, actual: string, recorded: Case, searchMs: number): Promise<number> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(actual)
  } catch (cause) {
    throw new ParityError('FILE_UNREADABLE', `${actual}: expected a readable file, got ${messageOf(cause)}`, { cause })
  }
  const { outputs, notes } = readActual(actual, bytes, recorded)
  const comparisons = judge(recorded, outputs).filter(({ tensor }) => Object.hasOwn(outputs, tensor))
  const isRight = comparisons.every(({ outcome }) => outcome === 'match')
  const verdict = verdictOf(recorded, comparisons)
  for (const note of notes) process.stdout.write(`note: ${note}\n`)
  const told = isRight
    ? renderRow(verdict, pc)
    : explained(renderMismatch(file, verdict, pc), recorded, outputs, searchMs)
  process.stdout.write(`${told}\n`)
  return isRight ? (verdict.outcome === 'match' ? 0 : 2) : 1
}

function explained(mismatch: string, recorded: Case, outputs: unknown, searchMs: number): string {
  const diagnosis = diagnosisOf(recorded, outputs, searchMs)
  return diagnosis === undefined ? mismatch : `${mismatch}\n${renderDiagnosis(diagnosis, pc)}`
}

/** Why outputs depart, as far as they are tensors, if of another shape, among those that were asked for; else nothing. */
export function diagnosisOf(recorded: Case, outputs: unknown, limitMs = 1000): Diagnosis | undefined {
  if (typeof outputs !== 'object' || outputs === null) return undefined
  const given = Object.fromEntries(Object.entries(outputs).filter(([name]) => Object.hasOwn(recorded.expected, name)))
  const compared = judge(recorded, given).filter(({ tensor }) => Object.hasOwn(given, tensor))
  const areTensors = compared.every(
    ({ tensor, problem }) => problem === undefined || isOfOtherShape(given[tensor], recorded),
  )
  if (!areTensors || compared.length === 0) return undefined
  const diagnosis = diagnose(recorded, given, { limitMs })
  // Of tensors of another shape there is no more to say than that, unless a fault gives just them.
  const isShaped = compared.every(({ problem }) => problem === undefined)
  return isShaped || diagnosis.explanations.some(({ complete }) => complete) ? diagnosis : undefined
}

function isOfOtherShape(tensor: unknown, recorded: Case): boolean {
  const { dtype, shape, data }: Partial<FloatTensor> = Object(tensor)
  const isData = data instanceof Float32Array || data instanceof Float64Array
  return isData && dtype === recorded.dtype && Array.isArray(shape) && elementCount(shape) === data.length
}

/** Asks an engine once more and finds why it departs; nothing where it fails or gives other tensors. */
export async function askAndDiagnose(recorded: Case, engine: Engine): Promise<Diagnosis | undefined> {
  try {
    return diagnosisOf(recorded, await engine.run(requestOf(recorded)))
  } catch (error) {
    // It has been judged already: what it does the second time is not worth an error.
    if (error instanceof ParityError) return undefined
    throw error
  }
}
