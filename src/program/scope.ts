// What is known while a program runs: the values so far, and what is left of its loops.
import type { Id, Operation } from './operation.ts'
import type { Value } from './value.ts'

/** The values of a list of operations; a body sees those before its loop. */
export interface Scope {
  readonly values: Map<Id, Value>
  readonly runs: Map<Id, LoopRun>
  readonly outer: Scope | undefined
}

/** What is left of a loop when it has ended. */
export interface LoopRun {
  readonly states: ReadonlyMap<Id, Value>
  /** What has been stacked already. */
  readonly stacked: ReadonlyMap<Id, Value>
  /** What was to be stacked, at the steps that were there; rows: undefined for all. */
  readonly seen: readonly { readonly t: number; readonly rows: readonly number[] | undefined; readonly scope: Scope }[]
  readonly steps: number
  /** How many rows there are, those that have ended included; undefined without lengths. */
  readonly batch: number | undefined
}

/** What will be stacked, without what only one step needs. */
export function kept(scope: Scope, wanted: readonly Operation<'stacked'>[]): Scope {
  const values = new Map(wanted.map(({ attributes: { of } }) => [of, find(scope, of)]))
  return { values, runs: new Map(), outer: undefined }
}

export function find(scope: Scope, id: Id): Value {
  for (let own: Scope | undefined = scope; own !== undefined; own = own.outer) {
    const value = own.values.get(id)
    if (value !== undefined) return value
  }
  throw new RangeError(`expected an operation ${id} before those that read it, got none`)
}

export function runOf(scope: Scope, id: Id): LoopRun {
  for (let own: Scope | undefined = scope; own !== undefined; own = own.outer) {
    const run = own.runs.get(id)
    if (run !== undefined) return run
  }
  throw new RangeError(`expected a loop ${id}, got none`)
}

/** Told what an operation has given; step: of the loop around it. */
export type Seen = (
  id: Id,
  value: Value,
  step?: { readonly loop: Id; readonly t: number; readonly rows: readonly number[] | undefined },
) => void
