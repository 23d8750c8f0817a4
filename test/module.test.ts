import { describe, expect, it } from 'vitest'
import {
  configSchemas,
  extentOf,
  inputLayout,
  isLayer,
  numDirections,
  type RNNCellConfig,
  type RNNConfig,
  signatureOf,
  sizes,
  suffix,
} from '../src/module.ts'

const cell: RNNCellConfig = { input_size: 10, hidden_size: 7, bias: true, nonlinearity: 'tanh' }
const layer: RNNConfig = {
  ...cell,
  num_layers: 1,
  batch_first: false,
  dropout: 0,
  bidirectional: false,
}

function shapes(axes: ReturnType<typeof signatureOf>['expected']): Record<string, number[]> {
  return Object.fromEntries(Object.entries(axes).map(([name, of]) => [name, sizes(of)]))
}

describe('signatureOf RNNCell', () => {
  it('with batch 5 has torch shapes and the new state h_1', () => {
    const { params, inputs, expected, states } = signatureOf('RNNCell', cell, { seq_len: undefined, batch: 5 })
    expect(params).toStrictEqual({ weight_ih: [7, 10], weight_hh: [7, 7], bias_ih: [7], bias_hh: [7] })
    expect(inputs).toStrictEqual({ input: [5, 10], h_0: [5, 7] })
    expect(shapes(expected)).toStrictEqual({ h_1: [5, 7] })
    expect(states).toStrictEqual({})
  })

  it('unbatched has no batch axis, and without bias no biases', () => {
    const config = { ...cell, bias: false }
    const { params, inputs, expected } = signatureOf('RNNCell', config, { seq_len: undefined, batch: undefined })
    expect(params).toStrictEqual({ weight_ih: [7, 10], weight_hh: [7, 7] })
    expect(inputs).toStrictEqual({ input: [10], h_0: [7] })
    expect(shapes(expected)).toStrictEqual({ h_1: [7] })
  })
})

describe('signatureOf RNN', () => {
  it('with 2 layers and 2 directions reads 14 numbers in layer 1, in the order of the state_dict', () => {
    const config = { ...layer, num_layers: 2, bidirectional: true }
    const { params, inputs, expected, states } = signatureOf('RNN', config, { seq_len: 4, batch: 3 })
    expect(Object.entries(params)).toStrictEqual([
      ['weight_ih_l0', [7, 10]],
      ['weight_hh_l0', [7, 7]],
      ['bias_ih_l0', [7]],
      ['bias_hh_l0', [7]],
      ['weight_ih_l0_reverse', [7, 10]],
      ['weight_hh_l0_reverse', [7, 7]],
      ['bias_ih_l0_reverse', [7]],
      ['bias_hh_l0_reverse', [7]],
      ['weight_ih_l1', [7, 14]],
      ['weight_hh_l1', [7, 7]],
      ['bias_ih_l1', [7]],
      ['bias_hh_l1', [7]],
      ['weight_ih_l1_reverse', [7, 14]],
      ['weight_hh_l1_reverse', [7, 7]],
      ['bias_ih_l1_reverse', [7]],
      ['bias_hh_l1_reverse', [7]],
    ])
    expect(inputs).toStrictEqual({ input: [4, 3, 10], h_0: [4, 3, 7], lengths: [3] })
    expect(shapes(expected)).toStrictEqual({ output: [4, 3, 14], h_n: [4, 3, 7] })
    expect(shapes(states)).toStrictEqual({ h_t: [4, 4, 3, 7] })
  })

  it('batch_first exchanges seq_len and batch in input and output, not in h_0, h_n and h_t', () => {
    const { inputs, expected, states } = signatureOf('RNN', { ...layer, batch_first: true }, { seq_len: 4, batch: 3 })
    expect(inputs).toStrictEqual({ input: [3, 4, 10], h_0: [1, 3, 7], lengths: [3] })
    expect(shapes(expected)).toStrictEqual({ output: [3, 4, 7], h_n: [1, 3, 7] })
    expect(expected['output']?.map(({ name }) => name)).toStrictEqual(['batch', 'seq_len', 'unit'])
    expect(shapes(states)).toStrictEqual({ h_t: [4, 1, 3, 7] })
  })

  it('unbatched has no batch axis but in h_t, no lengths, and batch_first does nothing', () => {
    for (const batch_first of [false, true]) {
      const config = { ...layer, batch_first }
      const { inputs, expected, states } = signatureOf('RNN', config, { seq_len: 4, batch: undefined })
      expect(inputs).toStrictEqual({ input: [4, 10], h_0: [1, 7] })
      expect(shapes(expected)).toStrictEqual({ output: [4, 7], h_n: [1, 7] })
      expect(shapes(states)).toStrictEqual({ h_t: [4, 1, 1, 7] })
    }
  })
})

