import { describe, expect, it } from 'vitest'
import { kappa } from '../../src/verify/compare.ts'
import { decide, decidedSteps, type Decision, isFaint } from '../../src/verify/decide.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { budgetTensor, layerCase } from '../sample.ts'

/** The next float64 away from zero. */
function nextFloat(x: number): number {
  const bits = new BigInt64Array(Float64Array.of(x).buffer)
  bits[0]! += 1n
  return new Float64Array(bits.buffer)[0]!
}
describe('decidedSteps', () => {
  /** A float64 case whose largest output is 1, so that the limit of κ · budget is 2⁻¹⁰. */
  function decided(shape: number[], budget: number[], options: { batch_first?: true; unbatched?: true } = {}): unknown {
    const batch_first = options.batch_first ?? false
    const batch = options.unbatched === true ? undefined : 2
    const whole = layerCase({ dtype: 'float64', batch_first, batch })
    const { output } = whole.expected
    if (output === undefined) return 'no output'
    const ones = floatTensor('float64', output.shape, Float64Array.from(output.data).fill(-1))
    return decidedSteps(ones, budgetTensor(shape, budget), batch_first ? 1 : 0)
  }
  const edge = 2 ** -10 / kappa
  const over = nextFloat(edge)

  it('counts the steps whose κ · budget is at most 2⁻¹⁰ of the largest value', () => {
    expect(decided([4, 1, 1], [0, edge, over, 1])).toStrictEqual({ decided: 2, of: 4 })
    expect(decided([1, 4, 1], [0, edge, over, 1], { batch_first: true })).toStrictEqual({ decided: 2, of: 4 })
    expect(decided([4, 1], [0, edge, edge, 1], { unbatched: true })).toStrictEqual({ decided: 3, of: 4 })
  })

  it('counts all or none with one budget for all', () => {
    expect(decided([1], [edge])).toStrictEqual({ decided: 4, of: 4 })
    expect(decided([1, 1, 1], [over])).toStrictEqual({ decided: 0, of: 4 })
    expect(decided([], [over])).toStrictEqual({ decided: 0, of: 4 })
  })

  it('takes the largest budget of a step that has several', () => {
    expect(decided([4, 2, 1], [0, 0, 1, 1, 0, 0, 0, 0])).toStrictEqual({ decided: 3, of: 4 })
    expect(decided([2, 4, 1], [0, 0, 0, 1, 0, 1, 0, 0], { batch_first: true })).toStrictEqual({ decided: 2, of: 4 })
    expect(decided([2, 1], [0, 1])).toStrictEqual({ decided: 0, of: 4 })
  })

  it('takes the largest finite value, and counts all steps of zeros with a budget of 0', () => {
    const budget = budgetTensor([4, 1, 1], [edge, over, 0, 0])
    const special = floatTensor('float64', [4, 1, 1], [1, -Infinity, Number.NaN, 0])
    // Of what is not finite the kind is judged, whatever the budget.
    expect(decidedSteps(special, budget, 0)).toStrictEqual({ decided: 4, of: 4 })
    const zeros = floatTensor('float64', [4, 1, 1], [0, 0, 0, 0])
    expect(decidedSteps(zeros, budget, 0)).toStrictEqual({ decided: 2, of: 4 })
  })
})

describe('decide', () => {
  const ones = floatTensor('float32', [2, 3], [1, 1, 1, 1, 1, 1])
  const by = (shape: number[], budget: number[]): Decision =>
    decide(ones, budgetTensor(shape, budget), { kind: 'budget' })

  it('counts elements, each by its own number of the budget', () => {
    expect(by([1, 1], [1e-7])).toStrictEqual({ decided: 6, undecided: 0 })
    expect(by([2, 1], [1e-7, 1])).toStrictEqual({ decided: 3, undecided: 3 })
    expect(by([1, 3], [1, 1e-7, 1])).toStrictEqual({ decided: 2, undecided: 4 })
  })

  it('leaves out what a target lets be anything, and nothing else', () => {
    const target = { name: 'wgsl', roundoff: 2 ** -24, flushes: false }
    const withTarget = (shape: number[], budget: number[]): Decision =>
      decide(ones, budgetTensor(shape, budget), { kind: 'budget' }, target)
    expect(withTarget([2, 1], [Infinity, 1e-7])).toStrictEqual({ decided: 3, undecided: 0 })
    expect(withTarget([], [Infinity])).toStrictEqual({ decided: 0, undecided: 0 })
    // κ times 1e308 is infinite too.
    for (const wide of [1e308, Infinity]) expect(by([2, 1], [wide, 1e-7])).toStrictEqual({ decided: 3, undecided: 3 })
  })

  it('by a tolerance of somebody asks whether zeros would match, and what zeros would let match', () => {
    const zeros = floatTensor('float32', [3], [0, 0, Number.NaN])
    const explicit = (atol: number): Decision =>
      decide(zeros, budgetTensor([1], [1]), { kind: 'explicit', rtol: 0, atol })
    expect(explicit(1e-5)).toStrictEqual({ decided: 3, undecided: 0 })
    expect(explicit(1e300)).toStrictEqual({ decided: 0, undecided: 3 })
  })

  it('has nothing to count in a tensor without elements', () => {
    const empty = floatTensor('float32', [0, 3], [])
    expect(decide(empty, budgetTensor([1, 1], [1]), { kind: 'budget' })).toStrictEqual({ decided: 0, undecided: 0 })
  })
})

describe('isFaint', () => {
  const faint = (values: number[], shape: number[], budget: number[]): boolean =>
    isFaint(floatTensor('float64', [2, values.length / 2], values), budgetTensor(shape, budget))

  it('is true where zeros would match more than half of the numbers', () => {
    expect(faint([1, 1e-5, -1e-5, 1e-5], [1, 1], [1e-5 / kappa])).toBe(true)
    expect(faint([1, 1e-5, -1e-5, 1e-5], [1, 1], [0.99e-5 / kappa])).toBe(false)
    expect(faint([1, 1, 1e-5, 1e-5], [1, 1], [1e-5])).toBe(false)
  })

  it('takes each number by its own budget, and leaves out zeros and what is not finite', () => {
    expect(faint([1, 1, 1e-5, 1e-5], [2, 1], [1e-3, 1e-9])).toBe(false)
    expect(faint([1, 1e-5, 1e-5, Infinity], [1, 1], [1e-5])).toBe(true)
    expect(faint([1, 0, 0, Number.NaN], [1, 1], [1e-5])).toBe(false)
  })
})
