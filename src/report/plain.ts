import type { Comparison } from '../verify/compare.ts'
import { logLine, logText } from '../format/errors.ts'
import { isFault, type Verdict } from '../verify.ts'
import type { CauseGroup } from '../diagnose/causes.ts'
import { asElsewhere, causeOfEach, renderCauses, severalCauses } from './causes.ts'
import { renderDiagnosis } from './diagnosis.ts'
import { addToModules, type ModuleTotals, renderModules } from './modules.ts'
import type { Results } from './results.ts'
import { addNumbers, renderJudged } from './target.ts'
import { type Most, noColors, RatioTotals, renderConduct, renderMismatch, renderSummary, shareOf } from './text.ts'

/** A case of results as the verdict that it was: numbers that JSON has no words for are numbers again. */
export function verdictOf(judged: Results['cases'][number]): Verdict {
  const { comparisons, parts, steps, chain, ratios, ...rest } = judged
  return {
    ...rest,
    comparisons: comparisons.map((each) => comparisonOf(each)),
    ...(parts && { parts: parts.map((each) => comparisonOf(each)) }),
    ...(ratios && { ratios: Object.fromEntries(Object.entries(ratios).map(([name, ratio]) => [name, Number(ratio)])) }),
    ...(steps && { steps: { ...steps, comparisons: steps.comparisons.map((each) => comparisonOf(each)) } }),
    ...(chain && { chain: { ...chain, comparisons: chain.comparisons.map((each) => comparisonOf(each)) } }),
    // The schema of results is that of verdicts, but for the numbers.
  } as Verdict
}

function comparisonOf({
  share,
  rtol,
  atol,
  worst,
  sampled,
  ...rest
}: Results['cases'][number]['comparisons'][number]): Comparison {
  return {
    ...rest,
    share: Number(share),
    rtol: Number(rtol),
    atol: Number(atol),
    ...(sampled && { sampled: { ...sampled, ...(sampled.sum && { sum: numbersOf(sampled.sum) }) } }),
    ...(worst && {
      worst: {
        ...worst,
        actual: Number(worst.actual),
        expected: Number(worst.expected),
        error: Number(worst.error),
        allowed: Number(worst.allowed),
      },
    }),
  } as Comparison
}

type Sum = NonNullable<NonNullable<Results['cases'][number]['comparisons'][number]['sampled']>['sum']>

function numbersOf(sum: Sum): object {
  return { ...sum, error: Number(sum.error), allowed: Number(sum.allowed) }
}

/** What `verify` prints of a mismatch, without colour. */
export function explainSaved(judged: Results['cases'][number], cause?: CauseGroup): string {
  const { explanation, file } = judged
  const why =
    explanation === undefined
      ? cause === undefined
        ? []
        : [`  why: the engine ${cause.sentence} (${asElsewhere(cause)})`]
      : [
          renderDiagnosis({
            ...explanation,
            explanations: explanation.explanations.map((each) => ({ ...each, explained: Number(each.explained) })),
          }),
        ]
  const { conduct = [], id } = judged
  const seen = conduct.length === 0 ? [] : [renderConduct(`${file}: case ${id}`, conduct)]
  const mismatch = judged.outcome === 'mismatch' ? [renderMismatch(file, verdictOf(judged))] : []
  return [...mismatch, ...why.map((text) => logText(text)), ...seen].join('\n')
}

/** Plain text without colour: mismatches, what was judged of each module, and the counts. */
export function renderText(runs: readonly Results[]): string {
  return runs.map((results) => textOf(results)).join('\n')
}

function textOf({ engine, target, cases, causes, errors, summary }: Results): string {
  const modules = new Map<string, ModuleTotals>()
  let most: Most | undefined
  const ratios = new RatioTotals()
  const mismatches: string[] = []
  const numbers = { elements: 0, unjudged: 0 }
  const causeOf = causeOfEach(causes)
  for (const judged of cases) {
    const verdict = verdictOf(judged)
    addToModules(modules, verdict)
    ratios.add(verdict, judged.file)
    addNumbers(numbers, verdict)
    if (isFault(judged)) mismatches.push(explainSaved(judged, causeOf(judged)))
    const share = judged.outcome === 'match' ? shareOf(verdict) : 0
    if (judged.outcome === 'match' && (most === undefined || share > most.share)) {
      most = { share, where: `${judged.file}: case ${judged.id}` }
    }
  }
  const lines = [logLine(engine), ...mismatches, ...errors.map(({ message }) => `error ${logText(message)}`)]
  const several = severalCauses(causes)
  if (several !== undefined) lines.push(renderCauses(several))
  if (modules.size > 1) lines.push(renderModules(modules))
  const judgedBy = target === undefined ? [] : [renderJudged(target, numbers)]
  return `${[...lines, renderSummary(summary, errors, most, noColors, ratios), ...judgedBy].join('\n')}\n`
}
