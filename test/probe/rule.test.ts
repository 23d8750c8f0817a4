import { describe, expect, it } from 'vitest'
import type { RecurrentSpec } from '../../src/oracle.ts'
import { factsOf, History } from '../../src/probe/facts.ts'
import { type Example, learn, ruleText, says } from '../../src/probe/rule.ts'

const history = new History()
const spec = (own: Partial<RecurrentSpec>): RecurrentSpec => ({
  id: 'x',
  module: 'GRU',
  input_size: 3,
  hidden_size: 3,
  seq_len: 3,
  batch: 2,
  ...own,
})

/** Every hidden_size and seq_len up to 12, with and without a state. */
function examples(isWrong: (own: { hidden_size: number; seq_len: number; state: boolean }) => boolean): Example[] {
  const sizes = Array.from({ length: 12 }, (_, i) => i + 1)
  return sizes.flatMap((hidden_size) =>
    sizes.flatMap((seq_len) =>
      [true, false].map((state) => ({
        facts: factsOf(spec({ hidden_size, seq_len, state }), history),
        isWrong: isWrong({ hidden_size, seq_len, state }),
      })),
    ),
  )
}

const ruleOf = (all: readonly Example[]): string | undefined => {
  const learning = learn(all)
  return learning && ruleText(learning.best.rule)
}

describe('learn', () => {
  it('finds a bound, a rest, and both together', () => {
    expect(ruleOf(examples(({ seq_len }) => seq_len > 8))).toBe('seq_len > 8')
    expect(ruleOf(examples(({ hidden_size }) => hidden_size % 4 !== 0))).toBe('hidden_size mod 4 ≠ 0')
    expect(ruleOf(examples(({ hidden_size, seq_len }) => hidden_size % 2 === 1 && seq_len >= 5))).toBe(
      'hidden_size mod 2 ≠ 0 and seq_len > 4',
    )
  })

  it('finds two causes, each by itself', () => {
    const all = examples(({ seq_len, hidden_size }) => seq_len === 1 || hidden_size > 8)
    const { best } = learn(all)!
    expect(best.rule).toHaveLength(2)
    expect(all.every(({ facts, isWrong }) => says(best.rule, facts) === isWrong)).toBe(true)
  })

  it('counts what its rule does not say of its own data', () => {
    let count = 0
    const all = examples(({ seq_len }) => seq_len > 4 && count++ % 20 !== 0)
    const { best } = learn(all)!
    const wrong = all.filter(({ isWrong }) => isWrong).length
    expect(ruleText(best.rule)).toBe('seq_len > 4')
    expect([best.wrongInside, best.wrongOutside]).toEqual([wrong, 0])
    expect(best.rightInside).toBe(8 * 12 * 2 - wrong)
    expect(best.rightInside + best.rightOutside).toBe(all.length - wrong)
  })

  it('says nothing of what is always wrong, or never, and nothing of chance', () => {
    expect(learn(examples(() => true))).toBeUndefined()
    expect(learn(examples(() => false))).toBeUndefined()
    let state = 1
    const chance = learn(examples(() => (state = Math.imul(state, 48_271) >>> 0) % 7 === 0))
    const { wrongInside = 0, rightInside = 0 } = chance?.best ?? {}
    expect(wrongInside / Math.max(1, wrongInside + rightInside)).toBeLessThan(0.75)
  })

  it('says between which numbers a bound lies that is not known more closely', () => {
    const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 20, 21, 22, 23, 24, 25, 26, 27, 28]
    const all = sizes.map((seq_len) => ({ facts: factsOf(spec({ seq_len }), history), isWrong: seq_len > 15 }))
    expect(ruleOf(all)).toBe('seq_len ≥ a number from 9 to 20')
  })
})

describe('history', () => {
  it('knows which calls had the same shapes, parameters, and outputs', () => {
    const calls = new History()
    const holds = (own: Partial<RecurrentSpec>): string[] =>
      [...factsOf(spec(own), calls).holds].filter((name) => /^(first|same|again|larger)/.test(name))
    expect(holds({})).toEqual(['first'])
    calls.add(spec({}))
    expect(holds({})).toEqual(['sameShapes', 'sameParameters', 'sameParameter', 'sameOutputs', 'againShapes'])
    expect(holds({ seq_len: 4 })).toEqual(['sameParameters', 'sameParameter'])
    expect(holds({ input_size: 4 })).toEqual(['sameParameter', 'sameOutputs'])
    expect(holds({ hidden_size: 2 })).toEqual(['largerBefore'])
  })
})
