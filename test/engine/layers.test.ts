import { describe, expect, it } from 'vitest'
import { runLayers, type Stack, torchWiring, type Wiring } from '../../src/engine/layers.ts'
import { rnnCell } from '../../src/engine/rnn.ts'
import type { Weights } from '../../src/engine/scan.ts'

/** h_t = Σ of the inputs, each times its weight, + h_{t−1}: a running sum, exact in whole numbers. */
function summing(weight_ih: readonly number[]): Weights {
  return {
    weight_ih: Float64Array.from(weight_ih),
    weight_hh: Float64Array.of(1),
    bias_ih: undefined,
    bias_hh: undefined,
  }
}

/** Runs layers of one unit over the steps 1, 10, 100 of one row. */
function sums(weights: Stack['weights'], h: Float64Array, wiring: Partial<Wiring> = {}): Float64Array {
  return runLayers({
    cell: rnnCell((x) => x),
    wiring: { ...torchWiring, ...wiring },
    weights,
    input: Float64Array.of(1, 10, 100),
    h,
    seq_len: 3,
    batch: 1,
    input_size: 1,
    hidden_size: 1,
    lengths: undefined,
  })
}

it('torch’s wiring is forward then reverse, reversed, flipped back, without a residual', () => {
  expect(torchWiring).toStrictEqual({ concatenated: [0, 1], reversed: true, flippedBack: true, residual: false })
})

describe('running sums of 1, 10, 100', () => {
  it('in one layer are 1, 11, 111', () => {
    const h = new Float64Array(1)
    expect(sums([[summing([1])]], h)).toStrictEqual(Float64Array.of(1, 11, 111))
    expect(h).toStrictEqual(Float64Array.of(111))
  })

  it('in two layers are 1, 12, 123, and h_n is that of layer 0, then of layer 1', () => {
    const h = new Float64Array(2)
    expect(sums([[summing([1])], [summing([1])]], h)).toStrictEqual(Float64Array.of(1, 12, 123))
    expect(h).toStrictEqual(Float64Array.of(111, 123))
  })

  it('start from the state of their layer', () => {
    const h = Float64Array.of(1000, 50_000)
    const output = sums([[summing([1])], [summing([1])]], h)
    expect(output).toStrictEqual(Float64Array.of(51_001, 52_012, 53_123))
    expect(h).toStrictEqual(Float64Array.of(1111, 53_123))
  })

  it('in two directions stand forward then reverse at each step', () => {
    const h = new Float64Array(2)
    const output = sums([[summing([1]), summing([2])]], h)
    expect(output).toStrictEqual(Float64Array.of(1, 222, 11, 220, 111, 200))
    expect(h).toStrictEqual(Float64Array.of(111, 222))
  })

  it('in two layers of two directions read both directions, and h_n is layer by layer', () => {
    const h = new Float64Array(4)
    const first = [summing([1]), summing([2])]
    const output = sums([first, [summing([1, 1000]), summing([0, 1])]], h)
    // Layer 0 gives (1, 222), (11, 220), (111, 200).
    expect(output).toStrictEqual(Float64Array.of(222_001, 642, 442_012, 420, 642_123, 200))
    expect(h).toStrictEqual(Float64Array.of(111, 222, 642_123, 642))
  })
})

describe('another wiring', () => {
  const both = [[summing([1]), summing([2])]]

  it('concatenated reverse then forward', () => {
    const output = sums(both, new Float64Array(2), { concatenated: [1, 0] })
    expect(output).toStrictEqual(Float64Array.of(222, 1, 220, 11, 200, 111))
  })

  it('whose second direction is not reversed', () => {
    const output = sums(both, new Float64Array(2), { reversed: false })
    expect(output).toStrictEqual(Float64Array.of(1, 2, 11, 22, 111, 222))
  })

  it('whose reverse direction is not flipped back', () => {
    const output = sums(both, new Float64Array(2), { flippedBack: false })
    expect(output).toStrictEqual(Float64Array.of(1, 200, 11, 220, 111, 222))
  })

  it('with a residual from layer 1 on', () => {
    const output = sums([[summing([1])], [summing([1])]], new Float64Array(2), { residual: true })
    expect(output).toStrictEqual(Float64Array.of(2, 23, 234))
  })
})
