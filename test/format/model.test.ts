// Whole although it is long: the tables are the catalogue of what a model's case can be refused for.
import { decodeMulti } from '@msgpack/msgpack'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseCase } from '../../src/format/case/parse.ts'
import { type Case, expectedAxes } from '../../src/format/case.ts'
import { engine } from '../../src/engine/run.ts'
import { ParityError } from '../../src/format/errors.ts'
import { isModel, type ModelConfig, modelSignature } from '../../src/format/model.ts'
import { modelSchemas } from '../../src/format/model/config.ts'
import { shapesOf, sizes } from '../../src/format/module.ts'
import { configSchemas } from '../../src/format/module/config.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { verify } from '../../src/verify.ts'
import { modelCase, modelNames, modelRequest } from '../models.ts'
import { budgetTensor, type CaseRecord, caseRecord, layerCase, type TensorRecord } from '../sample.ts'

const lengths = [2, 4, 1]
const many = caseRecord(modelCase(modelRequest('ManyToMany', { lengths, cotangent: 1 })))
const one = caseRecord(modelCase(modelRequest('ManyToOne', { config: { rnn: 'LSTM', num_layers: 2 } })))
const first = caseRecord(modelCase(modelRequest('OneToMany', { cotangent: 1 })))
const language = caseRecord(modelCase(modelRequest('LanguageModel')))
const taught = caseRecord(modelCase(modelRequest('EncoderDecoder', { lengths, cotangent: 1 })))
const greedy = caseRecord(modelCase(modelRequest('EncoderDecoder', { config: { decoding: 'greedy' } })))
const attending = caseRecord(modelCase(modelRequest('EncoderDecoder', { config: { context: 'additive' } })))
const M = 'sample.msgpack: case model'

function problem(record: unknown): string {
  try {
    parseCase(record, 'sample.msgpack')
  } catch (error) {
    if (error instanceof ParityError && error.code === 'CASE_INVALID') return error.message
    throw error
  }
  return 'no problem'
}

type Group = 'params' | 'inputs' | 'expected' | 'budget' | 'cotangents' | 'states'

function withTensor(record: CaseRecord, group: Group, name: string, tensor: TensorRecord): CaseRecord {
  return { ...record, [group]: { ...(record[group] as object | undefined), [name]: tensor } }
}

function without(record: CaseRecord, group: Group, name: string): CaseRecord {
  const { [name]: _, ...rest } = record[group] as Readonly<Record<string, TensorRecord>>
  return { ...record, [group]: rest }
}

function withConfig(record: CaseRecord, changes: object): CaseRecord {
  return { ...record, config: { ...record.config, ...changes } }
}

function withoutConfig(record: CaseRecord, name: string): CaseRecord {
  const { [name]: _, ...config } = record.config
  return { ...record, config }
}

function zeros(shape: readonly number[], dtype: 'float32' | 'float64' | 'int64' = 'float64'): TensorRecord {
  const size = shape.reduce((product, axis) => product * axis, dtype === 'float32' ? 4 : 8)
  return { dtype, shape, data: new Uint8Array(size) }
}

function whole(shape: readonly number[], values: readonly number[]): TensorRecord {
  return { dtype: 'int64', shape, data: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) }
}

describe('isModel', () => {
  it('is true of the five models and false of torch’s modules, of nothing and of what every object has', () => {
    expect(Object.keys(modelSchemas)).toStrictEqual(modelNames)
    expect(modelNames).toHaveLength(5)
    expect(modelNames.every(isModel)).toBe(true)
    expect([...Object.keys(configSchemas), '', 'Transformer', 'toString', '__proto__'].some(isModel)).toBe(false)
  })
})

