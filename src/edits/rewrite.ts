// How an edit is made on a program: operations are replaced in their place, under the ids by which others read them.
import type { Attributes, Id, Op, Operation, Program } from '../program/operation.ts'
import { everyOperation } from '../program/operation.ts'
import { type Context, type Node, nodesAt } from './context.ts'
import type { Edit } from './edit.ts'

/** Writes operations that are put in the place of one. */
export type Write = <O extends Op>(op: O, operands: readonly Id[], attributes: Attributes[O]) => Id

const parts = ['update', 'gradients', 'cotangents'] as const

/**
 * What operations give, turned into something else: whoever reads them reads what `make` gives.
 * x: what they gave. → undefined where there is nothing to edit
 */
export function editValues(
  edit: Edit,
  context: Context,
  program: Program,
  make: (write: Write, x: Id, node: Node) => Id | undefined,
): Program | undefined {
  return editAt(edit, context, program, (operation, node, taken) => {
    const { id, site } = operation
    let inner = `${id}'`
    while (taken.has(inner)) inner += "'"
    taken.add(inner)
    const more: Operation[] = []
    const write: Write = (op, operands, attributes) => {
      const own = `${inner}.${more.length}`
      more.push({ id: own, op, operands, attributes, site } as Operation)
      return own
    }
    const made = make(write, inner, node)
    if (made === undefined) return undefined
    if (made === inner) return [operation]
    const last = more.at(-1)
    // What is made last bears the name; something that was there before is taken as it is.
    if (last?.id === made) more[more.length - 1] = { ...last, id }
    else more.push({ id, op: 'activation', operands: [made], attributes: { function: 'identity' }, site })
    return [{ ...operation, id: inner }, ...more]
  })
}

/** Operations themselves: with other operands, other attributes, or another operation. → undefined where there is nothing to edit */
export function editOperations(
  edit: Edit,
  context: Context,
  program: Program,
  make: (operation: Operation, node: Node) => Operation | undefined,
): Program | undefined {
  return editAt(edit, context, program, (operation, node) => {
    const made = make(operation, node)
    return made && [made]
  })
}

type Replace = (operation: Operation, node: Node, taken: Taken) => readonly Operation[] | undefined

const known = new WeakMap<readonly Operation[], ReadonlySet<Id>>()

/** The ids of operations and of those in their loops. */
function idsOf(operations: readonly Operation[]): ReadonlySet<Id> {
  const ids = known.get(operations) ?? new Set(Array.from(everyOperation(operations), ({ id }) => id))
  known.set(operations, ids)
  return ids
}

/** Ids that are taken: those of a program, and those that are taken beside them. */
class Taken {
  readonly #own = new Set<Id>()
  readonly #before: ReadonlySet<Id>

  constructor(before: ReadonlySet<Id>) {
    this.#before = before
  }

  has(id: Id): boolean {
    return this.#before.has(id) || this.#own.has(id)
  }

  add(id: Id): void {
    this.#own.add(id)
  }
}

function editAt(edit: Edit, context: Context, program: Program, replace: Replace): Program | undefined {
  const nodes = nodesAt(context, edit.operand, edit.scope)
  let isEdited = false
  const own = (part: Program, name?: (typeof parts)[number]): Program => {
    const wanted = new Map(nodes.filter(({ operand }) => operand.in === name).map((node) => [node.operation.id, node]))
    if (wanted.size === 0) return part
    const taken = new Taken(idsOf(part.operations))
    const renamed = new Map<Id, Id>()
    const all = (operations: readonly Operation[]): readonly Operation[] => {
      const ids = idsOf(operations)
      let isWanted = false
      for (const id of wanted.keys()) isWanted ||= ids.has(id)
      if (!isWanted) return operations
      let isChanged = false
      const made = operations.flatMap((operation): Operation | readonly Operation[] => {
        const node = wanted.get(operation.id)
        const made = node && replace(operation, node, taken)
        const replaced = made && (edit.gradient === undefined ? made : withGradient(operation, made))
        if (replaced !== undefined && !(replaced.length === 1 && replaced[0] === operation)) {
          isChanged = true
          if (operation.op === 'state' && replaced[0]!.id !== operation.id) renamed.set(operation.id, replaced[0]!.id)
          return replaced
        }
        if (operation.op !== 'loop') return operation
        const body = all(operation.attributes.body)
        if (body === operation.attributes.body) return operation
        isChanged = true
        return { ...operation, attributes: { ...operation.attributes, body } }
      })
      isEdited ||= isChanged
      return isChanged ? made : operations
    }
    const operations = all(part.operations)
    return { ...part, operations: renamed.size === 0 ? operations : withStates(operations, renamed) }
  }
  const made: Record<string, unknown> = { ...own(program) }
  for (const name of parts) if (program[name] !== undefined) made[name] = own(program[name], name)
  return isEdited ? (made as unknown as Program) : undefined
}

/** What is made has the gradient of what it is made of. */
function withGradient(operation: Operation, made: readonly Operation[]): readonly Operation[] {
  const last = made.at(-1)!
  // What has seen to it by itself.
  if (last.op === 'activation' && last.attributes.derivative !== undefined) return made
  const { id, site } = operation
  const isInner = made.length > 1
  const own = isInner ? made[0]!.id : `${id}~own`
  return [
    ...(isInner ? [] : [{ ...operation, id: own }]),
    ...made.slice(0, -1),
    { ...last, id: `${id}~made` },
    { id, op: 'straight_through', operands: [`${id}~made`, own], attributes: {}, site },
  ]
}

/** A state is known by its id to its loop, and to those who read what it is at last. */
function withStates(operations: readonly Operation[], renamed: ReadonlyMap<Id, Id>): Operation[] {
  return operations.map((operation): Operation => {
    if (operation.op === 'last') {
      const { state } = operation.attributes
      return renamed.has(state) ? { ...operation, attributes: { state: renamed.get(state)! } } : operation
    }
    if (operation.op !== 'loop') return operation
    const next = Object.fromEntries(
      Object.entries(operation.attributes.next).map(([state, after]) => [renamed.get(state) ?? state, after]),
    )
    return { ...operation, attributes: { ...operation.attributes, next } }
  })
}

/** Operations that read what stands later come after it. */
export function inOrder(program: Program): Program {
  return { ...program, operations: ordered(program.operations) }
}

function ordered(operations: readonly Operation[]): readonly Operation[] {
  const byId = new Map(operations.map((operation) => [operation.id, operation]))
  const made = new Set<Operation>()
  const put = (operation: Operation): void => {
    if (made.has(operation)) return
    const { op, operands, attributes } = operation
    const body = op === 'loop' ? ordered(attributes.body) : []
    for (const id of [...operands, ...body.flatMap((own) => own.operands)]) if (byId.has(id)) put(byId.get(id)!)
    made.add(operation)
  }
  for (const operation of operations) put(operation)
  const all = [...made].map((operation): Operation => {
    if (operation.op !== 'loop') return operation
    const body = ordered(operation.attributes.body)
    return body === operation.attributes.body
      ? operation
      : { ...operation, attributes: { ...operation.attributes, body } }
  })
  return all.every((operation, i) => operation === operations[i]) ? operations : all
}
