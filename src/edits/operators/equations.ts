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
      const { operation } = nodes[0]
      if (operand.op === operation.op && isOrdered(operation)) yield { operator: 'swap', operand }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation) => {
      const { op, operands } = operation
      if (!isOrdered(operation)) return undefined
      const turned = op === 'where' ? [operands[0]!, operands[2]!, operands[1]!] : operands.toReversed()
      return { ...operation, operands: turned }
    }),
  says: (_, name) => `takes the two parts of ${name} the other way round`,
}

function isOrdered({ op, operands }: Operation): boolean {
  return (binary.has(op) && !commutative.has(op)) || (op === 'cat' && operands.length === 2)
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

/**
 * Two operations one after the other, in the other order: f(x + e) in the place of f(x) + e. value: which of what it reads is the
 * other operation, or that it comes before the product that this is made of
 */
export const reversed: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      if (operand.op !== nodes[0].operation.op) continue
      for (const { i } of pairsOf(nodes[0], context)) yield { operator: 'reversed', operand, value: i }
      if (productOf(nodes[0], context) !== undefined) yield { operator: 'reversed', operand, value: beforeProduct }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, _, node) => {
      const { operation } = node
      const put = (own: Operation, j: number, x: Id): Id =>
        write(
          own.op as 'add',
          own.operands.map((id, k) => (k === j ? x : id)),
          own.attributes as Record<string, never>,
        )
      if (edit.value === beforeProduct) {
        const found = productOf(node, context)
        if (found === undefined) return undefined
        const { i, product, biases } = found
        const before = put(product, 0, put(operation, i, product.operands[0]!))
        return biases.reduceRight((x, bias) => put(bias, 0, x), before)
      }
      const pair = pairsOf(node, context).find(({ i }) => i === edit.value)
      if (pair === undefined) return undefined
      const { i, inner } = pair
      return put(inner, 0, put(operation, i, inner.operands[0]!))
    }),
  says: ({ value }, name) =>
    value === beforeProduct
      ? `takes ${name} before the product, where torch multiplies the product`
      : `takes the steps of ${name} in the other order`,
}

const beforeProduct = 'before the product'

/** The product that an operation on two is made of, through its biases. */
function productOf(
  { operation: { op, operands }, operand, shape }: Node,
  context: Context,
): { readonly i: number; readonly product: Operation; readonly biases: readonly Operation[] } | undefined {
  if (op !== 'mul' || operand.in !== undefined) return undefined
  for (const [i, id] of operands.entries()) {
    const biases: Operation[] = []
    let inner = context.byId.get(id)?.operation
    while (inner?.op === 'add' && inner.site.tensor?.startsWith('bias') === true) {
      biases.push(inner)
      inner = context.byId.get(inner.operands[0]!)?.operation
    }
    if (inner?.op !== 'linear') continue
    if (context.byId.get(inner.operands[0]!)?.shape.join() === shape.join()) return { i, product: inner, biases }
  }
  return undefined
}

/** An operation, and each of one operand, or of one that stands first, that it reads. */
function pairsOf(node: Node, context: Context): { readonly i: number; readonly inner: Operation }[] {
  const { operation } = node
  const pairs: { i: number; inner: Operation }[] = []
  if (!['add', 'sub', 'mul', 'div', 'activation'].includes(operation.op)) return pairs
  const place = node.operand.in
  if (place !== undefined && place !== 'update') return pairs
  for (const [i, id] of operation.operands.entries()) {
    const inner = context.nodes.find((other) => other.operand.in === place && other.operation.id === id)
    const { op } = inner?.operation ?? {}
    if (inner === undefined || !(op === 'activation' || op === 'div' || op === 'mul' || op === 'add')) continue
    if (operation.op === op || inner.shape.join() !== node.shape.join()) continue
    if (operation.op === 'activation' && op === 'activation') continue
    pairs.push({ i, inner: inner.operation })
  }
  return pairs
}
