import { everyPart, type FaultTally, revealingFiles, type Status, statusOf } from '../diagnose/audit.ts'
import type { Audit } from './results.ts'
import { type Colors, noColors, plural } from './text.ts'

/**
 * The table of faults: how many cases reveal each, out of those it applies to, by which part of what they hold, and in how many
 * files.
 */
export function renderAudit(tallies: readonly FaultTally[], colors: Colors = noColors): string {
  const titles = columns('fault', 'status', 'revealed by', everyPart, 'files', '')
  const paint = (status: Status, text: string): string => {
    if (status === 'seen') return colors.green(text)
    return status === 'equivalent' ? colors.yellow(text) : colors.red(text)
  }
  const rows = tallies.map((own) => {
    const status = statusOf(own)
    const { fault, applicable, revealed } = own
    const by = everyPart.map((part) => String(own.parts.get(part) ?? 0))
    const why = status === 'equivalent' ? (fault.equivalent ?? '') : ''
    const row = columns(fault.name, status, `${revealed} of ${applicable}`, by, String(revealingFiles(own)), why)
    return row.replace(status, paint(status, status))
  })
  return [colors.dim(titles), ...rows].join('\n')
}

/** The same for results: by fault, then by file. files: every file that was asked, in order. */
export function auditOfTallies(tallies: readonly FaultTally[], files: readonly string[]): Audit {
  return {
    files: [...files],
    faults: tallies.map((own) => {
      const counts = files.map((file) => own.files.get(file) ?? { applicable: 0, revealed: 0 })
      return {
        name: own.fault.name,
        sentence: own.sentence,
        status: statusOf(own),
        applicable: counts.map(({ applicable }) => applicable),
        revealed: counts.map(({ revealed }) => revealed),
      }
    }),
  }
}

function columns(
  name: string,
  status: string,
  revealed: string,
  by: readonly string[],
  files: string,
  why: string,
): string {
  const counts = by.map((count) => count.padStart(10)).join('')
  return `  ${name.padEnd(40)} ${status.padEnd(14)} ${revealed.padStart(13)} ${counts} ${files.padStart(6)}  ${why}`.trimEnd()
}

/** The cases that reveal no fault at all, which are there for another reason or for none. */
export function renderSilent(silent: readonly string[]): string {
  if (silent.length === 0) return 'every case reveals some fault'
  return [`${plural(silent.length, 'case')} revealing no fault:`, ...silent.map((name) => `  ${name}`)].join('\n')
}

/** A case whose budget is many times what noise gives on our own engine. */
export interface WideCase {
  readonly name: string
  readonly width: number
}

/** The cases whose verdicts say little, by name: those that decide nothing, and those whose budgets are wide for their kind. */
export function renderDoubts(undecided: readonly string[], wide: readonly WideCase[]): string {
  const named = undecided.map((name) => `  ${name}`)
  const widths = wide.map(({ name, width }) => `  ${name}: ${Number(width.toPrecision(2))} times what noise gives`)
  return [
    undecided.length === 0 ? 'every case decides something' : `${plural(undecided.length, 'case')} deciding nothing:`,
    ...named,
    wide.length === 0
      ? 'no budget is wide for its kind'
      : `${plural(wide.length, 'case')} whose budget is wide for its kind:`,
    ...widths,
  ].join('\n')
}