describe('parseCase reads a model', () => {
  it.each<[string, Case]>([
    ['of N to N with lengths and gradients', modelCase(modelRequest('ManyToMany', { lengths, cotangent: 1 }))],
    ['of N to N without a target', modelCase(modelRequest('ManyToMany', { target: false }))],
    ['of N to 1', modelCase(modelRequest('ManyToOne', { config: { rnn: 'LSTM', num_layers: 2, pooling: 'last' } }))],
    ['of N to 1 without a target', modelCase(modelRequest('ManyToOne', { target: false, lengths }))],
    ['of 1 to N', modelCase(modelRequest('OneToMany', { config: { seq_len: 1, rnn: 'RNN' } }))],
    ['of 1 to N with gradients', modelCase(modelRequest('OneToMany', { cotangent: 1 }))],
    ['of a language', modelCase(modelRequest('LanguageModel', { cotangent: 1, config: { num_layers: 2 } }))],
    ['of a language without a target', modelCase(modelRequest('LanguageModel', { target: false }))],
    ['of a language, greedy', modelCase(modelRequest('LanguageModel', { config: { decoding: 'greedy' } }))],
    ['of an encoder and decoder', modelCase(modelRequest('EncoderDecoder', { lengths, cotangent: 1 }))],
    [
      'of an encoder and decoder, greedy, with attention',
      modelCase(modelRequest('EncoderDecoder', { config: { decoding: 'greedy', context: 'dot' }, lengths })),
    ],
    [
      'of an encoder and decoder with bos and eos the last symbol',
      modelCase(modelRequest('EncoderDecoder', { config: { bos: 4, eos: 4, context: 'additive' } })),
    ],
    ['in float32', modelCase(modelRequest('EncoderDecoder', { dtype: 'float32', cotangent: 1 }))],
    ['of 1 step and 1 row', modelCase(modelRequest('ManyToMany', { seq_len: 1, batch: 1, lengths: [1] }))],
  ])('%s back as it was', (_, recorded) => {
    expect(parseCase(caseRecord(recorded), 'sample.msgpack')).toStrictEqual(recorded)
  })
})

const rnn = 'expected one of "RNN", "LSTM", "GRU"'
const contexts = 'expected one of "last", "transformed_last", "transformed_all", "additive", "dot"'

// Each line: what is wrong, the record, and the message after the name of the case.
describe('parseCase refuses a model whose config has', () => {
  it.each<[string, CaseRecord, string]>([
    ['an rnn of RNNCell', withConfig(many, { rnn: 'RNNCell' }), `rnn: ${rnn}, got "RNNCell"`],
    ['no rnn', withoutConfig(language, 'rnn'), `rnn: ${rnn}, got nothing`],
    ['an unknown key', withConfig(many, { bidirectional: true }), 'expected no key "bidirectional"'],
    ['an unknown key, of 1 to N', withConfig(first, { pooling: 'last' }), 'expected no key "pooling"'],
    ['an unknown key, of a language', withConfig(language, { bos: 0 }), 'expected no key "bos"'],
    ['an unknown key, of N to 1', withConfig(one, { feeding: 'first' }), 'expected no key "feeding"'],
    ['an unknown key, of an encoder', withConfig(taught, { num_layers: 1 }), 'expected no key "num_layers"'],
    ['a hidden_size of 0', withConfig(many, { hidden_size: 0 }), 'hidden_size: expected at least 1, got 0'],
    ['an input_size of 2.5', withConfig(first, { input_size: 2.5 }), 'input_size: expected int, got 2.5'],
    [
      'num_classes of 2¹⁶ + 1',
      withConfig(many, { num_classes: 65_537 }),
      'num_classes: expected at most 65536, got 65537',
    ],
    ['no num_layers', withoutConfig(many, 'num_layers'), 'num_layers: expected number, got nothing'],
    ['num_layers as text', withConfig(language, { num_layers: '2' }), 'num_layers: expected number, got "2"'],
    ['a pooling of max', withConfig(one, { pooling: 'max' }), 'pooling: expected one of "last", "mean", got "max"'],
    ['no pooling', withoutConfig(one, 'pooling'), 'pooling: expected one of "last", "mean", got nothing'],
    [
      'a feeding of last',
      withConfig(first, { feeding: 'last' }),
      'feeding: expected one of "first", "every", got "last"',
    ],
    ['a seq_len of 0', withConfig(first, { seq_len: 0 }), 'seq_len: expected at least 1, got 0'],
    [
      'a decoding of beam',
      withConfig(language, { decoding: 'beam' }),
      'decoding: expected one of "teacher_forcing", "greedy", got "beam"',
    ],
    ['a max_len of 0', withConfig(greedy, { max_len: 0 }), 'max_len: expected at least 1, got 0'],
    ['no max_len', withoutConfig(language, 'max_len'), 'max_len: expected number, got nothing'],
    ['an embedding_dim of −1', withConfig(taught, { embedding_dim: -1 }), 'embedding_dim: expected at least 1, got -1'],
    ['a context of first', withConfig(taught, { context: 'first' }), `context: ${contexts}, got "first"`],
    [
      'an injection of last_step',
      withConfig(taught, { injection: 'last_step' }),
      'injection: expected one of "initial_state", "every_step", got "last_step"',
    ],
    [
      'additive attention as initial_state',
      withConfig(attending, { injection: 'initial_state' }),
      'injection: expected every_step, as attention has another context at every step, got "initial_state"',
    ],
    [
      'dot-product attention as initial_state',
      withConfig(taught, { context: 'dot', injection: 'initial_state' }),
      'injection: expected every_step, as attention has another context at every step, got "initial_state"',
    ],
    [
      'a bos as large as target_embeddings',
      withConfig(taught, { bos: 5 }),
      'bos: expected less than target_embeddings, which is 5, got 5',
    ],
    [
      'an eos above target_embeddings',
      withConfig(greedy, { eos: 6 }),
      'eos: expected less than target_embeddings, which is 5, got 6',
    ],
    ['a bos of −1', withConfig(taught, { bos: -1 }), 'bos: expected at least 0, got -1'],
    ['an eos of 0.5', withConfig(taught, { eos: 0.5 }), 'eos: expected int, got 0.5'],
    ['no eos', withoutConfig(taught, 'eos'), 'eos: expected number, got nothing'],
  ])('%s', (_, record, message) => {
    expect(problem(record)).toBe(`${M}: config: ${message}`)
  })
})

