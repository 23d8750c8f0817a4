import * as z from 'zod'
import { isAttention } from './attention.ts'

const size = z
  .int()
  .min(1)
  .max(2 ** 16)
const rnn = z.enum(['RNN', 'LSTM', 'GRU'])
const decoding = z.enum(['teacher_forcing', 'greedy'])
const symbol = z.int().min(0)

const form = { rnn, input_size: size, hidden_size: size, num_layers: size, num_classes: size }

/** The constructor arguments of the models of python/torch_parity/models, by their class names. */
export const modelSchemas = {
  ManyToMany: z.strictObject(form),
  ManyToOne: z.strictObject({ ...form, pooling: z.enum(['last', 'mean']) }),
  OneToMany: z.strictObject({ ...form, feeding: z.enum(['first', 'every']), seq_len: size }),
  LanguageModel: z.strictObject({
    rnn,
    num_embeddings: size,
    embedding_dim: size,
    hidden_size: size,
    num_layers: size,
    decoding,
    max_len: size,
  }),
  EncoderDecoder: z
    .strictObject({
      rnn,
      source_embeddings: size,
      target_embeddings: size,
      embedding_dim: size,
      hidden_size: size,
      context: z.enum(['last', 'transformed_last', 'transformed_all', 'additive', 'dot']),
      injection: z.enum(['initial_state', 'every_step']),
      decoding,
      max_len: size,
      bos: symbol,
      eos: symbol,
    })
    .superRefine(({ context, injection, bos, eos, target_embeddings }, refinement) => {
      const issue = (path: string, message: string, input: unknown): void =>
        refinement.addIssue({ code: 'custom', path: [path], message, input })
      if (isAttention(context) && injection === 'initial_state') {
        issue('injection', 'expected every_step, as attention has another context at every step', injection)
      }
      for (const [name, value] of Object.entries({ bos, eos })) {
        if (value >= target_embeddings) {
          issue(name, `expected less than target_embeddings, which is ${target_embeddings}`, value)
        }
      }
    }),
} as const
