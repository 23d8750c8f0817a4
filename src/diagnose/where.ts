import { type Comparison, formatPlace, kappa } from '../compare.ts'
import type { Axis } from '../module.ts'
import { broadcastStrides, type FloatTensor, indexAt, type Tensor } from '../tensor.ts'
import { gateSentences } from './gates.ts'
import { extent, type Off, patterns } from './patterns.ts'
import type { Question } from './question.ts'

/** The first tensor that is off, where in it, what still agrees, and what kind of departure it looks like. */
export function where(question: Question, comparisons: readonly Comparison[]): string[] {
  const { recorded, outputs, axes } = question
  const first = comparisons.find(({ outcome }) => outcome === 'mismatch')!
  const matching = comparisons.filter(({ outcome }) => outcome === 'match').map(({ tensor }) => tensor)
  const agree = matching.length === 0 ? '' : `; ${matching.join(', ')} ${matching.length === 1 ? 'matches' : 'match'}`
  const sentences = [`${first.tensor} is the first tensor that is off${agree}`]
  if (first.problem !== undefined) return [...sentences, first.problem]
  const expected = recorded.expected[first.tensor]!
  const off = offIn(outputs[first.tensor]!, expected, recorded.budget[first.tensor]!, axes[first.tensor]!)
  const reach = extent(off)
  sentences.push(`off: ${reach === '' ? '' : `${reach}; `}worst at ${placeOf(first)}`)
  return [...sentences, ...patterns(off, recorded, matching), ...gateSentences(question, comparisons)]
}

function placeOf({ worst }: Comparison): string {
  const place = formatPlace(worst!.place)
  return place === '' ? `[${worst!.index.join(', ')}]` : place
}

/** Which numbers of a tensor are off, each by its own allowed error. */
function offIn(actual: FloatTensor, expected: FloatTensor, budget: Tensor<'float64'>, axes: readonly Axis[]): Off {
  const strides = broadcastStrides(budget.shape, expected.shape) ?? []
  const limits = Float64Array.from(expected.data, (_, offset) => {
    const index = indexAt(expected.shape, offset)
    return kappa * budget.data[index.reduce((at, i, axis) => at + i * (strides[axis] ?? 0), 0)]!
  })
  return { actual: actual.data, expected: expected.data, limits, axes }
}
