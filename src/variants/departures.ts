import type { GRUDepartures } from './gru.ts'
import type { Wiring } from './layers.ts'
import type { LSTMDepartures } from './lstm.ts'
import type { RNNDepartures } from './rnn.ts'
import type { ScanDepartures } from './scan.ts'
import type { TapeDepartures } from './tape.ts'

/** Named tensors without their shapes, in float64. */
export type Numbers = Readonly<Record<string, Float64Array>>

/** Where a faulted engine, or one of less exact hardware, departs from torch; everything that is absent is as in torch. */
export interface Departures {
  readonly rnn?: RNNDepartures
  readonly lstm?: LSTMDepartures
  readonly gru?: GRUDepartures
  readonly wiring?: Partial<Wiring>
  readonly scan?: ScanDepartures
  readonly training?: TrainingDepartures
  readonly model?: ModelDepartures
  readonly tape?: TapeDepartures
}

/** What a faulty port does otherwise when it trains. */
export interface TrainingDepartures {
  /** Adds the gradients of a step to those of the steps before it. */
  readonly gradientsKept?: boolean
  /** Leaves out Adam's division by 1 − βᵗ. */
  readonly biasUncorrected?: boolean
  /** What becomes of a loss, a sum of so many terms, and of each number of a parameter after a step. */
  readonly rounded?: (x: number, terms: number) => number
  readonly sqrt?: (x: number) => number
  readonly quotient?: (x: number, y: number) => number
}

/** What a faulty port of a model does otherwise. */
export interface ModelDepartures {
  /** Takes the encoder's first state for its last. */
  readonly firstState?: boolean
  /** Leaves q out: h_N, or the mean of h_1 … h_N, for what q makes of them. */
  readonly untransformed?: boolean
  /** Feeds the context at the first step only. */
  readonly contextOnce?: boolean
  /** Starts the decoder from zeros. */
  readonly decoderFromZeros?: boolean
  /** Normalises over the first axis; the logarithms too, or only what is put out as probabilities. */
  readonly wrongAxis?: 'both' | 'probabilities'
  /** Takes the logarithm of the softmax, without shifting by the largest logit, in this precision. */
  readonly naiveLogarithm?: 'float32' | 'float64'
  /** Takes the loss from what stands in log_probabilities; torch takes it from the logits. */
  readonly lossOfLogarithms?: boolean
  /** Reads the symbol that is to be predicted. */
  readonly targetShifted?: boolean
  readonly endIgnored?: boolean
  readonly attentionNotNormalised?: boolean
  readonly paddingAttended?: boolean
  /** (max_len, batch): the symbols that greedy decoding chooses, whatever the logits are. */
  readonly forced?: ArrayLike<number>
}
