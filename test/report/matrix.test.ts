import { describe, expect, it } from 'vitest'
import { addCase, isSpecial, newCell, renderMatrix } from '../../src/report/matrix.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import type { Verdict } from '../../src/verify.ts'
import { cellCase } from '../sample.ts'

const ordinary = cellCase()
const nan = { ...ordinary, inputs: { ...ordinary.inputs, input: floatTensor('float32', [2, 2], [1, NaN, 0, 2]) } }
const verdict = (outcome: Verdict['outcome'], reason?: string): Verdict => ({
  id: 'one',
  module: 'RNNCell',
  outcome,
  comparisons: [],
  ...(reason === undefined ? {} : { reason }),
})

describe('a case is special', () => {
  const giving = (x: number): typeof ordinary => ({
    ...ordinary,
    expected: { h_1: floatTensor('float32', [2], [x, x]) },
  })
  it.each([
    ['with NaN', nan, true],
    ['with an infinity that is expected', giving(Infinity), true],
    ['with a subnormal number', giving(1e-40), true],
    ['where all that is expected is tiny', giving(2 ** -16), true],
    ['not with ordinary numbers', ordinary, false],
    ['not with zeros among them', giving(0.5), false],
  ])('%s', (_, recorded, special) => {
    expect(isSpecial(recorded)).toBe(special)
  })
})

describe('a matrix', () => {
  it('counts special values apart, and what has failed', () => {
    const cell = newCell('RNNCell')
    addCase(cell, 'a', ordinary, verdict('match'))
    addCase(cell, 'a', ordinary, verdict('mismatch'))
    addCase(cell, 'a', ordinary, { error: 'died' })
    addCase(cell, 'a', ordinary, verdict('undecided'))
    addCase(cell, 'a', ordinary, verdict('unsupported', 'no bias'))
    addCase(cell, 'a', nan, verdict('mismatch'))
    expect(cell).toMatchObject({ cases: 6, supported: 4, matched: 1, mismatched: 1, failed: 1, undecided: 1 })
    expect(cell.special).toEqual({ supported: 1, matched: 0, undecided: 0, mismatched: 1, failed: 0 })
    expect(cell.unsupported).toEqual({ 'no bias': 1 })
    expect(cell.departing.map(({ special, error }) => [special, error])).toEqual([
      [false, undefined],
      [false, 'died'],
      [true, undefined],
    ])
  })

  it('is a table of what is supported, and says the rest', () => {
    const cell = newCell('RNNCell')
    addCase(cell, 'a', ordinary, verdict('match'))
    const rows = [{ engine: 'a|b', cells: [cell, newCell('GRU')] }]
    const text = renderMatrix({ rows, missing: ['tfjs'] })
      .split('\n')
      .slice(2)
    expect(text).toEqual([
      String.raw`| a\|b | RNNCell | 1 of 1 | 1 | 0 | 0 | 0 | 0.0 % | 0 | 0 | 0 | - | - |`,
      '',
      String.raw`a\|b supports no case of GRU.`,
      '',
      'Not installed: tfjs.',
    ])
  })
})
