// Whole although it is long: the tables are the catalogue of what a case can be refused for.
import { describe, expect, it } from 'vitest'
import { parseCase } from '../../src/format/case/parse.ts'
import type { Case, Training } from '../../src/format/case.ts'
import { ParityError } from '../../src/format/errors.ts'
import { type CaseRecord, caseRecord, cellCase, layerCase, sgd, type TensorRecord } from '../sample.ts'

const layer = caseRecord(layerCase({ lengths: [4, 2] }))
const cell = caseRecord(cellCase())
const withStates = caseRecord(layerCase({ num_layers: 2, decided: 2 }))
const lstm = caseRecord(layerCase({ module: 'LSTM', proj_size: 2 }))
const gru = caseRecord(layerCase({ module: 'GRU' }))
const masked = caseRecord(layerCase({ num_layers: 2, dropout: 0.5, dropout_mask: true }))
const gradients = caseRecord(layerCase({ module: 'LSTM', cotangents: true }))
const trained = caseRecord(cellCase({ training: sgd }))
const trainedLSTM = caseRecord(layerCase({ module: 'LSTM', training: { ...sgd, steps: 1 } }))
const adam: Training = {
  optimizer: 'Adam',
  lr: 0.1,
  weight_decay: 0.01,
  steps: 3,
  betas: [0.9, 0.999],
  eps: 1e-8,
}

function problem(record: unknown): string {
  try {
    parseCase(record, 'sample.msgpack')
  } catch (error) {
    if (error instanceof ParityError && error.code === 'CASE_INVALID') return error.message
    throw error
  }
  return 'no problem'
}

type Group = 'params' | 'inputs' | 'expected' | 'budget' | 'states' | 'cotangents'

/** A record with some keys of one of its tensors replaced. */
function withTensor(record: CaseRecord, group: Group, name: string, changes: object): CaseRecord {
  const tensors = record[group] as Readonly<Record<string, TensorRecord>>
  return { ...record, [group]: { ...tensors, [name]: { ...tensors[name], ...changes } } }
}

function without(record: CaseRecord, group: Group, name: string): CaseRecord {
  const { [name]: _, ...rest } = record[group] as Readonly<Record<string, TensorRecord>>
  return { ...record, [group]: rest }
}

function withConfig(changes: object, record = layer): CaseRecord {
  return { ...record, config: { ...record.config, ...changes } }
}

function withTraining(changes: object, record = trained): CaseRecord {
  return { ...record, training: { ...(record['training'] as object), ...changes } }
}

function float32Record(shape: readonly number[], values: readonly number[]): TensorRecord {
  return { dtype: 'float32', shape, data: new Uint8Array(Float32Array.from(values).buffer) }
}

function float64Record(shape: readonly number[], values: readonly number[]): TensorRecord {
  return { dtype: 'float64', shape, data: new Uint8Array(Float64Array.from(values).buffer) }
}

const bytes = (length: number): Uint8Array => new Uint8Array(length)
const L = 'sample.msgpack: case layer'
const modules =
  'expected one of "RNNCell", "LSTMCell", "GRUCell", "RNN", "LSTM", "GRU", "ManyToMany", "ManyToOne", "OneToMany", "LanguageModel", "EncoderDecoder"'

describe('parseCase reads', () => {
  it.each<[string, Case]>([
    ['a layer with lengths', layerCase({ lengths: [4, 2] })],
    ['a layer without bias, h_0 and batch', layerCase({ bias: false, h_0: false, batch: undefined })],
    [
      'a bidirectional float64 layer, batch_first',
      layerCase({ bidirectional: true, dtype: 'float64', batch_first: true }),
    ],
    ['a layer with batch 0', layerCase({ batch: 0 })],
    ['a layer with states', layerCase({ num_layers: 2, decided: 2 })],
    ['a layer with dropout 0.5', layerCase({ dropout: 0.5, num_layers: 2 })],
    ['a cell', cellCase()],
    ['an unbatched cell of sizes 0', cellCase({ input_size: 0, hidden_size: 0, batch: undefined })],
    ['an LSTM with lengths, both states and its c_t', layerCase({ module: 'LSTM', lengths: [4, 2], decided: 2 })],
    ['an LSTM with proj_size', layerCase({ module: 'LSTM', proj_size: 2, num_layers: 2, bidirectional: true })],
    ['an LSTM without states', layerCase({ module: 'LSTM', h_0: false })],
    ['a GRU with states', layerCase({ module: 'GRU', batch_first: true, decided: 1 })],
    ['an LSTMCell', cellCase({ module: 'LSTMCell' })],
    ['a GRUCell, unbatched', cellCase({ module: 'GRUCell', batch: undefined })],
    ['a float16 layer', layerCase({ dtype: 'float16' })],
    ['a bfloat16 cell with gradients', cellCase({ dtype: 'bfloat16', module: 'LSTMCell', cotangents: true })],
    ['a dropout_mask', layerCase({ num_layers: 2, dropout: 0.5, dropout_mask: true, batch_first: true })],
    ['an unbatched dropout_mask', layerCase({ num_layers: 3, dropout: 0.5, dropout_mask: true, batch: undefined })],
    ['gradients without states', layerCase({ module: 'LSTM', h_0: false, cotangents: true })],
    ['gradients with states', layerCase({ module: 'LSTM', proj_size: 1, cotangents: true })],
    ['gradients and the states of every step', layerCase({ module: 'GRU', cotangents: true, decided: 1 })],
    ['a training by SGD', layerCase({ module: 'GRU', training: { ...sgd, steps: 1 } })],
    ['a training by Adam of a cell', cellCase({ training: adam })],
    ['a source', { ...cellCase(), source: 'ONNX, test_simple_rnn_defaults' }],
  ])('%s back as it was', (_, recorded) => {
    expect(parseCase(caseRecord(recorded), 'sample.msgpack')).toStrictEqual(recorded)
  })

  it('copies of the tensors, so that a later change of the bytes is not seen', () => {
    const record = caseRecord(cellCase())
    const parsed = parseCase(record, 'sample.msgpack')
    for (const { data } of Object.values({ ...record.params, ...record.inputs, ...record.expected })) data.fill(0)
    expect(parsed).toStrictEqual(cellCase())
  })
})

