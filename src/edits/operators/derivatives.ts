// The way back through an equation whose value is right.
import type { Program } from '../../program/operation.ts'
import type { Context, Node } from '../context.ts'
import type { Edit, Operand } from '../edit.ts'
import { operandsOf } from '../operand.ts'
import { editOperations, editValues } from '../rewrite.ts'
import { shapeOf } from './equations.ts'
import type { Operator } from './operator.ts'
import { namedOperand, otherOf, othersFor } from './terms.ts'

/** Another derivative, the value being right. */
export const derivative: Operator = {
  *candidates(context) {
    if (context.request.cotangents === undefined && context.request.training === undefined) return
    for (const { operand, nodes } of operandsOf(context)) {
      if (nodes[0].operation.op !== 'activation') continue
      for (const value of Object.keys(derivatives)) yield { operator: 'derivative', operand, value }
      if (ofValue(nodes[0]) === undefined) continue
      for (const other of othersFor(nodes[0], context)) {
        if (other.op === 'state') yield { operator: 'derivative', operand, value: { ...other } }
      }
    }
  },
  edit: (edit, context, program) =>
    typeof edit.value === 'object'
      ? elsewhere(edit, context, program)
      : editOperations(edit, context, program, (operation) => {
          if (operation.op !== 'activation') return undefined
          const derivative = derivatives[edit.value as string]!
          return { ...operation, attributes: { ...operation.attributes, derivative } }
        }),
  says: ({ value }, name) =>
    typeof value === 'object'
      ? `takes the derivative of ${name} at ${namedOperand(value as Operand)}${(value as Operand).op === 'state' ? ' before the step' : ''}`
      : `takes ${value as string} for the derivative of ${name}`,
}

/** The derivative is that of the function where its value is another, as that of the step before. */
function elsewhere(edit: Edit, context: Context, program: Program): Program | undefined {
  return editValues(edit, context, program, (write, x, node) => {
    const other = otherOf(edit.value as Operand, node, context)
    const slope = ofValue(node)
    if (other === undefined || slope === undefined) return undefined
    const y = write('detach', [other.operation.id], {})
    const at = { name: `derivative at ${other.operation.id}`, of: (own: number) => slope(own), slope: () => 0 }
    const factor = write('activation', [y], { function: at })
    return write('straight_through', [x, write('mul', [node.operation.operands[0]!, factor], {})], {})
  })
}

/** The derivative of a function from its value alone. */
function ofValue({ operation: { op, attributes } }: Node): ((y: number) => number) | undefined {
  if (op !== 'activation') return undefined
  const own = attributes.function
  if (own === 'tanh') return (y) => (1 - y) * (1 + y)
  return own === 'sigmoid' ? (y) => y * (1 - y) : undefined
}

const derivatives: Readonly<Record<string, (x: number, y: number) => number>> = {
  y: (_, y) => y,
  '1 − y': (_, y) => 1 - y,
  '1 − y²': (_, y) => 1 - y * y,
  'y (1 − y)': (_, y) => y * (1 - y),
  1: () => 1,
  '1 − x²': (x) => 1 - x * x,
  'x (1 − x)': (x) => x * (1 - x),
  '1 where x ≥ 0': (x) => (x >= 0 ? 1 : 0),
}

/** The derivative by a factor is taken as 1: what comes back goes on as it is. value: by which of the two */
export const straight: Operator = {
  *candidates(context) {
    if (context.request.cotangents === undefined && context.request.training === undefined) return
    for (const { operand, nodes } of operandsOf(context)) {
      const [node] = nodes
      const { op, operands } = node.operation
      if (op !== operand.op || !['mul', 'sub', 'add', 'where'].includes(op) || node.operand.in !== undefined) continue
      for (const i of [0, 1]) {
        const id = operands[op === 'where' ? i + 1 : i]!
        if (shapeOf(context, node, id) !== node.shape.join()) continue
        if (op !== 'add' && op !== 'where') yield { operator: 'straight', operand, value: [i, 'one'] }
        yield { operator: 'straight', operand, value: [i, 'none'] }
      }
    }
  },
  edit: (edit, context, program) =>
    editValues({ ...edit }, context, program, (write, x, { operation }) => {
      const [i, how] = edit.value as [number, string]
      const offset = operation.op === 'where' ? 1 : 0
      const own = operation.operands[i + offset]!
      const operands = operation.operands.map((id, j) => (j === i + offset ? write('detach', [id], {}) : id))
      const others = write(operation.op as 'mul', operands, operation.attributes as Record<string, never>)
      if (how === 'none') return write('add', [others, write('full_like', [x], { value: 0 })], {})
      // The other part has its own gradient, and this one what comes.
      const zeros = write('full_like', [own], { value: 0 })
      return write('add', [others, write('straight_through', [zeros, own], {})], {})
    }),
  says({ value }, name) {
    const [i, how] = value as [number, string]
    const which = i === 0 ? 'first' : 'second'
    return how === 'none'
      ? `passes no gradient to the ${which} part of ${name}`
      : `passes the gradient of ${name} to its ${which} part as it is`
  },
}
