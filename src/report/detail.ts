import { type Case, expectedAxes } from '../format/case.ts'
import type { Judgement } from '../verify/compare.ts'
import type { Diagnosis } from '../diagnose.ts'
import type { Axis } from '../format/module.ts'
import type { FloatTensor } from '../format/tensor.ts'
import type { Verdict } from '../verify.ts'
import { eachError, shareOfError } from './departing.ts'
import { byteOf, merged } from './heat.ts'
import { layersOf, mapsOf } from './maps.ts'
import type { Detail, Heatmap, Profile } from './results.ts'

/** As many points and cells as a chart shows; more are merged by their largest. */
const mostPoints = 64
const mostCells = 32

/**
 * What a report shows of a case beside its verdict.
 * outputs: what the engine gave, unchecked; undefined when nothing was asked of it. isMapped: whether a mismatch has maps with numbers.
 */
export function detailOf(
  recorded: Case,
  outputs: unknown,
  verdict: Verdict,
  judgement: Judgement,
  { isMapped = true } = {},
): Detail {
  const { config, dtype } = recorded
  return {
    config,
    dtype,
    traits: traitsOf(recorded),
    ...chartsOf(recorded, outputs, verdict, judgement),
    ...(verdict.outcome === 'mismatch' && offOf(isMapped, recorded, outputs, verdict, judgement)),
  }
}

/** What is shown of a mismatch besides. */
function offOf(isMapped: boolean, ...asked: Parameters<typeof mapsOf>): Pick<Detail, 'maps' | 'layers'> {
  const maps = isMapped ? mapsOf(...asked) : []
  const layers = layersOf(...asked)
  return { ...(maps.length > 0 && { maps }), ...(layers && { layers }) }
}

/** A detail with what explains the case, of which the shape is that of a diagnosis. */
export function explainedBy(detail: Detail | undefined, diagnosis: Diagnosis | undefined): Detail | undefined {
  if (diagnosis === undefined) return detail
  return { ...detail, explanation: structuredClone(diagnosis) as Detail['explanation'] }
}

/** What is particular about a case, as short labels: `bidirectional`, `layers 2`, `lengths`. */
export function traitsOf({ config, dtype, inputs, cotangents, training }: Case): string[] {
  const has = (name: string): unknown => (config as Readonly<Record<string, unknown>>)[name]
  const layers = Number(has('num_layers') ?? 1)
  // Models have no such form.
  const unbatchedRank = has('rnn') !== undefined ? undefined : has('num_layers') === undefined ? 1 : 2
  const is: readonly (readonly [string, boolean])[] = [
    [dtype, dtype !== 'float32'],
    ['relu', has('nonlinearity') === 'relu'],
    ['bidirectional', has('bidirectional') === true],
    [`layers ${layers > 3 ? '> 3' : layers}`, layers > 1],
    ['batch_first', has('batch_first') === true],
    ['proj_size', Number(has('proj_size') ?? 0) > 0],
    ['no bias', has('bias') === false],
    ['lengths', inputs.lengths !== undefined],
    ['unbatched', unbatchedRank !== undefined && inputs.input?.shape.length === unbatchedRank],
    ['dropout', 'dropout_mask' in inputs],
    ['gradients', cotangents !== undefined],
    ['training', training !== undefined],
    ['greedy', has('decoding') === 'greedy'],
  ]
  const traits = is.flatMap(([label, there]) => (there ? [label] : []))
  return traits.length === 0 ? ['default'] : traits
}

/** Error against time, and time × unit, of `output`, or of what is farthest off where there is none. */
function chartsOf(
  recorded: Case,
  outputs: unknown,
  { comparisons }: Verdict,
  judgement: Judgement,
): { profile?: Profile; heatmap?: Heatmap } {
  const given = outputs as Readonly<Record<string, FloatTensor>> | undefined
  const axes = expectedAxes(recorded)
  const candidates = comparisons.filter(({ tensor, problem, elements }) => {
    return problem === undefined && elements > 0 && (axes[tensor] ?? []).length >= 2 && given?.[tensor] !== undefined
  })
  const timed = candidates.filter(({ tensor }) => axes[tensor]!.some(isTime))
  const chosen =
    timed.find(({ tensor }) => tensor === 'output') ??
    (timed.length > 0 ? timed : candidates).toSorted((one, other) => other.share - one.share)[0]
  if (chosen === undefined || given === undefined) return {}
  return charts(recorded, chosen.tensor, given[chosen.tensor]!, axes[chosen.tensor]!, judgement)
}

const isTime = ({ name }: Axis): boolean => name === 'seq_len' || name === 'step'

function charts(
  recorded: Case,
  tensor: string,
  actual: FloatTensor,
  axes: readonly Axis[],
  judgement: Judgement,
): { profile?: Profile; heatmap: Heatmap } {
  const { shape } = recorded.expected[tensor]!
  const found = axes.findIndex(isTime)
  const along = found < 0 ? 0 : found
  const unit = shape.length - 1
  const steps = shape[along]!
  const points = Math.min(steps, mostPoints)
  const columns = Math.min(steps, mostCells)
  const rows = unit === along ? 1 : Math.min(shape[unit]!, mostCells)
  const error = new Float64Array(points)
  const allowed = new Float64Array(points)
  const cells = new Uint8Array(rows * columns)
  eachError(recorded, tensor, actual, judgement, (index, element) => {
    const t = index[along]!
    const point = merged(t, steps, points)
    error[point] = Math.max(error[point]!, element.error)
    if (element.allowed < Infinity) allowed[point] = Math.max(allowed[point]!, element.allowed)
    const row = unit === along ? 0 : merged(index[unit]!, shape[unit]!, rows)
    const cell = row * columns + merged(t, steps, columns)
    cells[cell] = Math.max(cells[cell]!, byteOf(shareOfError(element)))
  })
  const name = axes[along]!.name === 'seq_len' ? 't' : axes[along]!.name
  const units = unit === along ? 1 : shape[unit]!
  return {
    ...(found < 0 ? {} : { profile: { tensor, along: name, steps, error: short(error), allowed: short(allowed) } }),
    heatmap: { tensor, along: name, steps, units, columns, rows, cells: btoa(String.fromCharCode(...cells)) },
  }
}

/** Three digits are more than a chart shows; what is infinite has no place on it. */
function short(values: Float64Array): (number | 'Infinity')[] {
  return Array.from(values, (x) => (x === Infinity ? 'Infinity' : Number(x.toPrecision(3))))
}
