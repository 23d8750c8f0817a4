// What a length ends, and what stands past it.
import type { Id, Operation, Program } from '../../program/operation.ts'
import type { Context } from '../context.ts'
import { editLoops, type Loop } from './loop.ts'
import type { Operator } from './operator.ts'

/** A length ends a row in some of what it ends it in. value: how */
export const padding: Operator = {
  *candidates({ request }) {
    if (!('lengths' in request.inputs)) return
    for (const value of Object.keys(paddings)) yield { operator: 'padding', operand: { op: 'loop' }, value }
  },
  edit(edit, context, program) {
    const { output, last, start } = paddings[edit.value as string]!
    const unended = new Map<Id, Id>()
    const edited = editLoops(edit, context, program, (loop) => {
      const [lengths] = loop.operands
      if (lengths === undefined) return undefined
      if (start === 'padded end' && !loop.attributes.reverse) return undefined
      const id = `${loop.id}.unended`
      unended.set(loop.id, id)
      return [loop, { ...loop, id, operands: [], site: loop.site }]
    })
    if (edited === undefined) return undefined
    const lengthsOf = (loop: Id): Id => (context.byId.get(loop)!.operation as Loop).operands[0]!
    const operations = edited.operations.flatMap((operation): Operation[] => {
      const [loop] = operation.operands
      const through = loop === undefined ? undefined : unended.get(loop)
      if (through === undefined || loop === undefined) return [operation]
      if (operation.op === 'last') return last === 'padded end' ? [{ ...operation, operands: [through] }] : [operation]
      if (operation.op !== 'stacked') return [operation]
      if (output === 'computed') return [{ ...operation, operands: [through] }]
      if (output === 'zeros past') return zeroed(operation, through, lengthsOf(loop), context)
      return output === 'last state' ? kept(operation, loop, lengthsOf(loop), edited, context) : [operation]
    })
    return { ...edited, operations }
  },
  says: ({ value }) => paddings[value as string]!.says,
}

interface Padding {
  readonly output?: 'computed' | 'last state' | 'zeros past'
  readonly last?: 'padded end'
  readonly start?: 'padded end'
  readonly says: string
}

const paddings: Readonly<Record<string, Padding>> = {
  'runs through': { output: 'computed', last: 'padded end', says: 'ignores lengths and runs through the padding' },
  'puts out': { output: 'computed', says: 'puts out what it computes past a row’s length where torch puts zeros' },
  'padded end': {
    last: 'padded end',
    says: 'takes h_n and c_n after the padding instead of at each row’s own last step',
  },
  'last state': { output: 'last state', says: 'repeats a row’s last state past its length where torch puts zeros' },
  'zeros past': {
    output: 'zeros past',
    last: 'padded end',
    says: 'runs through the padding, and puts zeros out there',
  },
  'reverse from the padded end': {
    output: 'zeros past',
    last: 'padded end',
    start: 'padded end',
    says: 'starts the reverse direction at the padded end',
  },
}

/** (steps, batch, 1): 1 where a step is within its row. */
function within(id: Id, lengths: Id, steps: number, batch: number, site: Operation['site']): Operation[] {
  return [
    {
      id: `${id}.t`,
      op: 'constant',
      operands: [],
      attributes: { shape: [steps, 1], data: Array.from({ length: steps }, (_, t) => t) },
      site,
    },
    { id: `${id}.lt`, op: 'lt', operands: [`${id}.t`, lengths], attributes: {}, site },
    { id: `${id}.within`, op: 'reshape', operands: [`${id}.lt`], attributes: { shape: [steps, batch, 1] }, site },
    { id: `${id}.zero`, op: 'full', operands: [], attributes: { shape: [], value: 0 }, site },
  ]
}

function zeroed(operation: Operation<'stacked'>, loop: Id, lengths: Id, context: Context): Operation[] {
  const { id, site } = operation
  const [steps = 0, batch = 0] = context.byId.get(id)!.shape
  return [
    { ...operation, id: `${id}.all`, operands: [loop] },
    ...within(id, lengths, steps, batch, site),
    { id, op: 'where', operands: [`${id}.within`, `${id}.all`, `${id}.zero`], attributes: {}, site },
  ]
}

function kept(
  operation: Operation<'stacked'>,
  loop: Id,
  lengths: Id,
  { operations }: Program,
  context: Context,
): Operation[] {
  const { id, site } = operation
  const [steps = 0, batch = 0] = context.byId.get(id)!.shape
  const h = operations.find((other) => other.op === 'last' && other.operands[0] === loop && other.site.tensor === 'h')
  const own = context.byId.get(loop)?.operation
  if (h?.op !== 'last' || own?.op !== 'loop') return [operation]
  // In reverse a row has not begun yet where it is padded.
  const isReverse = own.attributes.reverse
  const initial = own.attributes.body.find((other) => other.id === h.attributes.state)?.operands[0]
  const shown = isReverse && initial !== undefined ? initial : `${id}.h`
  return [
    { ...operation, id: `${id}.all` },
    ...within(id, lengths, steps, batch, site),
    ...(isReverse ? [] : [{ ...h, id: `${id}.h`, site }]),
    { id, op: 'where', operands: [`${id}.within`, `${id}.all`, shown], attributes: {}, site },
  ]
}
