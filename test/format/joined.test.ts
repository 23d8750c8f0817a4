import { describe, expect, it } from 'vitest'
import { renamed } from '../../src/format/actual/map.ts'
import { parseMap } from '../../src/format/actual/rules.ts'
import type { FloatTensor } from '../../src/format/tensor.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { cellCase, layerCase, sgd } from '../sample.ts'

const lstm = layerCase({ module: 'LSTM', seq_len: 3, batch: 2, cotangents: true })
const map = (rules: unknown): ReturnType<typeof parseMap> => parseMap(JSON.stringify(rules), 'map.json')

describe('renamed, of what is joined, summed, or a gate alone', () => {
  const gru = layerCase({ module: 'GRU', seq_len: 3, batch: 2, cotangents: true })
  const of = (recorded: typeof lstm, name: string): FloatTensor => recorded.expected[`grad_${name}_l0`] as FloatTensor
  const bias = floatTensor('float32', [12], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  const summed = [{ from: 'bias', to: ['grad_bias_ih_l0', 'grad_bias_hh_l0'], sum: true }]

  it('gives both biases the gradient of their sum', () => {
    const read = renamed(
      { bias: floatTensor('float32', [12], [4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 11, 12]) },
      map([{ ...summed[0], gates: 'f i g o' }]),
      lstm,
      'a',
    )
    expect(read).toEqual({ grad_bias_ih_l0: bias, grad_bias_hh_l0: bias })
  })

  it.each<[unknown[], Record<string, FloatTensor>, typeof lstm, string]>([
    [
      summed,
      { bias: of(gru, 'bias_ih') },
      gru,
      'a: bias: expected a sum of gates r and z, since n has r between its two biases, got grad_bias_ih_l0 and grad_bias_hh_l0 as one',
    ],
    [
      [{ from: '*', to: ['grad_bias_ih_l0', 'grad_bias_hh_l0'], sum: true, gate: '$1' }],
      { n: floatTensor('float32', [3], [1, 2, 3]) },
      gru,
      'a: n: expected a sum of gates r and z, since n has r between its two biases, got grad_bias_ih_l0 and grad_bias_hh_l0 as one',
    ],
    [
      [{ from: 'bias', to: ['grad_bias_ih_l0', 'grad_weight_ih_l0'], sum: true }],
      { bias },
      lstm,
      'a: bias: expected a sum of bias_ih and bias_hh of one layer and direction, got grad_bias_ih_l0 and grad_weight_ih_l0',
    ],
    [
      [{ from: '*', to: 'grad_bias_ih_l0', gate: '$1' }],
      { f: floatTensor('float32', [3], [1, 2, 3]), c: floatTensor('float32', [3], [1, 2, 3]) },
      lstm,
      'a: expected the gates i f g o of grad_bias_ih_l0, got no i, o',
    ],
    [
      [{ from: '*', to: 'grad_bias_ih_l0', gate: '$1' }],
      { g: floatTensor('float32', [3], [1, 2, 3]), c: floatTensor('float32', [3], [1, 2, 3]) },
      lstm,
      'a: expected gate g of grad_bias_ih_l0 once, got g and c',
    ],
    [
      [{ from: '*', to: 'grad_bias_ih_l0', gate: '$1' }],
      Object.fromEntries(['i', 'f', 'c', 'o'].map((gate) => [gate, floatTensor('float32', [2], [1, 2])])),
      lstm,
      'a: expected gates of grad_bias_ih_l0 of shape (3) each, got (2)',
    ],
    [
      [{ from: 'b', to: ['grad_bias_ih_l0', 'grad_bias_hh_l0'], join: 0 }],
      { b: bias },
      lstm,
      'a: b: expected (12), (12) joined along axis 0, got shape (12)',
    ],
    [
      [{ from: 'w', to: ['grad_weight_ih_l0', 'grad_weight_hh_l0'], join: 0 }],
      {
        w: floatTensor(
          'float32',
          [24, 2],
          Array.from({ length: 48 }, () => 1),
        ),
      },
      lstm,
      'a: w: expected (12, 2), (12, 3) joined along axis 0, got shape (24, 2)',
    ],
    [
      [{ from: 'b', to: 'grad_bias_ih_l0', reshape: [5, -1] }],
      { b: bias },
      lstm,
      'a: b: expected a tensor to be read as (5, -1), got shape (12)',
    ],
    [
      [
        { from: 'b', to: 'grad_bias_ih_l0' },
        { from: '*', to: 'grad_bias_ih_l0', gate: '$1' },
      ],
      Object.fromEntries(['b', 'i', 'f', 'g', 'o'].map((gate) => [gate, floatTensor('float32', [3], [1, 2, 3])])),
      lstm,
      'a: expected one tensor for grad_bias_ih_l0, as the map has it, got b and i, f, g, o',
    ],
  ])('refuses %j', (rules, tensors, recorded, message) => {
    expect(() => renamed(tensors, map(rules), recorded, 'a')).toThrow(message)
  })

  it('does not tell the biases of a training apart', () => {
    const trained = cellCase({ module: 'LSTMCell', training: sgd })
    const given = { bias: trained.expected['bias_ih'] as FloatTensor }
    expect(() => renamed(given, map([{ from: 'bias', to: ['bias_ih', 'bias_hh'], sum: true }]), trained, 'a')).toThrow(
      'a: bias: expected a sum of gradients, which both biases have, got bias_ih and bias_hh: they cannot be told apart',
    )
  })
})
