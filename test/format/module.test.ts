import { describe, expect, it } from 'vitest'
import {
  type Config,
  extentOf,
  inputLayout,
  isLayer,
  kinds,
  layerConfig,
  type ModuleName,
  numDirections,
  shapesOf,
  signatureOf,
  stateSize,
  suffix,
} from '../../src/format/module.ts'
import { configSchemas } from '../../src/format/module/config.ts'

const plainCell: Config<'GRUCell'> = { input_size: 10, hidden_size: 7, bias: true }
const cell: Config<'RNNCell'> = { ...plainCell, nonlinearity: 'tanh' }
const gru: Config<'GRU'> = { ...plainCell, num_layers: 1, batch_first: false, dropout: 0, bidirectional: false }
const layer: Config<'RNN'> = { ...gru, nonlinearity: 'tanh' }
const lstm: Config<'LSTM'> = { ...gru, proj_size: 0 }

describe('signatureOf RNNCell', () => {
  it('with batch 5 has torch shapes and the new state h_1', () => {
    const { params, inputs, outputs, states } = signatureOf('RNNCell', cell, { seq_len: undefined, batch: 5 })
    expect(params).toStrictEqual({ weight_ih: [7, 10], weight_hh: [7, 7], bias_ih: [7], bias_hh: [7] })
    expect(inputs).toStrictEqual({ input: [5, 10], h_0: [5, 7], target: [5, 7] })
    expect(shapesOf(outputs)).toStrictEqual({ h_1: [5, 7] })
    expect(states).toStrictEqual({})
  })

  it('unbatched has no batch axis, and without bias no biases', () => {
    const config = { ...cell, bias: false }
    const { params, inputs, outputs } = signatureOf('RNNCell', config, { seq_len: undefined, batch: undefined })
    expect(params).toStrictEqual({ weight_ih: [7, 10], weight_hh: [7, 7] })
    expect(inputs).toStrictEqual({ input: [10], h_0: [7], target: [7] })
    expect(shapesOf(outputs)).toStrictEqual({ h_1: [7] })
  })
})

describe('signatureOf RNN', () => {
  it('with 2 layers and 2 directions reads 14 numbers in layer 1, in the order of the state_dict', () => {
    const config = { ...layer, num_layers: 2, bidirectional: true }
    const { params, inputs, outputs, states } = signatureOf('RNN', config, { seq_len: 4, batch: 3 })
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
    expect(inputs).toStrictEqual({
      input: [4, 3, 10],
      h_0: [4, 3, 7],
      lengths: [3],
      dropout_mask: [1, 4, 3, 14],
      target: [4, 3, 14],
    })
    expect(shapesOf(outputs)).toStrictEqual({ output: [4, 3, 14], h_n: [4, 3, 7] })
    expect(shapesOf(states)).toStrictEqual({ h_t: [4, 4, 3, 7] })
  })

  it('batch_first exchanges seq_len and batch in input and output, not in h_0, h_n and h_t', () => {
    const { inputs, outputs, states } = signatureOf('RNN', { ...layer, batch_first: true }, { seq_len: 4, batch: 3 })
    expect(inputs).toStrictEqual({ input: [3, 4, 10], h_0: [1, 3, 7], lengths: [3], target: [3, 4, 7] })
    expect(shapesOf(outputs)).toStrictEqual({ output: [3, 4, 7], h_n: [1, 3, 7] })
    expect(outputs['output']?.map(({ name }) => name)).toStrictEqual(['batch', 'seq_len', 'unit'])
    expect(shapesOf(states)).toStrictEqual({ h_t: [4, 1, 3, 7] })
  })

  it('unbatched has no batch axis but in h_t, no lengths, and batch_first does nothing', () => {
    for (const batch_first of [false, true]) {
      const config = { ...layer, batch_first }
      const { inputs, outputs, states } = signatureOf('RNN', config, { seq_len: 4, batch: undefined })
      expect(inputs).toStrictEqual({ input: [4, 10], h_0: [1, 7], target: [4, 7] })
      expect(shapesOf(outputs)).toStrictEqual({ output: [4, 7], h_n: [1, 7] })
      expect(shapesOf(states)).toStrictEqual({ h_t: [4, 1, 1, 7] })
    }
  })
})

