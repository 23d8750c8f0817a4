import type { Case } from '../case.ts'
import { type Comparison, formatPlace, kappa } from '../compare.ts'
import type { Axis } from '../module.ts'
import type { FloatTensor } from '../tensor.ts'
import type { Question } from './question.ts'

/** The first tensor that is off, where in it, and what kind of departure it looks like. */
export function where({ recorded, outputs, axes }: Question, comparisons: readonly Comparison[]): string[] {
  const first = comparisons.find(({ outcome }) => outcome === 'mismatch')!
  const matching = comparisons.filter(({ outcome }) => outcome === 'match').map(({ tensor }) => tensor)
  const sentences = [
    `${first.tensor} is the first tensor that is off${matching.length === 0 ? '' : `; ${matching.join(', ')} match`}`,
  ]
  if (first.problem !== undefined) return [...sentences, first.problem]
  if (first.worst !== undefined) sentences.push(`worst at ${formatPlace(first.worst.place)}`)
  const actual = outputs[first.tensor]!
  const expected = recorded.expected[first.tensor]!
  const limit = kappa * Math.max(...recorded.budget[first.tensor]!.data)
  return [...sentences, ...patterns(actual, expected, axes[first.tensor]!, limit, recorded)]
}

function patterns(
  actual: FloatTensor,
  expected: FloatTensor,
  axes: readonly Axis[],
  limit: number,
  recorded: Case,
): string[] {
  const found: string[] = []
  const isOff = (i: number): boolean => {
    return !(Math.abs(actual.data[i]! - expected.data[i]!) <= limit) && !Object.is(actual.data[i], expected.data[i])
  }
  const index = indexer(axes)
  const seen = axes.map(({ size }) => new Set<number>(Array.from({ length: size }, (_, i) => i)))
  const touched = axes.map(() => new Set<number>())
  for (let i = 0; i < expected.data.length; i++) {
    if (isOff(i)) index(i).forEach((at, axis) => touched[axis]!.add(at))
  }
  const axisOf = (name: Axis['name']): number => axes.findIndex((each) => each.name === name)
  const time = axisOf('seq_len')
  const only = (axis: number, which: (at: number) => boolean): boolean =>
    axis >= 0 &&
    touched[axis]!.size > 0 &&
    [...touched[axis]!].every(which) &&
    [...seen[axis]!].some((at) => !which(at))
  if (only(time, (t) => t >= 1)) found.push('the first time step is right, those after it are not: the recurrent path')
  const unit = axisOf('unit')
  if (unit >= 0 && axes[unit]!.num_directions === 2) {
    const half = axes[unit]!.size / 2
    if (only(unit, (at) => at >= half)) found.push('only the reverse direction is off')
    if (only(unit, (at) => at < half)) found.push('only the forward direction is off')
  }
  const state = axisOf('state')
  if (state >= 0) {
    const D = axes[state]!.num_directions
    if (only(state, (at) => at >= D)) found.push('layer 0 is right, only later layers are off')
    if (D === 2 && only(state, (at) => at % 2 === 1)) found.push('only the reverse direction is off')
  }
  const { lengths } = recorded.inputs
  const batch = axisOf('batch')
  if (lengths !== undefined && batch >= 0) {
    const longest = lengths.data.reduce((one, other) => (one > other ? one : other), 0n)
    if (only(batch, (row) => lengths.data[row]! < longest))
      found.push('only rows that are shorter than the longest are off')
  }
  const factor = commonFactor(actual, expected, limit)
  if (factor !== undefined) found.push(`everything is ${Number(factor.toPrecision(4))} times what it should be`)
  if (time >= 0) {
    const shift = [1, -1].find((by) => isShifted(actual, expected, axes, time, by, limit))
    if (shift !== undefined) found.push(`every step is one step ${shift === 1 ? 'late' : 'early'}`)
  }
  if (isPermuted(actual, expected, limit)) found.push('the same numbers in another order')
  return found
}

/** → the index along each axis of an offset */
function indexer(axes: readonly Axis[]): (offset: number) => number[] {
  return (offset) => {
    const index: number[] = []
    let rest = offset
    for (const { size } of axes.toReversed()) {
      index.unshift(rest % size)
      rest = Math.floor(rest / size)
    }
    return index
  }
}

/** The number that every element has been multiplied by, if it is the same for all. */
function commonFactor(
  { data: actual }: FloatTensor,
  { data: expected }: FloatTensor,
  limit: number,
): number | undefined {
  let dot = 0
  let square = 0
  for (let i = 0; i < expected.length; i++) {
    dot += actual[i]! * expected[i]!
    square += expected[i]! * expected[i]!
  }
  const factor = dot / square
  if (!Number.isFinite(factor) || factor === 0) return undefined
  const wide = limit * Math.max(1, Math.abs(factor))
  return expected.every((value, i) => Math.abs(actual[i]! - factor * value) <= wide) ? factor : undefined
}

function isShifted(
  { data: actual }: FloatTensor,
  { data: expected }: FloatTensor,
  axes: readonly Axis[],
  time: number,
  by: number,
  limit: number,
): boolean {
  const inner = axes.slice(time + 1).reduce((product, { size }) => product * size, 1)
  const steps = axes[time]!.size
  if (steps < 3) return false
  return expected.every((_, i) => {
    const from = (Math.floor(i / inner) % steps) - by
    return from < 0 || from >= steps || Math.abs(actual[i]! - expected[i - by * inner]!) <= limit
  })
}

function isPermuted({ data: actual }: FloatTensor, { data: expected }: FloatTensor, limit: number): boolean {
  if (expected.length < 2) return false
  const ours = Float64Array.from(actual).toSorted()
  const theirs = Float64Array.from(expected).toSorted()
  return theirs.every((value, i) => Math.abs(ours[i]! - value) <= limit)
}