describe('parseCase refuses a model whose inputs have', () => {
  it.each<[string, CaseRecord, string]>([
    ['no input', without(many, 'inputs', 'input'), 'inputs.input: expected a tensor, got none'],
    ['no input, of 1 to N', without(first, 'inputs', 'input'), 'inputs.input: expected a tensor, got none'],
    ['no source', without(taught, 'inputs', 'source'), 'inputs.source: expected a tensor, got none'],
    ['no source, of a language', without(language, 'inputs', 'source'), 'inputs.source: expected a tensor, got none'],
    [
      'an input of rank 2',
      withTensor(many, 'inputs', 'input', zeros([4, 2])),
      'inputs.input: expected shape (seq_len, batch, input_size), got (4, 2)',
    ],
    [
      'an input of rank 4, of N to 1',
      withTensor(one, 'inputs', 'input', zeros([4, 3, 2, 1])),
      'inputs.input: expected shape (seq_len, batch, input_size), got (4, 3, 2, 1)',
    ],
    [
      'an input of rank 3, of 1 to N',
      withTensor(first, 'inputs', 'input', zeros([1, 3, 2])),
      'inputs.input: expected shape (batch, input_size), got (1, 3, 2)',
    ],
    [
      'a source of rank 1',
      withTensor(language, 'inputs', 'source', whole([4], [0, 1, 2, 3])),
      'inputs.source: expected shape (seq_len, batch), got (4)',
    ],
    [
      'a source of rank 3',
      withTensor(
        taught,
        'inputs',
        'source',
        whole(
          [4, 3, 1],
          Array.from({ length: 12 }, () => 0),
        ),
      ),
      'inputs.source: expected shape (seq_len, batch), got (4, 3, 1)',
    ],
    [
      'a batch of 0',
      withTensor(many, 'inputs', 'input', zeros([4, 0, 2])),
      'inputs.input: expected a batch of at least 1, got 0',
    ],
    [
      'a batch of 0, of 1 to N',
      withTensor(first, 'inputs', 'input', zeros([0, 2])),
      'inputs.input: expected a batch of at least 1, got 0',
    ],
    [
      'a batch of 0, of symbols',
      withTensor(taught, 'inputs', 'source', whole([4, 0], [])),
      'inputs.source: expected a batch of at least 1, got 0',
    ],
    [
      'no step',
      withTensor(one, 'inputs', 'input', zeros([0, 3, 2])),
      'inputs.input: expected seq_len of at least 1, got 0',
    ],
    [
      'no step of symbols',
      withTensor(language, 'inputs', 'source', whole([0, 3], [])),
      'inputs.source: expected seq_len of at least 1, got 0',
    ],
    [
      'an input of another size',
      withTensor(without(many, 'inputs', 'lengths'), 'inputs', 'input', zeros([4, 3, 5])),
      'inputs.input: expected shape (4, 3, 2), got (4, 3, 5)',
    ],
    [
      'an input of another dtype',
      withTensor(many, 'inputs', 'input', zeros([4, 3, 2], 'float32')),
      'inputs.input: expected dtype float64, got float32',
    ],
    [
      'an input of whole numbers',
      withTensor(first, 'inputs', 'input', zeros([3, 2], 'int64')),
      'inputs.input: expected dtype float64, got int64',
    ],
    [
      'a source of float dtype',
      withTensor(language, 'inputs', 'source', zeros([4, 3])),
      'inputs.source: expected dtype int64, got float64',
    ],
    [
      'a target of float dtype',
      withTensor(many, 'inputs', 'target', zeros([4, 3])),
      'inputs.target: expected dtype int64, got float64',
    ],
    [
      'a source symbol as large as source_embeddings',
      withTensor(taught, 'inputs', 'source', whole([4, 3], [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 6])),
      'inputs.source: expected symbols from 0 to 5, got 6',
    ],
    [
      'a target symbol as large as target_embeddings',
      withTensor(taught, 'inputs', 'target', whole([3, 3], [0, 1, 2, 3, 4, 5, 0, 1, 2])),
      'inputs.target: expected symbols from 0 to 4, got 5',
    ],
    [
      'a symbol of −1, of a language',
      withTensor(language, 'inputs', 'source', whole([4, 3], [0, 1, 2, 3, 4, -1, 0, 1, 2, 3, 4, 0])),
      'inputs.source: expected symbols from 0 to 4, got -1',
    ],
    [
      'a target of torch’s ignored class',
      withTensor(one, 'inputs', 'target', whole([3], [0, -100, 1])),
      'inputs.target: expected symbols from 0 to 3, got -100',
    ],
    [
      'a target of 2⁶³ − 1',
      withTensor(one, 'inputs', 'target', {
        dtype: 'int64',
        shape: [3],
        data: new Uint8Array(BigInt64Array.of(0n, 1n, 2n ** 63n - 1n).buffer),
      }),
      'inputs.target: expected symbols from 0 to 3, got 9223372036854775807',
    ],
    [
      'a target for each step, of N to 1',
      withTensor(
        one,
        'inputs',
        'target',
        whole(
          [4, 3],
          Array.from({ length: 12 }, () => 0),
        ),
      ),
      'inputs.target: expected shape (3), got (4, 3)',
    ],
    [
      'a target of fewer steps, of N to N',
      withTensor(
        many,
        'inputs',
        'target',
        whole(
          [3, 3],
          Array.from({ length: 9 }, () => 0),
        ),
      ),
      'inputs.target: expected shape (4, 3), got (3, 3)',
    ],
    [
      'a target of fewer steps than seq_len, of 1 to N',
      withTensor(
        first,
        'inputs',
        'target',
        whole(
          [3, 3],
          Array.from({ length: 9 }, () => 0),
        ),
      ),
      'inputs.target: expected shape (4, 3), got (3, 3)',
    ],
    [
      'a target of fewer rows, of an encoder and decoder',
      withTensor(taught, 'inputs', 'target', whole([3, 2], [0, 1, 2, 3, 4, 0])),
      'inputs.target: expected shape (3, 3), got (3, 2)',
    ],
    [
      'a length of 0',
      withTensor(many, 'inputs', 'lengths', whole([3], [2, 0, 1])),
      'inputs.lengths: expected lengths from 1 to 4, got 0',
    ],
    [
      'a length above seq_len',
      withTensor(taught, 'inputs', 'lengths', whole([3], [2, 4, 5])),
      'inputs.lengths: expected lengths from 1 to 4, got 5',
    ],
    [
      'lengths of another count',
      withTensor(one, 'inputs', 'lengths', whole([2], [2, 4])),
      'inputs.lengths: expected shape (3), got (2)',
    ],
    [
      'lengths of float dtype',
      withTensor(many, 'inputs', 'lengths', zeros([3])),
      'inputs.lengths: expected dtype int64, got float64',
    ],
    [
      'lengths, of 1 to N',
      withTensor(first, 'inputs', 'lengths', whole([3], [1, 2, 3])),
      'inputs.lengths: expected one of input, target, got "lengths"',
    ],
    [
      'lengths, of a language',
      withTensor(language, 'inputs', 'lengths', whole([3], [1, 2, 3])),
      'inputs.lengths: expected one of source, target, got "lengths"',
    ],
    [
      'a target in greedy decoding',
      withTensor(
        greedy,
        'inputs',
        'target',
        whole(
          [3, 3],
          Array.from({ length: 9 }, () => 0),
        ),
      ),
      'inputs.target: expected one of source, lengths, got "target"',
    ],
    [
      'a state',
      withTensor(many, 'inputs', 'h_0', zeros([1, 3, 3])),
      'inputs.h_0: expected one of input, target, lengths, got "h_0"',
    ],
    [
      'the symbols that recording forces',
      withTensor(
        greedy,
        'inputs',
        'forced',
        whole(
          [6, 3],
          Array.from({ length: 18 }, () => 0),
        ),
      ),
      'inputs.forced: expected one of source, lengths, got "forced"',
    ],
    [
      'an input beside the source',
      withTensor(language, 'inputs', 'input', zeros([4, 3, 2])),
      'inputs.input: expected one of source, target, got "input"',
    ],
    [
      'too few bytes',
      withTensor(language, 'inputs', 'source', { dtype: 'int64', shape: [4, 3], data: new Uint8Array(95) }),
      'inputs.source: expected 96 bytes for int64 (4, 3), got 95',
    ],
  ])('%s', (_, record, message) => {
    expect(problem(record)).toBe(`${M}: ${message}`)
  })

  // Nothing can be taught without a target: the model in Python reads its number of steps from it.
  it('no target, of an encoder and decoder that is taught', () => {
    const record = caseRecord(modelCase(modelRequest('EncoderDecoder', { target_len: 1 })))
    expect(problem(record)).toBe('no problem')
    expect(problem(without(record, 'inputs', 'target'))).toMatch(
      /^sample\.msgpack: case model: inputs\.target: expected a tensor.*, got none$/,
    )
  })

  it('a target of no step, of an encoder and decoder', () => {
    const request = modelRequest('EncoderDecoder')
    const extent = { seq_len: 4, batch: 3, target_len: 0 }
    const shapes = shapesOf(modelSignature(request.module, request.config, extent).outputs)
    const expected = Object.entries(shapes).map(([name, shape]) => [name, zeros(shape)])
    const record = withTensor(
      { ...taught, expected: Object.fromEntries(expected) },
      'inputs',
      'target',
      whole([0, 3], []),
    )
    const { cotangents: _, budget, ...plain } = record
    const kept = Object.entries(budget).filter(([name]) => name in shapes)
    expect(problem({ ...plain, budget: Object.fromEntries(kept) })).toMatch(
      /^sample\.msgpack: case model: inputs\.target: expected .*at least 1, got 0$/,
    )
  })
})

