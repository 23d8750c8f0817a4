import pc from 'picocolors'
import type { Case, Outputs } from '../case.ts'
import { diagnose, type Diagnosis } from '../diagnose.ts'
import { engine as ours, type Engine } from '../engine/run.ts'
import { ParityError } from '../errors.ts'
import { renderDiagnosis } from '../report/diagnosis.ts'
import { renderMismatch, renderRow } from '../report/text.ts'
import { judge, requestOf, verify } from '../verify.ts'
import { openFile } from './files.ts'
import { hostEngine } from './host.ts'
import { onInterrupt } from './interrupt.ts'

export interface ExplainOptions {
  readonly case: string
  /** A module that exports an Engine; ours when absent. */
  readonly engine?: string
  readonly timeoutMs: number
}

/** Judges one case and prints where the engine departs from PyTorch, and why. → the exit code */
export async function explain(file: string, options: ExplainOptions): Promise<number> {
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
      const verdict = await verify(read.case, engine)
      if (verdict.outcome !== 'mismatch') {
        process.stdout.write(`${renderRow(verdict, pc)}\n`)
        return verdict.outcome === 'match' ? 0 : 2
      }
      const outputs = await engine.run(requestOf(read.case))
      process.stdout.write(
        `${renderMismatch(file, verdict, pc)}\n${renderDiagnosis(diagnose(read.case, outputs), pc)}\n`,
      )
      return 1
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

/** Why outputs depart, as far as they are the tensors that were asked for; else nothing. */
export function diagnosisOf(recorded: Case, outputs: unknown): Diagnosis | undefined {
  const complete = judge(recorded, outputs).every(({ problem }) => problem === undefined)
  return complete ? diagnose(recorded, outputs as Outputs, { limitMs: 1000 }) : undefined
}

/** Asks an engine once more and says why it departs; nothing where it fails or gives other tensors. */
export async function explanationOf(recorded: Case, engine: Engine): Promise<string> {
  try {
    const diagnosis = diagnosisOf(recorded, await engine.run(requestOf(recorded)))
    return diagnosis === undefined ? '' : renderDiagnosis(diagnosis, pc)
  } catch (error) {
    // It has been judged already: what it does the second time is not worth an error.
    if (error instanceof ParityError) return ''
    throw error
  }
}
