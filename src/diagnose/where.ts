import type { Comparison } from '../verify/compare.ts'
import { formatPlace } from '../format/place.ts'
import { gateSentences } from './gates.ts'
import { extent, patterns, touchedOf } from './patterns.ts'
import type { Question } from './question.ts'

/** The first tensor that is off, where in it, what still agrees, and what kind of departure it looks like. */
export function where(question: Question, comparisons: readonly Comparison[]): string[] {
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
  const reach = extent(off, touched)
  sentences.push(`${reach === '' ? '' : `off: ${reach}; `}worst at ${placeOf(first)}`)
  return [...sentences, ...patterns(off, touched, recorded, matching), ...gateSentences(question, comparisons)]
}

function placeOf({ worst }: Comparison): string {
  const place = formatPlace(worst!.place)
  return place === '' ? `[${worst!.index.join(', ')}]` : place
}