describe('parseCase refuses a model with', () => {
  const withoutTarget = caseRecord(modelCase(modelRequest('LanguageModel', { target: false })))
  const layer = caseRecord(layerCase({ num_layers: 2, decided: 2 }))

  it.each<[string, CaseRecord, string]>([
    [
      'a parameter of another shape',
      withTensor(many, 'params', 'linear.weight', zeros([4, 4])),
      'params.linear.weight: expected shape (4, 3), got (4, 4)',
    ],
    [
      'a parameter of another shape, by the rnn',
      withTensor(one, 'params', 'rnn.1.weight_ih_l0', zeros([12, 2])),
      'params.rnn.1.weight_ih_l0: expected shape (12, 3), got (12, 2)',
    ],
    [
      'a decoder that is as wide as its embedding, where the context is an input',
      withTensor(taught, 'params', 'decoder.0.weight_ih_l0', zeros([9, 2])),
      'params.decoder.0.weight_ih_l0: expected shape (9, 5), got (9, 2)',
    ],
    [
      'a decoder that has room for the context, where that is the initial state',
      withConfig(taught, { injection: 'initial_state' }),
      'params.decoder.0.weight_ih_l0: expected shape (9, 2), got (9, 5)',
    ],
    [
      'a parameter of another dtype',
      withTensor(language, 'params', 'embedding.weight', zeros([5, 2], 'float32')),
      'params.embedding.weight: expected dtype float64, got float32',
    ],
    [
      'no bias',
      without(first, 'params', 'rnn.0.bias_hh_l0'),
      'params.rnn.0.bias_hh_l0: expected a tensor of shape (9), got none',
    ],
    [
      'no transform',
      without(taught, 'params', 'transform.weight'),
      'params.transform.weight: expected a tensor of shape (3, 3), got none',
    ],
    [
      'the parameters of another context',
      withConfig(attending, { context: 'dot' }),
      'params.query.weight: expected one of source_embedding.weight, encoder.0.weight_ih_l0, encoder.0.weight_hh_l0, ' +
        'encoder.0.bias_ih_l0, encoder.0.bias_hh_l0, target_embedding.weight, decoder.0.weight_ih_l0, ' +
        'decoder.0.weight_hh_l0, decoder.0.bias_ih_l0, decoder.0.bias_hh_l0, linear.weight, linear.bias, got "query.weight"',
    ],
    [
      'a bias of the scores',
      withTensor(attending, 'params', 'score.bias', zeros([1])),
      'params.score.bias: expected one of source_embedding.weight, encoder.0.weight_ih_l0, encoder.0.weight_hh_l0, ' +
        'encoder.0.bias_ih_l0, encoder.0.bias_hh_l0, query.weight, query.bias, key.weight, score.weight, ' +
        'target_embedding.weight, decoder.0.weight_ih_l0, decoder.0.weight_hh_l0, decoder.0.bias_ih_l0, ' +
        'decoder.0.bias_hh_l0, linear.weight, linear.bias, got "score.bias"',
    ],
    [
      'cotangents and no target',
      { ...withoutTarget, cotangents: { loss: zeros([]) } },
      'cotangents: expected none without a target, of which a loss is made, got some',
    ],
    [
      'cotangents in greedy decoding',
      { ...greedy, cotangents: { loss: zeros([]) } },
      'cotangents: expected none without a target, of which a loss is made, got some',
    ],
    [
      'cotangents of logits',
      withTensor(many, 'cotangents', 'logits', zeros([4, 3, 4])),
      'cotangents.logits: expected one of loss, got "logits"',
    ],
    [
      'empty cotangents',
      without(many, 'cotangents', 'loss'),
      'cotangents.loss: expected a tensor of shape (), got none',
    ],
    [
      'a cotangent of shape (1)',
      withTensor(many, 'cotangents', 'loss', zeros([1])),
      'cotangents.loss: expected shape (), got (1)',
    ],
    [
      'a cotangent of another dtype',
      withTensor(many, 'cotangents', 'loss', zeros([], 'float32')),
      'cotangents.loss: expected dtype float64, got float32',
    ],
    [
      'a training',
      {
        ...many,
        training: { optimizer: 'SGD', lr: 0.1, weight_decay: 0, steps: 1, momentum: 0, dampening: 0, nesterov: false },
      },
      'training: expected none in a case of ManyToMany, got some',
    ],
    ['states', { ...language, states: layer['states'] }, 'states: expected none in a case of LanguageModel, got some'],
    [
      'no states in a map of them',
      { ...taught, states: {} },
      'states: expected none in a case of EncoderDecoder, got some',
    ],
    [
      'an expected tensor too few',
      without(one, 'expected', 'pooled'),
      'expected.pooled: expected a tensor of shape (3, 3), got none',
    ],
    ['a loss too few', without(language, 'expected', 'loss'), 'expected.loss: expected a tensor of shape (), got none'],
    [
      'symbols that are taught',
      withTensor(language, 'expected', 'symbols', zeros([4, 3])),
      'expected.symbols: expected one of embedding, states_l0, logits, probabilities, log_probabilities, loss, got "symbols"',
    ],
    [
      'a context for each step, where it is the same at all',
      withTensor(taught, 'expected', 'context', zeros([3, 3, 3])),
      'expected.context: expected shape (3, 3), got (3, 3, 3)',
    ],
    [
      'attention without the padding',
      withTensor(attending, 'expected', 'attention', zeros([3, 3, 2])),
      'expected.attention: expected shape (3, 3, 4), got (3, 3, 2)',
    ],
    [
      'symbols as whole numbers of int64',
      withTensor(greedy, 'expected', 'symbols', zeros([6, 3], 'int64')),
      'expected.symbols: expected dtype float64, got int64',
    ],
    ['no budget of the symbols', without(greedy, 'budget', 'symbols'), 'budget.symbols: expected a tensor, got none'],
    [
      'a budget of symbols for other rows',
      withTensor(greedy, 'budget', 'symbols', zeros([1, 2])),
      'budget.symbols: expected a shape that broadcasts against (6, 3), got (1, 2)',
    ],
    [
      'gradients without cotangents',
      withTensor(language, 'expected', 'grad_linear.bias', zeros([5])),
      'expected.grad_linear.bias: expected one of embedding, states_l0, logits, probabilities, log_probabilities, loss, ' +
        'got "grad_linear.bias"',
    ],
  ])('%s', (_, record, message) => {
    expect(problem(record)).toBe(`${M}: ${message}`)
  })
})

