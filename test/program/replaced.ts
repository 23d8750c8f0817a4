// Programs with some of their operations replaced.
import type { Id, Op, Operation, Program, Site } from '../../src/program/operation.ts'

/** Whether an operation is at a place: everything that the place says is so. */
export function isAt(operation: Operation, place: Site & { readonly op?: Op }): boolean {
  const { op = operation.op, ...site } = place
  return (
    op === operation.op && Object.entries(site).every(([key, value]) => operation.site[key as keyof Site] === value)
  )
}

/**
 * The program with operations replaced, in bodies too. What reads an operation then reads the one of the same id that stands in its
 * place. edit: undefined where an operation stays as it is; what it gives is not edited again, nor the body of a loop that it gives.
 */
export function edited(
  program: Program,
  edit: (operation: Operation) => Operation | readonly Operation[] | undefined,
): Program {
  const all = (operations: readonly Operation[]): Operation[] =>
    operations.flatMap((operation) => {
      const own = edit(operation)
      if (own !== undefined) return own
      if (operation.op !== 'loop') return operation
      return { ...operation, attributes: { ...operation.attributes, body: all(operation.attributes.body) } }
    })
  return { ...program, operations: all(program.operations) }
}

/**
 * An operation under another id, and what is made of it under its own: whoever read it reads what was made.
 * made: of the other id.
 */
export function wrapped(
  operation: Operation,
  made: (inner: Id) => Pick<Operation, 'op' | 'operands' | 'attributes'>,
): Operation[] {
  const inner = `${operation.id}'`
  const { id, site } = operation
  return [{ ...operation, id: inner }, { ...made(inner), id, site } as Operation]
}
