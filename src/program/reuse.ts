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

/**
 * Takes what operations give from another run, where it is there and of the same.
 * program: what is run. scope: where it is put. told: of each. → whether there was something to take
 */
export function taking(
  { operations, values, runs }: Known,
  program: Program,
  scope: Scope,
  told?: Seen,
): (operation: Operation) => boolean {
  const there = new Set(operations)
  const taken = new Set<Id>()
  const stackedOf = (all: readonly Operation[], loop: Id): string[] =>
    all.flatMap((own) => (own.op === 'stacked' && own.operands[0] === loop ? [own.attributes.of] : []))
  return (operation) => {
    const { id, op } = operation
    if (!there.has(operation) || !readsOf(operation).every((read) => taken.has(read))) return false
    if (op === 'loop') {
      // What will be stacked is kept of a loop.
      const kept = stackedOf(operations, id)
      if (!stackedOf(program.operations, id).every((of) => kept.includes(of))) return false
      scope.runs.set(id, runs.get(id)!)
    }
    taken.add(id)
    scope.values.set(id, values.get(id)!)
    told?.(id, values.get(id)!)
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
