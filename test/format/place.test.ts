// Where an element stands, when it went wrong first, and which budget is its own: the part of compare.ts that knows axes.
import { describe, expect, it } from 'vitest'
import { compare, type Comparison, kappa } from '../../src/verify/compare.ts'
import { type Place, placeOf } from '../../src/format/place.ts'
import { extentOf, signatureOf } from '../../src/format/module.ts'
import { floatTensor, formatShape, type Tensor } from '../../src/format/tensor.ts'
import { judge } from '../../src/verify.ts'
import { budgetTensor, cellCase, layerCase, type RecurrentCase } from '../sample.ts'

/** The flat offset of an index, in C order. */
function offsetOf(shape: readonly number[], index: readonly number[]): number {
  return index.reduce((offset, i, axis) => offset * (shape[axis] ?? 0) + i, 0)
}

/** What PyTorch gave, but for some elements of one tensor that are off by 100, and the comparison of that tensor. */
function judged(recorded: RecurrentCase, tensor: string, ...indices: (readonly number[])[]): Comparison | undefined {
  const expected = recorded.expected[tensor]
  if (expected === undefined) return undefined
  const data = Float64Array.from(expected.data)
  for (const index of indices) {
    const offset = offsetOf(expected.shape, index)
    data[offset] = (data[offset] ?? Number.NaN) + 100 + offset
  }
  const outputs = { ...recorded.expected, [tensor]: floatTensor(recorded.dtype, expected.shape, data) }
  return judge(recorded, outputs).find((comparison) => comparison.tensor === tensor)
}

describe('the worst element is named by its axes', () => {
  const both = { bidirectional: true, num_layers: 2 }
  it.each<[string, RecurrentCase, string, number[], Place]>([
    ['output', layerCase(), 'output', [3, 1, 2], { t: 3, batch: 1, unit: 2 }],
    ['h_n', layerCase(), 'h_n', [0, 1, 2], { layer: 0, batch: 1, unit: 2 }],
    ['h_n of 3 layers', layerCase({ num_layers: 3 }), 'h_n', [2, 0, 1], { layer: 2, batch: 0, unit: 1 }],
    ['forward in output', layerCase(both), 'output', [3, 1, 2], { direction: 'forward', t: 3, batch: 1, unit: 2 }],
    ['reverse in output', layerCase(both), 'output', [0, 1, 4], { direction: 'reverse', t: 0, batch: 1, unit: 1 }],
    [
      'layer 0, forward in h_n',
      layerCase(both),
      'h_n',
      [0, 1, 2],
      { layer: 0, direction: 'forward', batch: 1, unit: 2 },
    ],
    [
      'layer 0, reverse in h_n',
      layerCase(both),
      'h_n',
      [1, 0, 2],
      { layer: 0, direction: 'reverse', batch: 0, unit: 2 },
    ],
    [
      'layer 1, reverse in h_n',
      layerCase(both),
      'h_n',
      [3, 0, 0],
      { layer: 1, direction: 'reverse', batch: 0, unit: 0 },
    ],
    ['output, batch_first', layerCase({ batch_first: true }), 'output', [1, 3, 2], { t: 3, batch: 1, unit: 2 }],
    [
      'reverse in output, batch_first',
      layerCase({ ...both, batch_first: true }),
      'output',
      [1, 3, 5],
      { direction: 'reverse', t: 3, batch: 1, unit: 2 },
    ],
    [
      'h_n, batch_first',
      layerCase({ ...both, batch_first: true }),
      'h_n',
      [2, 1, 0],
      { layer: 1, direction: 'forward', batch: 1, unit: 0 },
    ],
    [
      'output, unbatched',
      layerCase({ ...both, batch: undefined }),
      'output',
      [2, 3],
      { direction: 'reverse', t: 2, unit: 0 },
    ],
    [
      'output, unbatched, batch_first',
      layerCase({ batch: undefined, batch_first: true }),
      'output',
      [2, 1],
      { t: 2, unit: 1 },
    ],
    [
      'h_n, unbatched',
      layerCase({ ...both, batch: undefined }),
      'h_n',
      [3, 1],
      { layer: 1, direction: 'reverse', unit: 1 },
    ],
    ['h_1', cellCase(), 'h_1', [1, 2], { batch: 1, unit: 2 }],
    ['h_1, unbatched', cellCase({ batch: undefined }), 'h_1', [2], { unit: 2 }],
  ])('%s', (_, recorded, tensor, index, place) => {
    const expected = recorded.expected[tensor]
    const value = expected?.data[offsetOf(expected.shape, index)] ?? Number.NaN
    const comparison = judged(recorded, tensor, index)
    expect(comparison).toMatchObject({ outcome: 'mismatch', differing: 1 })
    expect(comparison?.worst).toMatchObject({ index, place, expected: value })
    expect(comparison?.worst?.place).toStrictEqual(place)
    expect(comparison?.worst?.error).toBe(Math.abs((comparison?.worst?.actual ?? Number.NaN) - value))
  })

  it('h_t, by its four axes', () => {
    const { config } = layerCase(both)
    const axes = signatureOf('RNN', config, { seq_len: 4, batch: 2 }).states['h_t'] ?? []
    const place = { layer: 1, direction: 'reverse', t: 3, batch: 1, unit: 2 }
    expect(placeOf(axes, [3, 3, 1, 2])).toStrictEqual(place)
    expect(placeOf(axes, [0, 2, 0, 0])).toStrictEqual({ layer: 1, direction: 'forward', t: 0, batch: 0, unit: 0 })
  })

  it('as the one with the largest share of what is allowed, not the largest error', () => {
    const expected = floatTensor('float64', [2, 1, 1], [0, 0])
    const actual = floatTensor('float64', [2, 1, 1], [0.5, 100])
    const { output = [] } = signatureOf('RNN', layerCase().config, { seq_len: 2, batch: 1 }).outputs
    const { worst, share } = compare('output', actual, expected, budgetTensor([2, 1, 1], [0.001, 10]), output)
    expect({ t: worst?.place.t, share, error: worst?.error, allowed: worst?.allowed }).toStrictEqual({
      t: 0,
      share: 0.5 / (kappa * 0.001),
      error: 0.5,
      allowed: kappa * 0.001,
    })
  })
})

