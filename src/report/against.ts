// What has become of the cases of an earlier run, or of another engine's.
import type { Results } from './results.ts'

type Judged = Results['cases'][number]
type Place = Pick<Judged, 'file' | 'id'>

/** What became of a case: better and worse are of cases that are off in both, by their largest share of the allowed error. */
export const changes = ['broken', 'worse', 'fixed', 'better', 'new', 'gone', 'other'] as const

export interface Change extends Place {
  readonly change: (typeof changes)[number]
  /** Where it could not be judged now. */
  readonly outcome?: 'error'
  readonly before?: { readonly outcome: string; readonly share: number | string }
}

export interface Against {
  readonly engine: string
  /** Cases that came to the same are left out. */
  readonly cases: readonly Change[]
}

/** So many times as far off is another thing than the same number computed in another order. */
const notable = 2

export function againstOf(after: Results, before: Results): Against {
  const key = ({ file, id }: Place): string => JSON.stringify([file, id])
  const earlier = new Map(before.cases.map((judged) => [key(judged), judged]))
  const cases = after.cases.flatMap((judged): Change[] => {
    const own = earlier.get(key(judged))
    earlier.delete(key(judged))
    const place = { file: judged.file, id: judged.id }
    if (own === undefined) return [{ ...place, change: 'new' }]
    const change = changeOf(own, judged)
    return change === undefined
      ? []
      : [{ ...place, change, before: { outcome: own.outcome, share: short(shareOf(own)) } }]
  })
  const failed = new Set(after.errors.map(({ message }) => message.split(': ').slice(0, 2).join(': ')))
  const gone = [...earlier.values()].map(({ file, id, outcome, ...own }): Change => {
    const isFailed = failed.has(`${file}: case ${id}`)
    const change = !isFailed ? 'gone' : outcome === 'match' ? 'broken' : 'other'
    return { file, id, change, ...(isFailed && { outcome: 'error' }), before: { outcome, share: short(shareOf(own)) } }
  })
  return { engine: before.engine, cases: [...cases, ...gone] }
}

function changeOf(before: Judged, after: Judged): Change['change'] | undefined {
  if (before.outcome !== after.outcome) {
    if (after.outcome === 'mismatch') return 'broken'
    if (after.outcome === 'match') return 'fixed'
    return before.outcome === 'match' ? 'broken' : 'other'
  }
  if (after.outcome !== 'mismatch') return undefined
  const [was, is] = [shareOf(before), shareOf(after)]
  if (is > notable * was) return 'worse'
  return was > notable * is ? 'better' : undefined
}

/** Of what is no number where it should be one, nothing is farther off. */
function shareOf({ comparisons }: Pick<Judged, 'comparisons'>): number {
  return comparisons.reduce((most, { share }) => {
    const own = Number(share)
    return Math.max(most, Number.isNaN(own) ? Infinity : own)
  }, 0)
}

function short(share: number): number | string {
  return share === Infinity ? 'Infinity' : Number(share.toPrecision(3))
}
