import type { Header } from '../fixture.ts'
import { type Comparison, type Departure, formatPlace } from '../compare.ts'
import { logLine, oneLine } from '../errors.ts'
import type { Verdict } from '../verify.ts'
import type { Failure, Summary } from './results.ts'

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
export function shareOf({ comparisons, steps }: Verdict): number {
  return [...comparisons, ...(steps?.comparisons ?? [])].reduce((largest, { share }) => Math.max(largest, share), 0)
}

/** `2.13.0+cpu`, or where torch computed on a GPU `2.13.0+cu130 on cuda: NVIDIA H100, TF32 off`. */
export function renderRecorder({ producer: { torch, device, tf32 } }: Header): string {
  return device === undefined ? torch : `${torch} on ${device}, TF32 ${tf32 === true ? 'on' : 'off'}`
}

/** `fixtures/rnn/relu.msgpack: 12 cases, recorded by torch 2.13.0` and the titles of the columns below it. */
export function renderFile(file: string, header: Header, cases: number, colors: Colors = noColors): string {
  const titles = columns('outcome', 'case', 'allowed error used', 'smallest rtol', 'or atol')
  return `${colors.bold(logLine(file))}: ${plural(cases, 'case')}, recorded by torch ${renderRecorder(header)}\n${colors.dim(titles)}`
}

/** One line of a file's table. */
export function renderRow(verdict: Verdict, colors: Colors = noColors): string {
  const { outcome, id, steps, ties = [], comparisons } = verdict
  const paint = { match: colors.green, mismatch: colors.red, unsupported: colors.yellow }[outcome]
  const all = [...comparisons, ...(steps?.comparisons ?? [])]
  const largest = (pick: (comparison: Comparison) => number): number => Math.max(0, ...all.map(pick))
  const row =
    all.length === 0
      ? columns(outcome, logLine(id), '-', '-', '-')
      : columns(
          outcome,
          logLine(id),
          percent(shareOf(verdict)),
          scientific(largest(({ rtol }) => rtol)),
          scientific(largest(({ atol }) => atol)),
        )
  const rest = steps === undefined ? '' : `  decided: ${steps.decided} of ${steps.of} steps, the rest by steps`
  const tied = ties
    .map(({ batch, t, actual, expected }) => `  tie at t ${t} of batch ${batch}: ${actual} for ${expected}`)
    .join('')
  const reason = verdict.reason === undefined ? '' : `  ${oneLine(verdict.reason)}`
  return paint(row.slice(0, 13)) + row.slice(13) + rest + tied + reason
}

function columns(outcome: string, id: string, share: string, rtol: string, atol: string): string {
  const cells = [outcome.padEnd(11), id.padEnd(60), share.padStart(18), rtol.padStart(13), atol.padStart(9)]
  return `  ${cells.join(' ')}`
}

/** Everything that is known about a mismatch, tensor by tensor. */
export function renderMismatch(file: string, verdict: Verdict, colors: Colors = noColors): string {
  const lines = [
    `${colors.red('mismatch')} ${colors.bold(logLine(`${file}: case ${verdict.id}`))} (${logLine(verdict.module)})`,
  ]
  for (const comparison of verdict.comparisons) lines.push(...renderComparison(comparison))
  for (const comparison of verdict.steps?.comparisons ?? []) {
    if (comparison.outcome === 'mismatch') lines.push(...renderComparison(comparison, 'each step alone'))
  }
  return lines.join('\n')
}

/** One tensor pair: how much of it differs, and the element that is farthest off. */
export function renderComparison(comparison: Comparison, how = ''): string[] {
  const { tensor, outcome, problem, elements, differing, worst, share, firstStep } = comparison
  const name = `  ${oneLine(tensor)}${how === '' ? '' : ` (${how})`}`
  if (problem !== undefined) return [`${name}: ${oneLine(problem)}`]
  if (outcome === 'match') return [`${name}: matches, ${percent(share)} of the allowed error used`]
  const part = `${differing} of ${elements} elements differ (${percent(differing / elements)})`
  return [
    `${name}: ${part}${firstStep === undefined ? '' : `, the first at ${firstOf(firstStep, worst?.place.step !== undefined)}`}`,
    ...(worst === undefined ? [] : [`    worst: ${renderDeparture(worst)}`]),
  ]
}