const folder = join(import.meta.dirname, '..', '..', 'fixtures', 'seq2seq')
const files = readdirSync(folder).toSorted()

/** The cases of a file as MessagePack holds them, in the order in which Python wrote every map. */
function recordsOf(file: string): CaseRecord[] {
  return [...decodeMulti(new Uint8Array(readFileSync(join(folder, file))))].slice(1, -1) as CaseRecord[]
}

describe('expectedAxes', () => {
  it.each(files)('has the names, order and shapes of what PyTorch gave in every case of %s', (file) => {
    const records = recordsOf(file)
    expect(records.length).toBeGreaterThan(0)
    for (const record of records) {
      const axes = expectedAxes(parseCase(record, file))
      expect(Object.keys(axes)).toStrictEqual(Object.keys(record.expected))
      expect(shapesOf(axes)).toStrictEqual(
        Object.fromEntries(Object.entries(record.expected).map(([name, { shape }]) => [name, shape])),
      )
    }
  })

  it('is held against fixtures of every model, with and without a loss, gradients, lengths and symbols', () => {
    const records = files.flatMap(recordsOf)
    expect(records.length).toBeGreaterThan(60)
    expect(new Set(records.map((record) => record['module']))).toStrictEqual(new Set(modelNames))
    for (const module of modelNames) {
      const own = records.filter((record) => record['module'] === module)
      expect(own.some((record) => 'loss' in record.expected)).toBe(true)
      expect(own.some((record) => record['cotangents'] !== undefined)).toBe(true)
      expect(own.some((record) => !('loss' in record.expected)) || module === 'ManyToOne').toBe(true)
    }
    const decoders = records.filter((record) => record['module'] === 'EncoderDecoder')
    const forms = decoders.map(({ config }) => {
      const { rnn, context, injection, decoding } = config as ModelConfig<'EncoderDecoder'>
      return [rnn, context, injection, decoding].join(' ')
    })
    // 3 layers, 6 contexts and 2 attentions, taught and greedy.
    expect(new Set(forms).size).toBe(3 * (6 + 2) * 2)
    expect(decoders.some(({ inputs }) => 'lengths' in inputs)).toBe(true)
    expect(decoders.some(({ inputs }) => !('lengths' in inputs))).toBe(true)
  })

  it('names the axes, so that a place can be told', () => {
    const taughtBy = modelRequest('EncoderDecoder', { config: { context: 'dot' }, cotangent: 1 })
    const axes = expectedAxes(taughtBy)
    const names = (tensor: string): string[] => axes[tensor]!.map(({ name }) => name)
    expect(names('attention')).toStrictEqual(['seq_len', 'batch', 'source'])
    expect(names('context')).toStrictEqual(['seq_len', 'batch', 'unit'])
    expect(names('encoder_states')).toStrictEqual(['seq_len', 'batch', 'unit'])
    expect(names('grad_linear.weight')).toStrictEqual(['row', 'column'])
    expect(names('grad_linear.bias')).toStrictEqual(['row'])
    expect(names('loss')).toStrictEqual([])
    const fixed = expectedAxes(modelRequest('EncoderDecoder', { config: { decoding: 'greedy' } }))
    expect(fixed['context']!.map(({ name }) => name)).toStrictEqual(['batch', 'unit'])
    expect(fixed['symbols']!.map(({ name }) => name)).toStrictEqual(['seq_len', 'batch'])
    expect(sizes(fixed['symbols']!)).toStrictEqual([6, 3])
  })

  it('has a loss only with a target, and gradients only with cotangents', () => {
    for (const module of ['ManyToMany', 'ManyToOne', 'OneToMany', 'LanguageModel'] as const) {
      expect(Object.keys(expectedAxes(modelRequest(module, { target: false })))).not.toContain('loss')
      const plain = Object.keys(expectedAxes(modelRequest(module)))
      expect(plain.at(-1)).toBe('loss')
      const names = Object.keys(expectedAxes(modelRequest(module, { cotangent: 1 })))
      expect(names.slice(0, plain.length)).toStrictEqual(plain)
      const given = modelRequest(module).inputs.input === undefined ? [] : ['grad_input']
      const params = Object.keys(modelRequest(module).params).map((name) => `grad_${name}`)
      expect(names.slice(plain.length)).toStrictEqual([...given, ...params])
    }
  })
})

