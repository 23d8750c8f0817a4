import { describe, expect, it } from 'vitest'
import { askedOf, cameOf, cellOf, groupsOf, isSpecial, type Matrix } from '../../src/report/matrix.ts'
import { matrixRecord } from '../../src/report/matrix/json.ts'
import { renderMatrix } from '../../src/report/matrix/markdown.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import type { Verdict } from '../../src/verify.ts'
import { cellCase, layerCase } from '../sample.ts'

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
    [
      'where all that is expected is tiny but the gradients',
      { ...giving(2 ** -16), expected: { ...giving(2 ** -16).expected, grad_input: floatTensor('float32', [1], [1]) } },
      true,
    ],
    ['not with ordinary numbers', ordinary, false],
    ['not with zeros among them', giving(0.5), false],
  ])('%s', (_, recorded, special) => {
    expect(isSpecial(recorded)).toBe(special)
  })
})

/** A comparison of h_1 that is off at one element. */
const off = (actual: number, expected: number, tensor = 'h_1'): Verdict => ({
  ...verdict('mismatch'),
  comparisons: [
    {
      tensor,
      outcome: 'mismatch',
      elements: 1,
      nonFinite: 0,
      differing: 1,
      share: Infinity,
      rtol: 1,
      atol: 1,
      worst: { index: [0], place: {}, actual, expected, error: Math.abs(actual - expected), allowed: 0 },
    },
  ],
})

function matrixOf(came: readonly (readonly [typeof ordinary, Parameters<typeof cameOf>[1]])[]): Matrix {
  const cases = came.map(([recorded]) => askedOf('a.msgpack', recorded))
  const row = { engine: 'a|b', asked: 'ab', came: came.map(([recorded, one]) => cameOf(recorded, one)), speeds: [] }
  return { cases, rows: [row], missing: [], broken: [] }
}

describe('a departure is told by', () => {
  it.each([
    ['zero for a subnormal number', off(0, 1e-40), '0 for a subnormal number'],
    ['a number for NaN', off(0.5, NaN), 'a number for NaN'],
    ['NaN for a number', off(NaN, 0.5), 'NaN for a number'],
    ['an infinity', off(Infinity, 0.5), 'an infinity for a number'],
    ['another tiny number', off(2e-6, 1e-6), 'another tiny number for a tiny number'],
    ['another number', off(2, 1), 'another number for a number'],
    ['a gradient', off(0, 1, 'grad_input'), 'gradients: 0 for a number'],
    ['what the engine does beside', verdict('mismatch'), 'the engine does more than compute'],
  ])('%s', (_, came, why) => {
    expect(cameOf(ordinary, came)).toEqual({ outcome: 'mismatch', why })
  })
})

describe('a matrix', () => {
  it('counts special values apart, and what has failed', () => {
    const matrix = matrixOf([
      [ordinary, verdict('match')],
      [ordinary, off(2, 1)],
      [ordinary, { error: 'died' }],
      [ordinary, verdict('undecided')],
      [ordinary, verdict('unsupported', 'no bias')],
      [nan, off(0, NaN)],
    ])
    const cell = cellOf(matrix, matrix.rows[0]!)
    expect(cell).toMatchObject({ cases: 6, supported: 4, matched: 1, mismatched: 1, failed: 1, undecided: 1 })
    expect(cell.special).toEqual({ supported: 1, matched: 0, undecided: 0, mismatched: 1, failed: 0 })
    expect(groupsOf(matrix, matrix.rows[0]!).map(({ outcome, why, special }) => [outcome, why, special])).toEqual([
      ['mismatch', 'another number for a number', 0],
      ['failed', 'died', 0],
      ['mismatch', '0 for NaN', 1],
      ['unsupported', 'no bias', 0],
    ])
  })

  it('counts only the cases of a module and trait', () => {
    const matrix = matrixOf([
      [ordinary, verdict('match')],
      [layerCase({ module: 'GRU', bidirectional: true }), verdict('match')],
      [layerCase({ module: 'GRU' }), off(2, 1)],
    ])
    const { rows } = matrixRecord(matrix) as { rows: { modules: { module: string; traits: object[] }[] }[] }
    const gru = rows[0]!.modules.find(({ module }) => module === 'GRU')!
    expect(gru).toMatchObject({ cases: 2, matched: 1, mismatched: 1 })
    expect(gru.traits).toContainEqual(expect.objectContaining({ trait: 'bidirectional', cases: 1, matched: 1 }))
  })

  it('is tables of what is supported, and says the rest', () => {
    const gru = layerCase({ module: 'GRU' })
    const matrix = matrixOf([
      [ordinary, verdict('match')],
      [gru, verdict('unsupported', 'no GRU')],
    ])
    const broken = [{ asked: 'keras', error: 'no [backend]' }]
    const speed = { file: 'a.msgpack', id: 'one', oursMs: 1 }
    const speeds = [
      { ...speed, module: 'RNNCell', ms: 2 },
      { ...speed, module: 'GRU', ms: 3 },
    ]
    const rows = matrix.rows.map((row) => ({ ...row, speeds }))
    const text = renderMatrix({ ...matrix, rows, missing: ['tfjs'], broken }).split('\n')
    expect(text.filter((line) => !line.startsWith('| engine') && !line.startsWith('| ---'))).toEqual([
      String.raw`| a\|b | 1 of 2 | 1 | 0 | 0 | 0 | 0.0 % | 0 | 0 | 0 | 2 to 3 times ours |`,
      '',
      String.raw`| a\|b | RNNCell | 1 of 1 | 1 | 0 | 0 | 0 | 0.0 % | 0 | 0 | 0 | 2 ms | 1 ms |`,
      '',
      String.raw`| trait | a\|b |`,
      '| default | 1 of 1 |',
      '',
      String.raw`a\|b:`,
      '',
      '- not supported: no GRU (1 case of GRU)',
      '',
      String.raw`keras could not be asked: no \[backend\]`,
      '',
      'Not installed: tfjs.',
    ])
  })
})
