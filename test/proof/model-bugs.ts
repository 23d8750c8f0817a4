import type { BuiltRequest } from '../../src/format/case.ts'

export interface ModelPlanting {
  readonly applies: (request: BuiltRequest) => boolean
  readonly place: string
}

type EncoderDecoder = Extract<BuiltRequest, { module: 'EncoderDecoder' }>

const attends = ({ config }: EncoderDecoder): boolean => config.context === 'additive' || config.context === 'dot'

function encoderDecoder(place: string, applies: (request: EncoderDecoder) => boolean): ModelPlanting {
  return { place, applies: (request) => request.module === 'EncoderDecoder' && applies(request) }
}

const isTaught = ({ config }: BuiltRequest): boolean => 'decoding' in config && config.decoding === 'teacher_forcing'
const isClassified = (request: BuiltRequest): boolean => !('decoding' in request.config) || isTaught(request)

/** Bugs in how layers become models, by the catalogue's names. */
export const modelBugs = {
  'context from the first state': {
    place: 'last',
    applies: (request: BuiltRequest) =>
      request.module === 'EncoderDecoder'
        ? request.config.context !== 'transformed_all'
        : request.module === 'ManyToOne' && request.config.pooling === 'last',
  },
  'context not transformed': encoderDecoder('transform', ({ config }) => config.context === 'transformed_last'),
  'states averaged instead of transformed': encoderDecoder(
    'transform',
    ({ config }) => config.context === 'transformed_all',
  ),
  'context fed at the first step only': {
    place: 'injection',
    applies: (request: BuiltRequest) =>
      request.module === 'EncoderDecoder'
        ? request.config.injection === 'every_step'
        : request.module === 'OneToMany' && request.config.feeding === 'every',
  },
  'decoder state not initialised': encoderDecoder(
    'state',
    (request) => request.config.injection === 'initial_state' || attends(request),
  ),
  'softmax over the wrong axis': { place: 'softmax', applies: isClassified },
  'log of softmax without the stable form': { place: 'softmax', applies: isClassified },
  'target shifted by one': {
    place: 'target',
    applies: (request: BuiltRequest) => isTaught(request) && request.inputs.target !== undefined,
  },
  'end symbol not honoured': encoderDecoder('end', ({ config }) => config.decoding === 'greedy'),
  'encoder and decoder weights exchanged': encoderDecoder('parameters', () => true),
  'embedding row off by one': {
    place: 'embedding',
    applies: ({ inputs }: BuiltRequest) => inputs.source !== undefined,
  },
  'attention weights not normalised': encoderDecoder('attention', attends),
  'padding attended to': encoderDecoder(
    'attention',
    (request) => attends(request) && request.inputs.lengths !== undefined,
  ),
} satisfies Readonly<Record<string, ModelPlanting>>
