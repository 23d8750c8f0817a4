// Whole although it is long: the tables are the catalogue of what a case can be refused for.
import { describe, expect, it } from 'vitest'
import { type Case, parseCase } from '../src/case.ts'
import { ParityError } from '../src/errors.ts'
import { type CaseRecord, caseRecord, cellCase, layerCase, type TensorRecord } from './sample.ts'

const layer = caseRecord(layerCase({ lengths: [4, 2] }))
const cell = caseRecord(cellCase())
const withStates = caseRecord(layerCase({ num_layers: 2, decided: 2 }))

function problem(record: unknown): string {
  try {
    parseCase(record, 'sample.msgpack')
  } catch (error) {
    if (error instanceof ParityError && error.code === 'CASE_INVALID') return error.message
    throw error
  }
  return 'no problem'
}

type Group = 'params' | 'inputs' | 'expected' | 'budget' | 'states'

/** A record with some keys of one of its tensors replaced. */
function withTensor(record: CaseRecord, group: Group, name: string, changes: object): CaseRecord {
  const tensors = record[group] as Readonly<Record<string, TensorRecord>>
  return { ...record, [group]: { ...tensors, [name]: { ...tensors[name], ...changes } } }
}

function without(record: CaseRecord, group: Group, name: string): CaseRecord {
  const { [name]: _, ...rest } = record[group] as Readonly<Record<string, TensorRecord>>
  return { ...record, [group]: rest }
}

function withConfig(changes: object): CaseRecord {
  return { ...layer, config: { ...layer.config, ...changes } }
}

function float64Record(shape: readonly number[], values: readonly number[]): TensorRecord {
  return { dtype: 'float64', shape, data: new Uint8Array(Float64Array.from(values).buffer) }
}

const bytes = (length: number): Uint8Array => new Uint8Array(length)
const L = 'sample.msgpack: case layer'

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
    [
      'a key __proto__',
      JSON.parse('{"__proto__":1,"id":"layer"}'),
      `${L}: module: expected one of "RNNCell", "RNN", got nothing`,
    ],
    [
      'the module Transformer',
      { ...layer, module: 'Transformer' },
      `${L}: module: expected one of "RNNCell", "RNN", got "Transformer"`,
    ],
    [
      'the module toString',
      { ...layer, module: 'toString' },
      `${L}: module: expected one of "RNNCell", "RNN", got "toString"`,
    ],
    ['the dtype int64', { ...layer, dtype: 'int64' }, `${L}: dtype: expected one of "float32", "float64", got "int64"`],
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
    ['a proj_size', withConfig({ proj_size: 2 }), `${L}: config: expected no key "proj_size"`],
  ])('%s', (_, record, message) => {
    expect(problem(record)).toBe(message)
  })

  it.each<[string, unknown, string]>([
    [
      'the tensor dtype float16',
      withTensor(layer, 'inputs', 'input', { dtype: 'float16' }),
      `${L}: inputs.input.dtype: expected one of "float32", "float64", "int64", got "float16"`,
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
    expect(problem({ ...layer, module: name })).toBe(`${L}: module: expected one of "RNNCell", "RNN", got "${shown}"`)
    expect(problem(withTensor(layer, 'params', name, tensor))).toBe(
      `${L}: params.${shown}: expected one of weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, got "${shown}"`,
    )
    expect(problem({ ...layer, params: { [name]: 4 } })).toBe(`${L}: params.${shown}: expected object, got 4`)
  })
})
