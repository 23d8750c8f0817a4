// Of a mismatch: where it is off, row by row of its batch and layer by layer, number by number.
import { type Case, expectedAxes, isExported } from '../format/case.ts'
import { type Axis } from '../format/module.ts'
import { placeOf, formatPlace } from '../format/place.ts'
import type { FloatTensor } from '../format/tensor.ts'
import type { Comparison, Judgement } from '../verify/compare.ts'
import type { Verdict } from '../verify.ts'
import { type Departing, eachError, shareOfError } from './departing.ts'
import { byteOf, merged } from './heat.ts'
import type { Layers, SlicedMap } from './results.ts'

/** As many rows and columns as a map has; more are merged by what is farthest off. */
const mostLines = 16
/** As many maps of a tensor, and cells of a case, as are kept, and of so many mismatches of a file: results hold every mismatch. */
const mostSlices = 6
const mostNumbers = 256
export const mostMapped = 4

/** Maps of the tensors that are off, the farthest first, `output` before all. outputs: what the engine gave, unchecked. */
export function mapsOf(recorded: Case, outputs: unknown, { comparisons }: Verdict, judgement: Judgement): SlicedMap[] {
  const given = outputs as Readonly<Record<string, FloatTensor>> | undefined
  const axes = expectedAxes(recorded)
  const isFirst = ({ tensor }: Comparison): number => Number(tensor === 'output')
  const off = comparisons
    .filter(({ tensor, outcome, problem, elements }) => {
      return outcome === 'mismatch' && problem === undefined && elements > 0 && (axes[tensor] ?? []).length > 0
    })
    .toSorted((one, other) => isFirst(other) - isFirst(one) || other.share - one.share)
  const maps: SlicedMap[] = []
  let numbers = 0
  for (const comparison of off) {
    const actual = given?.[comparison.tensor]
    if (actual === undefined) continue
    for (const map of slicesOf(recorded, comparison, actual, axes[comparison.tensor]!, judgement)) {
      numbers += map.columns * map.rows
      if (numbers > mostNumbers) return maps
      maps.push(map)
    }
  }
  return maps
}

const isTime = ({ name }: Axis): boolean => name === 'seq_len' || name === 'step'
const nameOf = ({ name }: Axis): string => (name === 'seq_len' ? 't' : name)

/** Columns are time, or else the last axis but one; rows the last; and of all others there is a map for each index. */
function slicesOf(
  recorded: Case,
  { tensor, worst }: Comparison,
  actual: FloatTensor,
  axes: readonly Axis[],
  judgement: Judgement,
): SlicedMap[] {
  const row = axes.length - 1
  const time = axes.findIndex(isTime)
  const column = time >= 0 ? time : Math.max(0, row - 1)
  const others = axes.flatMap((_, axis) => (axis === column || axis === row ? [] : [axis]))
  const keyOf = (index: ArrayLike<number>): string => others.map((axis) => index[axis]).join()
  const [steps, units] = [axes[column]!.size, row === column ? 1 : axes[row]!.size]
  const [columns, rows] = [Math.min(steps, mostLines), Math.min(units, mostLines)]
  const slices = new Map<string, { readonly index: number[]; readonly cells: Departing[] }>()
  eachError(recorded, tensor, actual, judgement, (index, element) => {
    const key = keyOf(index)
    let slice = slices.get(key)
    if (slice === undefined) {
      slice = { index: [...index], cells: [] }
      slices.set(key, slice)
    }
    const down = row === column ? 0 : merged(index[row]!, units, rows)
    const cell = down * columns + merged(index[column]!, steps, columns)
    const before = slice.cells[cell]
    if (before === undefined || shareOfError(element) > shareOfError(before)) slice.cells[cell] = { ...element }
  })
  const worstKey = worst === undefined ? '' : keyOf(worst.index)
  // Where there are many, the one that is farthest off comes first.
  const sorted = [...slices.entries()].toSorted(([one], [other]) => {
    return slices.size <= mostSlices ? 0 : Number(other === worstKey) - Number(one === worstKey)
  })
  return sorted.slice(0, mostSlices).map(([, { index, cells }]) => {
    const named = formatPlace(
      placeOf(
        others.map((axis) => axes[axis]!),
        others.map((axis) => index[axis]!),
      ),
    )
    return {
      tensor,
      ...(others.length > 0 && { slice: named === '' ? others.map((axis) => index[axis]).join(', ') : named }),
      along: nameOf(axes[column]!),
      across: nameOf(axes[row]!),
      steps,
      units,
      columns,
      rows,
      cells: bytesOf(cells),
      actual: cells.map((cell) => digits(cell.actual)),
      expected: cells.map((cell) => digits(cell.expected)),
    }
  })
}

/** What is known of each layer and direction of a recurrent module, where there are several: its last state, and of the last one `output`. */
export function layersOf(recorded: Case, outputs: unknown, verdict: Verdict, judgement: Judgement): Layers | undefined {
  if (isExported(recorded) || !('num_layers' in recorded.config)) return undefined
  const given = outputs as Readonly<Record<string, FloatTensor>> | undefined
  const isGiven = (name: string): boolean =>
    given?.[name] !== undefined &&
    verdict.comparisons.some(
      ({ tensor, problem, elements }) => tensor === name && problem === undefined && elements > 0,
    )
  const axes = expectedAxes(recorded)
  const [output, state] = [axes['output'], axes['h_n']]
  if (output === undefined || state === undefined || !isGiven('output') || !isGiven('h_n')) return undefined
  const time = output.findIndex(isTime)
  const directions = output.at(-1)!.num_directions
  const layers = state[0]!.size / directions
  const steps = output[time]?.size ?? 0
  if (layers * directions < 2 || steps === 0) return undefined
  const columns = Math.min(steps, 2 * mostLines)
  const hidden = output.at(-1)!.size / directions
  const shares = new Float64Array(directions * columns)
  eachError(recorded, 'output', given!['output']!, judgement, (index, element) => {
    const direction = Math.floor(index[output.length - 1]! / hidden)
    const cell = direction * columns + merged(index[time]!, steps, columns)
    shares[cell] = Math.max(shares[cell]!, shareOfError(element))
  })
  const last = new Float64Array(layers * directions)
  for (const name of ['h_n', 'c_n'].filter((own) => isGiven(own))) {
    eachError(recorded, name, given![name]!, judgement, (index, element) => {
      last[index[0]!] = Math.max(last[index[0]!]!, shareOfError(element))
    })
  }
  const bytes = (all: Float64Array): string => btoa(String.fromCharCode(...Array.from(all, (share) => byteOf(share))))
  return { layers, directions, steps, columns, output: bytes(shares), last: bytes(last) }
}

function bytesOf(cells: readonly Departing[]): string {
  return btoa(String.fromCharCode(...cells.map((cell) => byteOf(shareOfError(cell)))))
}

/** As many digits as it takes to tell the value from its neighbours. */
function digits(x: number): SlicedMap['actual'][number] {
  if (Number.isNaN(x)) return 'NaN'
  if (!Number.isFinite(x)) return x > 0 ? 'Infinity' : '-Infinity'
  return Math.fround(x) === x ? Number(x.toPrecision(9)) : x
}
