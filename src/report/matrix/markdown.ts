// The matrix in Markdown: engines, engines × modules, engines × traits, and what is off, has failed or is not supported.
import { type Cell, cellOf, groupsOf, type Matrix, modulesOf, type Row, traitsIn } from '../matrix.ts'
import { percent, plural } from '../text.ts'

const counted = ['supported', 'matched', 'undecided', 'mismatched', 'failed', 'of the allowed error']
const apart = ['special values: matched', 'mismatched', 'failed']

export function renderMatrix(matrix: Matrix): string {
  const { rows, missing, broken } = matrix
  const parts = [
    table(
      ['engine', ...counted, ...apart, 'one answer takes'],
      rows.map((row) => [plain(row.engine), ...countsOf(cellOf(matrix, row)), timesOurs(row)]),
    ),
    table(
      ['engine', 'module', ...counted, ...apart, 'one answer', 'ours'],
      rows.flatMap((row) => byModule(matrix, row)),
    ),
    table(['trait', ...rows.map(({ engine }) => plain(engine))], byTrait(matrix)),
    ...rows.flatMap((row) => notesOf(matrix, row)),
    ...broken.map(({ asked, error }) => `${plain(asked)} could not be asked: ${plain(error)}`),
    ...(missing.length === 0 ? [] : [`Not installed: ${missing.join(', ')}.`]),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  if (lines.length === 0) return ''
  const numbers = head.map((name) => (name === 'engine' || name === 'module' || name === 'trait' ? '---' : '--:'))
  return [head, numbers, ...lines].map((fields) => `| ${fields.join(' | ')} |`).join('\n')
}

function countsOf(cell: Cell): string[] {
  const { special, matched, undecided, mismatched, failed, share } = cell
  const supported = `${cell.supported + special.supported} of ${cell.cases}`
  const own = [matched, undecided, mismatched, failed].map(String)
  return [supported, ...own, percent(share), ...[special.matched, special.mismatched, special.failed].map(String)]
}

/** How many times as long as ours one answer takes, from the module where it is the least to where it is the most. */
function timesOurs({ speeds }: Row): string {
  if (speeds.length === 0) return '-'
  const times = speeds.map(({ ms, oursMs }) => ms / oursMs)
  const [least, most] = [Math.min(...times), Math.max(...times)].map((x) => String(Number(x.toPrecision(2))))
  return `${least === most ? least : `${least} to ${most}`} times ours`
}

/** One line for each module of which an engine supports a case. */
function byModule(matrix: Matrix, row: Row): string[][] {
  const ms = (x: number | undefined): string => (x === undefined ? '-' : `${Number(x.toPrecision(2))} ms`)
  return modulesOf(matrix).flatMap((module) => {
    const cell = cellOf(matrix, row, (asked) => asked.module === module)
    if (cell.supported + cell.special.supported === 0) return []
    const speed = row.speeds.find((own) => own.module === module)
    return [[plain(row.engine), module, ...countsOf(cell), ms(speed?.ms), ms(speed?.oursMs)]]
  })
}

/** How many of the supported cases of a trait match, and `✗` where one does not. */
function byTrait(matrix: Matrix): string[][] {
  return traitsIn(matrix).map((trait) => [
    plain(trait),
    ...matrix.rows.map((row) => {
      const cell = cellOf(matrix, row, ({ traits }) => traits.includes(trait))
      const sum = (of: 'supported' | 'matched' | 'mismatched' | 'failed'): number => cell[of] + cell.special[of]
      if (sum('supported') === 0) return '-'
      return `${sum('matched')} of ${sum('supported')}${sum('mismatched') + sum('failed') > 0 ? ' ✗' : ''}`
    }),
  ])
}

/** What an engine got wrong, and what it says it is not for. */
function notesOf(matrix: Matrix, row: Row): string[] {
  const said = { mismatch: 'off', failed: 'failed', unsupported: 'not supported' }
  const lines = groupsOf(matrix, row).map(({ outcome, why, modules, cases, special }) => {
    const values = special === 0 ? '' : special === cases ? ', special values' : `, ${special} with special values`
    return `- ${said[outcome]}: ${plain(why)} (${plural(cases, 'case')} of ${modules.join(', ')}${values})`
  })
  return lines.length === 0 ? [] : [[`${plain(row.engine)}:`, '', ...lines].join('\n')]
}

/** Text that is the engine's to choose, as part of Markdown. */
function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[|\\`<>[\]*_]/g, String.raw`\$&`)
}
