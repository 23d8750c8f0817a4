import { describe, expect, it } from 'vitest'
import { activations, rnnCell } from '../../src/engine/rnn.ts'

const { tanh, relu } = activations

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

describe('rnnCell', () => {
  it('has one gate', () => {
    expect(rnnCell(tanh).gates).toBe(1)
  })

  it('makes h the activation of both terms, the first from fromInputStart on', () => {
    const fromInput = Float64Array.of(1000, 1000, 1, 2, -30, 40)
    const fromHidden = Float64Array.of(0.5, -3, 3, 4)
    const h = Float64Array.of(9, 9, 9, 9)
    rnnCell(relu).step(fromInput, 2, fromHidden, h, 2, 2)
    expect(h).toStrictEqual(Float64Array.of(1.5, 0, 0, 44))
  })

  it('changes neither of its terms', () => {
    const fromInput = Float64Array.of(1, 2)
    const fromHidden = Float64Array.of(3, 4)
    rnnCell(tanh).step(fromInput, 0, fromHidden, new Float64Array(2), 1, 2)
    expect([...fromInput, ...fromHidden]).toStrictEqual([1, 2, 3, 4])
  })
})
