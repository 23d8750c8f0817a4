import { describe, expect, it } from 'vitest'
import type { Cell } from '../../src/inexact/cell.ts'
import { addProduct, type Product } from '../../src/inexact/linear.ts'
import { lstmCell } from '../../src/inexact/lstm.ts'
import { rnnCell } from '../../src/inexact/rnn.ts'
import { scan, type Scan, type Scanned } from '../../src/inexact/scan.ts'

const weights = {
  weight_ih: Float64Array.of(1),
  weight_hh: Float64Array.of(2),
  bias_ih: undefined,
  bias_hh: undefined,
  weight_hr: undefined,
}
const none = new Float64Array(0)

/** One unit that adds its input and twice its state: h_t = x_t + 2 h_{t−1}, exact in whole numbers. */
function doubling(changes: Partial<Scan> & Pick<Scan, 'input' | 'h_0' | 'seq_len' | 'batch'>): Scanned {
  return scan({
    cell: rnnCell('relu', { of: (x) => x, slope: () => 1 }),
    weights,
    c_0: none,
    input_size: 1,
    hidden_size: 1,
    lengths: undefined,
    reverse: false,
    ...changes,
  })
}

describe('h_t = x_t + 2 h_{t−1} over 1, 10, 100', () => {
  const input = Float64Array.of(1, 10, 100)

  it('from 0 is 1, 12, 124, and h_n is 124', () => {
    const { output, h_n, c_n } = doubling({ input, h_0: Float64Array.of(0), seq_len: 3, batch: 1 })
    expect(output).toStrictEqual(Float64Array.of(1, 12, 124))
    expect(h_n).toStrictEqual(Float64Array.of(124))
    expect(c_n).toHaveLength(0)
  })

  it('from 1000 is 2001, 4012, 8124', () => {
    const { output } = doubling({ input, h_0: Float64Array.of(1000), seq_len: 3, batch: 1 })
    expect(output).toStrictEqual(Float64Array.of(2001, 4012, 8124))
  })

  it('in reverse is 421, 210, 100 at the times of the input, and h_n is 421', () => {
    const { output, h_n } = doubling({ input, h_0: Float64Array.of(0), seq_len: 3, batch: 1, reverse: true })
    expect(output).toStrictEqual(Float64Array.of(421, 210, 100))
    expect(h_n).toStrictEqual(Float64Array.of(421))
  })

  it('with a bias of 0.5 and 0.25 adds 0.75 at each step', () => {
    const biased = { ...weights, bias_ih: Float64Array.of(0.5), bias_hh: Float64Array.of(0.25) }
    const { output } = doubling({ input, h_0: Float64Array.of(0), seq_len: 3, batch: 1, weights: biased })
    expect(output).toStrictEqual(Float64Array.of(1.75, 14.25, 129.25))
  })

  it('with a projection by 3 feeds back what is projected: 3, 48, 588', () => {
    const projected = { ...weights, weight_hr: Float64Array.of(3) }
    const { output, h_n } = doubling({ input, h_0: Float64Array.of(0), seq_len: 3, batch: 1, weights: projected })
    expect(output).toStrictEqual(Float64Array.of(3, 48, 588))
    expect(h_n).toStrictEqual(Float64Array.of(588))
  })
})

describe('rows of lengths 1, 3 and 2 in 3 steps', () => {
  // Row by row: 1; 10, 100, 1000; 5, 50. The padding is 7.
  const input = Float64Array.of(1, 10, 5, 7, 100, 50, 7, 1000, 7)
  const lengths = [1, 3, 2]

  it('put out zeros past their length and keep their own last state', () => {
    const { output, h_n } = doubling({ input, h_0: new Float64Array(3), seq_len: 3, batch: 3, lengths })
    expect(output).toStrictEqual(Float64Array.of(1, 10, 5, 0, 120, 60, 0, 1240, 0))
    expect(h_n).toStrictEqual(Float64Array.of(1, 1240, 60))
  })

  it('start in reverse at their own last step, each from its own state', () => {
    const h_0 = Float64Array.of(1000, 2000, 3000)
    const { output, h_n } = doubling({ input, h_0, seq_len: 3, batch: 3, lengths, reverse: true })
    expect(output).toStrictEqual(Float64Array.of(2001, 20_210, 12_105, 0, 10_100, 6050, 0, 5000, 0))
    expect(h_n).toStrictEqual(Float64Array.of(2001, 20_210, 12_105))
  })

  it('do not see a NaN in the padding, forward or backward', () => {
    const { NaN: nan } = Number
    const padded = Float64Array.of(1, 10, 5, nan, 100, 50, nan, 1000, nan)
    for (const reverse of [false, true]) {
      const scanned = doubling({
        input: padded,
        h_0: new Float64Array(3),
        seq_len: 3,
        batch: 3,
        lengths,
        reverse,
      })
      const { output, h_n } = scanned
      const gradients = scanned.backward(new Float64Array(9).fill(1), new Float64Array(3).fill(1), none)
      expect(
        [...output, ...h_n, ...gradients.input, ...gradients.h_0, ...gradients.weights.weight_hh].filter((value) =>
          Number.isNaN(value),
        ),
        `reverse ${reverse}`,
      ).toStrictEqual([])
    }
  })

  it('pass back 0 by the padding, and all of the gradient by h_n', () => {
    const scanned = doubling({ input, h_0: new Float64Array(3), seq_len: 3, batch: 3, lengths })
    // By h_1 of row 0: 1 + 100. By h_3, h_2, h_1 of row 1: 3 + 300; 3 + 606; 3 + 1218. By h_2, h_1 of row 2: 5 + 500; 5 + 1010.
    const doutput = Float64Array.of(1, 3, 5, 1, 3, 5, 1, 3, 5)
    const { input: dinput, h_0 } = scanned.backward(doutput, Float64Array.of(100, 300, 500), none)
    expect(dinput).toStrictEqual(Float64Array.of(101, 1221, 1015, 0, 609, 505, 0, 303, 0))
    expect(h_0).toStrictEqual(Float64Array.of(202, 2442, 2030))
  })
})

