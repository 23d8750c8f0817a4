import pc from 'picocolors'
import type { Case, Outputs } from '../../format/case.ts'
import type { Diagnosis } from '../../diagnose.ts'
import type { Detail } from '../../report/results.ts'
import { addNumbers } from '../../report/target.ts'
import { addToModules } from '../../report/modules.ts'
import { renderMismatch, renderRow, shareOf } from '../../report/text.ts'
import type { Verdict } from '../../verify.ts'
import { width } from '../terminal.ts'
import type { Run } from './run.ts'
import { settle } from './settling.ts'

/** What explains the first mismatches of a run is printed with them, that of the others in groups at the end. */
const explainedAtOnce = 3

/** So many cases are asked before any is asked again, or fewer that hold so many numbers. */
const windowCases = 64
const windowNumbers = 8e6

/** What an engine gave for a whole case: in memory of its own, and with ties settled; and how long it took. */
export interface Given {
  answer: unknown
  outputs: unknown
  ms: number
  /** Parts of a captured model that are wrong by themselves. */
  parts: { readonly recorded: Case; readonly outputs: unknown }[]
}

/** So many parts are explained beside what is wrong first, each in so long. */
const explainedParts = 3
const partMs = 1500

/** Counts a verdict and shows it; the case may be asked again with others. */
export async function report(run: Run, file: string, verdict: Verdict, recorded: Case, given: Given): Promise<void> {
  const { summary, progress, options } = run
  const { outputs, answer, ms } = given
  summary.cases++
  addToModules(run.modules, verdict)
  run.ratios.add(verdict, file)
  addNumbers(run.numbers, verdict)
  if (verdict.outcome === 'mismatch' && run.keepsMismatches) {
    const { newMismatches } = await import('../../verify/targets/allowing.ts')
    run.mismatches ??= newMismatches()
    run.mismatches.add(recorded, outputs)
  }
  if (verdict.outcome === 'match') {
    summary.matched++
    const share = shareOf(verdict)
    if (run.most === undefined || share > run.most.share) run.most = { share, where: `${file}: case ${verdict.id}` }
  } else if (verdict.outcome === 'mismatch') summary.mismatched++
  else summary[verdict.outcome]++
  const isKnown = verdict.outcome === 'mismatch' && run.known?.covers(file, verdict) === true
  const isShown = verdict.outcome === 'mismatch' && !isKnown && run.shown < options.maxMismatches
  const isLeftOut = verdict.outcome === 'mismatch' && !isKnown && !isShown
  if (verdict.outcome === 'mismatch' && !isKnown) run.news++
  if (isShown) run.shown++
  if (isLeftOut) run.unshown++
  if (!options.quiet && !isLeftOut) progress.print(`${renderRow(verdict, pc, width())}${isKnown ? '  known' : ''}`)
  let explained: Promise<Diagnosis | undefined> | undefined
  if (verdict.outcome === 'mismatch' && !isKnown) {
    const lines = [renderMismatch(file, verdict, pc)]
    // The whole run is right where only its parts are not, and so leaves nothing to explain.
    if (verdict.chain === undefined) {
      explained = run.explainer.look({ file, recorded, outputs })
      // It is awaited later, when others have been judged.
      explained.catch(() => {})
      if (run.explained++ < explainedAtOnce && isShown) {
        const diagnosis = await explained
        const { renderDiagnosis } = await import('../../report/diagnosis.ts')
        if (diagnosis !== undefined) lines.push(renderDiagnosis(diagnosis, pc))
        for (const part of otherParts(verdict, given).slice(0, explainedParts)) {
          const own = await run.explainer.explain({ ...part, limitMs: partMs })
          if (own !== undefined) lines.push(`  ${part.tap}, from PyTorch’s own tensors:`, renderDiagnosis(own, pc))
        }
      }
    }
    if (isShown) progress.print(lines.join('\n'))
  }
  let detail: Detail | undefined
  if (options.report !== undefined) {
    const { detailOf } = await import('../../report/detail.ts')
    const { mostMapped } = await import('../../report/maps.ts')
    const mapped = run.mapped.get(file) ?? 0
    if (verdict.outcome === 'mismatch') run.mapped.set(file, mapped + 1)
    detail = detailOf(recorded, outputs, verdict, run.judgement, { isMapped: mapped < mostMapped })
  }
  const name = `${file}: case ${recorded.id}`
  run.pending.push({ file, name, recorded, verdict, answer, ms, detail, explained, conduct: run.take() })
  run.pendingNumbers += numbersOf(recorded)
  if (run.pending.length >= windowCases || run.pendingNumbers >= windowNumbers) await settle(run)
}

/** What is wrong by itself and not what is wrong first, which has been explained. */
function otherParts({ blame = [] }: Verdict, { parts }: Given): (Given['parts'][number] & { readonly tap: string })[] {
  return parts.flatMap((part) => {
    const [tap = ''] = Object.keys(part.recorded.expected)
    return blame.some((each) => each.tap === tap) ? [] : [{ ...part, tap }]
  })
}

function numbersOf({ params, inputs, expected }: Case): number {
  let count = 0
  for (const tensors of [params, inputs as Outputs, expected]) {
    for (const name of Object.keys(tensors)) count += tensors[name]!.data.length
  }
  return count
}
