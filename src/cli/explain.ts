import pc from 'picocolors'
import { mostBytesOf, readActual } from '../actual.ts'
import type { Case } from '../case.ts'
import { defaultJudgement } from '../compare.ts'
import { diagnose, type Diagnosis } from '../diagnose.ts'
import { engine as ours, type Engine } from '../engine/run.ts'
import { logLine, ParityError } from '../errors.ts'
import { renderDiagnosis } from '../report/diagnosis.ts'
import { renderMismatch, renderRow } from '../report/text.ts'
import { elementCount, type FloatTensor } from '../tensor.ts'
import { judge, verify, type Verdict } from '../verify.ts'
import { type Explainer, newExplainer } from './explainer.ts'
import { openFile, readRegular } from './files.ts'
import { type Host, hostEngine } from './host.ts'
import { onInterrupt } from './interrupt.ts'

export interface ExplainOptions {
  readonly case: string
  /** A module that exports an Engine; ours when absent. */
  readonly engine?: string
  /** Tensors that were computed elsewhere, instead of an engine. */
  readonly actual?: string
  readonly timeoutMs: number
  readonly searchMs: number
}

/** Judges one case and prints where the engine departs from PyTorch, and why. → the exit code */
export async function explain(file: string, options: ExplainOptions): Promise<number> {
  if (options.actual !== undefined && options.engine !== undefined) {
    throw new ParityError('USAGE', '--actual: expected it without --engine, got both')
  }
  const interruption = onInterrupt()
  const explainer = newExplainer(interruption.signal)
  let host: Host | undefined
  try {
    if (options.engine !== undefined) host = await hostEngine(options.engine, options.timeoutMs, interruption.signal)
    const recorded = await caseOf(file, options.case)
    const judged =
      options.actual === undefined
        ? await judgeEngine(recorded, host?.engine ?? ours)
        : await judgeActual(recorded, options.actual)
    const exitCode = await tell(file, recorded, judged, options, explainer)
    if (!interruption.signal.aborted) return exitCode
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

interface Judged {
  readonly verdict: Verdict
  readonly outputs: unknown
}

async function caseOf(file: string, id: string): Promise<Case> {
  for await (const read of (await openFile(file)).cases()) {
    if ('error' in read) {
      if (read.error.message.includes(`case ${id}`)) throw read.error
    } else if (read.case.id === id) return read.case
  }
  throw new ParityError(
    'USAGE',
    `${file}: expected a case ${id}, got none of that id\n\`torch-parity inspect ${file}\` lists them`,
  )
}

async function judgeEngine(recorded: Case, engine: Engine): Promise<Judged> {
  let outputs: unknown
  const verdict = await verify(recorded, engine, defaultJudgement, { onOutputs: (given) => (outputs = given) })
  return { verdict, outputs }
}

/** Judges what a file holds of a case. */
async function judgeActual(recorded: Case, actual: string): Promise<Judged> {
  const { outputs, notes } = readActual(actual, await readRegular(actual, mostBytesOf(recorded)), recorded)
  const comparisons = judge(recorded, outputs).filter(({ tensor }) => Object.hasOwn(outputs, tensor))
  const isRight = comparisons.every(({ outcome }) => outcome === 'match')
  const { id, module } = recorded
  for (const note of notes) process.stdout.write(`note: ${logLine(note)}\n`)
  return { verdict: { id, module, outcome: isRight ? 'match' : 'mismatch', comparisons }, outputs }
}

async function tell(
  file: string,
  recorded: Case,
  { verdict, outputs }: Judged,
  { searchMs }: ExplainOptions,
  explainer: Explainer,
): Promise<number> {
  if (verdict.outcome !== 'mismatch') {
    process.stdout.write(`${renderRow(verdict, pc)}\n`)
    return verdict.outcome === 'match' ? 0 : 2
  }
  // At once: why may take a while, and be interrupted.
  process.stdout.write(`${renderMismatch(file, verdict, pc)}\n`)
  const diagnosis = await explainer.explain({ recorded, outputs, limitMs: searchMs })
  if (diagnosis !== undefined) process.stdout.write(`${renderDiagnosis(diagnosis, pc)}\n`)
  return 1
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