// Each line: what is wrong, the record, and the whole message.
describe('parseCase refuses', () => {
  it.each<[string, unknown, string]>([
    ['4', 4, 'sample.msgpack: case (without an id): expected object, got 4'],
    ['a list', [], 'sample.msgpack: case (without an id): expected object, got a list'],
    ['no id', { ...layer, id: undefined }, 'sample.msgpack: case (without an id): id: expected string, got nothing'],
    ['an id of 4', { ...layer, id: 4 }, 'sample.msgpack: case (without an id): id: expected string, got 4'],
    ['an empty id', { ...layer, id: '' }, 'sample.msgpack: case : id: expected at least 1, got ""'],
    [
      'an id of 201 characters',
      { ...layer, id: 'x'.repeat(201) },
      `sample.msgpack: case ${'x'.repeat(200)}: id: expected at most 200, got "${'x'.repeat(60)}"`,
    ],
    ['an unknown key', { ...layer, grads: {} }, `${L}: expected no key "grads"`],
    ['a key __proto__', JSON.parse('{"__proto__":1,"id":"layer"}'), `${L}: module: ${modules}, got nothing`],
    ['the module Transformer', { ...layer, module: 'Transformer' }, `${L}: module: ${modules}, got "Transformer"`],
    ['the module toString', { ...layer, module: 'toString' }, `${L}: module: ${modules}, got "toString"`],
    [
      'the dtype int64',
      { ...layer, dtype: 'int64' },
      `${L}: dtype: expected one of "float16", "bfloat16", "float32", "float64", got "int64"`,
    ],
    ['no config', { ...layer, config: undefined }, `${L}: config: expected object, got nothing`],
    ['no params', { ...layer, params: undefined }, `${L}: params: expected record, got nothing`],
    ['params in a list', { ...layer, params: [] }, `${L}: params: expected record, got a list`],
    ['a hidden_size of −3', withConfig({ hidden_size: -3 }), `${L}: config: hidden_size: expected at least 1, got -3`],
    ['a hidden_size of 2.5', withConfig({ hidden_size: 2.5 }), `${L}: config: hidden_size: expected int, got 2.5`],
    [
      'an input_size of 2²⁴ + 1',
      withConfig({ input_size: 16_777_217 }),
      `${L}: config: input_size: expected at most 16777216, got 16777217`,
    ],
    ['a bias of 1', withConfig({ bias: 1 }), `${L}: config: bias: expected boolean, got 1`],
    ['a dropout of NaN', withConfig({ dropout: Number.NaN }), `${L}: config: dropout: expected number, got NaN`],
    [
      'a nonlinearity of sigmoid',
      withConfig({ nonlinearity: 'sigmoid' }),
      `${L}: config: nonlinearity: expected one of "tanh", "relu", got "sigmoid"`,
    ],
    [
      'a proj_size',
      withConfig({ proj_size: 2 }),
      `${L}: config: expected no proj_size, which torch has for LSTM alone, got 2 for RNN`,
    ],
  ])('%s', (_, record, message) => {
    expect(problem(record)).toBe(message)
  })

  it.each<[string, unknown, string]>([
    [
      'the tensor dtype float8',
      withTensor(layer, 'inputs', 'input', { dtype: 'float8' }),
      `${L}: inputs.input.dtype: expected one of "float16", "bfloat16", "float32", "float64", "int64", got "float8"`,
    ],
    [
      'a negative size',
      withTensor(layer, 'inputs', 'input', { shape: [4, -2, 2] }),
      `${L}: inputs.input.shape.1: expected at least 0, got -2`,
    ],
    [
      'a fractional size',
      withTensor(layer, 'inputs', 'input', { shape: [4, 2, 1.5] }),
      `${L}: inputs.input.shape.2: expected int, got 1.5`,
    ],
    [
      '9 axes',
      withTensor(layer, 'inputs', 'input', { shape: [1, 1, 1, 1, 1, 1, 1, 1, 1] }),
      `${L}: inputs.input.shape: expected at most 8, got a list`,
    ],
    [
      'a shape that is no list',
      withTensor(layer, 'inputs', 'input', { shape: 16 }),
      `${L}: inputs.input.shape: expected array, got 16`,
    ],
    [
      'data in a list',
      withTensor(layer, 'inputs', 'input', { data: [1] }),
      `${L}: inputs.input.data: expected Uint8Array, got a list`,
    ],
    [
      'an unknown key of a tensor',
      withTensor(layer, 'inputs', 'input', { order: 'F' }),
      `${L}: inputs.input: expected no key "order"`,
    ],
    [
      'a size of 10¹²',
      withTensor(layer, 'inputs', 'input', { shape: [1e12, 2, 2] }),
      `${L}: inputs.input.shape.0: expected at most 16777216, got 1000000000000`,
    ],
    [
      'a size of 10¹² in an empty batch',
      withTensor(layer, 'inputs', 'input', { shape: [1e12, 0, 2], data: bytes(0) }),
      `${L}: inputs.input.shape.0: expected at most 16777216, got 1000000000000`,
    ],
    [
      '10¹² elements',
      withTensor(layer, 'inputs', 'input', { shape: [1e6, 1e6, 2] }),
      `${L}: inputs.input: expected 8000000000000 bytes for float32 (1000000, 1000000, 2), got 64`,
    ],
    [
      'one byte too few',
      withTensor(layer, 'params', 'bias_ih_l0', { data: bytes(11) }),
      `${L}: params.bias_ih_l0: expected 12 bytes for float32 (3), got 11`,
    ],
    [
      'one byte too many',
      withTensor(layer, 'params', 'bias_ih_l0', { data: bytes(13) }),
      `${L}: params.bias_ih_l0: expected 12 bytes for float32 (3), got 13`,
    ],
    [
      'a missing parameter',
      without(layer, 'params', 'weight_hh_l0'),
      `${L}: params.weight_hh_l0: expected a tensor of shape (3, 3), got none`,
    ],
    [
      'an unknown parameter',
      withTensor(layer, 'params', 'weight_hh_l1', layer.params['weight_hh_l0'] ?? {}),
      `${L}: params.weight_hh_l1: expected one of weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, got "weight_hh_l1"`,
    ],
    [
      'the parameter constructor',
      withTensor(layer, 'params', 'constructor', layer.params['weight_hh_l0'] ?? {}),
      `${L}: params.constructor: expected one of weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, got "constructor"`,
    ],
    [
      'a parameter of another shape',
      withTensor(layer, 'params', 'weight_ih_l0', { shape: [2, 3] }),
      `${L}: params.weight_ih_l0: expected shape (3, 2), got (2, 3)`,
    ],
    [
      'a parameter of another dtype',
      withTensor(layer, 'params', 'bias_ih_l0', { dtype: 'float64', data: bytes(24) }),
      `${L}: params.bias_ih_l0: expected dtype float32, got float64`,
    ],
    [
      'biases where bias is false',
      withConfig({ bias: false }),
      `${L}: params.bias_ih_l0: expected one of weight_ih_l0, weight_hh_l0, got "bias_ih_l0"`,
    ],
  ])('%s', (_, record, message) => {
    expect(problem(record)).toBe(message)
  })

  it.each<[string, unknown, string]>([
    ['no input', without(layer, 'inputs', 'input'), `${L}: inputs.input: expected a tensor, got none`],
    [
      'an input of one axis',
      withTensor(layer, 'inputs', 'input', { shape: [16] }),
      `${L}: inputs.input: expected shape (seq_len, input_size) or (seq_len, batch, input_size), got (16)`,
    ],
    [
      'an input of one axis, batch_first',
      { ...withTensor(layer, 'inputs', 'input', { shape: [16] }), config: { ...layer.config, batch_first: true } },
      `${L}: inputs.input: expected shape (seq_len, input_size) or (batch, seq_len, input_size), got (16)`,
    ],
    [
      'an input of three axes to a cell',
      withTensor(cell, 'inputs', 'input', { shape: [2, 2, 1] }),
      'sample.msgpack: case cell: inputs.input: expected shape (input_size) or (batch, input_size), got (2, 2, 1)',
    ],
    [
      'an input of another input_size',
      withTensor(layer, 'inputs', 'input', { shape: [4, 1, 4] }),
      `${L}: inputs.input: expected shape (4, 1, 2), got (4, 1, 4)`,
    ],
    [
      'a seq_len of 0',
      withTensor(layer, 'inputs', 'input', { shape: [0, 2, 2], data: bytes(0) }),
      `${L}: inputs.input: expected seq_len of at least 1, got 0`,
    ],
    [
      'an h_0 of another batch',
      withTensor(layer, 'inputs', 'h_0', { shape: [1, 1, 3] }),
      `${L}: inputs.h_0: expected shape (1, 2, 3), got (1, 1, 3)`,
    ],
    [
      'a c_0',
      withTensor(layer, 'inputs', 'c_0', layer.inputs['h_0'] ?? {}),
      `${L}: inputs.c_0: expected one of input, h_0, got "c_0"`,
    ],
    [
      'a length of 5 in 4 steps',
      withTensor(layer, 'inputs', 'lengths', { data: new Uint8Array(BigInt64Array.of(1n, 5n).buffer) }),
      `${L}: inputs.lengths: expected lengths from 1 to 4, got 5`,
    ],
    [
      'a length of 0',
      withTensor(layer, 'inputs', 'lengths', { data: bytes(16) }),
      `${L}: inputs.lengths: expected lengths from 1 to 4, got 0`,
    ],
    [
      'a length of −1',
      withTensor(layer, 'inputs', 'lengths', { data: new Uint8Array(BigInt64Array.of(4n, -1n).buffer) }),
      `${L}: inputs.lengths: expected lengths from 1 to 4, got -1`,
    ],
    [
      'three lengths for two rows',
      withTensor(layer, 'inputs', 'lengths', { shape: [3], data: bytes(24) }),
      `${L}: inputs.lengths: expected shape (2), got (3)`,
    ],
    [
      'lengths in float64',
      withTensor(layer, 'inputs', 'lengths', { dtype: 'float64' }),
      `${L}: inputs.lengths: expected dtype int64, got float64`,
    ],
    [
      'lengths of an unbatched input',
      {
        ...caseRecord(layerCase({ batch: undefined })),
        inputs: { ...caseRecord(layerCase({ batch: undefined })).inputs, lengths: layer.inputs['lengths'] },
      },
      `${L}: inputs.lengths: expected no lengths for an unbatched input or a cell, got some`,
    ],
    [
      'lengths of a cell',
      { ...cell, inputs: { ...cell.inputs, lengths: layer.inputs['lengths'] } },
      'sample.msgpack: case cell: inputs.lengths: expected no lengths for an unbatched input or a cell, got some',
    ],
  ])('%s', (_, record, message) => {
    expect(problem(record)).toBe(message)
  })

  it.each<[string, unknown, string]>([
    ['no h_n', without(layer, 'expected', 'h_n'), `${L}: expected.h_n: expected a tensor of shape (1, 2, 3), got none`],
    [
      'an expected c_n',
      withTensor(layer, 'expected', 'c_n', layer.expected['h_n'] ?? {}),
      `${L}: expected.c_n: expected one of output, h_n, got "c_n"`,
    ],
    [
      'h_1 of a layer',
      { ...cell, id: 'layer', module: 'RNN', config: layer.config, params: layer.params, inputs: layer.inputs },
      `${L}: expected.h_1: expected one of output, h_n, got "h_1"`,
    ],
    [
      'states of two steps too few',
      withTensor(withStates, 'states', 'h_t', { shape: [2, 2, 2, 3] }),
      `${L}: states.h_t: expected shape (4, 2, 2, 3), got (2, 2, 2, 3)`,
    ],
    [
      'states without h_t',
      { ...withStates, states: {} },
      `${L}: states.h_t: expected a tensor of shape (4, 2, 2, 3), got none`,
    ],
    [
      'states of a cell',
      { ...cell, states: withStates['states'] },
      'sample.msgpack: case cell: states.h_t: expected no tensor, got "h_t"',
    ],
    ['no budget of h_n', without(layer, 'budget', 'h_n'), `${L}: budget.h_n: expected a tensor, got none`],
    [
      'no budget of h_t with states',
      without(withStates, 'budget', 'h_t'),
      `${L}: budget.h_t: expected a tensor, got none`,
    ],
    [
      'a budget of h_t without states',
      withTensor(layer, 'budget', 'h_t', float64Record([1], [1])),
      `${L}: budget.h_t: expected one of output, h_n, got "h_t"`,
    ],
    [
      'a budget of NaN',
      withTensor(layer, 'budget', 'h_n', float64Record([1], [Number.NaN])),
      `${L}: budget.h_n: expected finite numbers of at least 0, got NaN`,
    ],
    [
      'a budget of −1',
      withTensor(layer, 'budget', 'h_n', float64Record([1], [-1])),
      `${L}: budget.h_n: expected finite numbers of at least 0, got -1`,
    ],
    [
      'an infinite budget',
      withTensor(layer, 'budget', 'h_n', float64Record([1], [Infinity])),
      `${L}: budget.h_n: expected finite numbers of at least 0, got Infinity`,
    ],
    [
      'a negative budget after a good one',
      withTensor(layer, 'budget', 'output', float64Record([4, 1, 1], [1, 1, 1, -2])),
      `${L}: budget.output: expected finite numbers of at least 0, got -2`,
    ],
    [
      'a budget for 3 of 4 steps',
      withTensor(layer, 'budget', 'output', float64Record([3, 1, 1], [1, 1, 1])),
      `${L}: budget.output: expected a shape that broadcasts against (4, 2, 3), got (3, 1, 1)`,
    ],
    [
      'a budget that would enlarge h_n',
      withTensor(layer, 'budget', 'h_n', float64Record([1, 1, 1, 1], [1])),
      `${L}: budget.h_n: expected a shape that broadcasts against (1, 2, 3), got (1, 1, 1, 1)`,
    ],
    [
      'a budget in float32',
      withTensor(layer, 'budget', 'h_n', { dtype: 'float32', shape: [1], data: bytes(4) }),
      `${L}: budget.h_n: expected dtype float64, got float32`,
    ],
    [
      'a budget of 7 bytes',
      withTensor(layer, 'budget', 'h_n', { dtype: 'float64', shape: [1], data: bytes(7) }),
      `${L}: budget.h_n: expected 8 bytes for float64 (1), got 7`,
    ],
  ])('%s', (_, record, message) => {
    expect(problem(record)).toBe(message)
  })
})

