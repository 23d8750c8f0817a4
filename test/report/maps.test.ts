import { describe, expect, it } from 'vitest'
import type { Case, Outputs } from '../../src/format/case.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { detailOf } from '../../src/report/detail.ts'
import type { Detail } from '../../src/report/results.ts'
import { defaultJudgement } from '../../src/verify/compare.ts'
import { judge, type Verdict } from '../../src/verify.ts'
import { cellCase, layerCase } from '../sample.ts'

/** What is shown of a case of which some numbers are others. */
function shownOf(
  recorded: Case,
  changes: Readonly<Record<string, Readonly<Record<number, number>>>>,
  isMapped = true,
): Detail {
  const outputs: Outputs = {
    ...recorded.expected,
    ...Object.fromEntries(
      Object.entries(changes).map(([name, own]) => {
        const { dtype, shape, data } = recorded.expected[name]!
        return [
          name,
          floatTensor(
            dtype,
            shape,
            Array.from(data, (x, i) => own[i] ?? x),
          ),
        ]
      }),
    ),
  }
  const { id, module } = recorded
  const verdict: Verdict = { id, module, outcome: 'mismatch', comparisons: judge(recorded, outputs) }
  return detailOf(recorded, outputs, verdict, defaultJudgement, { isMapped })
}

const over = (cells: string): number[] =>
  Array.from(atob(cells)).flatMap((letter, i) => (letter.charCodeAt(0) >= 128 ? [i] : []))
const options = { dtype: 'float64', seq_len: 3, batch: 2, hidden_size: 2 } as const

describe('the maps of a mismatch', () => {
  it('show each row of the batch by time and unit, with the numbers of both sides', () => {
    const recorded = layerCase(options)
    // (seq_len, batch, unit): step 1, row 1, unit 0.
    const { maps } = shownOf(recorded, { output: { 6: 0.5 } })
    expect(maps).toMatchObject([
      { tensor: 'output', slice: 'batch 0', along: 't', across: 'unit', steps: 3, units: 2, columns: 3, rows: 2 },
      { tensor: 'output', slice: 'batch 1' },
    ])
    const [right, wrong] = maps!
    expect(over(right!.cells)).toEqual([])
    expect(over(wrong!.cells)).toEqual([1])
    const { data } = recorded.expected['output']!
    expect(wrong!.actual).toEqual([data[2], 0.5, data[10], data[3], data[7], data[11]])
    expect(wrong!.expected).toEqual([data[2], data[6], data[10], data[3], data[7], data[11]])
  })

  it('show each layer and direction of a state, output before others', () => {
    const recorded = layerCase({ ...options, num_layers: 2, bidirectional: true })
    const { maps } = shownOf(recorded, { h_n: { 4: 9 }, output: { 0: 0.1 } })
    expect(maps!.map(({ tensor, slice }) => `${tensor} ${slice}`)).toEqual([
      'output batch 0',
      'output batch 1',
      'h_n layer 0, forward',
      'h_n layer 0, reverse',
      'h_n layer 1, forward',
      'h_n layer 1, reverse',
    ])
    expect(maps![3]).toMatchObject({ along: 'batch', across: 'unit', columns: 2, rows: 2 })
    expect(maps!.slice(2).map(({ cells }) => over(cells))).toEqual([[], [0], [], []])
  })

  it('merge what has more lines than are shown by what is farthest off, and name the worst of many', () => {
    const recorded = layerCase({ ...options, seq_len: 40, batch: 9, hidden_size: 1 })
    const { maps } = shownOf(recorded, { output: { [9 * 39 + 8]: 0.5 } })
    expect(maps!.map(({ slice }) => slice)).toEqual([8, 0, 1, 2, 3, 4].map((row) => `batch ${row}`))
    expect(maps![0]).toMatchObject({ steps: 40, columns: 16, rows: 1 })
    expect(over(maps![0]!.cells)).toEqual([15])
    expect(maps![0]!.actual[15]).toBe(0.5)
  })

  it('have words for numbers that JSON has none for', () => {
    const { maps } = shownOf(cellCase(), { h_1: { 0: NaN, 1: -Infinity } })
    const [map] = maps!
    expect(map!.slice).toBeUndefined()
    expect(map!.actual).toEqual(expect.arrayContaining(['NaN', '-Infinity']))
    expect(over(map!.cells).length).toBe(2)
  })

  it('hold at most 256 cells of a case, and are none where they are not asked for', () => {
    const recorded = layerCase({ ...options, seq_len: 20, hidden_size: 20 })
    const off = { output: { 0: 9 }, h_n: { 0: 9 } }
    const cells = shownOf(recorded, off).maps!.map(({ actual }) => actual.length)
    expect(cells).toEqual([256])
    expect(shownOf(recorded, off, false).maps).toBeUndefined()
  })
})

describe('the layers of a mismatch', () => {
  it('are the last states of each, and the output of the last by direction and time', () => {
    const recorded = layerCase({ ...options, num_layers: 2, bidirectional: true })
    // output (3, 2, 4): step 2, row 0, reverse unit 1; h_n (4, 2, 2): layer 0 reverse.
    const { layers } = shownOf(recorded, { output: { 19: 9 }, h_n: { 5: 9 } })
    expect(layers).toMatchObject({ layers: 2, directions: 2, steps: 3, columns: 3 })
    expect(over(layers!.output)).toEqual([5])
    expect(over(layers!.last)).toEqual([1])
  })

  it('are not there where there is one, in a match, or in a cell', () => {
    expect(shownOf(layerCase(options), { output: { 0: 9 } }).layers).toBeUndefined()
    expect(shownOf(cellCase(), { h_1: { 0: 9 } }).layers).toBeUndefined()
    const recorded = layerCase({ ...options, num_layers: 2 })
    const verdict: Verdict = {
      id: 'a',
      module: 'RNN',
      outcome: 'match',
      comparisons: judge(recorded, recorded.expected),
    }
    const detail = detailOf(recorded, recorded.expected, verdict, defaultJudgement)
    expect([detail.layers, detail.maps]).toEqual([undefined, undefined])
  })
})
