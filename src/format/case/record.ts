// What a case is in a file, as zod checks it: loaded where a plain check has a doubt, because zod takes longer to load than small files to judge.
import * as z from 'zod'
import { SharedConfig } from '../exported/config.ts'
import type { ModelName } from '../model.ts'
import { modelSchemas } from '../model/config.ts'
import type { ModuleName } from '../module.ts'
import { configSchemas } from '../module/config.ts'
import { plainText } from '../plain.ts'
import { type DType, itemSize } from '../tensor.ts'

const step = { lr: z.number().min(0), weight_decay: z.number().min(0), steps: z.int().min(1).max(10_000) }

const Training = z.discriminatedUnion('optimizer', [
  z
    .strictObject({
      optimizer: z.literal('SGD'),
      ...step,
      momentum: z.number().min(0),
      dampening: z.number(),
      nesterov: z.boolean(),
    })
    .superRefine(({ momentum, dampening, nesterov }, context) => {
      if (!nesterov || (momentum > 0 && dampening === 0)) return
      const message = 'expected momentum above 0 and a dampening of 0 with it, as torch does'
      context.addIssue({ code: 'custom', path: ['nesterov'], message, input: nesterov })
    }),
  z.strictObject({
    optimizer: z.literal('Adam'),
    ...step,
    betas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]),
    eps: z.number().min(0),
  }),
])

/**
 * `steps` times: the mean squared error of `output` (or `h_1`) against `target`, its gradients, and a step of the optimizer,
 * with arguments by torch's names. Source: torch.optim.SGD and Adam, torch.nn.MSELoss.
 */
export type Training = z.infer<typeof Training>

const TensorRecord = z.strictObject({
  dtype: z.enum(Object.keys(itemSize) as [DType, ...DType[]]),
  // A tensor without elements needs no bytes, so its other sizes need a limit: engines count through them.
  shape: z
    .array(
      z
        .int()
        .min(0)
        .max(2 ** 24),
    )
    .max(8),
  data: z.instanceof(Uint8Array).optional(),
  /** Instead of data, in a file of version 2. */
  generated: z
    .strictObject({
      stream: plainText.min(1).max(1000),
      kind: z.enum(['uniform', 'normal']),
      bound: z.number(),
      scale: z.number(),
    })
    .optional(),
})
export type TensorRecord = z.infer<typeof TensorRecord>
export const TensorRecords = z.record(z.string(), TensorRecord)

/** Of weights: in the place of data may stand where it is, beside the fixture. */
const StoredRecord = TensorRecord.extend({
  stored: z
    .strictObject({
      file: plainText.min(1).max(1000),
      name: plainText.min(1).max(1000),
      sha256: z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === 32, 'expected 32 bytes'),
    })
    .optional(),
})
export type StoredRecord = z.infer<typeof StoredRecord>
export const StoredRecords = z.record(z.string(), StoredRecord)

type Module = ModuleName | ModelName

export const CaseRecord = z.strictObject({
  id: plainText.min(1).max(200),
  module: z.enum([...Object.keys(configSchemas), ...Object.keys(modelSchemas)] as [Module, ...Module[]]),
  config: z.unknown(),
  dtype: z.enum(['float16', 'bfloat16', 'float32', 'float64']),
  source: plainText.min(1).max(1000).optional(),
  params: TensorRecords,
  inputs: TensorRecords,
  expected: TensorRecords,
  budget: TensorRecords.optional(),
  states: TensorRecords.optional(),
  cotangents: TensorRecords.optional(),
  training: Training.optional(),
})

/** A tap of which samples are kept, and sums of all its numbers: format/exported/samples.ts. */
const SampledRecord = z.strictObject({
  stream: plainText.min(1).max(1000),
  values: TensorRecord,
  budget: TensorRecord,
  alone: TensorRecord.optional(),
  block: z
    .int()
    .min(1)
    .max(2 ** 27),
  sums: TensorRecord,
  sums_budget: TensorRecord,
  kinds: z.int().min(0),
})
export type SampledRecord = z.infer<typeof SampledRecord>

/** A case of a captured model: its program and its weights stand before it. */
export const ExportedRecord = z.strictObject({
  id: plainText.min(1).max(200),
  module: z.literal('ExportedProgram'),
  config: SharedConfig,
  dtype: z.enum(['float32', 'float64']),
  inputs: TensorRecords,
  expected: TensorRecords,
  budget: TensorRecords,
  alone: TensorRecords.optional(),
  cotangents: TensorRecords.optional(),
  samples: z.record(z.string(), SampledRecord).optional(),
})

/** A case as its file holds it, whatever its shapes. */
export type CaseRecord = z.infer<typeof CaseRecord>
