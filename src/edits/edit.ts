// What an edit is: plain data, that says what a port does otherwise than PyTorch.
import type { Op } from '../program/operation.ts'
import type { Given } from './given.ts'

/** What an operation is in every layer and direction: where it stands in the equations. All that is given must be so. */
export interface Operand {
  readonly op?: Op
  /** Of a model: `encoder`, `decoder`, … */
  readonly part?: string
  readonly gate?: string
  /** The parameter, state, input or output that it is about. */
  readonly tensor?: string
  /** Several of one kind: the initial states, which are h_0 and c_0, the states between steps, the last states. */
  readonly kind?: string
  /** Which one, where several of one step are alike. */
  readonly k?: number
  /** Of an activation: its function. */
  readonly function?: string
  /** In the program of a loss and its gradients, or in that of a step of the optimizer. */
  readonly in?: 'update' | 'gradients' | 'cotangents'
}

/** In which layers and directions; everywhere without it. */
export interface Scope {
  readonly layers?: 'first' | 'later' | 'last' | 'before last' | number
  readonly direction?: 'forward' | 'reverse'
}

/** One way to be other than PyTorch: operator × operand × scope. */
export interface Edit {
  readonly operator: string
  readonly operand: Operand
  readonly scope?: Scope
  /** The gradients are those of a port without it: its way back does not know of what it does otherwise. */
  readonly gradient?: 'kept'
  /** In which requests it does so; in any without it. */
  readonly given?: Given
  /** What the operator is told: a number, a name, which operand, … */
  readonly value?: Value
  /** Of a captured model: in what makes which of its taps. */
  readonly at?: At
}

/** The taps that such an operation gives, at such a place of the model's source: all that a loop makes of one line. */
export interface At {
  readonly op: string
  readonly module: string
  readonly line: string
  /** Of these alone. */
  readonly taps?: readonly string[]
  /** From what it was made where it was found: in another step of a loop what stands in the same places is meant. */
  readonly from: readonly string[]
  /** Where each is made of these alone, and not of all taps that there are. */
  readonly among?: readonly string[]
}

export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value }

/** The same edit has the same key. */
export function keyOf({ operator, operand, scope = {}, value, gradient, given = {}, at }: Edit): string {
  const sorted = (own: object): string =>
    JSON.stringify(Object.entries(own).toSorted(([one], [other]) => (one < other ? -1 : 1)))
  return [
    operator,
    sorted(operand),
    sorted(scope),
    JSON.stringify(value),
    gradient,
    sorted(given),
    sorted(at ?? {}),
  ].join(' ')
}