describe('parseCase refuses a module’s', () => {
  it.each<[string, unknown, string]>([
    [
      'proj_size of a GRU',
      withConfig({ proj_size: 2 }, gru),
      `${L}: config: expected no proj_size, which torch has for LSTM alone, got 2 for GRU`,
    ],
    [
      'proj_size of a GRU, even of 0',
      withConfig({ proj_size: 0 }, gru),
      `${L}: config: expected no proj_size, which torch has for LSTM alone, got 0 for GRU`,
    ],
    [
      'proj_size of an LSTMCell',
      withConfig({ proj_size: 1 }, caseRecord(cellCase({ module: 'LSTMCell' }))),
      'sample.msgpack: case cell: config: expected no proj_size, which torch has for LSTM alone, got 1 for LSTMCell',
    ],
    [
      'proj_size of hidden_size',
      withConfig({ proj_size: 3 }, lstm),
      `${L}: config: proj_size: expected less than hidden_size, which is 3, got 3`,
    ],
    [
      'proj_size above hidden_size',
      withConfig({ proj_size: 4 }, lstm),
      `${L}: config: proj_size: expected less than hidden_size, which is 3, got 4`,
    ],
    ['proj_size of −1', withConfig({ proj_size: -1 }, lstm), `${L}: config: proj_size: expected at least 0, got -1`],
    [
      'LSTM without a proj_size',
      withConfig({ proj_size: undefined }, lstm),
      `${L}: config: proj_size: expected number, got nothing`,
    ],
    [
      'nonlinearity of a GRU',
      withConfig({ nonlinearity: 'tanh' }, gru),
      `${L}: config: expected no key "nonlinearity"`,
    ],
    [
      'missing weight_hr',
      without(lstm, 'params', 'weight_hr_l0'),
      `${L}: params.weight_hr_l0: expected a tensor of shape (2, 3), got none`,
    ],
    [
      'weight_hr without a proj_size',
      withConfig(
        { proj_size: 0 },
        { ...lstm, params: { ...lstm.params, ...gradients.params, weight_hr_l0: lstm.params['weight_hr_l0']! } },
      ),
      `${L}: params.weight_hr_l0: expected one of weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, got "weight_hr_l0"`,
    ],
    [
      'weights of a GRU for an LSTM',
      { ...gradients, params: gru.params },
      `${L}: params.weight_ih_l0: expected shape (12, 2), got (9, 2)`,
    ],
    [
      'h_0 without c_0',
      without(lstm, 'inputs', 'c_0'),
      `${L}: inputs: expected h_0 and c_0 or neither, as torch does, got h_0 without c_0`,
    ],
    [
      'c_0 without h_0',
      without(lstm, 'inputs', 'h_0'),
      `${L}: inputs: expected h_0 and c_0 or neither, as torch does, got c_0 without h_0`,
    ],
    [
      'c_0 of proj_size units',
      withTensor(lstm, 'inputs', 'c_0', lstm.inputs['h_0'] ?? {}),
      `${L}: inputs.c_0: expected shape (1, 2, 3), got (1, 2, 2)`,
    ],
    [
      'h_0 of hidden_size units with a proj_size',
      withTensor(lstm, 'inputs', 'h_0', lstm.inputs['c_0'] ?? {}),
      `${L}: inputs.h_0: expected shape (1, 2, 2), got (1, 2, 3)`,
    ],
    [
      'c_0 of a GRU',
      withTensor(gru, 'inputs', 'c_0', gru.inputs['h_0'] ?? {}),
      `${L}: inputs.c_0: expected one of input, h_0, got "c_0"`,
    ],
    [
      'missing c_n',
      without(lstm, 'expected', 'c_n'),
      `${L}: expected.c_n: expected a tensor of shape (1, 2, 3), got none`,
    ],
    [
      'c_n of a GRU',
      withTensor(gru, 'expected', 'c_n', gru.expected['h_n'] ?? {}),
      `${L}: expected.c_n: expected one of output, h_n, got "c_n"`,
    ],
    [
      'states without c_t',
      without(caseRecord(layerCase({ module: 'LSTM', decided: 1 })), 'states', 'c_t'),
      `${L}: states.c_t: expected a tensor of shape (4, 1, 2, 3), got none`,
    ],
    [
      'states of a GRU with c_t',
      {
        ...caseRecord(layerCase({ module: 'GRU', decided: 1 })),
        states: caseRecord(layerCase({ module: 'LSTM', decided: 1 }))['states'],
      },
      `${L}: states.c_t: expected one of h_t, got "c_t"`,
    ],
  ])('%s', (_, record, message) => {
    expect(problem(record)).toBe(message)
  })
})

