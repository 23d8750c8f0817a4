import type { Header } from '../format/fixture.ts'
import { renderBlame } from './blame.ts'
import { renderComparison } from './comparison.ts'
import { percent, plural, scientific } from './numbers.ts'
import type { Comparison } from '../verify/compare.ts'
import { type Conduct, conducts, fails } from '../verify/conduct.ts'
import { logLine, oneLine } from '../format/errors.ts'
import { largestRatio, remarkOn, summaryOfRatios } from '../verify/ratio.ts'
import type { Verdict } from '../verify.ts'
import { alone } from './alone.ts'
import type { Failure, Summary } from './results.ts'

export { percent, plural, scientific } from './numbers.ts'

/** Colours for the words of a report; each may leave its text alone. */
export interface Colors {
  readonly green: (text: string) => string
  readonly red: (text: string) => string
  readonly yellow: (text: string) => string
  readonly dim: (text: string) => string
  readonly bold: (text: string) => string
}

const same = (text: string): string => text
export const noColors: Colors = { green: same, red: same, yellow: same, dim: same, bold: same }

/** The largest share of the allowed error that any tensor of a case uses: up to 1 is a match. */
export function shareOf({ comparisons, steps, chain }: Verdict): number {
  let largest = 0
  for (const all of [comparisons, steps?.comparisons, chain?.comparisons]) {
    if (all !== undefined) for (const { share } of all) largest = Math.max(largest, share)
  }
  return largest
}

/** `2.13.0+cpu`, or where torch computed on a GPU `2.13.0+cu130 on cuda: NVIDIA H100, TF32 off`. */
export function renderRecorder({ producer: { torch, device, tf32 } }: Header): string {
  return device === undefined ? torch : `${torch} on ${device}, TF32 ${tf32 === true ? 'on' : 'off'}`
}

/** `fixtures/rnn/relu.msgpack: 12 cases, recorded by torch 2.13.0` and the titles of the columns below it. */
export function renderFile(
  file: string,
  header: Header,
  cases: number,
  colors: Colors = noColors,
  width = Infinity,
): string {
  const titles = columns(['outcome', 'case', 'allowed error used', 'R', 'smallest rtol', 'or atol'], width)
  return `${colors.bold(logLine(file))}: ${plural(cases, 'case')}, recorded by torch ${renderRecorder(header)}\n${colors.dim(titles)}`
}

/** One line of a file's table. width: of where it is read */
export function renderRow(verdict: Verdict, colors: Colors = noColors, width = Infinity): string {
  const { outcome, id, steps, chain, ties = [], comparisons } = verdict
  const paint = { match: colors.green, mismatch: colors.red, undecided: colors.yellow, unsupported: colors.yellow }[
    outcome
  ]
  const all = [...comparisons, ...(steps?.comparisons ?? []), ...(chain?.comparisons ?? [])]
  const ratio = largestRatio(verdict.ratios)
  const largest = (pick: (comparison: Comparison) => number): number => Math.max(0, ...all.map(pick))
  const row =
    all.length === 0
      ? columns([outcome, logLine(id), '-', '-', '-', '-'], width)
      : columns(
          [
            outcome,
            logLine(id),
            percent(shareOf(verdict)),
            ratio === undefined ? '-' : twoDigits(ratio),
            scientific(largest(({ rtol }) => rtol)),
            scientific(largest(({ atol }) => atol)),
          ],
          width,
        )
  const rest = steps === undefined ? '' : `  decided: ${steps.decided} of ${steps.of} steps, the rest by steps`
  const parts = chain === undefined ? '' : `  ${inParts(verdict)}`
  const tied = ties
    .map(({ batch, t, actual, expected }) => `  tie at t ${t} of batch ${batch}: ${actual} for ${expected}`)
    .join('')
  const reason = verdict.reason === undefined ? '' : `  ${oneLine(verdict.reason)}`
  const remark = ratio === undefined ? undefined : remarkOn(ratio)
  const worth = remark === undefined ? '' : `  ${remark}`
  const { faint = [], taps } = verdict
  const { correspondences = [] } = verdict
  const told = correspondences
    .map(
      ({ tensor, tap, order }) =>
        `  ${oneLine(tensor)} is ${oneLine(tap)}${order === undefined ? '' : ` with axes ${order.join(', ')}`}`,
    )
    .join('')
  const way = taps === undefined || taps.of === 0 ? '' : `  ${taps.given} of ${taps.of} taps`
  const said = faint.length === 0 ? '' : `  zeros would match most numbers of ${oneLine(faint.join(', '))}`
  return paint(row.slice(0, 13)) + row.slice(13) + way + told + rest + parts + tied + reason + worth + said
}

type Cells = readonly [outcome: string, id: string, share: string, ratio: string, rtol: string, atol: string]

/** Where there is less room, the two that are for setting tolerances by hand are left out, and ids are cut. */
function columns([outcome, id, share, ratio, rtol, atol]: Cells, width: number): string {
  if (width >= 126) {
    const cells = [outcome.padEnd(11), id.padEnd(60), share.padStart(18), ratio.padStart(7)]
    return `  ${[...cells, rtol.padStart(13), atol.padStart(9)].join(' ')}`
  }
  const room = width - 40
  const cut = id.length > room ? `${id.slice(0, room - 1)}…` : id
  return `  ${outcome.padEnd(11)} ${cut.padEnd(room)}${share.padStart(18)}${ratio.padStart(7)}`
}

