import type { Comparison } from '../verify/compare.ts'
import { formatPlace } from '../format/place.ts'
import type { Drift } from '../oracle/drift.ts'
import { oneLine } from '../format/errors.ts'
import { type Colors, noColors, percent } from './text.ts'

/** What has been compared of one module, recorded by two versions of torch. */
export interface DriftTotals {
  readonly module: string
  /** The torch that made the file. */
  readonly before: string
  /** The torch that is here. */
  readonly after: string
  cases: number
  tensors: number
  /** Tensors that are the same number for number. */
  same: number
  /** The largest share of the allowed error. */
  share: number
  /** Cases of which something has drifted. */
  drifted: number
}

/** Adds one case to the totals of its module and its versions. */
export function addToDrift(
  totals: Map<string, DriftTotals>,
  about: Pick<DriftTotals, 'module' | 'before' | 'after'>,
  drift: Drift,
): void {
  const key = JSON.stringify([about.module, about.before, about.after])
  const { module, before, after } = about
  const own = totals.get(key) ?? { module, before, after, cases: 0, tensors: 0, same: 0, share: 0, drifted: 0 }
  totals.set(key, own)
  own.cases++
  own.tensors += drift.comparisons.length
  for (const { share } of drift.comparisons) {
    if (share === 0) own.same++
    own.share = Math.max(own.share, share)
  }
  if (hasDrifted(drift)) own.drifted++
}

export function hasDrifted({ changed, comparisons, budgets }: Drift): boolean {
  return changed.length > 0 || budgets.length > 0 || comparisons.some(({ outcome }) => outcome === 'mismatch')
}

/** A line for what went in with other bytes, and one for each tensor that has left its budget, and each budget of another size. */
export function renderDrifted(id: string, { changed, comparisons, budgets }: Drift): string[] {
  const bytes = changed.length === 0 ? [] : [`  ${id}: other bytes in ${changed.map(oneLine).join(', ')}`]
  const off = comparisons.filter(({ outcome }) => outcome === 'mismatch')
  const sizes = budgets.map(({ tensor, ratio }) => `  ${id}: ${sized(tensor, ratio)}`)
  return [...bytes, ...off.map((comparison) => `  ${id}: ${leaving(comparison)}`), ...sizes]
}

function sized(tensor: string, ratio: number): string {
  const name = `budget of ${oneLine(tensor)}`
  if (Number.isNaN(ratio)) return `${name} has another shape`
  return `${name} is ${Number(ratio.toPrecision(2))} times what is measured now`
}

function leaving({ tensor, problem, share, worst }: Comparison): string {
  const name = oneLine(tensor)
  if (problem !== undefined) return `${name}: ${oneLine(problem)}`
  const where = worst === undefined ? '' : `, ${formatPlace(worst.place)}`
  return `${name} leaves its budget: ${percent(share)} of the allowed error${where}`
}

/** A line for each module and pair of versions. */
export function renderDrift(totals: Iterable<DriftTotals>, colors: Colors = noColors): string {
  const all = [...totals]
  const width = (titled: string, pick: (own: DriftTotals) => string): number =>
    Math.max(titled.length, ...all.map((own) => pick(own).length)) + 2
  const widths = [
    width('module', ({ module }) => module),
    width('recorded by torch', ({ before }) => before),
    width('torch here', ({ after }) => after),
  ]
  const row = (names: readonly string[], cells: readonly (string | number)[]): string => {
    const left = names.map((name, i) => name.padEnd(widths[i] ?? 0)).join('')
    return `  ${left}${cells.map((cell) => ` ${String(cell).padStart(11)}`).join('')}`
  }
  const titles = row(
    ['module', 'recorded by torch', 'torch here'],
    ['cases', 'tensors', 'identical', 'error used', 'drifted'],
  )
  const rows = all.map(({ module, before, after, cases, tensors, same, share, drifted }) => {
    const line = row([module, before, after], [cases, tensors, same, percent(share), drifted])
    return drifted > 0 ? colors.red(line) : line
  })
  return [colors.dim(titles), ...rows].join('\n')
}
