import { expect, it } from 'vitest'
import { type DriftTotals, renderDrift } from '../../src/report/drift.ts'

const totals: DriftTotals = {
  module: 'RNNCell',
  before: '2.12.0',
  after: '2.13.0',
  cases: 10,
  tensors: 10,
  same: 9,
  share: 330_000,
  drifted: 1,
}

it('the columns of the table of drift stand apart, however far something is off', () => {
  const [, row] = renderDrift([totals]).split('\n')
  expect(row).toMatch(/ 10 +10 +9 +330000 times +1$/)
})
