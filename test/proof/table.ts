import type { Attempt, Ranked } from './attempt.ts'

const within = { single: 1, pair: 3, mapping: 3, stranger: 1 } as const
const titles = {
  single: 'single faults',
  pair: 'pairs of faults that both show',
  mapping: 'mappings of other frameworks',
  stranger: 'ports of others',
} as const

export const kindsOfPlanting = ['single', 'pair', 'mapping', 'stranger'] as const

/** right: predicts the port in every other case; nearly: in four of five; wrong: explains the case, and does not predict. */
export type Mark = 'right' | 'nearly' | 'wrong' | 'partly' | 'silent'

const isRight = ({ predicted, of }: Pick<Ranked, 'predicted' | 'of'>): boolean => of > 0 && predicted === of

/** Whether one of those that count is right in all that the explained case was asked for. */
export function isRightAsAsked({ kind, ranked }: Attempt): boolean {
  return ranked.slice(0, within[kind]).some(({ asAsked }) => isRight(asAsked))
}

export function markOf({ kind, ranked }: Pick<Attempt, 'kind' | 'ranked'>): Mark {
  const own = ranked.slice(0, within[kind])
  if (own.some(isRight)) return 'right'
  const [first] = own
  if (first === undefined) return 'silent'
  if (first.of > 0 && first.predicted >= 0.8 * first.of) return 'nearly'
  return first.isWhole ? 'wrong' : 'partly'
}

/** What is said first when the port has been asked; refuted: that other requests are not so is said with it. */
type AskedMark = Mark | 'refuted'

export function markOfAsked({ kind, asked, ranked }: Attempt): AskedMark {
  if (asked?.isRefuted === true) return 'refuted'
  return markOf({ kind, ranked: asked?.ranked ?? ranked })
}

function percent(part: number, all: number): string {
  return `${((100 * part) / Math.max(1, all)).toFixed(1)} %`
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
  return ordered.map(([name, count]) => `${name} (${count})`).join('; ')
}

/** What was ranked first, and what it predicted. */
function firstOf(attempt: Attempt): string {
  const [first] = attempt.ranked
  if (first === undefined) return attempt.failure === undefined ? 'silent' : `it threw: ${attempt.failure}`
  return `${markOf(attempt)}, ${first.predicted} of ${first.of}: ${first.says}`
}

/** The table of one kind: those that are not right in every case, the others in one line. */
export function renderKind(attempts: readonly Attempt[], kind: Attempt['kind']): string {
  const own = attempts.filter((attempt) => attempt.kind === kind)
  if (own.length === 0) return `${titles[kind]}: none`
  const rows = [...byPlanting(own)]
  const isClear = (each: readonly Attempt[]): boolean => each.every((attempt) => markOf(attempt) === 'right')
  const of = (mark: Mark): string => {
    const count = own.filter((attempt) => markOf(attempt) === mark).length
    return `${mark} ${count} (${percent(count, own.length)})`
  }
  const marks = (['right', 'nearly', 'wrong', 'partly', 'silent'] as const).map(of)
  const ofAsked = (mark: AskedMark): string => {
    const count = own.filter((attempt) => markOfAsked(attempt) === mark).length
    return `${mark} ${count} (${percent(count, own.length)})`
  }
  const afterAsking = (['right', 'nearly', 'wrong', 'refuted', 'partly', 'silent'] as const).map(ofAsked)
  const clear = rows.filter(([, each]) => isClear(each)).length
  const some = rows.filter(([, each]) => !isClear(each) && each.some((attempt) => markOf(attempt) === 'right')).length
  const asAsked = own.filter((attempt) => isRightAsAsked(attempt)).length
  const lines = [
    `${titles[kind]}: ${rows.length}, ${own.length} explanations`,
    `  ${within[kind] === 1 ? 'ranked first' : 'among the first three'}: ${marks.join(', ')}`,
    `  said when the port was asked: ${afterAsking.join(', ')}`,
    `  right in what the explained case was asked for: ${asAsked} (${percent(asAsked, own.length)})`,
    `  right in every case: ${clear} of ${rows.length} (${percent(clear, rows.length)}), in some: ${some}`,
  ]
  for (const [name, each] of rows.filter(([, all]) => !isClear(all))) {
    const off = each.filter((attempt) => markOf(attempt) !== 'right')
    lines.push(`  ${name}: right in ${each.length - off.length} of ${each.length}; else ${counted(off.map(firstOf))}`)
  }
  return lines.join('\n')
}

export function renderTimes(attempts: readonly Attempt[]): string {
  const all = (title: string, times: readonly number[]): string => {
    const ms = times.toSorted((one, other) => one - other)
    const at = (part: number): string =>
      `${(ms[Math.min(ms.length - 1, Math.floor(part * ms.length))] ?? 0).toFixed(0)} ms`
    const mean = ms.reduce((sum, own) => sum + own, 0) / Math.max(1, ms.length)
    return `${title}: mean ${mean.toFixed(0)} ms, median ${at(0.5)}, 99 % ${at(0.99)}, largest ${at(1)}`
  }
  const times = attempts.map(({ ms }) => ms)
  const ofProcessor = attempts.map(({ processorMs }) => processorMs)
  return [all('time per explanation', times), all('  of the processor', ofProcessor)].join('\n')
}
