import { type FaultTally, type Status, statusOf } from '../audit.ts'
import { type Colors, noColors, plural } from './text.ts'

/** The table of faults: how many cases reveal each, out of those it applies to, in how many files, by which tensors. */
export function renderAudit(tallies: readonly FaultTally[], colors: Colors = noColors): string {
  const titles = columns('fault', 'status', 'revealed by', 'files', 'tensors')
  const paint = (status: Status, text: string): string => {
    if (status === 'seen') return colors.green(text)
    return status === 'equivalent' ? colors.yellow(text) : colors.red(text)
  }
  const rows = tallies.map((own) => {
    const status = statusOf(own)
    const { fault, applicable, revealed, tensors, files } = own
    const by = [...tensors].map(([tensor, count]) => `${tensor} ${count}`).join(', ')
    const row = columns(
      fault.name,
      status,
      `${revealed} of ${applicable}`,
      String(files.size),
      status === 'equivalent' ? (fault.equivalent ?? '') : by,
    )
    return row.replace(status, paint(status, status))
  })
  return [colors.dim(titles), ...rows].join('\n')
}

function columns(name: string, status: string, revealed: string, files: string, tensors: string): string {
  return `  ${name.padEnd(40)} ${status.padEnd(14)} ${revealed.padStart(12)} ${files.padStart(6)}  ${tensors}`
}

/** The cases that reveal no fault at all, which are there for another reason or for none. */
export function renderSilent(silent: readonly string[]): string {
  if (silent.length === 0) return 'every case reveals some fault'
  return [`${plural(silent.length, 'case')} revealing no fault:`, ...silent.map((name) => `  ${name}`)].join('\n')
}