describe('parseCase refuses a dropout_mask', () => {
  const zeros = float32Record(
    [1, 4, 2, 3],
    Array.from({ length: 24 }, () => 0),
  )
  it.each<[string, unknown, string]>([
    [
      'without dropout',
      withConfig({ dropout: 0 }, masked),
      `${L}: inputs.dropout_mask: expected none without a dropout between 0 and 1, got one with dropout 0`,
    ],
    [
      'with a dropout of 1, by which nothing can be divided',
      withConfig({ dropout: 1 }, masked),
      `${L}: inputs.dropout_mask: expected none without a dropout between 0 and 1, got one with dropout 1`,
    ],
    [
      'of one layer',
      { ...withConfig({ dropout: 0.5 }), inputs: { ...layer.inputs, dropout_mask: zeros } },
      `${L}: inputs.dropout_mask: expected one of input, h_0, got "dropout_mask"`,
    ],
    [
      'of a cell',
      { ...cell, inputs: { ...cell.inputs, dropout_mask: zeros } },
      'sample.msgpack: case cell: inputs.dropout_mask: expected one of input, h_0, got "dropout_mask"',
    ],
    [
      'with a 0.5',
      withTensor(
        masked,
        'inputs',
        'dropout_mask',
        float32Record([1, 4, 2, 3], [0, 1, 0.5, ...Array.from({ length: 21 }, () => 1)]),
      ),
      `${L}: inputs.dropout_mask: expected 0 or 1, got 0.5`,
    ],
    [
      'with a NaN',
      withTensor(
        masked,
        'inputs',
        'dropout_mask',
        float32Record(
          [1, 4, 2, 3],
          Array.from({ length: 24 }, () => Number.NaN),
        ),
      ),
      `${L}: inputs.dropout_mask: expected 0 or 1, got NaN`,
    ],
    [
      'of another shape',
      withTensor(masked, 'inputs', 'dropout_mask', { shape: [1, 2, 4, 3] }),
      `${L}: inputs.dropout_mask: expected shape (1, 4, 2, 3), got (1, 2, 4, 3)`,
    ],
    [
      'in float64 where the case is in float32',
      withTensor(
        masked,
        'inputs',
        'dropout_mask',
        float64Record(
          [1, 4, 2, 3],
          Array.from({ length: 24 }, () => 1),
        ),
      ),
      `${L}: inputs.dropout_mask: expected dtype float32, got float64`,
    ],
  ])('%s', (_, record, message) => {
    expect(problem(record)).toBe(message)
  })
})

