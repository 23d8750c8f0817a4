// Matrix products without a term, or of less precision.
import type { Id } from '../../program/operation.ts'
import { operandsOf } from '../operand.ts'
import { editOperations, editValues } from '../rewrite.ts'
import type { Operator } from './operator.ts'

/** Products without their first or last term, which the way back does not know of. value: which */
export const shortened: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      if (operand.op !== 'linear' || nodes[0].operation.op !== 'linear') continue
      for (const value of ['last', 'first']) yield { operator: 'shortened', operand, value }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, _, { operation: { operands } }) => {
      const sizeOf = (id: Id): number => context.byId.get(id)?.shape.at(-1) ?? 0
      const size = sizeOf(operands[1]!)
      if (size < 1) return undefined
      const index = Array.from({ length: size - 1 }, (_, i) => (edit.value === 'first' ? i + 1 : i))
      const parts = operands.map((id) => write('index_select', [id], { dim: -1, index }))
      return write('linear', parts, {})
    }),
  says: ({ value }, name) => `leaves the ${value as string} term out of ${name}`,
}

/** Products whose sums are rounded. value: the dtype */
export const sums: Operator = {
  *candidates(context) {
    const { dtype } = context.request
    for (const { operand } of operandsOf(context)) {
      if (operand.op !== 'linear') continue
      for (const value of ['float16', 'bfloat16'] as const) {
        if (value !== dtype) yield { operator: 'sums', operand, value }
      }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation) =>
      operation.op === 'linear' ? { ...operation, attributes: { sums: edit.value as 'float16' } } : undefined,
    ),
  says: ({ value }, name) => `adds ${name} up in ${value as string}`,
}

/** What a product reads, rounded to the digits of TensorFloat-32 or a half. value: the dtype */
export const roundedProducts: Operator = {
  *candidates(context) {
    const { dtype } = context.request
    if (dtype === 'float16' || dtype === 'bfloat16') return
    for (const { operand } of operandsOf(context)) {
      if (operand.op === 'linear')
        for (const value of ['tf32', 'float16', 'bfloat16']) yield { operator: 'roundedProducts', operand, value }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, _, { operation }) => {
      const operands = operation.operands.map((id) => write('round', [id], { dtype: edit.value as 'tf32' }))
      return write('linear', operands, {})
    }),
  says: ({ value }, name) => `rounds what it multiplies in ${name} to ${value as string}`,
}