describe('signatureOf LSTM and GRU', () => {
  it('LSTM has blocks of 4 · 7 rows, and a c beside every h', () => {
    const { params, inputs, outputs, states } = signatureOf('LSTM', lstm, { seq_len: 4, batch: 3 })
    expect(params).toStrictEqual({
      weight_ih_l0: [28, 10],
      weight_hh_l0: [28, 7],
      bias_ih_l0: [28],
      bias_hh_l0: [28],
    })
    expect(inputs).toMatchObject({ h_0: [1, 3, 7], c_0: [1, 3, 7] })
    expect(Object.entries(shapesOf(outputs))).toStrictEqual([
      ['output', [4, 3, 7]],
      ['h_n', [1, 3, 7]],
      ['c_n', [1, 3, 7]],
    ])
    expect(shapesOf(states)).toStrictEqual({ h_t: [4, 1, 3, 7], c_t: [4, 1, 3, 7] })
  })

  it('LSTM with proj_size 2 has an h of 2 units and a c of 7, and weight_hr after the biases of each direction', () => {
    const config = { ...lstm, proj_size: 2, num_layers: 2, bidirectional: true }
    const { params, inputs, outputs, states } = signatureOf('LSTM', config, { seq_len: 4, batch: 3 })
    expect(Object.entries(params).slice(5, 15)).toStrictEqual([
      ['weight_ih_l0_reverse', [28, 10]],
      ['weight_hh_l0_reverse', [28, 2]],
      ['bias_ih_l0_reverse', [28]],
      ['bias_hh_l0_reverse', [28]],
      ['weight_hr_l0_reverse', [2, 7]],
      ['weight_ih_l1', [28, 4]],
      ['weight_hh_l1', [28, 2]],
      ['bias_ih_l1', [28]],
      ['bias_hh_l1', [28]],
      ['weight_hr_l1', [2, 7]],
    ])
    expect(Object.keys(params)).toHaveLength(20)
    expect(inputs).toStrictEqual({
      input: [4, 3, 10],
      h_0: [4, 3, 2],
      c_0: [4, 3, 7],
      lengths: [3],
      dropout_mask: [1, 4, 3, 4],
      target: [4, 3, 4],
    })
    expect(shapesOf(outputs)).toStrictEqual({ output: [4, 3, 4], h_n: [4, 3, 2], c_n: [4, 3, 7] })
    expect(shapesOf(states)).toStrictEqual({ h_t: [4, 4, 3, 2], c_t: [4, 4, 3, 7] })
  })

  it('an LSTMCell gives h_1 and c_1, a GRUCell h_1 alone with blocks of 3 · 7 rows', () => {
    const extent = { seq_len: undefined, batch: 5 }
    const own = signatureOf('LSTMCell', plainCell, extent)
    expect(own.params).toStrictEqual({ weight_ih: [28, 10], weight_hh: [28, 7], bias_ih: [28], bias_hh: [28] })
    expect(own.inputs).toStrictEqual({ input: [5, 10], h_0: [5, 7], c_0: [5, 7], target: [5, 7] })
    expect(Object.entries(shapesOf(own.outputs))).toStrictEqual([
      ['h_1', [5, 7]],
      ['c_1', [5, 7]],
    ])
    const other = signatureOf('GRUCell', plainCell, extent)
    expect(other.params).toStrictEqual({ weight_ih: [21, 10], weight_hh: [21, 7], bias_ih: [21], bias_hh: [21] })
    expect(other.inputs).toStrictEqual({ input: [5, 10], h_0: [5, 7], target: [5, 7] })
    expect(shapesOf(other.outputs)).toStrictEqual({ h_1: [5, 7] })
  })

  it('the gradients are by input, h_0, c_0 and each parameter, of their shapes', () => {
    const { gradients, params } = signatureOf('LSTM', { ...lstm, batch_first: true }, { seq_len: 4, batch: 3 })
    expect(Object.entries(shapesOf(gradients))).toStrictEqual([
      ['grad_input', [3, 4, 10]],
      ['grad_h_0', [1, 3, 7]],
      ['grad_c_0', [1, 3, 7]],
      ...Object.entries(params).map(([name, shape]) => [`grad_${name}`, shape]),
    ])
    expect(gradients['grad_weight_hh_l0']?.map(({ name }) => name)).toStrictEqual(['row', 'column'])
    expect(gradients['grad_input']?.map(({ name }) => name)).toStrictEqual(['batch', 'seq_len', 'unit'])
    const { gradients: ofCell } = signatureOf('GRUCell', plainCell, { seq_len: undefined, batch: undefined })
    expect(shapesOf(ofCell)).toMatchObject({ grad_input: [10], grad_h_0: [7], grad_bias_hh: [21] })
    expect(ofCell).not.toHaveProperty('grad_c_0')
  })

  it('a dropout_mask of an unbatched layer has a batch of 1, and one layer has none', () => {
    const extent = { seq_len: 4, batch: undefined }
    expect(signatureOf('GRU', { ...gru, num_layers: 3 }, extent).inputs).toHaveProperty('dropout_mask', [2, 4, 1, 7])
    expect(signatureOf('GRU', gru, extent).inputs).not.toHaveProperty('dropout_mask')
  })
})

