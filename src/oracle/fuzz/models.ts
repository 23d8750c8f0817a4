import * as fc from 'fast-check'
import { isAttention } from '../../format/model/attention.ts'
import { isModel, type ModelConfig, type ModelName } from '../../format/model.ts'
import type { ModelSpec, RecordSpec } from '../../oracle.ts'
import { below, mostly, omit, seldomLarge, size } from './draw.ts'

/** The models that are drawn, the simplest first. */
export const fuzzedModels = [
  'ManyToMany',
  'ManyToOne',
  'OneToMany',
  'LanguageModel',
  'EncoderDecoder',
] as const satisfies readonly ModelName[]

export function isModelSpec(spec: RecordSpec): spec is ModelSpec {
  return isModel(spec.module)
}

/** Every choice, whether it means something for the model or not. */
interface Draw {
  readonly module: ModelName
  readonly rnn: string
  readonly input_size: number
  readonly hidden_size: number
  readonly classes: number
  readonly num_layers: number
  readonly seq_len: number
  readonly batch: number
  readonly target_len: number
  readonly pooling: string
  readonly feeding: string
  readonly decoding: string
  readonly context: ModelConfig<'EncoderDecoder'>['context']
  readonly injection: string
  readonly shortened: readonly number[]
  readonly asked: 'forward' | 'loss' | 'gradients'
  readonly dtype: 'float32' | 'float64'
  readonly logits: number
  readonly seed: number
}

/** Specifications of models that PyTorch records. */
export function modelSpecs(asked: readonly ModelName[], maxSize: number, maxBatch: number): fc.Arbitrary<RecordSpec> {
  const most = Math.min(maxSize, 8)
  return fc
    .record<Draw>({
      module: fc.constantFrom(...asked),
      rnn: fc.constantFrom('RNN', 'LSTM', 'GRU'),
      input_size: seldomLarge(1, most, maxSize),
      hidden_size: seldomLarge(1, most, maxSize),
      // At least bos, eos and one symbol more.
      classes: size(3, Math.max(3, most)),
      num_layers: size(1, 2),
      seq_len: size(1, most),
      batch: seldomLarge(1, 4, maxBatch),
      target_len: size(1, most),
      pooling: fc.constantFrom('last', 'mean'),
      feeding: fc.constantFrom('first', 'every'),
      decoding: fc.constantFrom('teacher_forcing', 'greedy'),
      context: fc.constantFrom('last', 'transformed_last', 'transformed_all', 'additive', 'dot'),
      injection: fc.constantFrom('initial_state', 'every_step'),
      shortened: fc.oneof(fc.constant([]), fc.array(fc.nat(maxSize), { maxLength: 4 })),
      asked: fc.constantFrom('forward', 'loss', 'gradients'),
      dtype: mostly('float32', 'float64'),
      logits: fc.oneof({ arbitrary: fc.constant(1), weight: 4 }, fc.constant(4000)),
      seed: fc.noShrink(fc.nat(2 ** 31 - 1)),
    })
    .map(specOf)
}

function specOf(draw: Draw): ModelSpec {
  const { module, seq_len, batch, shortened, dtype, logits, seed } = draw
  const greedy = 'decoding' in configOf(draw) && draw.decoding === 'greedy'
  const taught = draw.asked !== 'forward' || module === 'EncoderDecoder'
  const target_len = module === 'ManyToMany' || module === 'LanguageModel' ? seq_len : draw.target_len
  const lengths = module === 'OneToMany' || module === 'LanguageModel' || shortened.length === 0
  return {
    id: `seed-${seed}`,
    module,
    config: configOf(draw),
    seq_len,
    batch,
    ...(!lengths && {
      lengths: Array.from({ length: batch }, (_, row) => seq_len - (shortened[row % shortened.length]! % seq_len)),
    }),
    ...(taught && !greedy && { target_len }),
    ...(dtype === 'float64' && { dtype }),
    // Gradients of a softmax that is 0 or 1 decide nothing.
    ...(draw.asked === 'gradients' && !greedy ? { gradients: true } : logits > 1 && { logits }),
    seed,
  }
}

function configOf(draw: Draw): ModelSpec['config'] {
  const { module, rnn, input_size, hidden_size, classes, num_layers, context, decoding, target_len } = draw
  const form = { rnn, input_size, hidden_size, num_layers, num_classes: classes }
  switch (module) {
    case 'ManyToMany':
      return form
    case 'ManyToOne':
      return { ...form, pooling: draw.pooling }
    case 'OneToMany':
      return { ...form, feeding: draw.feeding, seq_len: target_len }
    case 'LanguageModel':
      return {
        rnn,
        num_embeddings: classes,
        embedding_dim: input_size,
        hidden_size,
        num_layers,
        decoding,
        max_len: target_len,
      }
    default: {
      const embeddings = { source_embeddings: classes, target_embeddings: classes, embedding_dim: input_size }
      const injection = isAttention(context) ? 'every_step' : draw.injection
      return { rnn, ...embeddings, hidden_size, context, injection, decoding, max_len: target_len, bos: 0, eos: 1 }
    }
  }
}

/** Specifications that are simpler by one thing. */
export function* smallerModels(spec: ModelSpec): Generator<ModelSpec> {
  const { config, lengths, seq_len = 6, batch = 3 } = spec
  for (const name of ['gradients', 'lengths', 'dtype', 'logits'] as const) {
    if (spec[name] !== undefined) yield omit(spec, name) as ModelSpec
  }
  if (config['rnn'] !== 'RNN') yield { ...spec, config: { ...config, rnn: 'RNN' } }
  // Fewer rows before longer ones: there may be hundreds.
  for (const fewer of below(batch))
    yield { ...spec, batch: fewer, ...(lengths && { lengths: lengths.slice(0, fewer) }) }
  for (const [row, length] of (lengths ?? []).entries()) {
    if (length < seq_len) yield { ...spec, lengths: lengths!.with(row, seq_len) }
  }
  for (const fewer of below(seq_len)) {
    const target = spec.module === 'ManyToMany' || spec.module === 'LanguageModel'
    yield {
      ...spec,
      seq_len: fewer,
      ...(lengths && { lengths: lengths.map((length) => Math.min(length, fewer)) }),
      ...(target && spec.target_len !== undefined && { target_len: fewer }),
    }
  }
  if (spec.module === 'EncoderDecoder' && spec.target_len) {
    for (const fewer of below(spec.target_len)) yield { ...spec, target_len: fewer }
  }
  for (const [name, value] of Object.entries(config)) {
    if (typeof value !== 'number' || name === 'bos' || name === 'eos') continue
    const least = name === 'target_embeddings' ? 2 : 1
    for (const fewer of below(value)) {
      if (fewer < least) continue
      // The steps of a OneToMany are those of its target.
      const target_len = name === 'seq_len' && spec.target_len !== undefined ? { target_len: fewer } : {}
      yield { ...spec, config: { ...config, [name]: fewer }, ...target_len }
    }
  }
}
