import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { measureBudget } from '../../src/verify/budget.ts'
import type { Case } from '../../src/format/case.ts'
import { openFile } from '../../src/cli/files.ts'
import { mostBudgetDrift } from '../../src/oracle/drift.ts'
import { engine } from '../../src/engine/run.ts'
import { openFixture } from '../../src/format/fixture.ts'
import { floatTensor, smallestPositive } from '../../src/format/tensor.ts'
import { verify } from '../../src/verify.ts'
import { caseRecord, cellCase, fixtureBytes, layerCase, sourceOf } from '../sample.ts'

const folder = join(import.meta.dirname, '..', '..', 'fixtures')

async function casesOf(file: string): Promise<Case[]> {
  const cases: Case[] = []
  for await (const read of (await openFile(join(folder, `${file}.msgpack`))).cases()) {
    if ('error' in read) throw read.error
    cases.push(read.case)
  }
  return cases
}

describe('measureBudget', () => {
  // Python measures with torch, in float64: other code, other noise, the same sizes.
  it.each([
    'rnn/default',
    'rnn/half',
    'lstm/gradients',
    'lstm/proj_size',
    'lstm/padding',
    'gru/saturated',
    'gru/special_values',
    'gru/training_adam',
    'rnn_cell/training_sgd',
    'lstm_cell/gradients',
    'seq2seq/attention_gradients',
    'seq2seq/many_to_one',
  ])('gives what the recorder has measured of %s, within the factor that budgets may drift by', async (file) => {
    const ratios: number[] = []
    for (const recorded of await casesOf(file)) {
      const measured = measureBudget(recorded)
      for (const [name, { shape, data }] of Object.entries(recorded.budget)) {
        expect(measured[name]!.shape).toStrictEqual(shape)
        const least = 64 * smallestPositive[recorded.dtype]
        for (const [i, own] of data.entries()) {
          // Near the smallest number there is, ours has room for each term of a sum.
          if (own > least) ratios.push(measured[name]!.data[i]! / own)
        }
      }
    }
    expect(ratios.length).toBeGreaterThan(10)
    expect(Math.min(...ratios)).toBeGreaterThan(1 / mostBudgetDrift)
    expect(Math.max(...ratios)).toBeLessThan(mostBudgetDrift)
  })

  it('gives the budgets of single steps within the factor too', async () => {
    const chaotic = (await casesOf('gru/chaotic')).filter(({ states }) => states !== undefined)
    expect(chaotic.length).toBeGreaterThan(2)
    for (const recorded of chaotic.slice(0, 3)) {
      const measured = measureBudget(recorded)
      for (const [i, own] of recorded.budget['h_t']!.data.entries()) {
        expect(measured['h_t']!.data[i]! / own).toBeGreaterThan(1 / mostBudgetDrift)
        expect(measured['h_t']!.data[i]! / own).toBeLessThan(mostBudgetDrift)
      }
    }
  })

  it('counts an error of PyTorch of the size of rounding, and none beyond it', () => {
    const recorded = cellCase({ dtype: 'float64' })
    const exact = engine.run(recorded) as Case['expected']
    const moved = (by: number): Case => {
      const h_1 = floatTensor(
        'float64',
        exact['h_1']!.shape,
        Float64Array.from(exact['h_1']!.data, (x) => x + by),
      )
      return { ...recorded, expected: { h_1 } }
    }
    const budgetOf = (by: number): number => measureBudget(moved(by))['h_1']!.data[0]!
    const noise = budgetOf(0)
    expect(budgetOf(3 * noise)).toBeGreaterThan(2.5 * noise)
    expect(budgetOf(8 * noise)).toBe(noise)
    expect(budgetOf(0.01)).toBe(noise)
  })
})

describe('a fixture without budgets', () => {
  const without = (record: object): object =>
    Object.fromEntries(Object.entries(record).filter(([key]) => key !== 'budget'))
  const read = async (recorded: Case): Promise<Case> => {
    const fixture = await openFixture(sourceOf(fixtureBytes([without(caseRecord(recorded))])))
    for await (const one of fixture.cases()) {
      if ('error' in one) throw one.error
      return one.case
    }
    throw new Error('expected a case')
  }

  it('is judged by what is measured when it is read', async () => {
    const recorded = await read(layerCase({ module: 'LSTM', cotangents: true }))
    const { outcome } = await verify(recorded, engine)
    expect(outcome).toBe('match')
    const off = {
      name: 'port',
      run: (request: Case): Case['expected'] => {
        const outputs = engine.run(request) as Case['expected']
        const h_n = outputs['h_n']!
        return {
          ...outputs,
          h_n: floatTensor(
            h_n.dtype,
            h_n.shape,
            Float64Array.from(h_n.data, (x) => x * 1.001),
          ),
        }
      },
    }
    expect((await verify(recorded, off as never)).outcome).toBe('mismatch')
  })

  it('makes nothing match that is no result of the module', async () => {
    const whole = layerCase()
    const h_n = floatTensor(
      'float32',
      whole.expected['h_n']!.shape,
      Float64Array.from(whole.expected['h_n']!.data).fill(12345),
    )
    const recorded = await read({ ...whole, expected: { ...whole.expected, h_n } })
    expect((await verify(recorded, engine)).outcome).toBe('mismatch')
  })

  it('may not be what others have published', async () => {
    await expect(read({ ...cellCase(), source: 'a page' })).rejects.toThrow('budget: expected a map, got none')
  })
})