describe('extentOf', () => {
  it('reads (4, 3, 10) as 4 steps and 3 rows, and with batch_first as 3 rows and 4 steps', () => {
    expect(extentOf('RNN', layer, [4, 3, 10])).toStrictEqual({ seq_len: 4, batch: 3 })
    expect(extentOf('RNN', { ...layer, batch_first: true }, [3, 4, 10])).toStrictEqual({ seq_len: 4, batch: 3 })
  })

  it('reads (4, 10) as 4 steps without a batch, whatever batch_first is', () => {
    expect(extentOf('RNN', layer, [4, 10])).toStrictEqual({ seq_len: 4, batch: undefined })
    expect(extentOf('RNN', { ...layer, batch_first: true }, [4, 10])).toStrictEqual({ seq_len: 4, batch: undefined })
  })

  it('reads (5, 10) of a cell as 5 rows and (10) as unbatched', () => {
    expect(extentOf('RNNCell', cell, [5, 10])).toStrictEqual({ seq_len: undefined, batch: 5 })
    expect(extentOf('RNNCell', cell, [10])).toStrictEqual({ seq_len: undefined, batch: undefined })
  })
})

it('inputLayout says the shapes of input in words', () => {
  expect(inputLayout('RNNCell', cell)).toStrictEqual({ ranks: [1, 2], words: '(input_size) or (batch, input_size)' })
  expect(inputLayout('RNN', layer).words).toBe('(seq_len, input_size) or (seq_len, batch, input_size)')
  expect(inputLayout('RNN', { ...layer, batch_first: true })).toStrictEqual({
    ranks: [2, 3],
    words: '(seq_len, input_size) or (batch, seq_len, input_size)',
  })
})

it('suffix is _l0 forward and _l2_reverse backward', () => {
  expect(suffix(0, 0)).toBe('_l0')
  expect(suffix(2, 1)).toBe('_l2_reverse')
})

it('numDirections is 2 when bidirectional, and an RNN is a layer but an RNNCell is none', () => {
  expect(numDirections({ bidirectional: true })).toBe(2)
  expect(numDirections({ bidirectional: false })).toBe(1)
  expect(isLayer('RNN')).toBe(true)
  expect(isLayer('RNNCell')).toBe(false)
})

describe('configSchemas', () => {
  it.each([0, 2 ** 24])('RNNCell takes sizes of %i', (size) => {
    expect(configSchemas.RNNCell.safeParse({ ...cell, input_size: size, hidden_size: size }).success).toBe(true)
  })

  it.each([-1, 0.5, 2 ** 24 + 1, Number.NaN, Infinity, '7', null])('RNNCell refuses an input_size of %j', (size) => {
    expect(configSchemas.RNNCell.safeParse({ ...cell, input_size: size }).success).toBe(false)
    expect(configSchemas.RNNCell.safeParse({ ...cell, hidden_size: size }).success).toBe(false)
  })

  it.each(['input_size', 'hidden_size', 'num_layers'])('RNN takes a %s of 1 and refuses 0, −1 and 0.5', (name) => {
    expect(configSchemas.RNN.safeParse({ ...layer, [name]: 1 }).success).toBe(true)
    for (const size of [0, -1, 0.5]) {
      expect(configSchemas.RNN.safeParse({ ...layer, [name]: size }).success, `${size}`).toBe(false)
    }
  })

  it.each(Object.keys(layer))('RNN needs %s', (name) => {
    const { [name]: _, ...rest }: Record<string, unknown> = layer
    expect(configSchemas.RNN.safeParse(rest).success).toBe(false)
  })

  it('RNN takes a dropout from 0 to 1, and refuses −0.1, 1.1 and NaN', () => {
    for (const dropout of [0, 0.5, 1]) expect(configSchemas.RNN.safeParse({ ...layer, dropout }).success).toBe(true)
    for (const dropout of [-0.1, 1.1, Number.NaN]) {
      expect(configSchemas.RNN.safeParse({ ...layer, dropout }).success, `${dropout}`).toBe(false)
    }
  })

  it('RNN refuses proj_size, which nn.RNN does not have', () => {
    expect(configSchemas.RNN.safeParse({ ...layer, proj_size: 2 }).success).toBe(false)
  })
})
