import type { Comparison } from '../verify/compare.ts'
import { formatPlace } from '../format/place.ts'
import { gateSentences } from './gates.ts'
import { worstOf } from './nearer.ts'
import { extent, patterns, touchedOf } from './patterns.ts'
import type { Question } from './question.ts'

/**
 * The first tensor that is off, where in it, what still agrees, and what kind of departure it looks like.
 * areAsRoundingIs: nothing is far off, and nothing explains it: then places are those of chance.
 */
export function where(
  question: Question,
  comparisons: readonly Comparison[],
  { areAsRoundingIs = false }: { readonly areAsRoundingIs?: boolean } = {},
): string[] {
  const { recorded, outputs, axes } = question
  const first = comparisons.find(({ outcome }) => outcome === 'mismatch')!
  const matching = comparisons.filter(({ outcome }) => outcome === 'match').map(({ tensor }) => tensor)
  const agree = matching.length === 0 ? '' : `; ${matching.join(', ')} ${matching.length === 1 ? 'matches' : 'match'}`
  const sentences = [`${first.tensor} is the first tensor that is off${agree}`]
  if (first.problem !== undefined) return [...sentences, first.problem]
  const off = {
    actual: outputs[first.tensor]!.data,
    expected: recorded.expected[first.tensor]!.data,
    limits: question.limits[first.tensor]!,
    axes: axes[first.tensor]!,
  }
  const touched = touchedOf(off)
  if (areAsRoundingIs) {
    const most = Number(worstOf(comparisons).toPrecision(2))
    const text = `no number is off by more than ${most} times the error that is allowed, as one may be that is rounded more coarsely`
    return [...sentences, `worst at ${placeOf(first)}`, `${text}: it may be precision, of what is stored or computed`]
  }
  const reach = extent(off, touched)
  sentences.push(`${reach === '' ? '' : `off: ${reach}; `}worst at ${placeOf(first)}`)
  return [...sentences, ...patterns(off, touched, recorded, matching), ...gateSentences(question, comparisons)]
}

function placeOf({ worst }: Comparison): string {
  const place = formatPlace(worst!.place)
  return place === '' ? `[${worst!.index.join(', ')}]` : place
}