describe('firstStep is the first in the direction of time', () => {
  const bidirectional = true
  it.each<[string, RecurrentCase, number[][], Comparison['firstStep']]>([
    [
      't 1 of t 1 and 3',
      layerCase(),
      [
        [3, 0, 0],
        [1, 1, 2],
      ],
      { forward: 1 },
    ],
    ['t 0', layerCase(), [[0, 0, 0]], { forward: 0 }],
    [
      't 1, batch_first',
      layerCase({ batch_first: true }),
      [
        [0, 3, 0],
        [1, 1, 2],
      ],
      { forward: 1 },
    ],
    [
      't 1, unbatched',
      layerCase({ batch: undefined }),
      [
        [3, 0],
        [1, 2],
      ],
      { forward: 1 },
    ],
    [
      'forward alone',
      layerCase({ bidirectional }),
      [
        [3, 0, 0],
        [1, 1, 2],
      ],
      { forward: 1 },
    ],
    [
      'reverse alone, t 2 of t 0 and 2',
      layerCase({ bidirectional }),
      [
        [0, 0, 3],
        [2, 1, 5],
      ],
      { reverse: 2 },
    ],
    [
      'reverse, batch_first',
      layerCase({ bidirectional, batch_first: true }),
      [
        [1, 0, 3],
        [0, 2, 4],
      ],
      { reverse: 2 },
    ],
    [
      'both',
      layerCase({ bidirectional }),
      [
        [0, 0, 3],
        [2, 1, 5],
        [3, 0, 0],
        [1, 1, 2],
      ],
      { forward: 1, reverse: 2 },
    ],
  ])('%s', (_, recorded, indices, firstStep) => {
    expect(judged(recorded, 'output', ...indices)?.firstStep).toStrictEqual(firstStep)
  })

  it('and is absent in a match, in h_n and in a cell', () => {
    expect(judged(layerCase(), 'output')).not.toHaveProperty('firstStep')
    expect(judged(layerCase(), 'output')?.outcome).toBe('match')
    expect(judged(layerCase(), 'h_n', [0, 0, 0])).not.toHaveProperty('firstStep')
    expect(judged(cellCase(), 'h_1', [0, 0])).not.toHaveProperty('firstStep')
  })
})

describe('each element is judged by its own budget', () => {
  const distinct = (length: number): number[] => Array.from({ length }, (_, i) => (i + 1) * 0.01)
  const time = distinct(4)
  /** The budget of an element by its index. */
  type Own = (index: readonly number[]) => number | undefined

  it.each<[string, RecurrentCase, string, Tensor<'float64'>, Own]>([
    ['(seq_len, 1, 1)', layerCase(), 'output', budgetTensor([4, 1, 1], time), ([t = 0]) => time[t]],
    [
      '(1, seq_len, 1), batch_first',
      layerCase({ batch_first: true }),
      'output',
      budgetTensor([1, 4, 1], time),
      ([, t = 0]) => time[t],
    ],
    [
      '(seq_len, 1), unbatched',
      layerCase({ batch: undefined }),
      'output',
      budgetTensor([4, 1], time),
      ([t = 0]) => time[t],
    ],
    [
      '(states, 1, 1)',
      layerCase({ num_layers: 2, bidirectional: true }),
      'h_n',
      budgetTensor([4, 1, 1], time),
      ([state = 0]) => time[state],
    ],
    ['(units)', layerCase(), 'output', budgetTensor([3], distinct(3)), ([, , unit = 0]) => distinct(3)[unit]],
    [
      '(seq_len, batch, units)',
      layerCase(),
      'output',
      budgetTensor([4, 2, 3], distinct(24)),
      (index) => distinct(24)[offsetOf([4, 2, 3], index)],
    ],
    ['(1)', cellCase(), 'h_1', budgetTensor([1], [0.01]), () => 0.01],
    ['()', cellCase(), 'h_1', budgetTensor([], [0.01]), () => 0.01],
  ])('of shape %s', (_, recorded, tensor, budget, own) => {
    const shape = recorded.expected[tensor]?.shape ?? []
    const zeros = floatTensor('float64', shape, new Float64Array(shape.reduce((product, size) => product * size, 1)))
    const { module, config, inputs } = recorded
    const axes = signatureOf(module, config, extentOf(module, config, inputs.input.shape)).outputs[tensor] ?? []
    for (let offset = 0; offset < zeros.data.length; offset++) {
      let rest = offset
      const index = shape.map((_, axis) => {
        const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1)
        const i = Math.floor(rest / inner)
        rest -= i * inner
        return i
      })
      const allowed = kappa * (own(index) ?? Number.NaN)
      const off = (error: number): Comparison => {
        const actual = floatTensor('float64', shape, Float64Array.from(zeros.data))
        actual.data[offset] = error
        return compare(tensor, actual, zeros, budget, axes)
      }
      expect(off(allowed), `at ${formatShape(index)}`).toMatchObject({ outcome: 'match', share: 1 })
      expect(off(allowed * (1 + 1e-12)), `at ${formatShape(index)}`).toMatchObject({
        outcome: 'mismatch',
        worst: { index, allowed },
      })
    }
    expect(zeros.data.length).toBeGreaterThan(0)
  })
})
