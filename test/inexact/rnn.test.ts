import { describe, expect, it } from 'vitest'
import type { Step } from '../../src/inexact/cell.ts'
import { activations, rnnCell } from '../../src/inexact/rnn.ts'

const tanh = activations.tanh.of
const relu = activations.relu.of

describe('relu', () => {
  it.each([
    [2, 2],
    [-2, 0],
    [0, 0],
    [Number.NaN, Number.NaN],
    [Infinity, Infinity],
    [-Infinity, 0],
    [5e-324, 5e-324],
    [-5e-324, 0],
  ])('of %d is %d', (x, y) => {
    expect(relu(x)).toBe(y)
  })
})

describe('tanh', () => {
  it.each([
    [0, 0],
    [1000, 1],
    [-1000, -1],
    [Infinity, 1],
    [-Infinity, -1],
    [Number.NaN, Number.NaN],
    [5e-324, 5e-324],
  ])('of %d is %d', (x, y) => {
    expect(tanh(x)).toBe(y)
  })

  it('is (e^2x − 1) / (e^2x + 1) within 4 ulp of 1, from −20 to 20', () => {
    for (let x = -20; x <= 20; x += 0.37) {
      const power = Math.expm1(2 * x)
      expect(Math.abs(tanh(x) - power / (power + 2)), `x ${x}`).toBeLessThanOrEqual(2 ** -51)
    }
  })
})

/** A step of 2 rows and 2 units that stands from the given numbers on in arrays of 1000s. */
function stepOf(gates: readonly number[], fromHidden: readonly number[], h = [0, 0, 0, 0]): Step {
  const padded = (count: number, values: readonly number[]): Float64Array =>
    Float64Array.of(...Array.from({ length: count }, () => 1000), ...values)
  return {
    rows: 2,
    hidden_size: 2,
    gates: padded(2, gates),
    gatesAt: 2,
    fromHidden: padded(3, fromHidden),
    fromHiddenAt: 3,
    h: padded(4, h),
    hAt: 4,
    hidden: padded(1, [9, 9, 9, 9]),
    hiddenAt: 1,
    c: new Float64Array(0),
    cAt: 0,
    cAfterAt: 0,
  }
}

describe('rnnCell', () => {
  it('has one gate', () => {
    expect(rnnCell('tanh').gates).toBe(1)
  })

  it('makes the hidden state the activation of both terms, each from its own place on', () => {
    const step = stepOf([1, 2, -30, 40], [0.5, -3, 3, 4])
    rnnCell('relu').forward(step)
    expect(step.hidden).toStrictEqual(Float64Array.of(1000, 1.5, 0, 0, 44))
  })

  it('leaves its activated gate where its first term was, and changes neither the second nor h', () => {
    const step = stepOf([1, 2, -30, 40], [0.5, -3, 3, 4], [5, 6, 7, 8])
    rnnCell('relu').forward(step)
    expect(step.gates).toStrictEqual(Float64Array.of(1000, 1000, 1.5, 0, 0, 44))
    expect(step.fromHidden).toStrictEqual(Float64Array.of(1000, 1000, 1000, 0.5, -3, 3, 4))
    expect(step.h).toStrictEqual(Float64Array.of(1000, 1000, 1000, 1000, 5, 6, 7, 8))
  })

  it.each([
    ['relu', [10, 0, 0, 40]],
    // 1 − h² of the states that forward has left: 0.5, 0, −0.25 and 1.
    ['tanh', [7.5, 20, 28.125, 0]],
  ] as const)('with %s gives both terms dh · f′ by the state after the step, and lets nothing past them', (f, da) => {
    const step = stepOf(f === 'relu' ? [1.5, 0, 0, 44] : [0.5, 0, -0.25, 1], [0, 0, 0, 0], [9, 9, 9, 9])
    const dgates = new Float64Array(6)
    const dfromHidden = new Float64Array(7)
    const dh = Float64Array.of(10, 20, 30, 40)
    rnnCell(f).backward(step, { dgates, dfromHidden, dh, dc: new Float64Array(0) })
    expect(dgates).toStrictEqual(Float64Array.of(0, 0, ...da))
    expect(dfromHidden).toStrictEqual(Float64Array.of(0, 0, 0, ...da))
    expect(dh).toStrictEqual(new Float64Array(4))
  })

  // torch: x = torch.tensor([0., 2., nan]).requires_grad_(); x.relu().backward(torch.tensor([inf, inf, 1.])); x.grad → 0, inf, 1;
  // x = torch.tensor([30.], dtype=float64).requires_grad_(); x.tanh().backward(torch.tensor([inf])); x.grad → nan
  it.each([
    ['relu', [0, 2, Number.NaN, 0], [0, Infinity, 1, 0]],
    ['tanh', [1, 0.5, Number.NaN, 0], [Number.NaN, Infinity, Number.NaN, -Infinity]],
  ] as const)('with %s takes an infinite gradient where it leads to', (f, h, da) => {
    const step = stepOf(h.slice(), [0, 0, 0, 0], [9, 9, 9, 9])
    const dgates = new Float64Array(6)
    const dh = Float64Array.of(Infinity, Infinity, 1, -Infinity)
    rnnCell(f).backward(step, { dgates, dfromHidden: new Float64Array(7), dh, dc: new Float64Array(0) })
    expect(dgates.subarray(2)).toStrictEqual(Float64Array.from(da))
  })
})
