import { describe, expect, it } from 'vitest'
import { addProduct, fillRows, linear } from '../../src/inexact/linear.ts'
import { random } from '../random.ts'

/** x · weightᵀ + bias, one number at a time. Source: torch.nn.functional.linear. */
function naiveLinear(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | undefined,
  rows: number,
  inputs: number,
  outputs: number,
): number[] {
  const y: number[] = []
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < outputs; output++) {
      let sum = 0
      for (let i = 0; i < inputs; i++) {
        sum += (x[row * inputs + i] ?? Number.NaN) * (weight[output * inputs + i] ?? Number.NaN)
      }
      y.push((bias === undefined ? 0 : (bias[output] ?? Number.NaN)) + sum)
    }
  }
  return y
}

function draw(seed: number, length: number): Float64Array {
  const numbers = random(seed)
  return Float64Array.from({ length }, () => numbers.around(1))
}

/** Sizes that leave every remainder of blocks of 2 rows and 4 outputs, and none of each. */
const sizes = [0, 1, 2, 3, 4, 5]
const outputSizes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

describe('linear', () => {
  it.each(sizes)('of %i rows is the plain loop to the bit, for 0 to 9 outputs and 0 to 5 inputs', (rows) => {
    for (const outputs of outputSizes) {
      for (const inputs of sizes) {
        const seed = 1 + 100 * rows + 10 * outputs + inputs
        const x = draw(seed, rows * inputs)
        const weight = draw(seed + 1000, outputs * inputs)
        const bias = draw(seed + 2000, outputs)
        for (const own of [bias, undefined]) {
          const expected = naiveLinear(x, weight, own, rows, inputs, outputs)
          const actual = linear(x, weight, own, rows, inputs, outputs)
          expect(Array.from(actual), `${rows} rows, ${inputs} inputs, ${outputs} outputs`).toStrictEqual(expected)
        }
      }
    }
  })

  it('of (1, 2) and weight (3, 2) with bias is x · weightᵀ + bias', () => {
    const weight = Float64Array.of(1, 10, 2, 20, 3, 30)
    expect(linear(Float64Array.of(1, 2), weight, Float64Array.of(100, 200, 300), 1, 2, 3)).toStrictEqual(
      Float64Array.of(121, 242, 363),
    )
  })

  it('keeps NaN and inf · 0 = NaN in their rows and outputs', () => {
    const x = Float64Array.of(Number.NaN, 1, 1, 1, 1, 1)
    const weight = Float64Array.of(1, 1, Infinity, 1, 0, 0, 1, 1, 1, 1)
    const expected = naiveLinear(x, weight, undefined, 3, 2, 5)
    expect(expected.filter((value) => Number.isNaN(value))).toHaveLength(5)
    expect(Array.from(linear(x, weight, undefined, 3, 2, 5))).toStrictEqual(expected)
    expect(linear(Float64Array.of(0), Float64Array.of(Infinity), undefined, 1, 1, 1)).toStrictEqual(
      Float64Array.of(Number.NaN),
    )
  })
})

describe('addProduct', () => {
  it('adds to what is there, from outStart and xStart on, and touches nothing else', () => {
    for (const rows of [1, 2, 3]) {
      for (const outputs of [1, 4, 6]) {
        const inputs = 3
        const x = draw(rows, 5 + rows * inputs)
        const weight = draw(outputs, outputs * inputs)
        const out = Float64Array.from({ length: 7 + rows * outputs + 2 }, (_, i) => 1000 + i)
        addProduct(out, 7, x, 5, weight, rows, inputs, outputs)
        const product = naiveLinear(x.subarray(5), weight, undefined, rows, inputs, outputs)
        const expected = Array.from(out, (_, i) => 1000 + i + (product[i - 7] ?? 0))
        expect(Array.from(out), `${rows} rows, ${outputs} outputs`).toStrictEqual(expected)
      }
    }
  })
})

it('fillRows writes the bias into each row, and zeros without one', () => {
  const out = Float64Array.of(9, 9, 9, 9)
  fillRows(out, Float64Array.of(1, 2), 2, 2)
  expect(out).toStrictEqual(Float64Array.of(1, 2, 1, 2))
  fillRows(out, undefined, 2, 2)
  expect(out).toStrictEqual(Float64Array.of(0, 0, 0, 0))
})
