// What a program is: plain data, that can be printed, compared and edited.
import type { FloatDType } from '../format/tensor.ts'

/** The name of an operation, by which others read what it gives. */
export type Id = string

/** What an operation is a part of: an edit finds it by this. */
export interface Site {
  /** `rnn`, `encoder`, `decoder`, … of a model; absent in a module of torch.nn. */
  readonly part?: string
  readonly layer?: number
  readonly direction?: 'forward' | 'reverse'
  /** By torch's letter. */
  readonly gate?: string
  /** `weight_hh`, `h_0`, `output`, …; of a term the parameter that is multiplied or added. */
  readonly tensor?: string
}

export type Activation = 'identity' | 'tanh' | 'sigmoid' | 'relu' | 'sqrt' | 'neg'

/** A function of a number, and its derivative from its argument and its value. */
export interface Function1 {
  readonly name: string
  readonly of: (x: number) => number
  readonly slope: (x: number, y: number) => number
  /** Whether a gradient ends where the slope is 0, even an infinite one; else 0 times it is NaN. */
  readonly selects?: boolean
}

/** By torch's names. */
export type CallOptions = Readonly<
  Record<string, number | boolean | string | readonly number[] | readonly (readonly number[])[]>
>

interface None {}
interface Dim {
  /** Counts from the end below 0. */
  readonly dim: number
}

/** Every operation and what it is told beside its operands. Where torch has the operation, name and arguments are torch's. */
export interface Attributes {
  parameter: { readonly name: string }
  input: { readonly name: string; readonly requires_grad: boolean }
  /** A number everywhere. */
  full: { readonly shape: readonly number[]; readonly value: number }
  full_like: { readonly value: number }
  /** Numbers of its own. */
  constant: { readonly shape: readonly number[]; readonly data: readonly number[] }
  arange: { readonly end: number }
  /** x · weightᵀ over the last axis: torch.nn.functional.linear without a bias. sums: of how many digits they are; float64 without it. */
  linear: { readonly sums?: FloatDType }
  add: None
  sub: None
  mul: None
  div: None
  pow: None
  maximum: None
  /** 1 where it is so, else 0. */
  lt: None
  eq: None
  /** condition, x, y: x where the condition is not 0, else y; no gradient goes where nothing was taken. */
  where: None
  /** derivative: taken in the place of the function's own. */
  activation: { readonly function: Activation | Function1; readonly derivative?: Function1['slope'] }
  clamp: { readonly min: number; readonly max: number }
  /** To what this dtype holds; the gradient goes through as it is. */
  round: { readonly dtype: FloatDType | 'tf32' | 'int8'; readonly toward?: 'zero' }
  detach: None
  /** value, x: the value, and the gradient goes to x alone. */
  straight_through: None
  reshape: { readonly shape: readonly number[] }
  transpose: { readonly dim0: number; readonly dim1: number }
  flip: Dim
  select: Dim & { readonly index: number }
  /** What stands at each place along a dim, by its index before; zeros for −1. Source: torch.index_select. */
  index_select: Dim & { readonly index: readonly number[] }
  narrow: Dim & { readonly start: number; readonly length: number }
  /** One of so many equal parts. */
  chunk: Dim & { readonly chunks: number; readonly index: number }
  cat: Dim
  stack: Dim
  /** Of all elements without a dim. */
  sum: Partial<Dim>
  softmax: Dim
  log_softmax: Dim
  argmax: Dim
  /** weight, symbols: a row of weight for each symbol. No gradient goes to the row of padding_idx; scaled, a row has the mean of its own. */
  embedding: { readonly padding_idx?: number; readonly scale_grad_by_freq?: boolean }
  /** An operation of torch that only captured models have, by the name of its function in program/calls. */
  call: { readonly name: string; readonly options: CallOptions }
  /** log_probabilities, target: −log_probabilities[…, target], not reduced. */
  nll_loss: None
  /** Lengths or nothing: the body once for each step. */
  loop: Loop
  /** In a body: a sequence at the step that it is at. */
  step: None
  /** In a body: what the step before has made of a state, its operand at the first step. */
  state: None
  /** Of a loop: what an operation of its body gave at every step, in the order of time, and 0 where a row has ended. */
  stacked: { readonly of: Id }
  /** Of a loop: a state after its last step. */
  last: { readonly state: Id }
}

/**
 * A body reads what stands before the loop, too. With lengths it is computed for those rows alone that have a step at this time, so
 * that padding takes no part whatever stands there: the first axis of its steps and states is then that of these rows, and the
 * others keep their states. In reverse, time runs from the last step to the first, so that each row begins at its own last one.
 */
export interface Loop {
  readonly steps: number
  readonly reverse: boolean
  readonly body: readonly Operation[]
  /** By state, the operation that gives it after the step. */
  readonly next: Readonly<Record<Id, Id>>
}

export type Op = keyof Attributes

export type Operation<O extends Op = Op> = {
  [K in O]: {
    readonly id: Id
    readonly op: K
    readonly operands: readonly Id[]
    readonly attributes: Attributes[K]
    readonly site: Site
  }
}[O]

/** Operations in order of computation, and which of them give what is asked for, by torch's names. */
export interface Program {
  readonly operations: readonly Operation[]
  readonly outputs: Readonly<Record<string, Id>>
  /** In a training: what a step of the optimizer makes of each parameter; the program itself then gives `loss`. */
  readonly update?: Program
  /** How the steps of a training follow each other; torch's way without it. */
  readonly training?: {
    /** The gradients of earlier steps are added. */
    readonly accumulated?: boolean
    /** The loss is that after the step. */
    readonly lossAfter?: boolean
    /** All gradients together are scaled down to this norm. */
    readonly max_norm?: number
  }
  /** What becomes of the cotangents before the way back, and of the gradients after it: each as it is. */
  readonly cotangents?: Program
  readonly gradients?: Program
}

/** Every operation, those of bodies after their loop. */
export function* everyOperation(operations: readonly Operation[]): Generator<Operation> {
  for (const operation of operations) {
    yield operation
    if (operation.op === 'loop') yield* everyOperation(operation.attributes.body)
  }
}
