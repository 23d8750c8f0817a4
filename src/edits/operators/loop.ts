// What edits of loops are made of: which loops an edit is about, and what is handed on at some of the steps.
import { everyOperation, type Id, type Operation, type Program } from '../../program/operation.ts'
import { type Context, isWithin, type Node } from '../context.ts'
import type { Edit } from '../edit.ts'

export type Loop = Operation<'loop'>

/** Every loop that an edit is about, turned into operations of which the last bears its name. */
export function editLoops(
  edit: Edit,
  context: Context,
  program: Program,
  make: (loop: Loop, siblings: readonly Operation[]) => readonly Operation[] | undefined,
): Program | undefined {
  let isEdited = false
  const operations = program.operations.flatMap((operation) => {
    const node = context.byId.get(operation.id)
    if (
      operation.op !== 'loop' ||
      node === undefined ||
      !isOf(edit, node) ||
      !isWithin(node, edit.scope ?? {}, context)
    )
      return [operation]
    const made = make(operation, program.operations)
    isEdited ||= made !== undefined
    return made ?? [operation]
  })
  return isEdited ? { ...program, operations } : undefined
}

const isOf = ({ operand: { part } }: Edit, { operand }: Node): boolean => part === undefined || operand.part === part

/** Loops everywhere, and where a model has several those of each part. */
export function placesOf(context: Context): Edit['operand'][] {
  const parts = new Set(context.nodes.flatMap(({ operand: { op, part } }) => (op === 'loop' ? [part] : [])))
  return parts.size < 2
    ? [{ op: 'loop' }]
    : [{ op: 'loop' }, ...[...parts].map((part) => ({ op: 'loop' as const, part: part ?? '' }))]
}

export const loopsOf = ({ program }: Context): Loop[] =>
  [...everyOperation(program.operations)].filter((operation): operation is Loop => operation.op === 'loop')

/** A number for each step, by the order in which the steps are taken, that a body can read. */
export function perStep(
  loop: Loop,
  name: string,
  of: (s: number) => number,
): { readonly before: Operation; readonly inside: Operation } {
  const { steps, reverse } = loop.attributes
  const numbers = Array.from({ length: steps }, (_, t) => of(reverse ? steps - 1 - t : t))
  const { site } = loop
  const before: Operation = {
    id: `${loop.id}.${name}`,
    op: 'constant',
    operands: [],
    attributes: { shape: [steps], data: numbers },
    site,
  }
  return { before, inside: { id: `${loop.id}.${name}.now`, op: 'step', operands: [before.id], attributes: {}, site } }
}

/** At some steps something else is taken on. of: 1 at those steps; make: what is taken for a state, from itself and what would be. */
export function handingOn(
  loop: Loop,
  name: string,
  of: (s: number, steps: number) => number,
  make: (state: Operation<'state'>, write: (operation: Operation) => Id) => Id,
  isWanted: (state: Operation<'state'>) => boolean = () => true,
): readonly Operation[] | undefined {
  const { steps, body } = loop.attributes
  const numbers = Array.from({ length: steps }, (_, s) => of(s, steps))
  if (!numbers.includes(1)) return undefined
  const { before, inside } = perStep(loop, name, (s) => of(s, steps))
  const more: Operation[] = []
  const next: Record<Id, Id> = { ...loop.attributes.next }
  for (const state of body) {
    if (state.op !== 'state' || next[state.id] === undefined || !isWanted(state)) continue
    const instead = make(state, (operation) => {
      more.push(operation)
      return operation.id
    })
    const id = `${state.id}.${name}`
    more.push({ id, op: 'where', operands: [inside.id, instead, next[state.id]!], attributes: {}, site: state.site })
    next[state.id] = id
  }
  if (more.length === 0) return undefined
  return [before, { ...loop, attributes: { ...loop.attributes, body: [inside, ...body, ...more], next } }]
}