describe('parseCase refuses gradients', () => {
  const { grad_h_0, grad_c_0, ...withoutStates } = gradients.expected
  it.each<[string, unknown, string]>([
    [
      'whose cotangents lack c_n',
      without(gradients, 'cotangents', 'c_n'),
      `${L}: cotangents.c_n: expected a tensor of shape (1, 2, 3), got none`,
    ],
    [
      'without any cotangents but none said',
      { ...gradients, cotangents: {} },
      `${L}: cotangents.output: expected a tensor of shape (4, 2, 3), got none`,
    ],
    [
      'with a cotangent of an input',
      withTensor(gradients, 'cotangents', 'input', gradients.inputs['input'] ?? {}),
      `${L}: cotangents.input: expected one of output, h_n, c_n, got "input"`,
    ],
    [
      'with a cotangent of another shape',
      withTensor(gradients, 'cotangents', 'h_n', { shape: [2, 1, 3] }),
      `${L}: cotangents.h_n: expected shape (1, 2, 3), got (2, 1, 3)`,
    ],
    [
      'with a cotangent of another dtype',
      withTensor(gradients, 'cotangents', 'h_n', float64Record([1, 2, 3], [1, 2, 3, 4, 5, 6])),
      `${L}: cotangents.h_n: expected dtype float32, got float64`,
    ],
    [
      'in a case of training',
      { ...trainedLSTM, cotangents: gradients['cotangents'] },
      `${L}: cotangents: expected none in a case of training, got some`,
    ],
    [
      'without cotangents',
      { ...gradients, cotangents: undefined },
      `${L}: expected.grad_input: expected one of output, h_n, c_n, got "grad_input"`,
    ],
    [
      'that lack one by a parameter',
      without(gradients, 'expected', 'grad_bias_hh_l0'),
      `${L}: expected.grad_bias_hh_l0: expected a tensor of shape (12), got none`,
    ],
    [
      'that lack one by the input',
      without(gradients, 'expected', 'grad_input'),
      `${L}: expected.grad_input: expected a tensor of shape (4, 2, 2), got none`,
    ],
    [
      'that lack one by a state',
      { ...gradients, expected: { ...withoutStates, grad_h_0 } },
      `${L}: expected.grad_c_0: expected a tensor of shape (1, 2, 3), got none`,
    ],
    [
      'by states that are left out',
      { ...gradients, inputs: { input: gradients.inputs['input'] }, expected: { ...withoutStates, grad_c_0 } },
      `${L}: expected.grad_c_0: expected one of output, h_n, c_n, grad_input, grad_weight_ih_l0, grad_weight_hh_l0, grad_bias_ih_l0, grad_bias_hh_l0, got "grad_c_0"`,
    ],
    [
      'without a budget of one',
      without(gradients, 'budget', 'grad_weight_ih_l0'),
      `${L}: budget.grad_weight_ih_l0: expected a tensor, got none`,
    ],
  ])('%s', (_, record, message) => {
    expect(problem(record)).toBe(message)
  })
})

