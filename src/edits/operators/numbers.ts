// A number of the program is another one.
import { isExported } from '../../format/case.ts'
import type { Operation } from '../../program/operation.ts'
import { type Context, type Node, nowhere } from '../context.ts'
import { type Meant, operandsOf } from '../operand.ts'
import { editOperations, editValues } from '../rewrite.ts'
import { sizesOf } from '../sizes.ts'
import type { Operator } from './operator.ts'

/** A number of the program is another: one that stands elsewhere, its rest to 1, 0 or 1. value: what of it, or which number */
export const constant: Operator = {
  *candidates(context) {
    for (const meant of operandsOf(context)) {
      const [node] = meant.nodes
      if (!isConstant(meant)) continue
      for (const value of numbersFor(node, context)) yield { operator: 'constant', operand: meant.operand, value }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation, node) => {
      if (operation.op !== 'full' && operation.op !== 'full_like') return undefined
      const value = numberOf(edit.value as string | number, node, context)
      if (value === undefined || value === operation.attributes.value) return undefined
      return { ...operation, attributes: { ...operation.attributes, value } } as Operation
    }),
  says({ value, operand }, name) {
    const own = operand.tensor === 'eps' && operand.part !== undefined ? `eps of ${operand.part}` : operand.tensor
    const what = operand.tensor === nowhere ? name : own
    return typeof value === 'number' ? `takes ${value} for ${what}` : `takes ${value as string} for ${what}`
  },
}

const isConstant = ({ nodes: [node], operand }: Meant): boolean =>
  operand.op === node.operation.op && operand.tensor !== 'loss' && (operand.op === 'full' || operand.op === 'full_like')

const ownNumber = ({ operation: { attributes } }: Node): number => (attributes as { readonly value: number }).value

/** By a name that other requests have too. */
function namedNumbers({ request }: Context): Map<string, number> {
  const named = new Map<string, number>()
  const training: Readonly<Record<string, unknown>> = { ...request.training }
  for (const [key, value] of Object.entries(training)) {
    if (typeof value === 'number' && key !== 'steps') named.set(key, value)
    if (key === 'betas') (value as readonly number[]).forEach((beta, i) => named.set(`betas[${i}]`, beta))
  }
  const sizes = sizesOf(request)
  for (const [key, value] of sizes) named.set(key, value)
  for (const [one, a] of sizes) for (const [other, b] of sizes) if (one < other) named.set(`${one} · ${other}`, a * b)
  for (const [key, value] of Object.entries(request.config)) {
    if (typeof value === 'number' && !named.has(key)) named.set(key, value)
  }
  for (const [key, value] of Array.from(named)) {
    if (value > 0 && value < 1) named.set(`1 − ${key}`, 1 - value)
    if (Number.isInteger(value) && !key.includes(' ')) named.set(`${key} + 1`, value + 1).set(`${key} − 1`, value - 1)
  }
  return named
}

function numbersFor(node: Node, context: Context): (string | number)[] {
  const own = ownNumber(node)
  const seen = new Set([own])
  const found: (string | number)[] = []
  for (const value of [0, 1]) {
    if (!seen.has(value)) found.push(value)
    seen.add(value)
  }
  // What counts is not what decays: whole numbers stand for sizes and symbols.
  for (const [name, value] of namedNumbers(context)) {
    if (seen.has(value) || Number.isInteger(own) !== Number.isInteger(value)) continue
    seen.add(value)
    found.push(name)
  }
  // Such as eps, of which libraries have others.
  if (isExported(context.request) && !Number.isInteger(own)) {
    for (let power = -7; power <= 7; power++) if (power !== 0) found.push(Number((own * 10 ** power).toPrecision(15)))
  }
  if (!Number.isInteger(own)) found.push('its square', 'its rest to 1', 'its root')
  return found
}

function numberOf(value: string | number, node: Node, context: Context): number | undefined {
  const own = ownNumber(node)
  if (typeof value === 'number') return value
  if (value === 'its square') return own * own
  if (value === 'its rest to 1') return 1 - own
  return value === 'its root' ? Math.sqrt(own) : namedNumbers(context).get(value)
}

/** What something is divided by is another number. value: which */
export const divisor: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [node] = nodes
      if (operand.op !== 'div' || operand.in !== undefined || node.operand.tensor !== 'loss') continue
      for (const [value] of sizesOf(context.request)) yield { operator: 'divisor', operand, value }
      for (const [one] of sizesOf(context.request)) {
        for (const [other] of sizesOf(context.request))
          if (one < other) yield { operator: 'divisor', operand, value: `${one} · ${other}` }
      }
      yield { operator: 'divisor', operand, value: 1 }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, _, { operation }) => {
      const value = edit.value === 1 ? 1 : namedNumbers(context).get(edit.value as string)
      if (value === undefined) return undefined
      return write('div', [operation.operands[0]!, write('full', [], { shape: [], value })], {})
    }),
  says: ({ value }, name) =>
    value === 1 ? `does not divide the ${name.split(' ')[0]}` : `divides the loss by ${value as string}`,
}
