import { describe, expect, it } from 'vitest'
import { addProduct, type Product } from '../../src/inexact/linear.ts'
import { arithmetic, type Way } from '../../src/verify/targets/arithmetic.ts'
import { targetOf } from '../../src/verify/targets.ts'

function productOf(target: string, way: Partial<Way>): Product {
  const all: Way = { direction: 'high', flushing: 'all', operands: 'nearest', ...way }
  return arithmetic(targetOf(target)!.permits('float32')!, all, false, 1).inexactness.scan!.product!
}

/** x · weightᵀ of one row. */
function times(product: Product, x: readonly number[], weight: readonly number[]): number[] {
  const outputs = weight.length / x.length
  const out = new Float64Array(outputs)
  product(out, 0, Float64Array.from(x), 0, Float64Array.from(weight), 1, x.length, outputs)
  return [...out]
}

describe('a product', () => {
  it('of TF32 reads 10 digits after the point of both factors, cut or to the nearest', () => {
    const x = 1 + 2 ** -11 + 2 ** -12
    expect(times(productOf('tf32', { operands: 'cut' }), [x], [1])).toStrictEqual([1])
    expect(times(productOf('tf32', { operands: 'nearest' }), [x], [1])).toStrictEqual([1 + 2 ** -10])
    expect(times(productOf('tf32', { operands: 'nearest' }), [-1], [x])).toStrictEqual([-1 - 2 ** -10])
    const [noisy = 0] = times(productOf('tf32', { operands: 'noisy' }), [1], [1])
    expect(noisy).toBe((1 + 2 ** -11) ** 2)
    // Its exponents are those of float32.
    expect(times(productOf('tf32', { operands: 'cut' }), [2 ** 100], [2 ** -120])).toStrictEqual([2 ** -20])
  })

  it('of float16 also has its largest and smallest numbers', () => {
    const product = productOf('f16', { operands: 'nearest' })
    expect(times(product, [1 + 2 ** -12], [1])).toStrictEqual([1])
    expect(times(product, [1e5], [1])).toStrictEqual([Infinity])
    expect(times(product, [2 ** -26], [1])).toStrictEqual([0])
    expect(times(productOf('f16', { operands: 'cut' }), [2 ** -24 * 1.9], [1])).toStrictEqual([2 ** -24])
    expect(times(productOf('f16', { operands: 'cut' }), [1e5], [1])).toStrictEqual([65_504])
  })

  it('flushes factors, terms and sums', () => {
    const product = productOf('ftz', {})
    expect(times(product, [2 ** -127], [2 ** 120])).toStrictEqual([0])
    expect(times(product, [2 ** -70], [2 ** -70])).toStrictEqual([0])
    // What is left of two terms is subnormal.
    expect(times(product, [2 ** -126, 1.5 * 2 ** -126], [-1, 1])).toStrictEqual([0])
    expect(times(product, [2 ** -126], [1])).toStrictEqual([2 ** -126])
    expect(times(productOf('ftz', { flushing: 'none' }), [2 ** -127], [1])).toStrictEqual([2 ** -127])
    const weight = Array.from({ length: 64 }, () => 2 ** -127)
    const some = new Set(times(productOf('ftz', { flushing: 'some' }), [1], weight))
    expect(some).toStrictEqual(new Set([0, 2 ** -127]))
  })

  it('of WGSL rounds every term and sum up or down by up to an ULP, four sums as one', () => {
    const x = [1, 2, 3]
    const weight = Array.from({ length: 15 }, (_, i) => 1 + i)
    const exact = new Float64Array(5)
    addProduct(exact, 0, Float64Array.from(x), 0, Float64Array.from(weight), 1, 3, 5)
    const parts = (product: Product): number[] => times(product, x, weight).map((y, i) => (y / exact[i]! - 1) * 2 ** 23)
    for (const part of parts(productOf('wgsl', { direction: 'high' }))) {
      // A rounding of each term, and one after each of the sums that it is in.
      expect(part).toBeGreaterThan(2.9)
      expect(part).toBeLessThan(5)
    }
    for (const part of parts(productOf('wgsl', { direction: 'low' }))) expect(part).toBeLessThan(-2.9)
    const uniform = parts(productOf('wgsl', { direction: 'uniform' }))
    expect(Math.max(...uniform.map((part) => Math.abs(part)))).toBeLessThan(5)
    expect(new Set(uniform).size).toBe(5)
    // The slow way, for numbers that may be flushed, is the same.
    const small = times(
      productOf('wgsl', { direction: 'high' }),
      x.map((y) => y * 2 ** -110),
      weight,
    )
    expect(small.map((y) => y * 2 ** 110)).toStrictEqual(times(productOf('wgsl', { direction: 'high' }), x, weight))
  })

  it('of WGSL may be anything after an overflow', () => {
    expect(times(productOf('wgsl', {}), [2 ** 100], [2 ** 30])).toStrictEqual([Number.NaN])
    expect(times(productOf('wgsl', {}), [1, 1, -1], [3e38, 3e38, 3e38])).toStrictEqual([Number.NaN])
    expect(times(productOf('ftz', {}), [2 ** 100], [2 ** 30])).toStrictEqual([2 ** 130])
  })
})

describe('functions', () => {
  it('are at the upper end, at the lower end, or between', () => {
    const permitted = targetOf('wgsl')!.permits('float32')!
    const tanhOf = (direction: Way['direction']): ((x: number) => number) =>
      arithmetic(permitted, { direction, flushing: 'all', operands: 'nearest' }, false, 7).inexactness.gates!.tanh!.of
    const error = (direction: Way['direction'], x: number): number => tanhOf(direction)(x) - Math.tanh(x)
    for (const x of [-0.7, 0.7]) {
      expect(error('high', x)).toBeGreaterThan(0.99e-5)
      expect(error('low', x)).toBeLessThan(-0.99e-5)
      expect(error('away', x) * Math.sign(x)).toBeGreaterThan(0.99e-5)
      expect(error('toward', x) * Math.sign(x)).toBeLessThan(-0.99e-5)
      expect(Math.abs(error('uniform', x))).toBeLessThan(1.01e-5)
    }
    const inTurns = tanhOf('alternating')
    expect(Math.sign(inTurns(0.5) - Math.tanh(0.5)) * Math.sign(inTurns(0.5) - Math.tanh(0.5))).toBe(-1)
  })

  it('have a slope that is anything where the state is, also that of relu', () => {
    const permitted = targetOf('wgsl')!.permits('float32')!
    const way: Way = { direction: 'high', flushing: 'all', operands: 'nearest' }
    expect(arithmetic(permitted, way, true, 1).inexactness.activation!.slope(Number.NaN)).toBeNaN()
    expect(arithmetic(permitted, way, true, 1).inexactness.activation!.of(1e39)).toBeNaN()
  })
})
