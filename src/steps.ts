import type { Case } from './case.ts'
import type { Place } from './compare.ts'
import { extentOf, isLayer, numDirections, suffix } from './module.ts'
import { broadcastStrides, floatTensor, type Tensor } from './tensor.ts'

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
  const h_t = whole.states?.['h_t']
  const budget = whole.budget['h_t']
  if (!isLayer(whole.module) || !('num_layers' in whole.config) || h_t === undefined || budget === undefined) return []
  const { config, dtype, inputs, params } = whole
  const { hidden_size, num_layers } = config
  const { seq_len = 1, batch: given } = extentOf(whole.module, config, inputs.input.shape)
  const batch = given ?? 1
  const D = numDirections(config)
  const swap = config.batch_first && given !== undefined

  const lengths = inputs.lengths === undefined ? undefined : Array.from(inputs.lengths.data, Number)
  const rows: { t: number; row: number }[] = []
  for (let t = 0; t < seq_len; t++) {
    for (let row = 0; row < batch; row++) if (t < (lengths?.[row] ?? seq_len)) rows.push({ t, row })
  }

  /** Copies the state of a layer and direction after step t of a row; before the first step that is h_0. */
  const copyState = (to: Float64Array, at: number, t: number, row: number, state: number): void => {
    const inside = t >= 0 && t < (lengths?.[row] ?? seq_len)
    const from = inside ? h_t : inputs.h_0
    if (from === undefined) return
    const start = ((inside ? t * num_layers * D : 0) + state) * batch + row
    to.set(from.data.subarray(start * hidden_size, (start + 1) * hidden_size), at)
  }

  // Reading the case has checked that the budget broadcasts against h_t.
  const strides = broadcastStrides(budget.shape, h_t.shape) ?? []
  const [overTime = 0, overStates = 0, overRows = 0, overUnits = 0] = strides

  const steps: Steps[] = []
  for (let layer = 0; layer < num_layers; layer++) {
    const width = layer === 0 ? config.input_size : D * hidden_size
    const input = new Float64Array(rows.length * width)
    for (const [i, { t, row }] of rows.entries()) {
      if (layer === 0) {
        const start = (swap ? row * seq_len + t : t * batch + row) * width
        input.set(inputs.input.data.subarray(start, start + width), i * width)
      } else {
        for (let d = 0; d < D; d++) copyState(input, i * width + d * hidden_size, t, row, (layer - 1) * D + d)
      }
    }
    for (let direction = 0; direction < D; direction++) {
      const state = layer * D + direction
      const before = new Float64Array(rows.length * hidden_size)
      const after = new Float64Array(rows.length * hidden_size)
      const limits = new Float64Array(rows.length * hidden_size)
      for (const [i, { t, row }] of rows.entries()) {
        copyState(before, i * hidden_size, direction === 0 ? t - 1 : t + 1, row, state)
        copyState(after, i * hidden_size, t, row, state)
        const from = t * overTime + state * overStates + row * overRows
        for (let unit = 0; unit < hidden_size; unit++) {
          limits[i * hidden_size + unit] = budget.data[from + unit * overUnits]!
        }
      }
      const folded = [1, rows.length, hidden_size]
      const expected = floatTensor(dtype, folded, after)
      const allowed: Tensor<'float64'> = { dtype: 'float64', shape: folded, data: limits }
      const own = suffix(layer, direction)
      steps.push({
        case: {
          id: whole.id,
          module: 'RNN',
          config: { ...config, input_size: width, num_layers: 1, bidirectional: false, batch_first: false, dropout: 0 },
          dtype,
          params: Object.fromEntries(
            Object.entries(params)
              .filter(([name]) => name.endsWith(own))
              .map(([name, parameter]) => [name.slice(0, -own.length) + suffix(0, 0), parameter]),
          ),
          inputs: {
            input: floatTensor(dtype, [1, rows.length, width], input),
            h_0: floatTensor(dtype, folded, before),
          },
          expected: { output: expected, h_n: expected },
          budget: { output: allowed, h_n: allowed },
        },
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
