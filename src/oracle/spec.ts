// What PyTorch can be asked to record.
import * as z from 'zod'
import type { ModelName } from '../format/model.ts'
import { modelSchemas } from '../format/model/config.ts'
import type { ModuleName } from '../format/module.ts'
import { configSchemas } from '../format/module/config.ts'
import { plainText } from '../format/plain.ts'

const size = z
  .int()
  .min(0)
  .max(2 ** 24)

const shared = {
  id: plainText.min(1).max(200),
  /** Of each row, for a PackedSequence, or of the source of a model. */
  lengths: z.array(z.int()).nullable().default(null),
  gradients: z.boolean().default(false),
  /** Parameters and inputs depend on it, the id and the tensor's name alone. */
  seed: z.int().min(0).default(0),
}

const RecurrentSpec = z.strictObject({
  ...shared,
  module: z.enum(Object.keys(configSchemas) as [ModuleName, ...ModuleName[]]),
  input_size: size,
  hidden_size: size,
  seq_len: size.default(1),
  /** null when unbatched. */
  batch: size.nullable().default(4),
  /** Constructor arguments of the module, beside the sizes. */
  options: z
    .strictObject({
      nonlinearity: z.string(),
      num_layers: z.int().max(1024),
      bias: z.boolean(),
      batch_first: z.boolean(),
      dropout: z.number(),
      bidirectional: z.boolean(),
      proj_size: z.int(),
    })
    .partial()
    .default({}),
  /** Whether h_0 is given, and c_0. */
  state: z.boolean().default(true),
  dtype: z.enum(['float16', 'bfloat16', 'float32', 'float64']).default('float32'),
  /** What kind of numbers: `fill` and `parameter` in python/torch_parity/cases.py know more than these. */
  profile: plainText.max(40).default('default'),
  /** Steps of an optimizer instead of one run: arguments by torch's names, torch's own values where they are not given. */
  training: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.number())]))
    .nullable()
    .default(null),
  /** Training mode, in which dropout acts between layers. */
  masked: z.boolean().default(false),
})

const ModelSpec = z.strictObject({
  ...shared,
  module: z.enum(Object.keys(modelSchemas) as [ModelName, ...ModelName[]]),
  /** The constructor arguments of the class in python/torch_parity/models. */
  config: z.record(z.string(), z.union([z.string(), z.number()])),
  /** Of the source, or of the input. */
  seq_len: size.default(6),
  batch: size.default(3),
  /** null without a target; whatever it is where the model has one output. */
  target_len: size.nullable().default(null),
  dtype: z.enum(['float32', 'float64']).default('float32'),
  /** How much larger than torch's default the weights of the last layer are. */
  logits: z.number().default(1),
})

export const RecordSpec = z.discriminatedUnion('module', [RecurrentSpec, ModelSpec])

/** A layer or cell to record. */
export type RecurrentSpec = z.input<typeof RecurrentSpec>

/** A model to record. */
export type ModelSpec = z.input<typeof ModelSpec>

/** A case to record; what PyTorch itself refuses may be asked all the same. */
export type RecordSpec = z.input<typeof RecordSpec>
