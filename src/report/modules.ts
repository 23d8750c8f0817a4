// What was judged of each module, as a table.
import { logLine } from '../format/errors.ts'
import type { Verdict } from '../verify.ts'
import { percent } from './numbers.ts'
import { type Colors, noColors, shareOf } from './text.ts'

/** What has been judged of one module. */
export interface ModuleTotals {
  cases: number
  matched: number
  mismatched: number
  undecided: number
  unsupported: number
  /** Cases that were not judged for an error. */
  errors: number
  tensors: number
  gradients: number
  /** The largest share of the allowed error in a match. */
  share: number
}

function totalsOf(modules: Map<string, ModuleTotals>, module: string): ModuleTotals {
  const none = { cases: 0, matched: 0, mismatched: 0, undecided: 0, unsupported: 0, errors: 0 }
  const totals = modules.get(module) ?? { ...none, tensors: 0, gradients: 0, share: 0 }
  modules.set(module, totals)
  return totals
}

const counted = {
  match: 'matched',
  mismatch: 'mismatched',
  undecided: 'undecided',
  unsupported: 'unsupported',
} as const

export function addToModules(modules: Map<string, ModuleTotals>, verdict: Verdict): void {
  const { module, comparisons, steps, outcome } = verdict
  const totals = totalsOf(modules, module)
  totals.cases++
  totals[counted[outcome]]++
  for (const all of [comparisons, steps?.comparisons ?? []]) {
    totals.tensors += all.length
    for (const { tensor } of all) if (tensor.startsWith('grad_')) totals.gradients++
  }
  if (outcome === 'match') totals.share = Math.max(totals.share, shareOf(verdict))
}

/** Counts a case that an engine failed at. */
export function addErrorToModules(modules: Map<string, ModuleTotals>, module: string): void {
  const totals = totalsOf(modules, module)
  totals.cases++
  totals.errors++
}

type Column = readonly [title: string, width: number, cell: (totals: ModuleTotals) => string | number]

const columns: readonly Column[] = [
  ['cases', 6, ({ cases }) => cases],
  ['matched', 8, ({ matched }) => matched],
  ['off', 6, ({ mismatched }) => mismatched],
  ['undecided', 10, ({ undecided }) => undecided],
  ['unsupported', 12, ({ unsupported }) => unsupported],
  ['errors', 7, ({ errors }) => errors],
]
const wide: readonly Column[] = [
  ['tensors', 10, ({ tensors }) => tensors],
  ['gradients', 10, ({ gradients }) => gradients],
]
const used: Column = ['error used', 11, ({ matched, share }) => (matched === 0 ? '-' : percent(share))]

/** A line for each module: what came of its cases, and how much of the allowed error matches used at most. width: of where it is read */
export function renderModules(
  modules: ReadonlyMap<string, ModuleTotals>,
  colors: Colors = noColors,
  width = Infinity,
): string {
  const names = ['module', ...modules.keys()].map((name) => logLine(name).length)
  const longest = Math.max(...names)
  const shown = [...columns, ...(width < 100 ? [] : wide), used]
  const row = (name: string, cells: readonly (string | number)[]): string =>
    `  ${name.padEnd(longest)}${shown.map(([, size], i) => String(cells[i]).padStart(size)).join('')}`
  const titles = row(
    'module',
    shown.map(([title]) => title),
  )
  const rows = [...modules].map(([module, totals]) => {
    const text = row(
      logLine(module),
      shown.map(([, , cell]) => cell(totals)),
    )
    return totals.mismatched + totals.errors > 0 ? colors.red(text) : text
  })
  return [colors.dim(titles), ...rows].join('\n')
}
