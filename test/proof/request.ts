import type { RecurrentRequest } from '../../src/format/case.ts'
import { type Arguments, argumentsOf } from '../arguments.ts'

/** torch's constructor arguments, and the sizes that a module's input tells. */
export interface Sizes extends Arguments {
  readonly kind: 'RNN' | 'LSTM' | 'GRU'
  readonly isCell: boolean
  readonly isBatched: boolean
  readonly seq_len: number
  readonly batch: number
  /** How many numbers h has. */
  readonly units: number
  readonly D: 1 | 2
}

export function sizesOf({ module, config, inputs }: RecurrentRequest): Sizes {
  const given = argumentsOf(config)
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
