// How the steps of a training follow each other.
import type { Program } from '../../program/operation.ts'
import type { Operator } from './operator.ts'

type Training = NonNullable<Program['training']>

const kinds: Readonly<Record<string, { readonly training: Training; readonly says: string }>> = {
  accumulated: {
    training: { accumulated: true },
    says: 'adds the gradients of each step of the optimizer to those before',
  },
  'loss after': { training: { lossAfter: true }, says: 'takes the loss after the step instead of before it' },
  ...Object.fromEntries(
    [0.01, 0.1, 0.25, 0.5, 1, 2, 5, 10].map((max_norm) => [
      `norm ${max_norm}`,
      { training: { max_norm }, says: `clips the gradients to a norm of ${max_norm}` },
    ]),
  ),
}

export const training: Operator = {
  *candidates({ request }) {
    if (request.training === undefined) return
    for (const value of Object.keys(kinds)) yield { operator: 'training', operand: {}, value }
  },
  edit({ value }, _, program) {
    const { training } = kinds[value as string]!
    return program.update === undefined ? undefined : { ...program, training: { ...program.training, ...training } }
  },
  says: ({ value }) => kinds[value as string]!.says,
}
