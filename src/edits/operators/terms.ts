// One more term, or another one: what else is there of that shape.
import type { Id, Operation } from '../../program/operation.ts'
import { type Context, type Node, nodesAt, nowhere } from '../context.ts'
import type { Operand } from '../edit.ts'
import { operandsOf } from '../operand.ts'
import { editValues, inOrder } from '../rewrite.ts'
import type { Operator } from './operator.ts'

/** One more term: what else is there of that shape. value: the operand that is added */
export const added: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [node] = nodes
      if (!isPlace(node, operand)) continue
      for (const other of othersFor(node, context)) yield { operator: 'added', operand, value: { ...other } }
    }
  },
  edit(edit, context, program) {
    const made = editValues(edit, context, program, (write, x, node) => {
      const other = otherOf(edit.value as Operand, node, context)
      return other && write('add', [x, other.operation.id], {})
    })
    return made && inOrder(made)
  },
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
export function* othersFor(node: Node, context: Context): Generator<Operand> {
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

export function otherOf(operand: Operand, node: Node, context: Context): Node | undefined {
  const alike = nodesAt(context, operand)
  const { site } = node.operation
  const seen = alike.filter(
    (other) => other !== node && isSeen(other, node) && other.shape.join() === node.shape.join(),
  )
  const place = context.nodes.indexOf(node)
  const before = seen.filter((other) => context.nodes.indexOf(other) < place)
  // What is computed later may be taken where it is not made of this.
  const all =
    before.length > 0 ? before : seen.filter((other) => !isMadeOf(other.operation, node.operation.id, context))
  const own = all.find(
    ({ operation }) => operation.site.layer === site.layer && operation.site.direction === site.direction,
  )
  return own ?? all.find(({ operation }) => operation.site.layer === (site.layer ?? 0) - 1) ?? all[0]
}

function isMadeOf({ op, operands, attributes }: Operation, id: Id, context: Context): boolean {
  const read = op === 'loop' ? [...operands, ...attributes.body.flatMap((own) => own.operands)] : operands
  return read.some((own) => {
    const operation = own === id ? undefined : context.byId.get(own)?.operation
    return own === id || (operation !== undefined && isMadeOf(operation, id, context))
  })
}