describe('parseCase refuses a training', () => {
  const C = 'sample.msgpack: case cell'
  it.each<[string, unknown, string]>([
    [
      'without a target',
      without(trained, 'inputs', 'target'),
      `${C}: inputs.target: expected a tensor of shape (2, 3), got none`,
    ],
    [
      'of a layer without a target',
      without(trainedLSTM, 'inputs', 'target'),
      `${L}: inputs.target: expected a tensor of shape (4, 2, 3), got none`,
    ],
    [
      'whose target is like h_n',
      withTensor(trainedLSTM, 'inputs', 'target', lstm.inputs['c_0'] ?? {}),
      `${L}: inputs.target: expected shape (4, 2, 3), got (1, 2, 3)`,
    ],
    [
      'that is none, with a target',
      { ...cell, inputs: { ...cell.inputs, target: trained.inputs['target'] } },
      `${C}: inputs.target: expected one of input, h_0, got "target"`,
    ],
    [
      'by RMSprop',
      withTraining({ optimizer: 'RMSprop' }),
      `${C}: training.optimizer: expected one of "SGD", "Adam", got "RMSprop"`,
    ],
    [
      'by an optimizer without a name',
      withTraining({ optimizer: undefined }),
      `${C}: training.optimizer: expected one of "SGD", "Adam", got nothing`,
    ],
    [
      'by nesterov without momentum',
      {
        ...trained,
        training: { optimizer: 'SGD', lr: 0.1, weight_decay: 0, steps: 2, momentum: 0, dampening: 0, nesterov: true },
      },
      `${C}: training.nesterov: expected momentum above 0 and a dampening of 0 with it, as torch does, got true`,
    ],
    ['that is no map', { ...trained, training: 3 }, `${C}: training: expected object, got 3`],
    [
      'by Adam with a first beta of 1',
      { ...trained, training: { ...adam, betas: [1, 0.999] } },
      `${C}: training.betas.0: expected less than 1, got 1`,
    ],
    [
      'by Adam with a second beta of 1',
      { ...trained, training: { ...adam, betas: [0.9, 1] } },
      `${C}: training.betas.1: expected less than 1, got 1`,
    ],
    [
      'by Adam with a beta of −0.1',
      { ...trained, training: { ...adam, betas: [-0.1, 0.999] } },
      `${C}: training.betas.0: expected at least 0, got -0.1`,
    ],
    [
      'by Adam with one beta',
      { ...trained, training: { ...adam, betas: [0.9] } },
      `${C}: training.betas: expected at least 2, got a list`,
    ],
    [
      'by Adam with a momentum',
      { ...trained, training: { ...adam, momentum: 0.9 } },
      `${C}: training: expected no key "momentum"`,
    ],
    [
      'by SGD without a momentum',
      withTraining({ momentum: undefined }),
      `${C}: training.momentum: expected number, got nothing`,
    ],
    [
      'by SGD with a momentum of −1',
      withTraining({ momentum: -1 }),
      `${C}: training.momentum: expected at least 0, got -1`,
    ],
    ['with an lr of −0.1', withTraining({ lr: -0.1 }), `${C}: training.lr: expected at least 0, got -0.1`],
    ['with an infinite lr', withTraining({ lr: Infinity }), `${C}: training.lr: expected number, got Infinity`],
    [
      'with a weight_decay of −1',
      withTraining({ weight_decay: -1 }),
      `${C}: training.weight_decay: expected at least 0, got -1`,
    ],
    ['of 0 steps', withTraining({ steps: 0 }), `${C}: training.steps: expected at least 1, got 0`],
    ['of 10,001 steps', withTraining({ steps: 10_001 }), `${C}: training.steps: expected at most 10000, got 10001`],
    ['of 2.5 steps', withTraining({ steps: 2.5 }), `${C}: training.steps: expected int, got 2.5`],
    [
      'of other steps than are expected',
      withTraining({ steps: 4 }),
      `${C}: expected.loss: expected shape (4), got (3)`,
    ],
    [
      'that expects h_1',
      withTensor(trained, 'expected', 'h_1', cell.expected['h_1'] ?? {}),
      `${C}: expected.h_1: expected one of loss, weight_ih, weight_hh, bias_ih, bias_hh, got "h_1"`,
    ],
    [
      'that lacks a parameter after its steps',
      without(trained, 'expected', 'bias_hh'),
      `${C}: expected.bias_hh: expected a tensor of shape (3, 3), got none`,
    ],
    [
      'without a loss',
      without(trained, 'expected', 'loss'),
      `${C}: expected.loss: expected a tensor of shape (3), got none`,
    ],
  ])('%s', (_, record, message) => {
    expect(problem(record)).toBe(message)
  })
})

