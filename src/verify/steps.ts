import { type Case, isModelRequest, type RecurrentRequest } from '../format/case.ts'
import type { Place } from '../format/place.ts'
import { extentOf, kinds, layerConfig, numDirections, stateSize, suffix } from '../format/module.ts'
import { broadcastStrides, type FloatTensor, floatTensor, type Tensor } from '../format/tensor.ts'

/** All time steps of one layer and direction as one case of a single step, and where each of its rows comes from. */
export interface Steps {
  readonly case: Case
  readonly places: readonly Place[]
}

/**
 * Takes a recorded run apart into single steps, each from PyTorch's own state before it. The steps fold into the batch axis,
 * so that any engine can be asked: seq_len 1, and as many rows as the run has steps.
 * → one case for each layer and direction; none without recorded states.
 */
export function stepCases(whole: Case): Steps[] {
  if (isModelRequest(whole)) return []
  const { states, inputs } = whole
  const config = layerConfig(whole.config)
  if (config === undefined || states === undefined) return []
  const { seq_len = 1, batch: given } = extentOf(whole.module, config, inputs.input.shape)
  const batch = given ?? 1
  const D = numDirections(config)
  const { num_layers } = config
  const swap = config.batch_first && given !== undefined

  const lengths = inputs.lengths === undefined ? undefined : Array.from(inputs.lengths.data, Number)
  const rows: { t: number; row: number }[] = []
  for (let t = 0; t < seq_len; t++) {
    for (let row = 0; row < batch; row++) if (t < (lengths?.[row] ?? seq_len)) rows.push({ t, row })
  }

  /** Copies the h or c of a layer and direction after step t of a row; before the first step that is h_0 or c_0. */
  const copyState = (name: 'h' | 'c', to: Float64Array, at: number, t: number, row: number, state: number): void => {
    const inside = t >= 0 && t < (lengths?.[row] ?? seq_len)
    const from = inside ? states[`${name}_t`] : inputs[`${name}_0`]
    if (from === undefined) return
    const size = from.shape.at(-1)!
    const start = ((inside ? t * num_layers * D : 0) + state) * batch + row
    to.set(from.data.subarray(start * size, (start + 1) * size), at)
  }
  /** One row for each step: the state after it, after the one before it, and the error that is allowed. */
  const fold = (name: 'h' | 'c', state: number, direction: number): Folded => {
    const { shape } = states[`${name}_t`]!
    const size = shape.at(-1)!
    const folded = [1, rows.length, size]
    const before = new Float64Array(rows.length * size)
    const after = new Float64Array(rows.length * size)
    const limits = new Float64Array(rows.length * size)
    const budget = whole.budget[`${name}_t`]!
    // Reading the case has checked that the budget broadcasts.
    const [overTime = 0, overStates = 0, overRows = 0, overUnits = 0] = broadcastStrides(budget.shape, shape) ?? []
    for (const [i, { t, row }] of rows.entries()) {
      copyState(name, before, i * size, direction === 0 ? t - 1 : t + 1, row, state)
      copyState(name, after, i * size, t, row, state)
      const from = t * overTime + state * overStates + row * overRows
      for (let unit = 0; unit < size; unit++) limits[i * size + unit] = budget.data[from + unit * overUnits]!
    }
    return { shape: folded, data: [before, after, limits] }
  }

  const steps: Steps[] = []
  const state_size = stateSize(config)
  for (let layer = 0; layer < num_layers; layer++) {
    const width = layer === 0 ? config.input_size : D * state_size
    const input = new Float64Array(rows.length * width)
    for (const [i, { t, row }] of rows.entries()) {
      if (layer === 0) {
        const start = (swap ? row * seq_len + t : t * batch + row) * width
        input.set(inputs.input.data.subarray(start, start + width), i * width)
      } else {
        for (let d = 0; d < D; d++) copyState('h', input, i * width + d * state_size, t, row, (layer - 1) * D + d)
      }
    }
    for (let direction = 0; direction < D; direction++) {
      const h = fold('h', layer * D + direction, direction)
      const c = kinds[whole.module].hasCellState ? fold('c', layer * D + direction, direction) : undefined
      steps.push({
        case: single(whole, layer, direction, floatTensor(whole.dtype, [1, rows.length, width], input), h, c),
        places: rows.map(({ t, row }) => ({
          layer,
          ...(D === 2 ? { direction: direction === 0 ? ('forward' as const) : ('reverse' as const) } : {}),
          t,
          ...(given === undefined ? {} : { batch: row }),
        })),
      })
    }
  }
  return steps
}

/** A state, folded: before each step, after it, and the error allowed in it. */
interface Folded {
  readonly shape: readonly number[]
  readonly data: readonly [Float64Array, Float64Array, Float64Array]
}

/** One layer and direction of a case as a layer of its own, with one step. */
function single(
  whole: Case & RecurrentRequest,
  layer: number,
  direction: number,
  input: FloatTensor,
  h: Folded,
  c: Folded | undefined,
): Case {
  const { id, module, dtype } = whole
  const own = suffix(layer, direction)
  const params = Object.fromEntries(
    Object.entries(whole.params)
      .filter(([name]) => name.endsWith(own))
      .map(([name, parameter]) => [name.slice(0, -own.length) + suffix(0, 0), parameter]),
  )
  const input_size = input.shape.at(-1)!
  const changed = { input_size, num_layers: 1, bidirectional: false, batch_first: false, dropout: 0 }
  const tensor = ({ shape, data }: Folded, which: 0 | 1): FloatTensor => floatTensor(dtype, shape, data[which])
  const allowed = ({ shape, data }: Folded): Tensor<'float64'> => ({ dtype: 'float64', shape, data: data[2] })
  const output = tensor(h, 1)
  return {
    id,
    module,
    dtype,
    params,
    config: { ...whole.config, ...changed },
    inputs: { input, h_0: tensor(h, 0), ...(c && { c_0: tensor(c, 0) }) },
    expected: { output, h_n: output, ...(c && { c_n: tensor(c, 1) }) },
    budget: { output: allowed(h), h_n: allowed(h), ...(c && { c_n: allowed(c) }) },
    // The same module with the same constructor arguments; TypeScript cannot follow that.
  } as Case
}
