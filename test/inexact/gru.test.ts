import { describe, expect, it } from 'vitest'
import type { Step } from '../../src/inexact/cell.ts'
import { gruCell } from '../../src/inexact/gru.ts'
import { run } from '../../src/inexact/run.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { anyCell, anyLayer, cellCase, layerCase, questionOf } from '../sample.ts'
import { drawnOptions, wrongWith } from '../engine/against-naive.ts'

describe('the engine computes in float64 what the naive GRU does, to 1e-14', () => {
  it('in 300 random layers of every kind', () => {
    const recorded = Array.from({ length: 300 }, (_, i) => anyLayer(i + 1, { module: 'GRU', dtype: 'float64' }))
    expect(recorded.flatMap((each) => wrongWith(each, run))).toStrictEqual([])
    expect(drawnOptions(recorded)).toStrictEqual([])
  })

  it('in 100 random layers with a dropout_mask', () => {
    const dropout = { num_layers: 3, dropout: 0.3, dropout_mask: true }
    const recorded = Array.from({ length: 100 }, (_, i) => {
      return anyLayer(i + 1, { module: 'GRU', dtype: 'float64', ...dropout })
    })
    expect(recorded.flatMap((each) => wrongWith(each, run))).toStrictEqual([])
    expect(drawnOptions(recorded)).toStrictEqual([])
  })

  it('in 200 random cells, of sizes 0 to 9', () => {
    const recorded = Array.from({ length: 200 }, (_, i) => anyCell(i + 1, { module: 'GRUCell', dtype: 'float64' }))
    expect(recorded.flatMap((each) => wrongWith(each, run))).toStrictEqual([])
  })

  it('in a batch of 0, whose h_n is empty too', () => {
    const empty = layerCase({ module: 'GRU', batch: 0, bidirectional: true, num_layers: 2 })
    expect(run(questionOf(empty))).toStrictEqual({
      output: floatTensor('float32', [4, 0, 6], []),
      h_n: floatTensor('float32', [4, 0, 3], []),
    })
  })
})

describe('one step of a cell of one unit, by hand', () => {
  const recorded = cellCase({
    module: 'GRUCell',
    dtype: 'float64',
    input_size: 1,
    hidden_size: 1,
    batch: undefined,
  })

  /** h_1 from h_0 with an input of 1, by the three rows of each parameter. */
  function step(h_0: number, parameters: Record<'weight_ih' | 'weight_hh' | 'bias_ih' | 'bias_hh', number[]>): number {
    const params = Object.fromEntries(
      Object.entries(parameters).map(([name, rows]) => [
        name,
        floatTensor('float64', name.startsWith('weight') ? [3, 1] : [3], rows),
      ]),
    )
    const inputs = { input: floatTensor('float64', [1], [1]), h_0: floatTensor('float64', [1], [h_0]) }
    return run({ ...questionOf(recorded), params, inputs })['h_1']?.data[0] ?? Number.NaN
  }
  const zero = [0, 0, 0]

  it('z of 1 keeps h', () => {
    const open = step(0.75, { weight_ih: [0, 1000, 3], weight_hh: zero, bias_ih: zero, bias_hh: zero })
    expect(open).toBe(0.75)
  })

  it('z of 0 takes n', () => {
    const shut = step(0.75, { weight_ih: [0, -1000, 3], weight_hh: zero, bias_ih: zero, bias_hh: zero })
    expect(shut).toBe(Math.tanh(3))
  })

  it('r of 0 leaves out W_hn h and b_hn, but not b_in', () => {
    const reset = { weight_ih: [-1000, -1000, 0], weight_hh: [0, 0, 5], bias_ih: [0, 0, 0.5], bias_hh: [0, 0, 2] }
    expect(step(0.75, reset)).toBe(Math.tanh(0.5))
  })

  it('r of ½ takes half of W_hn h + b_hn', () => {
    const half = { weight_ih: [0, -1000, 0], weight_hh: [0, 0, 2], bias_ih: [0, 0, 0.5], bias_hh: [0, 0, 0.25] }
    expect(step(0.75, half)).toBe(Math.tanh(0.5 + 0.5 * (2 * 0.75 + 0.25)))
  })
})

it('NaN stays in its batch row from its step on', () => {
  const recorded = layerCase({ module: 'GRU', dtype: 'float64' })
  const data = Float64Array.from(recorded.inputs.input.data)
  // (4, 2, 2): step 1, row 1, input 0.
  data[6] = Number.NaN
  const input = floatTensor('float64', [4, 2, 2], data)
  const { output } = run({ ...questionOf(recorded), inputs: { ...recorded.inputs, input } })
  const nans = Array.from(output?.data ?? [], (x) => (Number.isNaN(x) ? 'N' : '.')).join('')
  expect(nans).toBe('.........NNN...NNN...NNN')
})

describe('gruCell', () => {
  const padded = (before: number, values: readonly number[]): Float64Array =>
    Float64Array.of(...Array.from({ length: before }, () => 1000), ...values)
  const stepOf = (): Step => ({
    rows: 1,
    hidden_size: 1,
    gates: padded(2, [0, -1000, 0.5]),
    gatesAt: 2,
    fromHidden: padded(1, [0, 0, 0.25]),
    fromHiddenAt: 1,
    h: padded(1, [5]),
    hAt: 1,
    hidden: padded(3, [9]),
    hiddenAt: 3,
    c: new Float64Array(0),
    cAt: 0,
    cAfterAt: 0,
  })

  it('reads and writes where it is told, and leaves its activated gates', () => {
    const step = stepOf()
    gruCell().forward(step)
    const n = Math.tanh(0.5 + 0.5 * 0.25)
    expect(step.gates).toStrictEqual(padded(2, [0.5, 0, n]))
    expect(step.hidden).toStrictEqual(padded(3, [n]))
    expect(step.h).toStrictEqual(padded(1, [5]))
    expect(step.fromHidden).toStrictEqual(padded(1, [0, 0, 0.25]))
  })

  it('has three gates', () => {
    expect(gruCell().gates).toBe(3)
  })
})
