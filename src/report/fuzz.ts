import { oneLine } from '../format/errors.ts'
import type { Finding, Fuzzed } from '../oracle/fuzz.ts'
import type { Coverage } from '../oracle/fuzz/coverage.ts'
import { renderSpec } from '../oracle/fuzz/words.ts'
import { type Colors, noColors, percent, plural, renderConduct, renderMismatch } from './text.ts'
import type { Verdict } from '../verify.ts'

const mostLost = 10

/** The counts of a run, and how close a match came to its limit. */
export function renderFuzzed(fuzzed: Fuzzed, seconds: number, colors: Colors = noColors): string {
  const { runs, matched, undecided, unsupported, refused, most, refusals, finding, lost } = fuzzed
  const departed = finding === undefined ? '0 departed' : colors.red('1 departed')
  const gone = lost.length === 0 ? '' : `, ${colors.red(`${lost.length} lost with Python`)}`
  const rest = `${undecided} undecided, ${unsupported} unsupported, ${refused} refused by PyTorch${gone}`
  const counts = `${colors.green(`${matched} matched`)}, ${departed}, ${rest}`
  const lines = [
    `${plural(runs, 'run')} in ${seconds.toFixed(1)} s (${Math.round(runs / seconds)} a second): ${counts}`,
  ]
  if (most !== undefined) {
    lines.push(`largest share of the allowed error in a match: ${percent(most.share)} (${renderSpec(most.spec)})`)
  }
  for (const [reason, spec] of refusals) lines.push(`refused: ${oneLine(reason)} (${renderSpec(spec)})`)
  for (const { spec } of lost.slice(0, mostLost)) lines.push(`lost: ${renderSpec(spec)}`)
  if (lost.length > mostLost) lines.push(`lost: ${lost.length - mostLost} more`)
  return lines.join('\n')
}

/** What was found: the smallest case, and how it departs. */
export function renderFinding({ run, drawn, minimal, outcome, tried }: Finding, colors: Colors = noColors): string {
  const about =
    outcome.kind === 'failed'
      ? `${colors.red('failed')} ${oneLine(outcome.error.message)}`
      : renderFault(outcome.verdict, colors)
  return [
    `run ${run} departs: ${renderSpec(drawn)}`,
    `smallest of ${tried + 1} tried: ${colors.bold(renderSpec(minimal))}`,
    about,
  ].join('\n')
}

/** A case that does not match, or of which the engine gives something else the second time. */
function renderFault(verdict: Verdict, colors: Colors): string {
  return verdict.outcome === 'mismatch'
    ? renderMismatch('fuzz', verdict, colors)
    : renderConduct(`fuzz: case ${verdict.id}`, verdict.conduct ?? [], colors)
}

/** How often each option was in a case that matched, and each pair: a lower triangle, `·` where there is no such case. */
export function renderCoverage({ options, counts, pairs }: Coverage, colors: Colors = noColors): string {
  const possible = pairs.flat().filter((count) => count !== undefined)
  const seen = possible.filter((count) => count > 0)
  const cell = (text: string | number): string => String(text).padStart(5)
  const titles = options.map((_, i) => cell(i + 1)).join('')
  const rows = options.map((name, i) => {
    const together = pairs[i]!.map((count) => (count === undefined ? cell('·') : cell(short(count)))).join('')
    return `  ${String(i + 1).padStart(2)} ${name.padEnd(18)}${cell(short(counts[i]!))} ${together}`
  })
  return [
    `options exercised: ${counts.filter((count) => count > 0).length} of ${options.length}, pairs of them: ${seen.length} of ${possible.length}`,
    colors.dim(`  ${'option'.padEnd(21)}${cell('cases')} ${titles}`),
    ...rows,
  ].join('\n')
}

function short(count: number): string {
  return count < 10_000 ? String(count) : `${Math.floor(count / 1000)}k`
}
