import type { Axis } from '../format/module.ts'
import type { Off } from './off.ts'
import { largest } from '../format/tensor.ts'

/** Axes longer than this are not searched. */
const mostPlaces = 1024
const mostNamed = 6

const nouns: Readonly<Partial<Record<Axis['name'], string>>> = {
  seq_len: 'time steps',
  batch: 'batch rows',
  state: 'layers and directions',
  unit: 'units',
  row: 'rows',
  column: 'columns',
}

/** Which axis has its places in another order, and in which; or that the same numbers stand elsewhere. */
export function orderOf(off: Off, agrees: (actual: number, expected: number, limit: number) => boolean): string[] {
  for (const [axis, { name, size, num_directions }] of off.axes.entries()) {
    const order = size < 2 || size > mostPlaces ? undefined : permutation(off, axis, agrees)
    if (order === undefined) continue
    const noun = nouns[name] ?? 'places'
    const half = size / 2
    if (num_directions === 2 && name === 'unit' && order.every((from, at) => from === (at + half) % size)) {
      return ['the units of the two directions are exchanged']
    }
    if (order.every((from, at) => from === size - 1 - at)) return [`the ${noun} stand from the last to the first`]
    const by = order[0]!
    if (order.every((from, at) => from === (at + by) % size)) return [`the ${noun} are shifted by ${by}`]
    const moved = order.flatMap((from, at) => (from === at ? [] : [`${from} at ${at}`]))
    const more = moved.length > mostNamed ? `, … (${moved.length} of ${size})` : ''
    return [`the ${noun} stand in another order: ${moved.slice(0, mostNamed).join(', ')}${more}`]
  }
  return isPermuted(off) ? ['the same numbers in another order'] : []
}

/** For each place of an axis the one whose numbers stand there, if every place has one of its own. */
function permutation(
  { actual, expected, limits, axes }: Off,
  axis: number,
  agrees: (actual: number, expected: number, limit: number) => boolean,
): number[] | undefined {
  const { size } = axes[axis]!
  const inner = axes.slice(axis + 1).reduce((product, each) => product * each.size, 1)
  const outer = expected.length / (size * inner)
  const stands = (at: number, from: number): boolean => {
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const to = (o * size + at) * inner + i
        if (!agrees(actual[to]!, expected[(o * size + from) * inner + i]!, limits[to]!)) return false
      }
    }
    return true
  }
  const free = new Set(axes.length === 0 ? [] : Array.from({ length: size }, (_, from) => from))
  const order: number[] = []
  for (let at = 0; at < size; at++) {
    const from = stands(at, at) && free.has(at) ? at : [...free].find((each) => stands(at, each))
    if (from === undefined) return undefined
    free.delete(from)
    order.push(from)
  }
  return order
}

function isPermuted({ actual, expected, limits }: Off): boolean {
  if (expected.length < 2) return false
  const limit = largest(limits)
  const ours = Float64Array.from(actual).toSorted()
  const theirs = Float64Array.from(expected).toSorted()
  return theirs.every((value, i) => Math.abs(ours[i]! - value) <= limit)
}
