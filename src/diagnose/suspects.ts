// Which edits are where a port is off: they change what is wrong in its outputs, or gradients, and nothing of what is right.
import { type Context, nodesAt } from '../edits/context.ts'
import type { Edit } from '../edits/edit.ts'
import { edited } from '../edits.ts'
import { everyOperation, type Id, type Program } from '../program/operation.ts'
import { checksOf } from './checks.ts'
import { isGradient, type Question } from './question.ts'

/** Whether an edit is a likely one. What is about no operation always is, and all are where nothing tells. */
export type IsSuspect = (edit: Edit) => boolean

export function suspectsOf(question: Question, context: Context): IsSuspect {
  if (context.program.update !== undefined) return () => true
  const { given, outputs } = question
  const upstream = upstreamOf(context.program)
  const isRightAt = (tensor: string, count: number, offset: (i: number) => number): boolean => {
    const [own, expected, limit] = [
      outputs[tensor]!.data,
      question.recorded.expected[tensor]!.data,
      question.limits[tensor]!,
    ]
    for (let i = 0; i < count; i++) {
      const at = offset(i)
      const isSame = Object.is(own[at], expected[at]) || Math.abs(own[at]! - expected[at]!) <= limit[at]!
      if (!isSame) return false
    }
    return true
  }
  const isRight = (tensor: string): boolean =>
    outputs[tensor]!.data.length === question.recorded.expected[tensor]!.data.length &&
    isRightAt(tensor, outputs[tensor]!.data.length, (i) => i)
  const forward = given.filter((name) => !isGradient(name) && context.program.outputs[name] !== undefined)
  const wrong = forward.filter((name) => !isRight(name))
  return wrong.length > 0 ? ofOutputs() : ofGradients()

  function ofOutputs(): IsSuspect {
    const right: Id[] = []
    /** Of every part that is off, what it is made of, and what is made of it. */
    const changed: ReadonlySet<Id>[] = []
    for (const [id, { part, between }] of checksOf(context, question)) {
      const { tensor, size, steps, offset } = part
      const at = (i: number): number => offset(i % size, Math.floor(i / size), undefined)
      if (isRightAt(tensor, size * steps, at)) right.push(id)
      else changed.push(new Set([...upstream([id]), ...between.map((own) => own.id)]))
    }
    const unchanged = upstream(right)
    const areSuspects = (ids: readonly Id[]): boolean =>
      changed.every((all) => ids.some((id) => all.has(id))) && !ids.some((id) => unchanged.has(id))
    return (edit) => {
      const { operand, scope } = edit
      // A length ends some rows alone.
      if (Object.keys(operand).length === 0 || operand.tensor === 'lengths') return true
      const ids = nodesAt(context, operand, scope).flatMap((node) =>
        node.operand.in === undefined ? [node.operation.id] : [],
      )
      if (ids.length === 0) return operand.in === undefined
      if (areSuspects(ids)) return true
      // Of all that is of one kind an edit may change a part.
      return isOfSome(edit) && areSuspects(changedBy(edit, context))
    }
  }

  function ofGradients(): IsSuspect {
    const gradients = given.filter((name) => isGradient(name))
    const off = gradients.filter((name) => !isRight(name))
    if (off.length === 0) return () => true
    const right = gradients.filter((name) => !off.includes(name))
    const { operations, outputs: ids } = context.program
    const leaves = new Map(
      [...everyOperation(operations)].flatMap(({ id, op, attributes }) =>
        op === 'parameter' || op === 'input' ? [[id, `grad_${attributes.name}`] as const] : [],
      ),
    )
    const ofParameters = new Set(
      [...everyOperation(operations)].flatMap(({ op, attributes }) =>
        op === 'parameter' ? [`grad_${attributes.name}`] : [],
      ),
    )
    const known = new Map<Id, ReadonlySet<string>>()
    /** The gradients by what an operation is made of. */
    const namesOf = (id: Id): ReadonlySet<string> => {
      let own = known.get(id)
      if (own === undefined) {
        own = new Set([...upstream([id])].flatMap((each) => leaves.get(each) ?? []))
        known.set(id, own)
      }
      return own
    }
    return ({ operator, operand, scope }) => {
      const nodes = nodesAt(context, operand, scope)
      if (nodes.length === 0) return true
      const all = nodes.flatMap(({ operation: { id } }): ReadonlySet<string>[] => {
        if (operand.in === 'gradients') return [new Set([id])]
        if (operand.in === 'cotangents') return ids[id] === undefined ? [] : [namesOf(ids[id])]
        return [operator === 'part' ? ofParameters : namesOf(id)]
      })
      const has = (name: string): boolean => all.some((names) => names.has(name))
      return off.every(has) && !right.some(has)
    }
  }
}

const ofSome = new Set(['sibling', 'exchange', 'direction', 'other'])

function isOfSome({ operator }: Edit): boolean {
  return ofSome.has(operator)
}

/** The operations that are others with an edit. */
function changedBy(edit: Edit, context: Context): Id[] {
  const { program } = edited([edit], context.request, context)
  const own = new Set(everyOperation(context.program.operations))
  const bodies = new Set([...own].flatMap(({ op, attributes }) => (op === 'loop' ? [attributes.body] : [])))
  return [...everyOperation(program.operations)].flatMap((operation) => {
    // A loop of which one operation is another is no other loop.
    const isLoop = operation.op === 'loop' && !bodies.has(operation.attributes.body)
    return own.has(operation) || isLoop ? [] : [operation.id]
  })
}

/** → what some operations are made of, and they themselves */
function upstreamOf({ operations }: Program): (ids: readonly Id[]) => ReadonlySet<Id> {
  const every = [...everyOperation(operations)]
  const reads = new Map(every.map(({ id, operands }) => [id, [...operands]]))
  const after = new Map(every.flatMap((own) => (own.op === 'loop' ? Object.entries(own.attributes.next) : [])))
  for (const { id, op, attributes } of every) {
    if (op === 'state') reads.get(id)!.push(...[after.get(id) ?? []].flat())
    if (op === 'stacked') reads.get(id)!.push(attributes.of)
    if (op === 'last') reads.get(id)!.push(attributes.state)
  }
  return (ids) => {
    const seen = new Set<Id>()
    const left = [...ids]
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      if (seen.has(id)) continue
      seen.add(id)
      left.push(...(reads.get(id) ?? []))
    }
    return seen
  }
}
