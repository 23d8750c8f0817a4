import type { GateFunctions, Nonlinearity } from './cell.ts'
import type { ScanInexactness } from './scan.ts'
import type { TapeInexactness } from './variable.ts'

/** Named tensors without their shapes, in float64. */
export type Numbers = Readonly<Record<string, Float64Array>>

/** What is less exact than in float64; everything that is absent is as exact as it is there. */
export interface Inexactness {
  /** Of an RNN. */
  readonly activation?: Nonlinearity
  /** Of an LSTM and a GRU. */
  readonly gates?: GateFunctions
  readonly scan?: ScanInexactness
  readonly training?: TrainingInexactness
  readonly tape?: TapeInexactness
  /** (max_len, batch): the symbols that greedy decoding chooses, whatever the logits are. */
  readonly forced?: ArrayLike<number>
}

export interface TrainingInexactness {
  /** What becomes of a loss, a sum of so many terms, and of each number of a parameter after a step. */
  readonly rounded?: (x: number, terms: number) => number
  readonly sqrt?: (x: number) => number
  readonly quotient?: (x: number, y: number) => number
}
