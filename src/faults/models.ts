import type { ModelRequest, Outputs } from '../format/case.ts'
import type { ModelDepartures } from '../variants/departures.ts'
import type { ModelConfig } from '../format/model.ts'
import { isAttention } from '../format/model/attention.ts'
import { asking, departing, type Fault, map } from './fault.ts'

const departure = (model: ModelDepartures): Fault<ModelRequest>['plant'] => departing({ model })

/** Whether a request is for an encoder and a decoder of which something holds. */
function isEncoderDecoder(holds: (config: ModelConfig<'EncoderDecoder'>, request: ModelRequest) => boolean) {
  return (request: ModelRequest): boolean => request.module === 'EncoderDecoder' && holds(request.config, request)
}

export const hasProbabilities = ({ config }: ModelRequest): boolean =>
  !('decoding' in config) || config.decoding === 'teacher_forcing'

const isTaught = ({ config, inputs }: ModelRequest): boolean =>
  'decoding' in config && config.decoding === 'teacher_forcing' && inputs.target !== undefined

/** The layers of one name with the numbers of another, where their shapes are the same. */
function exchanged(params: Outputs): Outputs {
  const other = (name: string): string =>
    name.startsWith('encoder.') ? name.replace('encoder.', 'decoder.') : name.replace('decoder.', 'encoder.')
  return Object.fromEntries(
    Object.entries(params).map(([name, parameter]) => {
      const taken = params[other(name)]
      return [name, taken !== undefined && taken.shape.join() === parameter.shape.join() ? taken : parameter]
    }),
  )
}

/** Faults in how layers become models. */
export const modelFaults: readonly Fault<ModelRequest>[] = [
  {
    name: 'context from the first state',
    sentence: 'takes the first state of the encoder, or of the sequence, for the last one',
    appliesTo: (request) =>
      (request.module === 'ManyToOne' && request.config.pooling === 'last') ||
      isEncoderDecoder(({ context }) => context !== 'transformed_all')(request),
    plant: departure({ firstState: true }),
  },
  {
    name: 'context not transformed',
    sentence: 'takes h_N itself for the context, without q',
    appliesTo: isEncoderDecoder(({ context }) => context === 'transformed_last'),
    plant: departure({ untransformed: true }),
  },
  {
    name: 'states averaged instead of transformed',
    sentence: 'takes the mean of the encoder’s states for the context, without q',
    appliesTo: isEncoderDecoder(({ context }) => context === 'transformed_all'),
    plant: departure({ untransformed: true }),
  },
  {
    name: 'context fed at the first step only',
    sentence: 'feeds the context, or the one input, at the first step and zeros after it',
    appliesTo: (request) =>
      (request.module === 'OneToMany' && request.config.feeding === 'every') ||
      isEncoderDecoder(({ injection }) => injection === 'every_step')(request),
    plant: departure({ contextOnce: true }),
  },
  {
    name: 'decoder state not initialised',
    sentence: 'starts the decoder from zeros',
    appliesTo: isEncoderDecoder(({ context, injection }) => injection === 'initial_state' || isAttention(context)),
    plant: departure({ decoderFromZeros: true }),
  },
  {
    name: 'softmax over the wrong axis',
    sentence: 'normalises over the first axis instead of the classes',
    appliesTo: hasProbabilities,
    plant: departure({ wrongAxis: 'both' }),
  },
  {
    name: 'log of softmax without the stable form',
    sentence: 'takes log(exp x / Σ exp x), which overflows for large logits',
    appliesTo: hasProbabilities,
    plant: (right) => (request, departures) => {
      const naiveLogarithm = request.dtype === 'float64' ? 'float64' : 'float32'
      return departure({ naiveLogarithm, lossOfLogarithms: true })(right)(request, departures)
    },
  },
  {
    name: 'target shifted by one',
    sentence: 'reads the symbol that is to be predicted next',
    appliesTo: isTaught,
    plant: departure({ targetShifted: true }),
  },
  {
    name: 'end symbol not honoured',
    sentence: 'goes on decoding after the end symbol',
    appliesTo: isEncoderDecoder(({ decoding }) => decoding === 'greedy'),
    plant: departure({ endIgnored: true }),
  },
  {
    name: 'encoder and decoder weights exchanged',
    sentence: 'uses the encoder’s weights in the decoder and the other way round',
    appliesTo: isEncoderDecoder(() => true),
    plant: asking((request) => ({ ...request, params: exchanged(request.params) })),
  },
  {
    name: 'embedding row off by one',
    sentence: 'takes the row of the symbol after, as a table that begins at 1 has it',
    appliesTo: ({ inputs }) => inputs.source !== undefined,
    plant: asking((request) => {
      const params = Object.entries(request.params).map(([name, parameter]) => {
        const [rows = 1, columns = 1] = parameter.shape
        const next = (offset: number): number => parameter.data[(offset + columns) % (rows * columns)]!
        return [name, name.includes('embedding') ? map(parameter, (_, offset) => next(offset)) : parameter]
      })
      return { ...request, params: Object.fromEntries(params) }
    }),
  },
  {
    name: 'attention weights not normalised',
    sentence: 'takes the scores of the attention as weights, without softmax',
    appliesTo: isEncoderDecoder(({ context }) => isAttention(context)),
    plant: departure({ attentionNotNormalised: true }),
  },
  {
    name: 'padding attended to',
    sentence: 'attends to the padding past a row’s length',
    appliesTo: isEncoderDecoder(({ context }, { inputs }) => isAttention(context) && inputs.lengths !== undefined),
    plant: departure({ paddingAttended: true }),
  },
]
