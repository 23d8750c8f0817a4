import pc from 'picocolors'
import { auditCase, newTallies, statusOf, tally } from '../diagnose/audit.ts'
import { type Case, isExported } from '../format/case.ts'
import { defaultJudgement } from '../verify/compare.ts'
import { engine } from '../engine/run.ts'
import { logLine, ParityError } from '../format/errors.ts'
import { faults } from '../edits/faults.ts'
import { auditOfTallies, renderAudit, renderDoubts, renderSilent, type WideCase } from '../report/audit.ts'
import { renderTarget } from '../report/target.ts'
import { plural } from '../report/text.ts'
import { verify } from '../verify.ts'
import { widest, widthsOf } from '../verify/width.ts'
import { findFixtures, openFile, writeAside } from './files.ts'
import { onInterrupt } from './interrupt.ts'
import { addToPage, readPage } from './page.ts'
import { startProgress } from './progress.ts'
import { judgedFor } from './target.ts'
import { say, write } from './terminal.ts'

export interface AuditOptions {
  /** Whether a fault that no case has anything to do with counts as seen. */
  readonly onlyApplicable: boolean
  /** What engines may do otherwise than a CPU, by name. */
  readonly target?: string
  /** The folder of a report, which gets the table. */
  readonly report?: string
  /** Where the table is written as JSON. */
  readonly json?: string
}

/** Applies every fault to every case and prints which case reveals which. → the exit code */
export async function audit(
  paths: readonly string[],
  { onlyApplicable, target, report, json }: AuditOptions,
): Promise<number> {
  const judged = judgedFor(target, defaultJudgement.tolerance)
  // Before the work, which would be lost.
  const page = report === undefined ? undefined : { folder: report, results: await readPage(report) }
  const interruption = onInterrupt()
  const progress = await startProgress(false)
  const { files, errors: missing } = await findFixtures(paths)
  const errors: ParityError[] = [...missing]
  const tallies = newTallies(faults)
  const silent: string[] = []
  const undecided: string[] = []
  const wide: WideCase[] = []
  let cases = 0
  let captured = 0

  const auditOne = async (file: string, recorded: Case): Promise<void> => {
    const name = `${file}: case ${recorded.id}`
    const { outcome } = await verify(recorded, engine)
    // Published values have few digits, and so wide budgets; those of a target are meant to be wide.
    const isMeasured = recorded.source === undefined && judged.target === undefined
    const width = isMeasured ? Math.max(0, ...Object.values(widthsOf(recorded))) : 0
    if (width > widest) wide.push({ name, width })
    // What a target leaves too little of to match may still show what is far off.
    const decides = outcome === 'match'
    if (outcome === 'undecided') undecided.push(name)
    if (outcome === 'undecided' && judged.target === undefined) return
    if (!decides && outcome !== 'undecided') {
      errors.push(
        new ParityError('CASE_INVALID', `${name}: expected the engine without a fault to match, got ${outcome}`),
      )
      return
    }
    const findings = await auditCase(recorded, faults, async () => {
      await interruption.breathe()
      return interruption.signal.aborted
    })
    if (interruption.signal.aborted) return
    tally(tallies, logLine(file), findings)
    if (!findings.some((finding) => finding.outcome === 'revealed')) silent.push(logLine(name))
    cases++
  }

  for (const file of files) {
    if (interruption.signal.aborted) break
    try {
      const fixture = await openFile(file)
      progress.expect(fixture.length)
      for await (const read of fixture.cases()) {
        if (interruption.signal.aborted) break
        if ('error' in read) errors.push(read.error)
        // Known faults are those of modules, and of the models of torch_parity.models.
        else if (isExported(read.case)) captured++
        else {
          progress.advance(() => logLine(`${file} ${read.case.id}`))
          await auditOne(file, judged.as(read.case))
        }
        await interruption.breathe()
      }
    } catch (error) {
      if (!(error instanceof ParityError)) throw error
      errors.push(error)
    }
  }
  progress.stop()
  interruption.stop()

  const statuses = tallies.map(statusOf)
  const count = (status: string): number => statuses.filter((own) => own === status).length
  say(`${renderAudit(tallies, pc)}\n\n${renderSilent(silent)}\n\n${renderDoubts(undecided, wide)}\n`)
  write(
    `${plural(cases, 'case')}, ${plural(faults.length, 'fault')}: ${count('seen')} seen, ${count('equivalent')} equivalent, ` +
      `${count('unseen')} unseen, ${count('inapplicable')} inapplicable\n`,
  )
  if (judged.target !== undefined) {
    write(
      `${renderTarget(judged.target)}; ${plural(undecided.length, 'case')} ${undecided.length === 1 ? 'decides' : 'decide'} too little to match\n`,
    )
  }
  if (captured > 0) say(`${plural(captured, 'captured model')} not audited: no known fault is of these`)
  if (page !== undefined && !interruption.signal.aborted) {
    await addToPage(page.folder, page.results, auditOfTallies(tallies, files))
  }
  if (json !== undefined && !interruption.signal.aborted) {
    const table = { cases, undecided, wide, ...auditOfTallies(tallies, files) }
    await writeAside(json, [`${JSON.stringify(table)}\n`])
  }
  for (const { message } of errors) process.stderr.write(`${pc.red('error')} ${message}\n`)
  if (interruption.signal.aborted) {
    process.stderr.write('interrupted: what was audited until then stands above\n')
    return interruption.exitCode
  }
  if (errors.length > 0 || cases === 0) return 2
  const unseen = count('unseen') + count('not equivalent') + (onlyApplicable ? 0 : count('inapplicable'))
  return unseen > 0 ? 1 : 0
}