it('kinds have the gates in torch’s order: h, i f g o, r z n', () => {
  const gates = Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, kind.gates.join(' ')]))
  expect(gates).toStrictEqual({
    RNNCell: 'h',
    LSTMCell: 'i f g o',
    GRUCell: 'r z n',
    RNN: 'h',
    LSTM: 'i f g o',
    GRU: 'r z n',
  })
  const withC = Object.entries(kinds).flatMap(([name, { hasCellState }]) => (hasCellState ? [name] : []))
  expect(withC).toStrictEqual(['LSTMCell', 'LSTM'])
})

it('stateSize is proj_size where an LSTM has one, else hidden_size', () => {
  expect(stateSize({ ...lstm, proj_size: 2 })).toBe(2)
  expect(stateSize(lstm)).toBe(7)
  expect(stateSize(gru)).toBe(7)
})

it('layerConfig is the same arguments of a layer, and nothing of a cell', () => {
  expect(layerConfig(lstm)).toBe(lstm)
  expect(layerConfig(plainCell)).toBeUndefined()
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

it('numDirections is 2 when bidirectional, and RNN, LSTM and GRU are layers, their cells are none', () => {
  expect(numDirections({ bidirectional: true })).toBe(2)
  expect(numDirections({ bidirectional: false })).toBe(1)
  const names = Object.keys(configSchemas) as ModuleName[]
  expect(names.filter((name) => isLayer(name))).toStrictEqual(['RNN', 'LSTM', 'GRU'])
  expect(names.filter((name) => !isLayer(name))).toStrictEqual(['RNNCell', 'LSTMCell', 'GRUCell'])
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

  it('RNN and GRU refuse proj_size and LSTM and GRU a nonlinearity, which torch does not have', () => {
    for (const [name, config, key, value] of [
      ['RNN', layer, 'proj_size', 2],
      ['GRU', gru, 'proj_size', 2],
      ['LSTM', lstm, 'nonlinearity', 'tanh'],
      ['GRU', gru, 'nonlinearity', 'tanh'],
      ['LSTMCell', plainCell, 'proj_size', 2],
      ['GRUCell', plainCell, 'nonlinearity', 'tanh'],
    ] as const) {
      expect(configSchemas[name].safeParse(config).success, `of ${name}`).toBe(true)
      expect(configSchemas[name].safeParse({ ...config, [key]: value }).success, `${name} ${key}`).toBe(false)
    }
  })

  it('LSTM takes a proj_size from 0 to hidden_size − 1', () => {
    for (const proj_size of [0, 1, 6]) {
      expect(configSchemas.LSTM.safeParse({ ...lstm, proj_size }).success, `${proj_size}`).toBe(true)
    }
    for (const proj_size of [-1, 0.5, 7, 8, Number.NaN, undefined]) {
      expect(configSchemas.LSTM.safeParse({ ...lstm, proj_size }).success, `${proj_size}`).toBe(false)
    }
  })

  it.each(['LSTMCell', 'GRUCell'] as const)('%s takes sizes of 0 and needs bias', (name) => {
    expect(configSchemas[name].safeParse({ ...plainCell, input_size: 0, hidden_size: 0 }).success).toBe(true)
    expect(configSchemas[name].safeParse({ input_size: 10, hidden_size: 7 }).success).toBe(false)
  })
})
