import type { Case, BuiltRequest, Outputs } from '../src/format/case.ts'
import { run } from '../src/engine/run.ts'
import { type ModelConfig, type ModelName, modelSignature } from '../src/format/model.ts'
import { elementCount, type FloatDType, type FloatTensor, floatTensor, type Tensor } from '../src/format/tensor.ts'
import { random } from './random.ts'
import { budgetTensor, int64Tensor } from './sample.ts'

const form = { rnn: 'GRU', input_size: 2, hidden_size: 3, num_layers: 1, num_classes: 4 } as const
const symbols = { embedding_dim: 2, hidden_size: 3, decoding: 'teacher_forcing', max_len: 6 } as const

/** A small configuration of each model. */
export const configs: { readonly [M in ModelName]: ModelConfig<M> } = {
  ManyToMany: form,
  ManyToOne: { ...form, pooling: 'mean' },
  OneToMany: { ...form, feeding: 'every', seq_len: 4 },
  LanguageModel: { rnn: 'GRU', num_embeddings: 5, num_layers: 1, ...symbols },
  EncoderDecoder: {
    ...symbols,
    rnn: 'GRU',
    source_embeddings: 6,
    target_embeddings: 5,
    context: 'transformed_last',
    injection: 'every_step',
    bos: 0,
    eos: 1,
  },
}

export const modelNames = Object.keys(configs) as ModelName[]

interface ModelOptions<M extends ModelName> {
  readonly config: Partial<ModelConfig<M>>
  readonly dtype: FloatDType
  readonly seq_len: number
  readonly batch: number
  readonly lengths: readonly number[] | undefined
  /** Of an encoder and decoder. */
  readonly target_len: number
  /** Whether there is a target, where the model may have one. */
  readonly target: boolean
  /** The gradient by the loss, when gradients are asked for. */
  readonly cotangent: number | undefined
  /** How much larger than torch's the weights of the last layer are. */
  readonly sharpness: number
  readonly seed: number
}

/** A model of `configs` with random parameters, over 4 steps of 3 rows, but for what `options` says. */
export function modelRequest<M extends ModelName>(module: M, options: Partial<ModelOptions<M>> = {}): BuiltRequest {
  const {
    dtype = 'float64',
    seq_len = 4,
    batch = 3,
    lengths,
    target_len = 3,
    cotangent,
    sharpness = 1,
    seed = 1,
  } = options
  const config: ModelConfig = { ...configs[module], ...options.config }
  const { params: shapes, floats, symbols } = modelSignature(module, config, { seq_len, batch, target_len })
  const numbers = random(seed)
  const draw = (shape: readonly number[], scale: number): FloatTensor =>
    floatTensor(
      dtype,
      shape,
      Array.from({ length: elementCount(shape) }, () => numbers.around(scale)),
    )
  const params: Record<string, FloatTensor> = {}
  for (const [name, shape] of Object.entries(shapes)) {
    params[name] = draw(shape, name.includes('weight') ? (name.startsWith('linear') ? sharpness : 1.5) : 0.3)
  }
  const inputs: Record<string, Tensor> = {}
  for (const [name, shape] of Object.entries(floats)) inputs[name] = draw(shape, 1)
  for (const [name, { shape, count }] of Object.entries(symbols)) {
    if (name === 'target' && options.target === false) continue
    const drawn = Array.from({ length: elementCount(shape) }, () => numbers.int(0, count - 1))
    inputs[name] = { ...int64Tensor(drawn), shape }
  }
  if (lengths !== undefined) inputs['lengths'] = int64Tensor(lengths)
  const cotangents = cotangent === undefined ? {} : { cotangents: { loss: floatTensor(dtype, [], [cotangent]) } }
  // The options have the arguments of the module; TypeScript cannot follow that.
  return { module, config, dtype, params, inputs, ...cotangents } as BuiltRequest
}

/** A request as a case: what our engine answers, and an error of 1e-6 for every tensor but the symbols. */
export function modelCase(request: BuiltRequest, expected: Outputs = run(request)): Case {
  const budget = Object.entries(expected).map(([name, { shape }]) => {
    const ones = shape.map(() => 1)
    return [name, budgetTensor(ones, [name === 'symbols' ? 0 : 1e-6])]
  })
  return { id: 'model', ...request, expected, budget: Object.fromEntries(budget) }
}