describe('a model whose budget lets a tensor be anything', () => {
  const recorded = modelCase(modelRequest('ManyToOne', { cotangent: 1 }))
  const withBudget = (name: string, budget: number): Case => {
    return { ...recorded, budget: { ...recorded.budget, [name]: budgetTensor([1], [budget]) } }
  }

  it.each(Object.keys(recorded.expected))('is not judged, and %s is named', async (name) => {
    expect((await verify(recorded, engine)).outcome).toBe('match')
    const { outcome, reason } = await verify(withBudget(name, 1), engine)
    expect(outcome).toBe('undecided')
    expect(reason).toBe(`the budget of ${name} is so large that a match says little`)
  })

  it('is a mismatch all the same where an engine is farther off', async () => {
    const loss = floatTensor('float64', [], [100])
    const { outcome } = await verify(withBudget('loss', 1), {
      name: 'port',
      run: () => ({ ...recorded.expected, loss }),
    })
    expect(outcome).toBe('mismatch')
  })

  it('is judged where the symbols are all 0 and exact', async () => {
    const request = modelRequest('LanguageModel', { config: { decoding: 'greedy' } })
    const bias = request.params['linear.bias']!
    const params = { ...request.params, 'linear.bias': floatTensor('float64', bias.shape, [100, 0, 0, 0, 0]) }
    const zeros = modelCase({ ...request, params })
    expect(zeros.expected['symbols']!.data.every((symbol) => symbol === 0)).toBe(true)
    expect((await verify(zeros, engine)).outcome).toBe('match')
  })
})
