// The steps of a loop: which way they go, and which are left out.
import type { Operation } from '../../program/operation.ts'
import type { Operator } from './operator.ts'
import { editLoops, handingOn, hasDirections, type Loop, loopsOf } from './loop.ts'

/** Time runs the other way. */
export const direction: Operator = {
  *candidates(context) {
    if (loopsOf(context).some(({ attributes: { steps } }) => steps > 1)) {
      if (hasDirections(context)) yield { operator: 'direction', operand: { op: 'loop' }, value: 'forward' }
      yield { operator: 'direction', operand: { op: 'loop' }, value: 'other' }
      if (hasDirections(context)) yield { operator: 'direction', operand: { op: 'loop' }, value: 'reverse' }
    }
  },
  edit: (edit, context, program) =>
    editLoops(edit, context, program, (loop) => {
      const reverse = edit.value === 'other' ? !loop.attributes.reverse : edit.value === 'reverse'
      if (reverse === loop.attributes.reverse) return undefined
      return [{ ...loop, attributes: { ...loop.attributes, reverse } }]
    }),
  says: ({ value }) =>
    value === 'forward'
      ? 'runs the reverse direction forward in time'
      : value === 'reverse'
        ? 'runs both directions from the last step to the first'
        : 'runs from the other end of time',
}

/** A step that does not change the state. value: the first, the last, all */
export const skip: Operator = {
  *candidates(context) {
    if (!loopsOf(context).some(({ attributes: { steps } }) => steps > 1)) return
    for (const what of ['the first step', 'the last step', 'every step']) {
      for (const shown of ['state', 'zeros', 'computed']) {
        if (what === 'every step' && shown !== 'computed') continue
        yield { operator: 'skip', operand: { op: 'loop' }, value: [what, shown] }
      }
    }
  },
  edit: (edit, context, program) => {
    const [what, shown] = edit.value as [string, string]
    const isAt = (s: number, steps: number): boolean =>
      what === 'every step' || s === (what === 'the first step' ? 0 : steps - 1)
    const edited = editLoops(edit, context, program, (loop) => {
      if (loop.attributes.steps < 2) return undefined
      const made = handingOn(
        loop,
        'skip',
        (s, steps) => Number(isAt(s, steps)),
        ({ id }) => id,
      )
      return made && shown !== 'computed' ? withShown(made, loop, shown, program.operations) : made
    })
    return edited
  },
  says({ value }) {
    const [what, shown] = value as [string, string]
    const out = { state: ', and puts the state before it out', zeros: ', and puts zeros out there', computed: '' }[
      shown
    ]
    return what === 'every step' ? 'keeps the first state for all steps' : `leaves ${what} out${out}`
  },
}

/** What a skipped step puts out. */
function withShown(
  made: readonly Operation[],
  loop: Loop,
  shown: string,
  siblings: readonly Operation[],
): readonly Operation[] {
  const own = made.find((operation): operation is Loop => operation.id === loop.id)!
  const outputs = new Set(
    siblings.flatMap((other) => (other.op === 'stacked' && other.operands[0] === loop.id ? [other.attributes.of] : [])),
  )
  const h = own.attributes.body.find(({ op, site }) => op === 'state' && site.tensor === 'h')
  if (h === undefined) return made
  const body = own.attributes.body.flatMap((operation): Operation[] => {
    if (!outputs.has(operation.id)) return [operation]
    const inner = `${operation.id}~`
    const { site } = operation
    const blank: Operation = {
      id: `${inner}.blank`,
      op: 'full_like',
      operands: [inner],
      attributes: { value: 0 },
      site,
    }
    const taken = shown === 'zeros' ? blank.id : h.id
    return [
      { ...operation, id: inner },
      blank,
      { id: operation.id, op: 'where', operands: [`${loop.id}.skip.now`, taken, inner], attributes: {}, site },
    ]
  })
  return made.map((operation) => (operation === own ? { ...own, attributes: { ...own.attributes, body } } : operation))
}
