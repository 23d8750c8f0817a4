import type * as z from 'zod'
import { isAttention } from './model/attention.ts'
import type { modelSchemas } from './model/config.ts'
import { type Axis, axis, parameterAxes, sizes } from './module.ts'

export type ModelName = keyof typeof modelSchemas
export type ModelConfig<M extends ModelName = ModelName> = z.infer<(typeof modelSchemas)[M]>

const models: Readonly<Record<ModelName, true>> = {
  ManyToMany: true,
  ManyToOne: true,
  OneToMany: true,
  LanguageModel: true,
  EncoderDecoder: true,
}

/** Whether it is one of python/torch_parity/models. */
export function isModel(module: string): module is ModelName {
  return Object.hasOwn(models, module)
}

/** What a model says its tensors are, for one configuration and one input. */
export interface ModelSignature {
  readonly params: Readonly<Record<string, readonly number[]>>
  /** The shapes of what goes in as numbers. */
  readonly floats: Readonly<Record<string, readonly number[]>>
  /** The shapes of what goes in as symbols, and how many symbols there are. */
  readonly symbols: Readonly<Record<string, { readonly shape: readonly number[]; readonly count: number }>>
  /** (batch), of the rows of the source. */
  readonly lengths: readonly number[] | undefined
  readonly outputs: Readonly<Record<string, readonly Axis[]>>
  readonly gradients: Readonly<Record<string, readonly Axis[]>>
}

/** The sizes that only the inputs tell. */
export interface ModelExtent {
  /** Of the source; undefined where the model has one step of input. */
  readonly seq_len: number | undefined
  readonly batch: number
  /** Of the target; undefined without one. */
  readonly target_len: number | undefined
}

const blocks = { RNN: 1, LSTM: 4, GRU: 3 } as const

function layers(
  name: string,
  rnn: keyof typeof blocks,
  input_size: number,
  hidden_size: number,
  num_layers: number,
): Shapes {
  const params: Record<string, readonly number[]> = {}
  const rows = blocks[rnn] * hidden_size
  for (let layer = 0; layer < num_layers; layer++) {
    const own = `${name}.${layer}`
    params[`${own}.weight_ih_l0`] = [rows, layer === 0 ? input_size : hidden_size]
    params[`${own}.weight_hh_l0`] = [rows, hidden_size]
    params[`${own}.bias_ih_l0`] = [rows]
    params[`${own}.bias_hh_l0`] = [rows]
  }
  return params
}

type Shapes = Readonly<Record<string, readonly number[]>>

function linear(name: string, inputs: number, outputs: number, bias = true): Shapes {
  return { [`${name}.weight`]: [outputs, inputs], ...(bias ? { [`${name}.bias`]: [outputs] } : {}) }
}

