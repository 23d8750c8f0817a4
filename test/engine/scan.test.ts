import { describe, expect, it } from 'vitest'
import { activations, rnnCell } from '../../src/engine/rnn.ts'
import { scan, type Scan } from '../../src/engine/scan.ts'

/** One unit that adds its input and twice its state: h_t = x_t + 2 h_{t−1}, exact in whole numbers. */
function doubling(changes: Partial<Scan> & Pick<Scan, 'input' | 'h' | 'seq_len' | 'batch'>): Float64Array {
  return scan({
    cell: rnnCell((x) => x),
    weights: {
      weight_ih: Float64Array.of(1),
      weight_hh: Float64Array.of(2),
      bias_ih: undefined,
      bias_hh: undefined,
    },
    input_size: 1,
    hidden_size: 1,
    lengths: undefined,
    reverse: false,
    ...changes,
  })
}

describe('h_t = x_t + 2 h_{t−1} over 1, 10, 100', () => {
  const input = Float64Array.of(1, 10, 100)

  it('from 0 is 1, 12, 124, and h becomes 124', () => {
    const h = Float64Array.of(0)
    expect(doubling({ input, h, seq_len: 3, batch: 1 })).toStrictEqual(Float64Array.of(1, 12, 124))
    expect(h).toStrictEqual(Float64Array.of(124))
  })

  it('from 1000 is 2001, 4012, 8124', () => {
    const h = Float64Array.of(1000)
    expect(doubling({ input, h, seq_len: 3, batch: 1 })).toStrictEqual(Float64Array.of(2001, 4012, 8124))
  })

  it('in reverse is 421, 210, 100 at the times of the input, and h becomes 421', () => {
    const h = Float64Array.of(0)
    const output = doubling({ input, h, seq_len: 3, batch: 1, reverse: true })
    expect(output).toStrictEqual(Float64Array.of(421, 210, 100))
    expect(h).toStrictEqual(Float64Array.of(421))
  })

  it('with a bias of 0.5 and 0.25 adds 0.75 at each step', () => {
    const weights = {
      weight_ih: Float64Array.of(1),
      weight_hh: Float64Array.of(2),
      bias_ih: Float64Array.of(0.5),
      bias_hh: Float64Array.of(0.25),
    }
    const output = doubling({ input, h: Float64Array.of(0), seq_len: 3, batch: 1, weights })
    expect(output).toStrictEqual(Float64Array.of(1.75, 14.25, 129.25))
  })
})

describe('rows of lengths 1, 3 and 2 in 3 steps', () => {
  // Row by row: 1; 10, 100, 1000; 5, 50. The padding is 7.
  const input = Float64Array.of(1, 10, 5, 7, 100, 50, 7, 1000, 7)
  const lengths = [1, 3, 2]

  it('put out zeros past their length and keep their own last state', () => {
    const h = Float64Array.of(0, 0, 0)
    const output = doubling({ input, h, seq_len: 3, batch: 3, lengths })
    expect(output).toStrictEqual(Float64Array.of(1, 10, 5, 0, 120, 60, 0, 1240, 0))
    expect(h).toStrictEqual(Float64Array.of(1, 1240, 60))
  })

  it('start in reverse at their own last step, each from its own state', () => {
    const h = Float64Array.of(1000, 2000, 3000)
    const output = doubling({ input, h, seq_len: 3, batch: 3, lengths, reverse: true })
    expect(output).toStrictEqual(Float64Array.of(2001, 20_210, 12_105, 0, 10_100, 6050, 0, 5000, 0))
    expect(h).toStrictEqual(Float64Array.of(2001, 20_210, 12_105))
  })

  it('do not see a NaN in the padding', () => {
    const { NaN: nan } = Number
    const padded = Float64Array.of(1, 10, 5, nan, 100, 50, nan, 1000, nan)
    for (const reverse of [false, true]) {
      const h = Float64Array.of(0, 0, 0)
      const output = doubling({ input: padded, h, seq_len: 3, batch: 3, lengths, reverse })
      expect(
        [...output, ...h].filter((value) => Number.isNaN(value)),
        `reverse ${reverse}`,
      ).toStrictEqual([])
    }
  })
})

it('an empty batch of 1,000 steps asks the cell for none', () => {
  let asked = 0
  const cell = { gates: 1, step: () => asked++ }
  const empty = { input: new Float64Array(0), h: new Float64Array(0), seq_len: 1000 }
  expect(doubling({ ...empty, batch: 0, cell })).toHaveLength(0)
  expect(asked).toBe(0)
  doubling({ input: new Float64Array(1000), h: new Float64Array(1), seq_len: 1000, batch: 1, cell })
  expect(asked).toBe(1000)
})

it('a NaN stays in its batch row, from its step on', () => {
  const input = Float64Array.of(1, 1, 1, Number.NaN, 1, 1)
  const output = scan({
    cell: rnnCell(activations.tanh),
    weights: {
      weight_ih: Float64Array.of(0.5),
      weight_hh: Float64Array.of(0.25),
      bias_ih: undefined,
      bias_hh: undefined,
    },
    input,
    h: new Float64Array(2),
    seq_len: 3,
    batch: 2,
    input_size: 1,
    hidden_size: 1,
    lengths: undefined,
    reverse: false,
  })
  expect(Array.from(output, (value) => Number.isNaN(value))).toStrictEqual([false, false, false, true, false, true])
})
