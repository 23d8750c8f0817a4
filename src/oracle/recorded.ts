import { type Case, isModelRequest } from '../format/case.ts'
import { decisionOf } from '../verify.ts'

/** Whether errors grow so much that a verdict wants each step by itself. */
export function needsStates(recorded: Case): boolean {
  if (isModelRequest(recorded) || recorded.inputs.dropout_mask !== undefined) return false
  const { output, h_n, c_n } = recorded.expected
  const forward = Object.fromEntries(Object.entries({ output, h_n, c_n }).filter(([, tensor]) => tensor !== undefined))
  return output !== undefined && decisionOf(recorded, forward as Case['expected'], { kind: 'budget' }).wide.length > 0
}
