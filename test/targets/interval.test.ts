import { describe, expect, it } from 'vitest'
import { type Interval, type Intervals, intervalsOf } from '../../src/verify/targets/interval.ts'
import { targetOf } from '../../src/verify/targets.ts'

// WGSL, "Accuracy of Concrete Floating Point Expressions".
const f32 = intervalsOf(targetOf('wgsl')!.permits('float32')!)
const f16 = intervalsOf(targetOf('wgsl')!.permits('float16')!)

/** How far each end is from a value, in the distance from 1 to the next number above it times the value. */
function ulps([low, high]: Interval, y: number, epsilon: number): number[] {
  return [(y - low) / (epsilon * Math.abs(y)), (high - y) / (epsilon * Math.abs(y))]
}

function expectBetween(errors: readonly number[], least: number, most: number): void {
  for (const error of errors) {
    expect(error).toBeGreaterThan(least)
    expect(error).toBeLessThan(most)
  }
}

describe('exp', () => {
  it.each([0, 1, -1, 10, -10, 80, -80])('of %f is within 3 + 2 |x| ULP in f32', (x) => {
    expectBetween(ulps(f32.exp(x), Math.exp(x), 2 ** -23), 2.99 + 2 * Math.abs(x), 3.01 + 2 * Math.abs(x))
  })

  it.each([0, 1, -5])('of %f is within 1 + 2 |x| ULP in f16', (x) => {
    expectBetween(ulps(f16.exp(x), Math.exp(x), 2 ** -10), 0.99 + 2 * Math.abs(x), 1.01 + 2 * Math.abs(x))
  })

  it('is anything where it overflows, and may be 0 where it is subnormal', () => {
    expect(f32.exp(88.8)).toStrictEqual([Number.NaN, Number.NaN])
    expect(f32.exp(88.7)[1]).toBeLessThan(3.41e38)
    expect(f16.exp(11.2)).toStrictEqual([Number.NaN, Number.NaN])
    expect(f32.exp(-88)[0]).toBe(0)
    expect(f32.exp(-86)[0]).toBeGreaterThan(0)
  })
})

describe('tanh', () => {
  it.each([0, 1e-6, 0.1, -0.5, 1, -3, 9, 40])('of %f may be off by 1e-5, as sinh(x) / cosh(x) is by less', (x) => {
    const [low, high] = f32.tanh(x)
    const most = Math.max(1e-5, (3 + 2 * Math.abs(x) + 4) * 2 * 2 ** -23)
    expect(high - Math.tanh(x)).toBeGreaterThan(0.99e-5)
    expect(Math.tanh(x) - low).toBeGreaterThan(0.99e-5)
    expect(high - Math.tanh(x)).toBeLessThan(1.3 * most)
  })

  it.each([
    [88, false],
    [88.8, true],
    [-88.8, true],
  ])('of %f may be anything: %s', (x, any) => {
    expect(Number.isNaN(f32.tanh(x)[0])).toBe(any)
  })

  it('of 11 is anything in f16, whose exp overflows there', () => {
    expect(f16.tanh(11)[0]).toBeNaN()
    expect(f16.tanh(9)[0]).toBeGreaterThan(0.9)
  })
})

describe('sigmoid', () => {
  it.each([0, 1, -1, 5, -5, -80])('of %f is as 1 / (1 + exp(−x)) with an error in each operation', (x) => {
    const y = 1 / (1 + Math.exp(-x))
    // 2.5 of the division, 1 of the sum, and of exp as much as it counts for in the sum.
    const own = 3.5 + (3 + 2 * Math.abs(x)) * (1 - y)
    expectBetween(ulps(f32.sigmoid(x), y, 2 ** -23), 0.98 * own, 1.02 * own)
  })

  it('is anything where 1 + exp(−x) is more than a division is bounded for', () => {
    expect(f32.sigmoid(-87.2)[0]).toBeGreaterThanOrEqual(0)
    expect(f32.sigmoid(-87.5)[0]).toBeNaN()
    expect(f32.sigmoid(1000)).toStrictEqual([expect.closeTo(1, 6), expect.closeTo(1, 6)])
  })
})

describe('other functions', () => {
  it('are bounded as WGSL has it', () => {
    expectBetween(ulps(f32.quotient(1, 3), 1 / 3, 2 ** -23), 2.49, 2.51)
    expectBetween(ulps(f32.quotient(1, -3), -1 / 3, 2 ** -23), 2.49, 2.51)
    expect(f32.quotient(1, 2 ** 127)[0]).toBeNaN()
    expect(f32.quotient(1, 0)[0]).toBeNaN()
    // 2 ULP of inverseSqrt and 2.5 of the division.
    expectBetween(ulps(f32.sqrt(2), Math.SQRT2, 2 ** -23), 4.49, 4.51)
    expect(f32.sqrt(0)[0]).toBeNaN()
    expectBetween(ulps(f32.log(10), Math.log(10), 2 ** -23), 2.99, 3.01)
    const [low, high] = f32.log(1.5)
    expect([Math.log(1.5) - low, high - Math.log(1.5)]).toStrictEqual([
      expect.closeTo(2 ** -21, 12),
      expect.closeTo(2 ** -21, 12),
    ])
    expect(f32.log(0)[0]).toBeNaN()
  })

  it('hold what they are exactly, whatever the argument', () => {
    const names: readonly (keyof Intervals)[] = ['exp', 'log', 'sqrt', 'sigmoid', 'tanh']
    const exact = {
      exp: Math.exp,
      log: Math.log,
      sqrt: Math.sqrt,
      sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
      tanh: Math.tanh,
    }
    for (const name of names) {
      for (let x = -86; x < 86; x += 0.37) {
        if (name === 'quotient' || (x <= 0 && (name === 'log' || name === 'sqrt'))) continue
        const [low, high] = f32[name](x)
        const y = exact[name](x)
        expect(low <= y && y <= high, `${name}(${x})`).toBe(true)
      }
    }
  })
})