/** Everything that is known about a mismatch, tensor by tensor. */
export function renderMismatch(file: string, verdict: Verdict, colors: Colors = noColors): string {
  const lines = [
    `${colors.red('mismatch')} ${colors.bold(logLine(`${file}: case ${verdict.id}`))} (${logLine(verdict.module)})`,
  ]
  const { comparisons, blame, parts } = verdict
  if (blame === undefined) for (const comparison of comparisons) lines.push(...renderComparison(comparison))
  else lines.push(...renderBlame(comparisons, blame, parts, verdict.unasked))
  for (const each of alone(verdict.steps?.comparisons ?? [])) lines.push(...renderComparison(each, 'each step alone'))
  for (const comparison of verdict.chain?.comparisons ?? []) {
    if (comparison.outcome === 'mismatch') lines.push(...renderComparison(comparison, inParts(verdict)))
  }
  if (verdict.chain !== undefined) lines.push(`  where: ${whereInParts(verdict.chain)}`)
  return lines.join('\n')
}

/** Where a sequence in parts leaves the whole run, which is right. */
function whereInParts({ sizes, comparisons }: NonNullable<Verdict['chain']>): string {
  const output = comparisons.find(({ tensor }) => tensor === 'output')
  const t = output?.firstStep?.forward
  if (t === undefined) return 'the whole run is right, and so are all steps in parts; the last states are not'
  let begins = 0
  const part = sizes.findIndex((size) => t < (begins += size))
  const first = begins - sizes[part]!
  const begin =
    part === 0
      ? 'the first part is computed otherwise than as the beginning of a whole run'
      : t === first
        ? `part ${part + 1} does not begin from the states that are handed to it`
        : `part ${part + 1}, of ${sizes[part]} steps, is computed otherwise than within a whole run`
  return `the whole run is right, and in parts it goes wrong at t ${t}: ${begin}`
}

function inParts({ chain }: Verdict): string {
  return `in parts of ${chain?.sizes.join(' + ')} steps, states handed on`
}

/** What an engine did beside computing, a line for each thing. */
export function renderConduct(name: string, conduct: readonly Conduct[], colors: Colors = noColors): string {
  return conduct
    .map(
      (each) =>
        `${(fails(each) ? colors.red : colors.yellow)(each.kind)} ${colors.bold(logLine(name))}: ${oneLine(each.text)}`,
    )
    .join('\n')
}

/** In how many findings an engine did what makes numbers wrong for somebody. */
export function countOfFaults({ conduct }: Summary): number {
  return conducts.reduce((sum, kind) => sum + (fails({ kind }) ? (conduct[kind] ?? 0) : 0), 0)
}

/** How often each case was asked, and in which order. */
export function renderAsked(repeat: number, order: number, chains: number, refused = 0): string {
  const parts = chains === 0 ? '' : `; ${plural(chains, 'sequence')} in parts as well`
  const left = refused === 0 ? '' : `; ${plural(refused, 'sequence')} not in parts, which the engine does not support`
  return `each case asked ${repeat} times, with others in between (--order ${order})${parts}${left}`
}

/** Which case uses the largest share of the allowed error in a match. */
export interface Most {
  readonly share: number
  readonly where: string
}

/** The R of the cases of a run. */
export class RatioTotals {
  private readonly all: number[] = []
  private most: { readonly ratio: number; readonly where: string } | undefined

  add({ ratios, id }: Verdict, file: string): void {
    const ratio = largestRatio(ratios)
    if (ratio === undefined) return
    this.all.push(ratio)
    if (this.most === undefined || ratio > this.most.ratio) this.most = { ratio, where: `${file}: case ${id}` }
  }

  render(): string[] {
    const summary = summaryOfRatios(this.all)
    if (summary === undefined || this.most === undefined) return []
    const { ratio, where } = this.most
    const precise = summary.isPrecise ? ': computed in more precision than the dtypes have' : ''
    return [
      `R, the error in shares of PyTorch's own: median ${twoDigits(summary.median)}, largest ${twoDigits(ratio)} (${where})${precise}`,
    ]
  }
}

function twoDigits(x: number): string {
  return x > 0 && (x < 0.01 || x >= 1e5) ? x.toExponential(0) : String(Number(x.toPrecision(2)))
}

/** The counts, what could not be judged, and how much of the allowed error was used at most. */
export function renderSummary(
  summary: Summary,
  errors: readonly Failure[],
  most: Most | undefined,
  colors: Colors = noColors,
  ratios: RatioTotals = new RatioTotals(),
): string {
  const { cases, matched, mismatched, undecided, unsupported } = summary
  const counts = [
    colors.green(`${matched} matched`),
    (mismatched > 0 ? colors.red : same)(`${mismatched} mismatched`),
    (undecided > 0 ? colors.yellow : same)(`${undecided} undecided`),
    (unsupported > 0 ? colors.yellow : same)(`${unsupported} unsupported`),
    ...(errors.length > 0 ? [colors.red(plural(errors.length, 'error'))] : []),
  ]
  const used =
    most === undefined
      ? []
      : [`largest share of the allowed error in a match: ${percent(most.share)} (${logLine(most.where)})`]
  for (const kind of conducts) {
    const count = summary.conduct[kind] ?? 0
    if (count > 0) counts.push((fails({ kind }) ? colors.red : colors.yellow)(`${count} ${kind}`))
  }
  return [`${plural(cases, 'case')}: ${counts.join(', ')}`, ...used, ...ratios.render()].join('\n')
}

/** What a run came to of which nothing was judged; undefined when there was no case. */
export function nothingOf({ undecided, unsupported }: Pick<Summary, 'undecided' | 'unsupported'>): string | undefined {
  const counted = [
    ...(undecided > 0 ? [`${plural(undecided, 'case')} of which nothing can be decided`] : []),
    ...(unsupported > 0 ? [`${plural(unsupported, 'case')} that the engine does not support`] : []),
  ]
  return counted.length === 0 ? undefined : counted.join(' and ')
}