describe('backward of h_t = x_t + 2 h_{t−1} over 1, 10, 100', () => {
  const input = Float64Array.of(1, 10, 100)
  const run = (changes: Partial<Scan> = {}): ReturnType<Scanned['backward']> =>
    doubling({ input, h_0: Float64Array.of(1000), seq_len: 3, batch: 1, ...changes }).backward(
      Float64Array.of(0, 0, 1),
      Float64Array.of(10),
      none,
    )

  // The states are 1000, 2001, 4012, 8124; the gradients by them, from the end, 11, 22, 44 and, by h_0, 88.
  it('doubles the gradient at every step back, and adds up over time', () => {
    const { input: dinput, h_0, weights: by } = run()
    expect(dinput).toStrictEqual(Float64Array.of(44, 22, 11))
    expect(h_0).toStrictEqual(Float64Array.of(88))
    expect(by.weight_ih).toStrictEqual(Float64Array.of(44 * 1 + 22 * 10 + 11 * 100))
    expect(by.weight_hh).toStrictEqual(Float64Array.of(44 * 1000 + 22 * 2001 + 11 * 4012))
    expect(by.bias_ih).toBeUndefined()
  })
})

it('an empty batch of 1,000 steps asks the cell for none', () => {
  let asked = 0
  const cell: Cell = { gates: 1, forward: () => asked++, backward: () => asked++ }
  const empty = doubling({ input: none, h_0: none, seq_len: 1000, batch: 0, cell })
  expect(empty.output).toHaveLength(0)
  expect(empty.backward(none, none, none).input).toHaveLength(0)
  expect(asked).toBe(0)
  doubling({ input: new Float64Array(1000), h_0: new Float64Array(1), seq_len: 1000, batch: 1, cell })
  expect(asked).toBe(1000)
})

it('a NaN stays in its batch row, from its step on', () => {
  const input = Float64Array.of(1, 1, 1, Number.NaN, 1, 1)
  const { output } = doubling({ cell: rnnCell('tanh'), input, h_0: new Float64Array(2), seq_len: 3, batch: 2 })
  expect(Array.from(output, (value) => Number.isNaN(value))).toStrictEqual([false, false, false, true, false, true])
})

it('every product and every sum of gradients, forward and backward, is the one that is given', () => {
  const asked: string[] = []
  const product: Product = (out, outStart, x, xStart, weight, rows, inputs, outputs) => {
    asked.push(`${rows} ${inputs} ${outputs}`)
    addProduct(out, outStart, x, xStart, weight, rows, inputs, outputs)
  }
  const sizes = { seq_len: 3, batch: 2, input_size: 5, hidden_size: 7 }
  const number = (count: number): Float64Array => Float64Array.from({ length: count }, (_, i) => Math.sin(i + 1))
  const options: Scan = {
    ...sizes,
    cell: lstmCell(),
    weights: {
      weight_ih: number(28 * 5),
      weight_hh: number(28 * 4),
      bias_ih: number(28),
      bias_hh: number(28),
      weight_hr: number(4 * 7),
    },
    input: number(3 * 2 * 5),
    h_0: number(2 * 4),
    c_0: number(2 * 7),
    lengths: undefined,
    reverse: false,
  }
  const own = scan({ ...options, inexactness: { product } })
  const plain = scan(options)
  expect(own.output).toStrictEqual(plain.output)
  // The input at once, then each step by its state and its projection.
  expect(asked.splice(0)).toStrictEqual(['6 5 28', ...[1, 2, 3].flatMap(() => ['2 4 28', '2 7 4'])])
  const gradients = [number(24), number(8), number(14)] as const
  const back = own.backward(...gradients)
  expect(back.weights.weight_hr).toStrictEqual(plain.backward(...gradients).weights.weight_hr)
  expect(asked).toStrictEqual([
    ...[1, 2, 3].flatMap(() => ['2 4 7', '2 28 4']),
    // By the input, weight_ih, weight_hh, both biases and weight_hr.
    '6 28 5',
    '28 6 5',
    '28 6 4',
    '28 6 1',
    '28 6 1',
    '4 6 7',
  ])
})

it('a gradient becomes on its way back what it is rounded to', () => {
  const input = Float64Array.of(1, 10, 100)
  const changes = { input, h_0: Float64Array.of(1000), seq_len: 3, batch: 1 }
  const { backward } = doubling({ ...changes, inexactness: { gradientRounded: (x) => x + 0.5 } })
  expect(backward(new Float64Array(3), Float64Array.of(1), none).h_0).toStrictEqual(Float64Array.of(11.5))
})
