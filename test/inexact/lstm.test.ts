import { describe, expect, it } from 'vitest'
import type { Step } from '../../src/inexact/cell.ts'
import { lstmCell } from '../../src/inexact/lstm.ts'
import { run } from '../../src/inexact/run.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { anyCell, anyLayer, cellCase, layerCase, questionOf } from '../sample.ts'
import { drawnOptions, wrongWith } from '../engine/against-naive.ts'

describe('the engine computes in float64 what the naive LSTM does, to 1e-14', () => {
  it('in 300 random layers of every kind', () => {
    const recorded = Array.from({ length: 300 }, (_, i) => anyLayer(i + 1, { module: 'LSTM', dtype: 'float64' }))
    expect(recorded.flatMap((each) => wrongWith(each, run))).toStrictEqual([])
    expect(drawnOptions(recorded)).toStrictEqual([])
    const projected = recorded.filter(({ config }) => 'proj_size' in config && config.proj_size > 0)
    expect(projected.length).toBeGreaterThan(50)
    expect(drawnOptions(projected)).toStrictEqual([])
  })

  it('in 100 random layers with a dropout_mask', () => {
    const dropout = { num_layers: 3, dropout: 0.3, dropout_mask: true }
    const recorded = Array.from({ length: 100 }, (_, i) => {
      return anyLayer(i + 1, { module: 'LSTM', dtype: 'float64', ...dropout })
    })
    expect(recorded.flatMap((each) => wrongWith(each, run))).toStrictEqual([])
    expect(drawnOptions(recorded)).toStrictEqual([])
  })

  it('in 200 random cells, of sizes 0 to 9', () => {
    const recorded = Array.from({ length: 200 }, (_, i) => anyCell(i + 1, { module: 'LSTMCell', dtype: 'float64' }))
    expect(recorded.flatMap((each) => wrongWith(each, run))).toStrictEqual([])
  })

  it('in a batch of 0, whose h_n and c_n are empty too', () => {
    const empty = layerCase({ module: 'LSTM', batch: 0, bidirectional: true, num_layers: 2, proj_size: 2 })
    expect(run(questionOf(empty))).toStrictEqual({
      output: floatTensor('float32', [4, 0, 4], []),
      h_n: floatTensor('float32', [4, 0, 2], []),
      c_n: floatTensor('float32', [4, 0, 3], []),
    })
  })
})

it('c_n of a row is that of its own last step, and h_n too', () => {
  const whole = layerCase({ module: 'LSTM', dtype: 'float64', lengths: [4, 2], seq_len: 4 })
  const { input, h_0, c_0 } = whole.inputs
  const cut = {
    input: floatTensor('float64', [2, 2, 2], Float64Array.from(input.data.slice(0, 8))),
    ...(h_0 && { h_0 }),
    ...(c_0 && { c_0 }),
  }
  const long = run(questionOf(whole))
  const short = run({ ...questionOf(whole), inputs: cut })
  for (const name of ['h_n', 'c_n']) {
    // (1, 2, 3): row 1 ends after 2 steps.
    expect(long[name]?.data.slice(3), `of ${name}`).toStrictEqual(short[name]?.data.slice(3))
    expect(long[name]?.data.slice(0, 3), `of ${name}`).not.toStrictEqual(short[name]?.data.slice(0, 3))
  }
})

it('the state after one step of a cell with i = f = o = ½ is ½ tanh(½ c_0 + ½ tanh 2), by hand', () => {
  // Only the third block, g, has an input; σ(0) = ½.
  const recorded = cellCase({
    module: 'LSTMCell',
    dtype: 'float64',
    bias: false,
    input_size: 1,
    hidden_size: 1,
    batch: undefined,
  })
  const { h_1, c_1 } = run({
    ...questionOf(recorded),
    params: {
      weight_ih: floatTensor('float64', [4, 1], [0, 0, 2, 0]),
      weight_hh: floatTensor('float64', [4, 1], [0, 0, 0, 0]),
    },
    inputs: {
      input: floatTensor('float64', [1], [1]),
      h_0: floatTensor('float64', [1], [7]),
      c_0: floatTensor('float64', [1], [-3]),
    },
  })
  const c = 0.5 * -3 + 0.5 * Math.tanh(2)
  expect(c_1).toStrictEqual(floatTensor('float64', [1], [c]))
  expect(h_1).toStrictEqual(floatTensor('float64', [1], [0.5 * Math.tanh(c)]))
})

