// Softmax and its logarithm, computed otherwise or along another dim.
import type { Id, Operation } from '../../program/operation.ts'
import { nodesAt } from '../context.ts'
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
        yield { operator: 'logarithm', operand, value: [eps, 'in the output'] }
      }
    }
  },
  edit(edit, context, program) {
    const [eps, isOutput] = Array.isArray(edit.value) ? [edit.value[0] as number, true] : [edit.value as number, false]
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
    if (edited === undefined || !isOutput) return edited
    // What follows reads what torch has.
    const right = new Map(nodesAt(context, edit.operand).map(({ operation: { id } }) => [id, `${id}.right`]))
    const operations = edited.operations.flatMap((operation): Operation[] => {
      const own = program.operations.find(({ id }) => id === operation.id)
      if (right.has(operation.id)) return [{ ...own!, id: right.get(operation.id)! }, operation]
      const operands = operation.operands.map((id) => (operation.op === 'nll_loss' ? (right.get(id) ?? id) : id))
      return [{ ...operation, operands }]
    })
    return { ...edited, operations }
  },
  says({ value }, name) {
    const [eps, isOutput] = Array.isArray(value) ? [value[0] as number, true] : [value as number, false]
    const how = eps === 0 ? 'log(exp x / Σ exp x), which overflows,' : `log(p + ${eps})`
    return `takes ${how} for ${name}${isOutput ? ', and torch’s in the loss' : ''}`
  },
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
    if (alike.length > 1) yield { operator: 'dim', operand: {}, value: 0 }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation, { shape }) => {
      if (operation.op !== 'softmax' && operation.op !== 'log_softmax') return undefined
      const value = edit.value as number
      return value < shape.length ? { ...operation, attributes: { dim: value } } : undefined
    }),
  says: ({ value }, name) => `normalises ${name === 'undefined' ? 'softmax' : name} over axis ${value as number}`,
}
