// How the steps follow each other: which there are, where they begin, and what they read.
import type { Operation } from '../../program/operation.ts'
import type { Context } from '../context.ts'
import { operandsOf } from '../operand.ts'
import { editValues } from '../rewrite.ts'
import { editLoops, handingOn, type Loop, loopsOf, placesOf } from './loop.ts'
import type { Operator } from './operator.ts'

const hasDirections = (context: Context): boolean => loopsOf(context).some(({ attributes }) => attributes.reverse)

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

/** A part begins from zeros, whatever is handed to it. */
export const starts: Operator = {
  *candidates(context) {
    for (const operand of placesOf(context)) {
      if (operand.part !== undefined)
        for (const value of ['all', 'h', 'c']) yield { operator: 'starts', operand, value }
    }
  },
  edit: (edit, context, program) =>
    editLoops(edit, context, program, (loop) => {
      const before: Operation[] = []
      const body = loop.attributes.body.map((operation): Operation => {
        const { id, operands, site } = operation
        if (operation.op !== 'state' || !(edit.value === 'all' || site.tensor === edit.value)) return operation
        if (!/^[hc]/.test(site.tensor ?? '')) return operation
        const [given] = operands.map((own) => context.byId.get(own)?.operation)
        if (given?.op === 'full' && given.attributes.value === 0) return operation
        before.push({ id: `${id}.start`, op: 'full_like', operands, attributes: { value: 0 }, site })
        return { ...operation, operands: [`${id}.start`] }
      })
      return before.length === 0 ? undefined : [...before, { ...loop, attributes: { ...loop.attributes, body } }]
    }),
  says: ({ operand }) => `starts the ${operand.part} from zeros`,
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

const ownLast = 'each row’s last step'

/** A last state is what stands in output at a step. value: at the last, at the first, or at the last that its row has */
export const fromOutput: Operator = {
  *candidates(context) {
    const hasLengths = 'lengths' in context.request.inputs
    for (const value of ['the last step', 'the first step', ...(hasLengths ? [ownLast] : [])]) {
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
      const { steps, reverse } = loop.attributes
      const all = write('stacked', stacked.operands, stacked.attributes)
      const [lengths] = loop.operands
      if (edit.value === ownLast && lengths !== undefined) {
        const [, batch = 0] = context.byId.get(stacked.id)!.shape
        const t = write('constant', [], { shape: [steps, 1], data: Array.from({ length: steps }, (_, i) => i + 1) })
        const isLast = write('reshape', [write('eq', [t, lengths], {})], { shape: [steps, batch, 1] })
        const zero = write('full', [], { shape: [], value: 0 })
        return write('sum', [write('where', [isLast, all, zero], {})], { dim: 0 })
      }
      // Forward in time it is where the last state is from.
      if (edit.value === ownLast && !reverse) return undefined
      return write('select', [all], { dim: 0, index: edit.value === 'the first step' ? 0 : steps - 1 })
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