it.each([
  ['i', 0, [0.5 * Math.tanh(0.5), 0.5]],
  ['f', 1, [0.5 * Math.tanh(2), 2]],
] as const)('a %s of 1 keeps all of what it is the gate of', (_, block, [h, c]) => {
  // The gate is σ(1000) = 1; c_0 is 2 with f open, and g is tanh(0) with i open, unless its own input makes it ½.
  const recorded = cellCase({
    module: 'LSTMCell',
    dtype: 'float64',
    bias: false,
    input_size: 1,
    hidden_size: 1,
    batch: undefined,
  })
  const weight = [0, 0, block === 0 ? Math.atanh(0.5) : 0, 0]
  weight[block] = 1000
  if (block === 0) weight[1] = -1000
  const { h_1, c_1 } = run({
    ...questionOf(recorded),
    params: {
      weight_ih: floatTensor('float64', [4, 1], weight),
      weight_hh: floatTensor('float64', [4, 1], [0, 0, 0, 0]),
    },
    inputs: {
      input: floatTensor('float64', [1], [1]),
      h_0: floatTensor('float64', [1], [7]),
      c_0: floatTensor('float64', [1], [2]),
    },
  })
  expect(Math.abs((c_1?.data[0] ?? Number.NaN) - c)).toBeLessThanOrEqual(2 ** -52)
  expect(Math.abs((h_1?.data[0] ?? Number.NaN) - h)).toBeLessThanOrEqual(2 ** -52)
})

describe('values that are not finite', () => {
  it('NaN stays in its batch row from its step on, in h and c', () => {
    const recorded = layerCase({ module: 'LSTM', dtype: 'float64' })
    const data = Float64Array.from(recorded.inputs.input.data)
    // (4, 2, 2): step 1, row 1, input 0.
    data[6] = Number.NaN
    const { output, c_n } = run({
      ...questionOf(recorded),
      inputs: { ...recorded.inputs, input: floatTensor('float64', [4, 2, 2], data) },
    })
    const nans = (values: Iterable<number>): string => Array.from(values, (x) => (Number.isNaN(x) ? 'N' : '.')).join('')
    expect(nans(output?.data ?? [])).toBe('.........NNN...NNN...NNN')
    expect(nans(c_n?.data ?? [])).toBe('...NNN')
  })

  it('an input of ±1e308 saturates every gate', () => {
    const recorded = cellCase({
      module: 'LSTMCell',
      dtype: 'float64',
      bias: false,
      input_size: 1,
      hidden_size: 1,
      batch: undefined,
    })
    const state = floatTensor('float64', [1], [0.25])
    for (const [x, c_1] of [
      // i = f = 1, g = 1.
      [1e308, 1.25],
      // i = f = 0.
      [-1e308, 0],
    ] as const) {
      const outputs = run({
        ...questionOf(recorded),
        params: {
          weight_ih: floatTensor('float64', [4, 1], [1, 1, 1, 1]),
          weight_hh: floatTensor('float64', [4, 1], [0, 0, 0, 0]),
        },
        inputs: { input: floatTensor('float64', [1], [x]), h_0: state, c_0: state },
      })
      expect(outputs['c_1']?.data[0], `${x}`).toBe(c_1)
      expect(Number.isFinite(outputs['h_1']?.data[0]), `${x}`).toBe(true)
    }
  })
})

describe('lstmCell', () => {
  it('reads and writes where it is told, leaves its activated gates and the state before it', () => {
    const padded = (before: number, values: readonly number[]): Float64Array =>
      Float64Array.of(...Array.from({ length: before }, () => 1000), ...values)
    const step: Step = {
      rows: 1,
      hidden_size: 1,
      gates: padded(2, [1000, -1000, 0.5, 1000]),
      gatesAt: 2,
      fromHidden: padded(1, [0, 0, 0.25, 0]),
      fromHiddenAt: 1,
      h: padded(1, [5]),
      hAt: 1,
      hidden: padded(3, [9]),
      hiddenAt: 3,
      c: padded(1, [6, 9]),
      cAt: 1,
      cAfterAt: 2,
    }
    lstmCell().forward(step)
    const c = Math.tanh(0.75)
    expect(step.gates).toStrictEqual(padded(2, [1, 0, c, 1]))
    expect(step.c).toStrictEqual(padded(1, [6, c]))
    expect(step.hidden).toStrictEqual(padded(3, [Math.tanh(c)]))
    expect(step.h).toStrictEqual(padded(1, [5]))
    expect(step.fromHidden).toStrictEqual(padded(1, [0, 0, 0.25, 0]))
  })

  it('has four gates', () => {
    expect(lstmCell().gates).toBe(4)
  })
})
