import type { GRUDepartures } from './gru.ts'
import type { LSTMDepartures } from './lstm.ts'
import type { RNNDepartures } from './rnn.ts'
import type { ScanDepartures } from './scan.ts'
import type { TapeDepartures } from './variable.ts'

/** Named tensors without their shapes, in float64. */
export type Numbers = Readonly<Record<string, Float64Array>>

/** What is less exact than in float64; everything that is absent is as exact as it is there. */
export interface Departures {
  readonly rnn?: RNNDepartures
  readonly lstm?: LSTMDepartures
  readonly gru?: GRUDepartures
  readonly scan?: ScanDepartures
  readonly training?: TrainingDepartures
  readonly model?: ModelDepartures
  readonly tape?: TapeDepartures
}

/** What is less exact in a training. */
export interface TrainingDepartures {
  /** What becomes of a loss, a sum of so many terms, and of each number of a parameter after a step. */
  readonly rounded?: (x: number, terms: number) => number
  readonly sqrt?: (x: number) => number
  readonly quotient?: (x: number, y: number) => number
}

/** What a model does not compute by itself. */
export interface ModelDepartures {
  /** (max_len, batch): the symbols that greedy decoding chooses, whatever the logits are. */
  readonly forced?: ArrayLike<number>
}