/** Every tensor of a model, in the order of computation. Source: python/torch_parity/models. */
export function modelSignature(module: ModelName, config: ModelConfig, extent: ModelExtent): ModelSignature {
  const { batch } = extent
  const rows = axis('batch', batch)
  const units = axis('unit', config.hidden_size)
  if (module === 'EncoderDecoder' || 'context' in config) {
    return encoderDecoder(config as ModelConfig<'EncoderDecoder'>, extent)
  }
  const isSymbolic = 'num_embeddings' in config
  const classes = isSymbolic ? config.num_embeddings : config.num_classes
  const width = isSymbolic ? config.embedding_dim : config.input_size
  const seq_len = 'feeding' in config ? config.seq_len : (extent.seq_len ?? 1)
  const time = axis('seq_len', seq_len)
  const isGreedy = isSymbolic && config.decoding === 'greedy'
  const isOne = 'pooling' in config
  const outer = isOne ? [rows] : [isGreedy ? axis('seq_len', config.max_len) : time, rows]
  const params = {
    ...(isSymbolic ? { 'embedding.weight': [classes, width] } : {}),
    ...layers('rnn', config.rnn, width, config.hidden_size, config.num_layers),
    ...linear('linear', config.hidden_size, classes),
  }
  const states = Array.from(
    { length: config.num_layers },
    (_, layer) => [`states_l${layer}`, [time, rows, units]] as const,
  )
  const input = 'feeding' in config ? [rows, axis('unit', width)] : [time, rows, axis('unit', width)]
  const hasTarget = extent.target_len !== undefined || (isOne && extent.target_len !== undefined)
  return {
    params,
    floats: isSymbolic ? {} : { input: sizes(input) },
    symbols: {
      ...(isSymbolic ? { source: { shape: [seq_len, batch], count: classes } } : {}),
      ...(isGreedy ? {} : { target: { shape: sizes(outer), count: classes } }),
    },
    lengths: isSymbolic || 'feeding' in config ? undefined : [batch],
    outputs: {
      ...(isSymbolic ? { embedding: [time, rows, axis('unit', width)] } : {}),
      ...Object.fromEntries(states),
      ...(isOne ? { pooled: [rows, units] } : {}),
      ...softmaxAxes([...outer, axis('unit', classes)], isGreedy),
      ...(isGreedy ? { symbols: outer } : {}),
      ...(hasTarget && !isGreedy ? { loss: [] } : {}),
    },
    gradients: { ...(isSymbolic ? {} : { grad_input: input }), ...gradientsOf(params) },
  }
}

function softmaxAxes(logits: readonly Axis[], isGreedy: boolean): Readonly<Record<string, readonly Axis[]>> {
  return isGreedy ? { logits } : { logits, probabilities: logits, log_probabilities: logits }
}

function gradientsOf(params: Shapes): ModelSignature['gradients'] {
  return Object.fromEntries(Object.entries(parameterAxes(params)).map(([name, axes]) => [`grad_${name}`, axes]))
}

function encoderDecoder(config: ModelConfig<'EncoderDecoder'>, extent: ModelExtent): ModelSignature {
  const { source_embeddings, target_embeddings, embedding_dim, hidden_size, context, injection, decoding } = config
  const { seq_len = 1, batch, target_len = 1 } = extent
  const isGreedy = decoding === 'greedy'
  const source = axis('seq_len', seq_len)
  const time = axis('seq_len', isGreedy ? config.max_len : target_len)
  const rows = axis('batch', batch)
  const units = axis('unit', hidden_size)
  const width = embedding_dim + (injection === 'every_step' ? hidden_size : 0)
  const attends = isAttention(context)
  const params = {
    'source_embedding.weight': [source_embeddings, embedding_dim],
    ...layers('encoder', config.rnn, embedding_dim, hidden_size, 1),
    ...(context.startsWith('transformed') ? linear('transform', hidden_size, hidden_size) : {}),
    ...(context === 'additive'
      ? {
          ...linear('query', hidden_size, hidden_size),
          ...linear('key', hidden_size, hidden_size, false),
          ...linear('score', hidden_size, 1, false),
        }
      : {}),
    'target_embedding.weight': [target_embeddings, embedding_dim],
    ...layers('decoder', config.rnn, width, hidden_size, 1),
    ...linear('linear', hidden_size, target_embeddings),
  }
  return {
    params,
    floats: {},
    symbols: {
      source: { shape: [seq_len, batch], count: source_embeddings },
      ...(isGreedy ? {} : { target: { shape: [target_len, batch], count: target_embeddings } }),
    },
    lengths: [batch],
    outputs: {
      source_embedding: [source, rows, axis('unit', embedding_dim)],
      encoder_states: [source, rows, units],
      ...(attends ? {} : { context: [rows, units] }),
      target_embedding: [time, rows, axis('unit', embedding_dim)],
      ...(attends ? { attention: [time, rows, axis('source', seq_len)], context: [time, rows, units] } : {}),
      decoder_states: [time, rows, units],
      ...softmaxAxes([time, rows, axis('unit', target_embeddings)], isGreedy),
      ...(isGreedy ? { symbols: [time, rows] } : { loss: [] }),
    },
    gradients: gradientsOf(params),
  }
}
