// An equation is another one: a part of it is left out, stands elsewhere, or is another function.
import { slopeOf } from '../../program/elementwise.ts'
import type { Id, Operation } from '../../program/operation.ts'
import { type Context, type Node, nowhere } from '../context.ts'
import { functions } from '../functions.ts'
import { operandsOf } from '../operand.ts'
import { editOperations, editValues } from '../rewrite.ts'
import type { Operator } from './operator.ts'

const binary = new Set(['add', 'sub', 'mul', 'div', 'maximum', 'where', 'pow'])

const commutative = new Set(['add', 'mul', 'maximum'])

export function shapeOf(context: Context, node: Node, id: Id): string | undefined {
  const nodes =
    node.operand.in === 'update' ? context.nodes.filter((other) => other.operand.in === 'update') : undefined
  const found = nodes?.find((other) => other.operation.id === id) ?? context.byId.get(id)
  return found?.shape.join()
}

/** Of an operation on several, one is taken as it is. value: which one */
export const drop: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [node] = nodes
      const { op, operands } = node.operation
      if (operand.op !== op) continue
      if (op === 'softmax' || op === 'log_softmax') yield { operator: 'drop', operand, value: 0 }
      if (!binary.has(op)) continue
      for (const [i, id] of operands.entries()) {
        const isCondition = op === 'where' && i === 0
        if (!isCondition && shapeOf(context, node, id) === node.shape.join())
          yield { operator: 'drop', operand, value: i }
      }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation) => {
      const kept = operation.operands[edit.value as number]
      if (kept === undefined) return undefined
      return { ...operation, op: 'activation', operands: [kept], attributes: { function: 'identity' } }
    }),
  says: ({ operand: { op, tensor }, value }, name) => {
    if (tensor !== nowhere && op === 'add') return `leaves ${tensor} out of ${name}`
    return op === 'activation'
      ? `leaves out the function of ${name}`
      : `takes the ${value === 0 ? 'first' : 'second'} part alone of ${name}`
  },
}

/** The other way round. */
export const swap: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const { op, operands } = nodes[0].operation
      const isOrdered = (binary.has(op) && !commutative.has(op)) || (op === 'cat' && operands.length === 2)
      if (operand.op === op && isOrdered) yield { operator: 'swap', operand }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation) => {
      const { op, operands } = operation
      const turned = op === 'where' ? [operands[0]!, operands[2]!, operands[1]!] : operands.toReversed()
      return { ...operation, operands: turned }
    }),
  says: (_, name) => `takes the two parts of ${name} the other way round`,
}

/** Another function. value: its name */
export const another: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [{ operation }] = nodes as readonly [Node]
      if (operation.op !== 'activation' || typeof operation.attributes.function !== 'string') continue
      for (const value of Object.keys(functions)) {
        const { for: isFor, isOfAll = false } = functions[value]!
        if (isOfAll && operand.function === undefined) continue
        if (value !== operation.attributes.function && isFor(operation.attributes.function)) {
          yield { operator: 'another', operand, value }
        }
      }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation) => {
      if (operation.op !== 'activation') return undefined
      const own = functions[edit.value as string]!.of(context.request.dtype)
      const before = operation.attributes.function
      if (edit.gradient === undefined || typeof before !== 'string')
        return { ...operation, attributes: { function: own } }
      return { ...operation, attributes: { function: own, derivative: slopeOf(before) } }
    }),
  says: ({ value, operand }, name) =>
    `applies ${functions[value as string]!.says} instead of ${operand.function ?? `the function of ${name}`}`,
}

/** Two operations one after the other, in the other order: f(x + e) in the place of f(x) + e. */
export const reversed: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const pair = pairOf(nodes[0], context)
      if (pair !== undefined && operand.op === nodes[0].operation.op)
        yield { operator: 'reversed', operand, value: pair.i }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, _, node) => {
      const pair = pairOf(node, context)
      if (pair === undefined) return undefined
      const { i, inner } = pair
      const { operation } = node
      const put = (own: Operation, j: number, x: Id): Id =>
        write(
          own.op as 'add',
          own.operands.map((id, k) => (k === j ? x : id)),
          own.attributes as Record<string, never>,
        )
      return put(inner, 0, put(operation, i, inner.operands[0]!))
    }),
  says: (_, name) => `takes the steps of ${name} in the other order`,
}

/** An operation, and the one of one operand, or of one that stands first, that it reads and nobody else does. */
function pairOf(node: Node, context: Context): { readonly i: number; readonly inner: Operation } | undefined {
  const { operation } = node
  if (!['add', 'sub', 'mul', 'div', 'activation'].includes(operation.op)) return undefined
  const place = node.operand.in
  if (place !== undefined && place !== 'update') return undefined
  for (const [i, id] of operation.operands.entries()) {
    const inner = context.nodes.find((other) => other.operand.in === place && other.operation.id === id)
    const { op } = inner?.operation ?? {}
    if (inner === undefined || !(op === 'activation' || op === 'div' || op === 'mul' || op === 'add')) continue
    if (operation.op === op || inner.shape.join() !== node.shape.join()) continue
    if (operation.op === 'activation' && op === 'activation') continue
    return { i, inner: inner.operation }
  }
  return undefined
}
