// What an edit has to do with the way back.
import { type Context, nodesAt } from './context.ts'
import type { Edit } from './edit.ts'

/** Whether an edit is about what is given to a port, or by it, or about a function: its way back is written by itself, then. */
export function isOfLeaves({ operator, operand, value }: Edit, context: Context): boolean {
  if (operator === 'another') return value !== 'identity'
  if (operator === 'clip' || operator === 'shortened' || operator === 'roundedProducts') return true
  const [node] = nodesAt(context, operand)
  const op = node?.operation.op
  const kind = node?.operand.kind
  const isLeaf =
    op === 'parameter' || op === 'input' || op === 'chunk' || kind === 'initial states' || kind === 'last states'
  return isLeaf && ['zero', 'reorder', 'layout', 'scale', 'clean'].includes(operator)
}

const wayBack = new Set(['detach', 'straight', 'derivative', 'truncated', 'part', 'training'])

/** Whether an edit leaves every output as it is. */
export function isOfWayBack({ operator, operand }: Edit): boolean {
  return wayBack.has(operator) || operand.in !== undefined || operand.tensor?.startsWith('training.') === true
}

/** An edit of which the way back does not know. */
export const kept = (edit: Edit): Edit => ({ ...edit, gradient: 'kept' })

/** An edit with the way back of its own. */
export function known(edit: Edit): Edit {
  const { gradient: _, ...rest } = edit
  return rest
}
