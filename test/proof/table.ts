import type { Attempt } from './attempt.ts'
import type { Planting } from './plantings.ts'

const wanted = { single: 0.95, pair: 0.8, mapping: 0 } as const
const within = { single: 1, pair: 3, mapping: 3 } as const
const titles = { single: 'single faults', pair: 'pairs of faults', mapping: 'mappings of other frameworks' } as const

export const kindsOfPlanting = ['single', 'pair', 'mapping'] as const

export function isRight({ kind, rank }: Attempt): boolean {
  return rank !== undefined && rank <= within[kind]
}

/** → undefined when nothing was tried. */
export function shareOf(attempts: readonly Attempt[], kind: Planting['kind']): number | undefined {
  const own = attempts.filter((attempt) => attempt.kind === kind)
  return own.length === 0 ? undefined : own.filter(isRight).length / own.length
}

/** Whether the shares that were tried are those that are wanted. */
export function isGoodEnough(attempts: readonly Attempt[]): boolean {
  return kindsOfPlanting.every((kind) => (shareOf(attempts, kind) ?? 1) >= wanted[kind])
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function byPlanting(attempts: readonly Attempt[]): ReadonlyMap<string, readonly Attempt[]> {
  const groups = new Map<string, Attempt[]>()
  for (const attempt of attempts) groups.set(attempt.planting, [...(groups.get(attempt.planting) ?? []), attempt])
  return groups
}

function counted(names: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  const ordered = [...counts].toSorted(([, one], [, other]) => other - one)
  return ordered.map(([name, count]) => `${name} (${count})`).join(', ')
}

/** What was ranked first, as one name. */
function firstOf({ ranked, failure }: Attempt): string {
  return ranked[0]?.join(' + ') ?? (failure === undefined ? 'nothing' : `it threw: ${failure}`)
}

/** The confusion table of one kind: rows that have been confused in full, the others in one line. */
export function renderKind(attempts: readonly Attempt[], kind: Planting['kind']): string {
  const own = attempts.filter((attempt) => attempt.kind === kind)
  if (own.length === 0) return `${titles[kind]}: none`
  const rows = [...byPlanting(own)]
  const lines = [
    `${titles[kind]}: ${rows.length}, ${own.length} explanations`,
    `  the true cause is ${within[kind] === 1 ? 'ranked first' : 'among the first three'} in ${percent(shareOf(attempts, kind) ?? 0)}` +
      (wanted[kind] > 0 ? ` (wanted: ${percent(wanted[kind])})` : ''),
  ]
  const confused = rows.filter(([, each]) => !each.every(isRight))
  const clear = rows.length - confused.length
  lines.push(`  ${clear} of ${rows.length} are right in every case`)
  for (const [name, each] of confused) {
    const wrong = each.filter((attempt) => !isRight(attempt))
    const right = each.length - wrong.length
    lines.push(`  ${name}: right in ${right} of ${each.length}; else first: ${counted(wrong.map(firstOf))}`)
  }
  const same = own.filter((attempt) => isRight(attempt) && attempt.sameAs !== undefined)
  if (same.length > 0) {
    lines.push(`  cannot be told apart in ${same.length} cases, in which both give the same within the budget:`)
    for (const [name, each] of byPlanting(same)) {
      lines.push(`    ${name}: ${counted(each.map(({ sameAs }) => sameAs!))}`)
    }
  }
  return lines.join('\n')
}

/** Every explanation that is wrong, with what is needed to see it again. */
export function renderWrong(attempts: readonly Attempt[]): string {
  return attempts
    .filter((attempt) => !isRight(attempt))
    .map(({ file, id, truth, ranked, failure }) => {
      const first = ranked.slice(0, 3).map((faults, i) => `${i + 1}. ${faults.join(' + ')}`)
      return `  ${file}#${id}: ${truth.join(' + ')}\n    ${failure ?? (first.length === 0 ? 'nothing' : first.join('; '))}`
    })
    .join('\n')
}

export function renderTimes(attempts: readonly Attempt[]): string {
  const ms = attempts.map((attempt) => attempt.ms).toSorted((one, other) => one - other)
  const at = (part: number): string =>
    `${(ms[Math.min(ms.length - 1, Math.floor(part * ms.length))] ?? 0).toFixed(0)} ms`
  const mean = ms.reduce((sum, own) => sum + own, 0) / Math.max(1, ms.length)
  return `time per explanation: mean ${mean.toFixed(0)} ms, median ${at(0.5)}, 99 % ${at(0.99)}, largest ${at(1)}`
}
