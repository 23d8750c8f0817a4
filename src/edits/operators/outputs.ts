// What is given out after the last step, and what is read again.
import type { Operation } from '../../program/operation.ts'
import { operandsOf } from '../operand.ts'
import { editValues } from '../rewrite.ts'
import type { Operator } from './operator.ts'
import { editLoops } from './loop.ts'

/** A last state is what stands in output at the last step, or at the first. value: at which */
export const fromOutput: Operator = {
  *candidates(context) {
    for (const value of ['the last step', 'the first step']) {
      for (const operand of operandsOf(context)) {
        if (operand.operand.op === 'last' && operand.operand.tensor === 'h')
          yield { operator: 'fromOutput', operand: operand.operand, value }
      }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, _, { operation }) => {
      const stacked = program.operations.find(
        (other): other is Operation<'stacked'> =>
          other.op === 'stacked' && other.operands[0] === operation.operands[0] && other.site.tensor === 'output',
      )
      const loop = context.byId.get(operation.operands[0]!)?.operation
      if (stacked === undefined || loop?.op !== 'loop') return undefined
      const index = edit.value === 'the last step' ? loop.attributes.steps - 1 : 0
      const all = write('stacked', stacked.operands, stacked.attributes)
      return write('select', [all], { dim: 0, index })
    }),
  says: ({ value }) => `takes what stands in output at ${value as string} for the last state`,
}

/** A decoder reads what it has written, in the place of what it is given. */
export const feedback: Operator = {
  *candidates({ nodes }) {
    if (nodes.some(({ operation: { op, site } }) => op === 'cat' && site.tensor === 'target'))
      yield { operator: 'feedback', operand: { op: 'loop', part: 'decoder' } }
  },
  edit: (edit, context, program) =>
    editLoops(edit, context, program, (loop, siblings) => {
      const taught = siblings.find(({ op, site }) => op === 'cat' && site.tensor === 'target')
      const step = loop.attributes.body.find(({ op, operands }) => op === 'step' && operands[0] === taught?.id)
      const logits = siblings.find(
        ({ op, operands, site }) => op === 'stacked' && operands[0] === loop.id && site.tensor === 'logits',
      )
      if (taught === undefined || step === undefined || logits?.op !== 'stacked') return undefined
      const { site } = step
      const first: Operation = {
        id: `${loop.id}.first`,
        op: 'select',
        operands: [taught.id],
        attributes: { dim: 0, index: 0 },
        site,
      }
      const state: Operation = { id: step.id, op: 'state', operands: [first.id], attributes: {}, site }
      const own: Operation = {
        id: `${loop.id}.own`,
        op: 'argmax',
        operands: [logits.attributes.of],
        attributes: { dim: -1 },
        site,
      }
      const body = [state, ...loop.attributes.body.filter((operation) => operation !== step), own]
      const next = { ...loop.attributes.next, [step.id]: own.id }
      return [first, { ...loop, attributes: { ...loop.attributes, body, next } }]
    }),
  says: () => 'reads its own symbols where it is given the target',
}
