import { describe, expect, it } from 'vitest'
import { diagnose } from '../../src/diagnose.ts'
import { questionOf } from '../../src/diagnose/question.ts'
import { explains, trialsOf } from '../../src/diagnose/trials.ts'
import { everyEdit } from '../../src/diagnose/why.ts'
import { sentenceOf } from '../../src/edits/words.ts'
import type { Case, Outputs } from '../../src/format/case.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { kappa } from '../../src/verify/compare.ts'
import { random } from '../random.ts'
import { layerCase, type LayerOptions, type RecurrentCase } from '../sample.ts'

const options: Partial<LayerOptions> = { input_size: 3, hidden_size: 2, seq_len: 3, batch: 1 }
const layer = (more: Partial<LayerOptions>): RecurrentCase => layerCase({ ...options, ...more })

/** What PyTorch gives, off by as much as is allowed at most; one number by so many times as much. */
function rounded(recorded: Case, seed: number, most: number): Outputs {
  const numbers = random(seed)
  const names = Object.keys(recorded.expected)
  const off = (name: string, { dtype, shape, data }: FloatTensor): FloatTensor => {
    const allowed = kappa * Math.min(...recorded.budget[name]!.data)
    const at = name === names[0] ? numbers.int(0, data.length - 1) : -1
    return floatTensor(
      dtype,
      shape,
      Array.from(data, (x, i) => x + allowed * (i === at ? most : numbers.around(0.9))),
    )
  }
  return Object.fromEntries(names.map((name) => [name, off(name, recorded.expected[name]!)]))
}

/** The case as if its budgets were so many times as large: what one number more or less does is within them, then. */
function wider(recorded: RecurrentCase, factor: number): RecurrentCase {
  const budget = Object.entries(recorded.budget).map(([name, own]) => [
    name,
    { ...own, data: own.data.map((x) => factor * x) },
  ])
  return { ...recorded, budget: Object.fromEntries(budget) as Case['budget'] }
}

describe('what is off as rounding is', () => {
  it.each(['RNN', 'LSTM', 'GRU'] as const)('is explained by no edit, in an %s', (module) => {
    const recorded = wider(layer({ module }), 1000)
    for (let seed = 1; seed <= 5; seed++) {
      const trials = trialsOf(questionOf(recorded, rounded(recorded, seed, 1.1)))
      const explaining = everyEdit(trials.context).filter((edit) => {
        const { tried } = trials.attempt([edit]) ?? {}
        return tried !== undefined && explains(tried)
      })
      expect(
        explaining.map((edit) => sentenceOf(edit, trials.context)),
        `seed ${seed}`,
      ).toStrictEqual([])
    }
  })

  it('is said to be so, without the places that chance has chosen', () => {
    const recorded = layer({ module: 'GRU', hidden_size: 4 })
    const { where, explanations } = diagnose(recorded, rounded(recorded, 1, 1.5), { limitMs: 300 })
    expect(explanations).toStrictEqual([])
    expect(where).toHaveLength(3)
    expect(where[2]).toBe(
      'no number is off by more than 1.5 times the error that is allowed, as one may be that is rounded more coarsely: ' +
        'it may be precision, of what is stored or computed',
    )
  })
})
