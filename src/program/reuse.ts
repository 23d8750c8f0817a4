// What one program computes as another has before it, so that it need not be computed again.
import { everyOperation, type Id, type Operation, type Program } from './operation.ts'
import type { LoopRun, Scope, Seen } from './scope.ts'
import type { Value } from './value.ts'

/** What a run has computed, so that others need not. */
export interface Known {
  readonly operations: readonly Operation[]
  readonly values: ReadonlyMap<Id, Value>
  readonly runs: ReadonlyMap<Id, LoopRun>
}

/** What is there of a run to be taken: its operations, and by loop what will be stacked of it. */
interface There {
  readonly operations: ReadonlySet<Operation>
  readonly stacked: ReadonlyMap<Id, ReadonlySet<Id>>
}

const thereOf = new WeakMap<Known, There>()

function stackedOf(operations: readonly Operation[]): ReadonlyMap<Id, ReadonlySet<Id>> {
  const all = new Map<Id, Set<Id>>()
  for (const { op, operands, attributes } of operations) {
    if (op !== 'stacked') continue
    const own = all.get(operands[0]!)
    if (own === undefined) all.set(operands[0]!, new Set([attributes.of]))
    else own.add(attributes.of)
  }
  return all
}

function thereIn(known: Known): There {
  let own = thereOf.get(known)
  if (own === undefined) {
    own = { operations: new Set(known.operations), stacked: stackedOf(known.operations) }
    thereOf.set(known, own)
  }
  return own
}

/**
 * Takes what operations give from another run, where it is there and of the same.
 * program: what is run. scope: where it is put. told: of each. → whether there was something to take
 */
export function taking(known: Known, program: Program, scope: Scope, told?: Seen): (operation: Operation) => boolean {
  const there = thereIn(known)
  const taken = new Set<Id>()
  let wanted: ReadonlyMap<Id, ReadonlySet<Id>> | undefined
  return (operation) => {
    const { id, op } = operation
    if (!there.operations.has(operation)) return false
    for (const read of readsOf(operation)) if (!taken.has(read)) return false
    if (op === 'loop') {
      // What will be stacked is kept of a loop.
      wanted ??= stackedOf(program.operations)
      const kept = there.stacked.get(id)
      for (const of of wanted.get(id) ?? []) if (kept?.has(of) !== true) return false
      scope.runs.set(id, known.runs.get(id)!)
    }
    taken.add(id)
    const value = known.values.get(id)!
    scope.values.set(id, value)
    told?.(id, value)
    return true
  }
}

const reads = new WeakMap<Operation, readonly Id[]>()

/** What an operation reads that stands before it, a loop in its body as well. */
function readsOf(operation: Operation): readonly Id[] {
  const before = reads.get(operation)
  if (before !== undefined) return before
  const { op, operands, attributes } = operation
  const own = [...operands]
  if (op === 'loop') {
    const body = [...everyOperation(attributes.body)]
    const inside = new Set(body.map(({ id }) => id))
    const read = [...body.flatMap((each) => each.operands), ...Object.values(attributes.next)]
    own.push(...read.filter((id) => !inside.has(id)))
  }
  reads.set(operation, own)
  return own
}
