import { expect, it } from 'vitest'
import { engine, exactly } from '../../src/engine/run.ts'
import { ratioOf, ratiosOf, remarkOn, summaryOfRatios } from '../../src/verify/ratio.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { requestOf, verify } from '../../src/verify.ts'
import { layerCase } from '../sample.ts'

const u = 2 ** -24
const tensor = (...values: readonly number[]): ReturnType<typeof floatTensor> =>
  floatTensor('float32', [values.length], values)

it("R is the error in shares of PyTorch's own, by their norms", () => {
  const exact = Float64Array.of(1, 1)
  // 3 and 4 against 0 and 1 units of 2⁻²⁰.
  const [actual, expected] = [tensor(1 + 3 * 2 ** -20, 1 + 4 * 2 ** -20), tensor(1, 1 + 2 ** -20)]
  expect(ratioOf(actual, expected, exact)).toBe(5)
})

it('PyTorch counts as at least what rounding leaves, since it may be right by chance', () => {
  const exact = Float64Array.of(1, 1)
  const [actual, expected] = [tensor(1 + 2 ** -20, 1), tensor(1, 1)]
  expect(ratioOf(actual, expected, exact)).toBe(2 ** -20 / Math.sqrt((2 / 3) * u ** 2))
})

it.each([
  ['what is not finite', Float64Array.of(Number.NaN, 1, 1), tensor(Number.NaN, 1, Infinity), tensor(0, 1, 1)],
  ['zeros', Float64Array.of(0, 0), tensor(0, 0), tensor(0, 0)],
  ['no element', Float64Array.of(), tensor(), tensor()],
])('there is no R of %s', (_, exact, actual, expected) => {
  expect(ratioOf(actual, expected, exact)).toBeUndefined()
})

it('a verdict has one for each tensor where it is asked for, and of a match alone', async () => {
  const recorded = layerCase({ dtype: 'float32' })
  expect(Object.keys((await verify(recorded, engine, undefined, { ratios: true })).ratios ?? {})).toStrictEqual([
    'output',
    'h_n',
  ])
  expect(await verify(recorded, engine)).not.toHaveProperty('ratios')
  const nothing = { name: 'port', run: () => ({}) }
  expect(await verify(recorded, nothing, undefined, { ratios: true })).not.toHaveProperty('ratios')
})

it('there is none for float64, where our own result is not exact enough', () => {
  const recorded = layerCase({ dtype: 'float64' })
  expect(ratiosOf(recorded, recorded.expected)).toStrictEqual({})
})

it('a port that is 50 times less exact than PyTorch has R of 50', () => {
  const recorded = layerCase({ dtype: 'float32' })
  const exact = exactly(requestOf(recorded))['output']!
  const { shape } = recorded.expected['output']!
  const off = (units: number): ReturnType<typeof floatTensor> =>
    floatTensor(
      'float32',
      shape,
      Float64Array.from(exact, (x, i) => x * (1 + (i % 2 === 0 ? units : -units) * 2 ** -20)),
    )
  const { output } = ratiosOf({ ...recorded, expected: { output: off(1) } }, { output: off(50) })
  expect(output).toBeGreaterThan(45)
  expect(output).toBeLessThan(55)
  expect(remarkOn(output!)).toMatch(/^errs \d+ times as much as PyTorch, within the budget$/)
  expect(remarkOn(1)).toBeUndefined()
})

it('many cases that err as rounding alone does were computed in more precision', () => {
  const many = (ratio: number, count = 20): ReturnType<typeof summaryOfRatios> =>
    summaryOfRatios(Array.from({ length: count }, () => ratio))
  expect(many(0.4)).toStrictEqual({ median: 0.4, isPrecise: true })
  expect(many(0.4, 19)?.isPrecise).toBe(false)
  expect(many(1)?.isPrecise).toBe(false)
  expect(many(1, 0)).toBeUndefined()
})
