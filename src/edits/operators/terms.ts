// An equation is another one: a term or factor left out, one more, another in its place, or another order.
import type { Id, Operation } from '../../program/operation.ts'
import { type Context, type Node, nodesAt, nowhere } from '../context.ts'
import type { Operand } from '../edit.ts'
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

/** One more term: what else is there of that shape. value: the operand that is added */
export const added: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [node] = nodes
      if (!isPlace(node, operand)) continue
      for (const other of othersFor(node, context)) yield { operator: 'added', operand, value: { ...other } }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, x, node) => {
      const other = otherOf(edit.value as Operand, node, context)
      return other && write('add', [x, other.operation.id], {})
    }),
  says: ({ value }, name) => `adds ${namedOperand(value as Operand)} to ${name}`,
}

/** The rest to 1 of another gate. value: which */
export const coupled: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      if (operand.op !== 'activation' || operand.gate === undefined || operand.gate === nowhere) continue
      for (const other of othersFor(nodes[0], context)) {
        if (other.op === 'activation' && other.gate !== nowhere)
          yield { operator: 'coupled', operand, value: { ...other } }
      }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, x, node) => {
      const other = otherOf(edit.value as Operand, node, context)
      return other && write('sub', [write('full_like', [x], { value: 1 }), other.operation.id], {})
    }),
  says: ({ value }, name) => `takes 1 − ${(value as Operand).gate} for ${name}`,
}

/** Something else that is there of that shape. value: the operand that is taken */
export const instead: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [node] = nodes
      if (!isPlace(node, operand)) continue
      for (const other of othersFor(node, context)) yield { operator: 'instead', operand, value: { ...other } }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, x, node) => {
      const other = otherOf(edit.value as Operand, node, context)
      return other && write('add', [other.operation.id, write('full_like', [x], { value: 0 })], {})
    }),
  says: ({ value }, name) => `takes ${namedOperand(value as Operand)} for ${name}`,
}

export function namedOperand({ tensor, gate, op, part }: Operand): string {
  const where = part === undefined ? '' : ` of ${part}`
  if (op === 'activation' && gate !== undefined && gate !== nowhere) return `gate ${gate}${where}`
  if (tensor !== undefined && tensor !== nowhere)
    return `${tensor}${gate === undefined || gate === nowhere ? '' : ` of gate ${gate}`}${where}`
  return `${op ?? 'a value'}${gate === undefined || gate === nowhere ? '' : ` of gate ${gate}`}${where}`
}

const places = new Set([
  'activation',
  'mul',
  'add',
  'sub',
  'state',
  'step',
  'linear',
  'cat',
  'select',
  'full',
  'sum',
  'div',
  'stacked',
  'last',
  'argmax',
  'reshape',
  'embedding',
])

function isPlace({ operation: { op }, operand: { in: place }, shape }: Node, operand: Operand): boolean {
  return operand.op === op && places.has(op) && place === undefined && shape.length > 0
}

/** What stands before it, in the same loop or before that, of the same shape. */
function* othersFor(node: Node, context: Context): Generator<Operand> {
  const { site } = node.operation
  for (const other of context.nodes) {
    // Of another layer it may be the same one.
    if (other === node) {
      if (isRepeated(node, context)) yield node.operand
      return
    }
    const { operand, operation, shape } = other
    if (operand.in !== undefined || operation.op === 'parameter' || operation.op === 'chunk') continue
    if (shape.join() !== node.shape.join() || !isSeen(other, node)) continue
    // What another layer or direction has at this place is meant as that of its own.
    const { layer, direction } = operation.site
    if (
      layer !== undefined &&
      (layer !== site.layer || direction !== site.direction) &&
      layer !== (site.layer ?? 0) - 1
    )
      continue
    yield operand
  }
}

/** Whether a layer below has the same. */
function isRepeated({ operand, shape, operation: { site } }: Node, context: Context): boolean {
  if (site.layer === undefined || operand.tensor !== 'output') return false
  return nodesAt(context, operand).some(
    (other) => other.operation.site.layer! > site.layer! && other.shape.join() === shape.join(),
  )
}

function isSeen(other: Node, node: Node): boolean {
  return other.loop === undefined || other.loop === node.loop
}

function otherOf(operand: Operand, node: Node, context: Context): Node | undefined {
  const alike = context.nodes.filter((other) =>
    Object.entries(operand).every(([key, value]) => other.operand[key as keyof Operand] === value),
  )
  const { site } = node.operation
  const seen = alike.filter(
    (other) => other !== node && isSeen(other, node) && other.shape.join() === node.shape.join(),
  )
  const own = seen.find(
    ({ operation }) => operation.site.layer === site.layer && operation.site.direction === site.direction,
  )
  return own ?? seen.find(({ operation }) => operation.site.layer === (site.layer ?? 0) - 1) ?? seen[0]
}
