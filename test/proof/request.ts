import type { RecurrentRequest } from '../../src/case.ts'

/** torch's constructor arguments, with what torch takes where a module has none, and the sizes that its input tells. */
export interface Sizes {
  readonly input_size: number
  readonly hidden_size: number
  readonly bias: boolean
  readonly nonlinearity: 'tanh' | 'relu'
  readonly num_layers: number
  readonly batch_first: boolean
  readonly dropout: number
  readonly bidirectional: boolean
  readonly proj_size: number
  readonly kind: 'RNN' | 'LSTM' | 'GRU'
  readonly isCell: boolean
  readonly isBatched: boolean
  readonly seq_len: number
  readonly batch: number
  /** How many numbers h has. */
  readonly units: number
  readonly D: 1 | 2
}

const defaults = {
  nonlinearity: 'tanh',
  num_layers: 1,
  batch_first: false,
  dropout: 0,
  bidirectional: false,
  proj_size: 0,
} as const

export function sizesOf({ module, config, inputs }: RecurrentRequest): Sizes {
  const given = { ...defaults, ...config }
  const isCell = module.endsWith('Cell')
  const { shape } = inputs.input
  const isBatched = shape.length === (isCell ? 2 : 3)
  const batchAxis = isCell || given.batch_first ? 0 : 1
  return {
    ...given,
    kind: module.startsWith('RNN') ? 'RNN' : module.startsWith('LSTM') ? 'LSTM' : 'GRU',
    isCell,
    isBatched,
    seq_len: isCell ? 1 : shape[isBatched ? 1 - batchAxis : 0]!,
    batch: isBatched ? shape[batchAxis]! : 1,
    units: given.proj_size > 0 ? given.proj_size : given.hidden_size,
    D: given.bidirectional ? 2 : 1,
  }
}