function firstOf({ forward, reverse }: NonNullable<Comparison['firstStep']>, ofOptimizer: boolean): string {
  if (ofOptimizer) return `step ${forward}`
  return [
    forward === undefined ? '' : `t ${forward}`,
    reverse === undefined ? '' : `t ${reverse} of the reverse direction`,
  ]
    .filter((part) => part !== '')
    .join(' and ')
}

function renderDeparture({ place, index, actual, expected, error, allowed }: Departure): string {
  // Nobody may have said what the axes are called.
  const where = `${formatPlace(place)} [${index.join(', ')}]`.trimStart()
  const values = `actual ${value(actual)}, expected ${value(expected)}`
  if (Number.isNaN(actual) && Number.isNaN(expected)) return `${where}: ${values}: NaN was asked to match nothing`
  if (Number.isNaN(error)) return `${where}: ${values}: another kind of value`
  const times = allowed === 0 ? '' : ` (${Number((error / allowed).toPrecision(2))} times)`
  return `${where}: ${values}, error ${scientific(error)}, allowed ${scientific(allowed)}${times}`
}

/** What has been judged of one module. */
export interface ModuleTotals {
  cases: number
  tensors: number
  gradients: number
  /** The largest share of the allowed error in a match. */
  share: number
}

export function addToModules(modules: Map<string, ModuleTotals>, verdict: Verdict): void {
  const { module, comparisons, steps, outcome } = verdict
  const all = [...comparisons, ...(steps?.comparisons ?? [])]
  const old = modules.get(module) ?? { cases: 0, tensors: 0, gradients: 0, share: 0 }
  modules.set(module, {
    cases: old.cases + 1,
    tensors: old.tensors + all.length,
    gradients: old.gradients + all.filter(({ tensor }) => tensor.startsWith('grad_')).length,
    share: outcome === 'match' ? Math.max(old.share, shareOf(verdict)) : old.share,
  })
}

/** A line for each module: cases, tensors, gradients among them, and how much of the allowed error matches used at most. */
export function renderModules(modules: ReadonlyMap<string, ModuleTotals>, colors: Colors = noColors): string {
  const row = (module: string, ...cells: readonly (string | number)[]): string =>
    `  ${module.padEnd(10)}${cells.map((cell) => String(cell).padStart(11)).join('')}`
  const rows = [...modules].map(([module, { cases, tensors, gradients, share }]) =>
    row(logLine(module), cases, tensors, gradients, percent(share)),
  )
  return [colors.dim(row('module', 'cases', 'tensors', 'gradients', 'error used')), ...rows].join('\n')
}

/** The counts, what could not be judged, and how much of the allowed error was used at most. */
export function renderSummary(
  summary: Summary,
  errors: readonly Failure[],
  most: { readonly share: number; readonly where: string } | undefined,
  colors: Colors = noColors,
): string {
  const { cases, matched, mismatched, unsupported } = summary
  const counts = [
    colors.green(`${matched} matched`),
    (mismatched > 0 ? colors.red : same)(`${mismatched} mismatched`),
    (unsupported > 0 ? colors.yellow : same)(`${unsupported} unsupported`),
    ...(errors.length > 0 ? [colors.red(plural(errors.length, 'error'))] : []),
  ]
  const used =
    most === undefined
      ? []
      : [`largest share of the allowed error in a match: ${percent(most.share)} (${logLine(most.where)})`]
  return [`${plural(cases, 'case')}: ${counts.join(', ')}`, ...used].join('\n')
}

/** `1 case`, `2 cases` */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

export function percent(share: number): string {
  if (share === Infinity) return 'no limit'
  if (share > 10) return `${Number(share.toPrecision(2))} times`
  return share < 1e-3 && share > 0 ? '< 0.1 %' : `${(100 * share).toFixed(1)} %`
}

/** `1.2e-7`, or `none` for an infinite one. */
export function scientific(size: number): string {
  if (size === Infinity) return 'none'
  return size === 0 ? '0' : size.toExponential(1)
}

/** As many digits as it takes to tell the value from its neighbours, of which float32 has fewer. */
function value(x: number): string {
  if (Object.is(x, -0)) return '-0'
  return String(Math.fround(x) === x ? Number(x.toPrecision(9)) : x)
}
