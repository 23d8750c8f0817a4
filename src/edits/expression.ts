// An operation as one writes the equation.
import type { Id } from '../program/operation.ts'
import { type Context, type Node, nowhere } from './context.ts'

const signs: Readonly<Record<string, string>> = { add: '+', sub: '−', mul: '∘', div: '/' }
/** An equation is read to this depth. */
const deepest = 4

export function expressionOf(node: Node, context: Context): string {
  return written(node, context, 0)
}

function written(node: Node, context: Context, depth: number): string {
  const { op, operands, attributes, site } = node.operation
  const inner = (id: Id | undefined): string => {
    const found = id === undefined ? undefined : nodeOf(id, node, context)
    return found === undefined ? '…' : written(found, context, depth + 1)
  }
  if (depth > deepest) return '…'
  switch (op) {
    case 'state':
      return site.tensor ?? 'state'
    case 'step':
      return site.tensor ?? 'x'
    case 'parameter':
    case 'input':
      return site.tensor ?? attributes.name
    case 'chunk':
      return `${site.tensor}[${site.gate}]`
    case 'activation': {
      if (depth > 0 && site.gate !== undefined) return site.gate
      const own = attributes.function
      return `${typeof own === 'string' ? own : own.name}(${inner(operands[0])})`
    }
    case 'linear':
      return `${site.tensor === undefined ? 'W' : site.tensor.replace('weight', 'W')} ${inner(operands[0])}`
    case 'full':
      return `${attributes.value}`
    case 'add':
    case 'sub':
    case 'mul':
    case 'div': {
      const text = `${inner(operands[0])} ${signs[op]} ${inner(operands[1])}`
      return depth === 0 ? text : `(${text})`
    }
    case 'call':
      return `${attributes.name}(${operands.map((id) => inner(id)).join(', ')})`
    default:
      return node.operand.tensor !== nowhere && node.operand.tensor !== undefined ? node.operand.tensor : op
  }
}

function nodeOf(id: Id, { operand }: Node, { nodes }: Context): Node | undefined {
  return nodes.find((other) => other.operation.id === id && other.operand.in === operand.in)
}
