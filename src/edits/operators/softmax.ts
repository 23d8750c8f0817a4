// Softmax and its logarithm, computed otherwise or along another dim.
import { isExported } from '../../format/case.ts'
import type { Id, Operation, Program } from '../../program/operation.ts'
import { type Context, nodesAt } from '../context.ts'
import type { Edit } from '../edit.ts'
import { operandsOf } from '../operand.ts'
import { editOperations, editValues } from '../rewrite.ts'
import type { Operator } from './operator.ts'

/** The logarithm of a softmax that is not one operation: with something added so that it is finite, or computed in the dtype. */
export const logarithm: Operator = {
  *candidates(context) {
    for (const { operand } of operandsOf(context)) {
      if (operand.op !== 'log_softmax') continue
      for (const eps of [0, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4]) {
        yield { operator: 'logarithm', operand, value: eps }
        // The loss may have a logarithm of its own.
        yield { operator: 'logarithm', operand, value: [eps, inOutput] }
      }
    }
  },
  edit(edit, context, program) {
    const [eps, isOutput] = toldOf(edit.value)
    const edited = editValues(edit, context, program, (write, _, { operation }) => {
      const isDouble = context.request.dtype === 'float64'
      const round = (x: number): number => (isDouble ? x : Math.fround(x))
      const of = (p: number): number => Math.log(round(round(p) + eps))
      const log = { name: 'log', of, slope: (p: number) => 1 / (p + eps) }
      const attributes = operation.attributes as { readonly dim: number }
      const [x] = operation.operands as readonly [Id]
      if (eps > 0) return write('activation', [write('softmax', [x], attributes)], { function: log })
      const exp = { name: 'exp', of: (y: number) => round(Math.exp(y)), slope: (_: number, y: number) => y }
      const all = write('activation', [x], { function: exp })
      const sum = write('sum', [all], attributes)
      const shape = [...(context.byId.get(operation.id)?.shape.slice(0, -1) ?? []), 1]
      const part = write('div', [all, write('reshape', [sum], { shape })], {})
      return write('activation', [part], { function: log })
    })
    return isOutput ? withRightLoss(edit, context, program, edited) : edited
  },
  says({ value }, name) {
    const [eps, isOutput] = toldOf(value)
    const how = eps === 0 ? 'log(exp x / Σ exp x), which overflows,' : `log(p + ${eps})`
    return `takes ${how} for ${name}${isOutput ? ', and torch’s in the loss' : ''}`
  },
}

const inOutput = 'in the output'

/** A number, and whether the loss has its own. */
function toldOf(value: Edit['value']): readonly [number, boolean] {
  return Array.isArray(value) ? [value[0] as number, true] : [value as number, false]
}

/** The loss reads what torch has. */
function withRightLoss(
  edit: Edit,
  context: Context,
  before: Program,
  edited: Program | undefined,
): Program | undefined {
  if (edited === undefined) return undefined
  const right = new Map(nodesAt(context, edit.operand).map(({ operation: { id } }) => [id, `${id}.right`]))
  const isRead = (id: Id): boolean =>
    before.operations.some(({ op, operands }) => op === 'nll_loss' && operands.includes(id))
  const operations = edited.operations.flatMap((operation): Operation[] => {
    const own = before.operations.find(({ id }) => id === operation.id)
    if (own !== undefined && right.has(own.id) && isRead(own.id)) return [{ ...own, id: right.get(own.id)! }, operation]
    if (operation.op !== 'nll_loss') return [operation]
    return [{ ...operation, operands: operation.operands.map((id) => right.get(id) ?? id) }]
  })
  return { ...edited, operations }
}

/** Along another dim. value: which */
export const dim: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const { operation, shape } = nodes[0]
      if (!['softmax', 'log_softmax', 'argmax'].includes(operand.op ?? '')) continue
      const own = (operation.attributes as { readonly dim: number }).dim
      const dims = operand.op === 'argmax' ? [] : shape.map((_, i) => i)
      for (const value of dims)
        if (value !== (own + shape.length) % shape.length) yield { operator: 'dim', operand, value }
    }
    const alike = context.nodes.filter(({ operation: { op } }) => op === 'softmax' || op === 'log_softmax')
    if (alike.length < 2) return
    yield { operator: 'dim', operand: {}, value: 0 }
    yield { operator: 'dim', operand: {}, value: [0, inOutput] }
  },
  edit(edit, context, program) {
    const [value, isOutput] = toldOf(edit.value)
    const edited = editOperations(edit, context, program, (operation, { shape }) => {
      if (operation.op !== 'softmax' && operation.op !== 'log_softmax') return undefined
      const { dim } = operation.attributes
      if (value >= shape.length || (dim + shape.length) % shape.length === value) return undefined
      return { ...operation, attributes: { dim: value } }
    })
    return isOutput ? withRightLoss(edit, context, program, edited) : edited
  },
  says({ value }, name) {
    const [axis, isOutput] = toldOf(value)
    return `normalises ${name === 'undefined' ? 'softmax' : name} over axis ${axis}${isOutput ? ', and as torch does in the loss' : ''}`
  },
}

/** Softmax for its logarithm, or the other way round. */
export const unlogged: Operator = {
  *candidates(context) {
    if (!isExported(context.request)) return
    for (const { operand } of operandsOf(context)) {
      if (operand.op === 'log_softmax' || operand.op === 'softmax') yield { operator: 'unlogged', operand }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation) => {
      if (operation.op === 'log_softmax') return { ...operation, op: 'softmax' }
      return operation.op === 'softmax' ? { ...operation, op: 'log_softmax' } : undefined
    }),
  says: ({ operand }, name) =>
    operand.op === 'softmax' ? `takes the logarithm of ${name}` : `takes softmax without the logarithm for ${name}`,
}
