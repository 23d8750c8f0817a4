import { describe, expect, it } from 'vitest'
import type { Case, Outputs } from '../../src/format/case.ts'
import { defaultJudgement, kappa } from '../../src/verify/compare.ts'
import { byteOf, merged } from '../../src/report/heat.ts'
import { detailOf, traitsOf } from '../../src/report/detail.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { judge, type Verdict } from '../../src/verify.ts'
import { cellCase, layerCase, type LayerOptions, sgd } from '../sample.ts'

/** The charts of a case with one tensor changed. */
function chartsOf(recorded: Case, name: string, change: (x: number, i: number) => number) {
  const { dtype, shape, data } = recorded.expected[name]!
  const outputs: Outputs = { ...recorded.expected, [name]: floatTensor(dtype, shape, Array.from(data, change)) }
  const { id, module } = recorded
  const verdict: Verdict = { id, module, outcome: 'mismatch', comparisons: judge(recorded, outputs) }
  return detailOf(recorded, outputs, verdict, defaultJudgement)
}

const bytes = (cells: string): number[] => Array.from(atob(cells), (c) => c.codePointAt(0)!)

describe('byteOf', () => {
  it.each([
    [0, 0],
    [1e-9, 1],
    [1e-4, 1],
    [1, 127],
    [1 + Number.EPSILON, 128],
    [1e4, 254],
    [1e9, 254],
    [Infinity, 255],
    [Number.NaN, 255],
  ])('of %d is %i', (share, byte) => {
    expect(byteOf(share)).toBe(byte)
  })

  it('never falls, and says of no share above 1 that it matches', () => {
    const shares = Array.from({ length: 2001 }, (_, i) => 10 ** (i / 200 - 5))
    const all = shares.map(byteOf)
    expect(all.every((byte, i) => i === 0 || byte >= all[i - 1]!)).toBe(true)
    expect(shares.every((share, i) => all[i]! <= 127 === share <= 1)).toBe(true)
  })
})

it('merged puts places into as many parts, in order, each of them used', () => {
  const parts = Array.from({ length: 100 }, (_, i) => merged(i, 100, 32))
  expect(new Set(parts)).toStrictEqual(new Set(Array.from({ length: 32 }, (_, i) => i)))
  expect(parts.every((part, i) => i === 0 || part >= parts[i - 1]!)).toBe(true)
  expect(Array.from({ length: 5 }, (_, i) => merged(i, 5, 5))).toStrictEqual([0, 1, 2, 3, 4])
})

describe('the charts of a case', () => {
  const options: Partial<LayerOptions> = { dtype: 'float64', seq_len: 3, batch: 2, hidden_size: 2 }

  it('show the largest error of each step, and what is allowed there', () => {
    const recorded = layerCase(options)
    // Step 1, row 1, unit 0 is off by 0.5, step 2, row 0, unit 1 by 0.25.
    const { profile, heatmap } = chartsOf(recorded, 'output', (x, i) => x + (i === 6 ? 0.5 : i === 9 ? -0.25 : 0))
    expect(profile).toMatchObject({ tensor: 'output', along: 't', steps: 3, error: [0, 0.5, 0.25] })
    const allowed = kappa * Math.max(...recorded.budget['output']!.data)
    expect(Math.max(...profile!.allowed.map(Number))).toBe(Number(allowed.toPrecision(3)))
    // Unit by unit, each over time.
    expect(heatmap).toMatchObject({ tensor: 'output', along: 't', steps: 3, units: 2, columns: 3, rows: 2 })
    expect(bytes(heatmap!.cells).map((byte) => byte > 127)).toStrictEqual([false, true, false, false, false, true])
  })

  it('take time from the second axis with batch_first', () => {
    const { profile } = chartsOf(
      layerCase({ ...options, batch_first: true }),
      'output',
      (x, i) => x + (i === 4 ? 0.5 : 0),
    )
    expect(profile?.error).toStrictEqual([0, 0, 0.5])
  })

  it('show a number of another kind as an infinite error', () => {
    const { profile, heatmap } = chartsOf(layerCase(options), 'output', (x, i) => (i === 0 ? Number.NaN : x))
    expect(profile?.error).toStrictEqual(['Infinity', 0, 0])
    expect(bytes(heatmap!.cells)[0]).toBe(255)
  })

  it('are of output, however far another tensor is off', () => {
    expect(chartsOf(layerCase(options), 'h_n', (x) => x + 100).heatmap).toMatchObject({ tensor: 'output' })
    const gradients = layerCase({ ...options, cotangents: true })
    expect(chartsOf(gradients, 'grad_input', (x) => x + 100).heatmap).toMatchObject({ tensor: 'output' })
  })

  it('merge many steps and units by their largest', () => {
    const recorded = layerCase({ ...options, seq_len: 130, batch: 1, hidden_size: 40 })
    const { profile, heatmap } = chartsOf(recorded, 'output', (x, i) => x + (i === 129 * 40 + 39 ? 0.5 : 0))
    expect(profile?.error).toHaveLength(64)
    expect(profile?.error.at(-1)).toBe(0.5)
    expect(heatmap).toMatchObject({ steps: 130, units: 40, columns: 32, rows: 32 })
    const over = bytes(heatmap!.cells).flatMap((byte, i) => (byte > 127 ? [i] : []))
    expect(over).toStrictEqual([32 * 32 - 1])
  })

  it('of a cell have no time: rows × units of what is farthest off', () => {
    const recorded = cellCase({ module: 'LSTMCell', dtype: 'float64' })
    const { profile, heatmap } = chartsOf(recorded, 'c_1', (x, i) => x + (i === 0 ? 1 : 0))
    expect(profile).toBeUndefined()
    expect(heatmap).toMatchObject({ tensor: 'c_1', along: 'batch' })
    expect(bytes(heatmap!.cells)[0]).toBeGreaterThan(127)
  })

  it('are left out where nothing was given', () => {
    const recorded = layerCase(options)
    const verdict: Verdict = { id: 'a', module: 'RNN', outcome: 'unsupported', comparisons: [] }
    const { config, dtype, traits, ...charts } = detailOf(recorded, undefined, verdict, defaultJudgement)
    expect({ config, dtype, traits }).toStrictEqual({ config: recorded.config, dtype: 'float64', traits: ['float64'] })
    expect(charts).toStrictEqual({})
  })
})

describe('traitsOf', () => {
  it.each<[Partial<LayerOptions>, string[]]>([
    [{}, ['default']],
    [{ dtype: 'bfloat16', bias: false }, ['bfloat16', 'no bias']],
    [{ bidirectional: true, num_layers: 2, batch_first: true }, ['bidirectional', 'layers 2', 'batch_first']],
    [{ num_layers: 3 }, ['layers 3']],
    [{ num_layers: 4 }, ['layers > 3']],
    [{ batch: undefined, nonlinearity: 'relu' }, ['relu', 'unbatched']],
    [{ module: 'LSTM', proj_size: 2, cotangents: true }, ['proj_size', 'gradients']],
    [{ lengths: [4, 2], training: sgd }, ['lengths', 'training']],
    [{ num_layers: 2, dropout: 0.5, dropout_mask: true }, ['layers 2', 'dropout']],
  ])('of %j are %j', (options, traits) => {
    expect(traitsOf(layerCase(options))).toStrictEqual(traits)
  })

  it('know an unbatched cell', () => {
    expect(traitsOf(cellCase({ batch: undefined }))).toStrictEqual(['unbatched'])
    expect(traitsOf(cellCase())).toStrictEqual(['default'])
  })
})
