import { describe, expect, it } from 'vitest'
import { runLayers, type Stack } from '../../src/inexact/layers.ts'
import { rnnCell } from '../../src/inexact/rnn.ts'
import type { Weights } from '../../src/inexact/scan.ts'

/** h_t = Σ of the inputs, each times its weight, + h_{t−1}: a running sum, exact in whole numbers. */
function summing(weight_ih: readonly number[]): Weights {
  return {
    weight_ih: Float64Array.from(weight_ih),
    weight_hh: Float64Array.of(1),
    bias_ih: undefined,
    bias_hh: undefined,
    weight_hr: undefined,
  }
}

const identity = rnnCell('relu', { of: (x) => x, slope: () => 1 })

/** Runs layers of one unit over the steps 1, 10, 100 of one row. */
function sums(weights: Stack['weights'], h_0: Float64Array, dropout?: Float64Array): ReturnType<typeof runLayers> {
  return runLayers({
    cell: identity,
    inexactness: {},
    weights,
    input: Float64Array.of(1, 10, 100),
    h_0,
    c_0: new Float64Array(0),
    dropout,
    seq_len: 3,
    batch: 1,
    input_size: 1,
    hidden_size: 1,
    lengths: undefined,
  })
}

describe('running sums of 1, 10, 100', () => {
  it('in one layer are 1, 11, 111', () => {
    const { output, h_n, c_n } = sums([[summing([1])]], new Float64Array(1))
    expect(output).toStrictEqual(Float64Array.of(1, 11, 111))
    expect(h_n).toStrictEqual(Float64Array.of(111))
    expect(c_n).toHaveLength(0)
  })

  it('in two layers are 1, 12, 123, and h_n is that of layer 0, then of layer 1', () => {
    const { output, h_n } = sums([[summing([1])], [summing([1])]], new Float64Array(2))
    expect(output).toStrictEqual(Float64Array.of(1, 12, 123))
    expect(h_n).toStrictEqual(Float64Array.of(111, 123))
  })

  it('start from the state of their layer, which stays as it is', () => {
    const h_0 = Float64Array.of(1000, 50_000)
    const { output, h_n } = sums([[summing([1])], [summing([1])]], h_0)
    expect(output).toStrictEqual(Float64Array.of(51_001, 52_012, 53_123))
    expect(h_n).toStrictEqual(Float64Array.of(1111, 53_123))
    expect(h_0).toStrictEqual(Float64Array.of(1000, 50_000))
  })

  it('in two directions stand forward then reverse at each step', () => {
    const { output, h_n } = sums([[summing([1]), summing([2])]], new Float64Array(2))
    expect(output).toStrictEqual(Float64Array.of(1, 222, 11, 220, 111, 200))
    expect(h_n).toStrictEqual(Float64Array.of(111, 222))
  })

  it('in two layers of two directions read both directions, and h_n is layer by layer', () => {
    const first = [summing([1]), summing([2])]
    const { output, h_n } = sums([first, [summing([1, 1000]), summing([0, 1])]], new Float64Array(4))
    // Layer 0 gives (1, 222), (11, 220), (111, 200).
    expect(output).toStrictEqual(Float64Array.of(222_001, 642, 442_012, 420, 642_123, 200))
    expect(h_n).toStrictEqual(Float64Array.of(111, 222, 642_123, 642))
  })

  it('in three layers with a dropout of 2, 0, 2 and 0, 0, 3 keep h_n as it is', () => {
    const layer = [summing([1])]
    const { output, h_n } = sums([layer, layer, layer], new Float64Array(3), Float64Array.of(2, 0, 2, 0, 0, 3))
    // Layer 0: 1, 11, 111 → 2, 0, 222. Layer 1: 2, 2, 224 → 0, 0, 672.
    expect(output).toStrictEqual(Float64Array.of(0, 0, 672))
    expect(h_n).toStrictEqual(Float64Array.of(111, 224, 672))
  })
})

describe('backward', () => {
  // Every state is a sum of what comes before it, so each gradient counts what comes after, exact in whole numbers.
  it('of two layers passes the gradients by output and by the last states to both layers', () => {
    const ran = sums([[summing([1])], [summing([1])]], new Float64Array(2))
    const gradients = ran.backward({
      output: Float64Array.of(1, 10, 100),
      h_n: Float64Array.of(1000, 20_000),
      c_n: new Float64Array(0),
    })
    // By the states of layer 1: 20111, 20110, 20100; by those of layer 0, which layer 1 reads: their sums from the end, + 1000.
    expect(gradients.h_0).toStrictEqual(Float64Array.of(61_321, 20_111))
    expect(gradients.input).toStrictEqual(Float64Array.of(61_321, 41_210, 21_100))
  })

  it('of a dropout of 2 and 0 multiplies what goes back by them', () => {
    const ran = sums([[summing([1])], [summing([1])]], new Float64Array(2), Float64Array.of(2, 0, 2))
    const gradients = ran.backward({
      output: Float64Array.of(0, 0, 1),
      h_n: new Float64Array(2),
      c_n: new Float64Array(0),
    })
    // By the output of layer 0, after it was multiplied: 1, 1, 1.
    expect(gradients.input).toStrictEqual(Float64Array.of(4, 2, 2))
    expect(gradients.h_0).toStrictEqual(Float64Array.of(4, 1))
  })

  it('can be asked twice', () => {
    const ran = sums([[summing([1]), summing([2])]], new Float64Array(2))
    const cotangents = {
      output: Float64Array.of(1, 2, 3, 4, 5, 6),
      h_n: Float64Array.of(7, 8),
      c_n: new Float64Array(0),
    }
    const first = structuredClone(ran.backward(cotangents))
    expect(ran.backward(cotangents)).toStrictEqual(first)
    expect(first.h_0).toStrictEqual(Float64Array.of(1 + 3 + 5 + 7, 2 + 4 + 6 + 8))
  })
})