describe('what others have published', () => {
  const source = 'ONNX, test_lstm_defaults'
  const published = { ...gradients, source }

  it('may be a part of what torch returns', () => {
    const { output, h_n } = gradients.expected
    for (const part of [{ output }, { h_n }, { output, grad_input: gradients.expected['grad_input'] }]) {
      const budget = Object.fromEntries(Object.keys(part).map((name) => [name, gradients.budget[name]]))
      const parsed = parseCase({ ...published, expected: part, budget }, 'sample.msgpack')
      expect(Object.keys(parsed.expected)).toStrictEqual(Object.keys(part))
      expect(Object.keys(parsed.budget)).toStrictEqual(Object.keys(part))
      expect(parsed.source).toBe(source)
    }
  })

  it.each<[string, unknown, string]>([
    [
      'may not be a part without a source',
      { ...gradients, expected: { output: gradients.expected['output'] } },
      `${L}: expected.h_n: expected a tensor of shape (1, 2, 3), got none`,
    ],
    [
      'may not be nothing',
      { ...published, expected: {}, budget: {} },
      `${L}: expected: expected at least one tensor, got none`,
    ],
    [
      'may not be something else',
      withTensor(published, 'expected', 'Y', gradients.expected['output'] ?? {}),
      `${L}: expected.Y: expected one of output, h_n, c_n, grad_input, grad_h_0, grad_c_0, grad_weight_ih_l0, grad_weight_hh_l0, grad_bias_ih_l0, grad_bias_hh_l0, got "Y"`,
    ],
    [
      'needs a budget',
      { ...published, expected: { output: gradients.expected['output'] }, budget: {} },
      `${L}: budget.output: expected a tensor, got none`,
    ],
    [
      'has no budget of what it does not say',
      { ...published, expected: { output: gradients.expected['output'] } },
      `${L}: budget.h_n: expected one of output, got "h_n"`,
    ],
    ['has a source of some characters', { ...published, source: '' }, `${L}: source: expected at least 1, got ""`],
    ['has a source that is text', { ...published, source: 4 }, `${L}: source: expected string, got 4`],
    [
      'has a source of at most 1,000 characters',
      { ...published, source: 'x'.repeat(1001) },
      `${L}: source: expected at most 1000, got "${'x'.repeat(60)}"`,
    ],
    [
      'has a source without control characters',
      { ...published, source: 'a\u001bb' },
      `${L}: source: expected no control character, got "a\\u001bb"`,
    ],
  ])('%s', (_, record, message) => {
    expect(problem(record)).toBe(message)
  })
})

describe('a control character never reaches the terminal through a message', () => {
  it.each([
    ['ESC', '\u001b', String.raw`\u001b`],
    ['DEL', '\u007f', String.raw`\u007f`],
    ['CSI', '\u009b', String.raw`\u009b`],
    ['line feed', '\n', String.raw`\n`],
    ['line separator', '\u2028', String.raw`\u2028`],
  ])('%s', (_, character, escaped) => {
    const name = `a${character}b`
    const shown = `a${escaped}b`
    const tensor = layer.params['weight_hh_l0'] ?? {}
    expect(problem({ ...layer, id: name })).toBe(
      `sample.msgpack: case ${shown}: id: expected no control character, got "${shown}"`,
    )
    expect(problem({ ...layer, [name]: 1 })).toBe(`${L}: expected no key "${shown}"`)
    expect(problem({ ...layer, module: name })).toBe(`${L}: module: ${modules}, got "${shown}"`)
    expect(problem(withTensor(layer, 'params', name, tensor))).toBe(
      `${L}: params.${shown}: expected one of weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, got "${shown}"`,
    )
    expect(problem({ ...layer, params: { [name]: 4 } })).toBe(`${L}: params.${shown}: expected object, got 4`)
  })
})
