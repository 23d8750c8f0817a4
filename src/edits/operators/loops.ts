// How the steps follow each other: which there are, where they begin, what is handed on, and what a length does.
import { everyOperation, type Id, type Operation, type Program } from '../../program/operation.ts'
import { type Context, isWithin, type Node } from '../context.ts'
import type { Edit } from '../edit.ts'
import { operandsOf } from '../operand.ts'
import { editValues } from '../rewrite.ts'
import type { Operator } from './operator.ts'

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
function placesOf(context: Context): Edit['operand'][] {
  const parts = new Set(context.nodes.flatMap(({ operand: { op, part } }) => (op === 'loop' ? [part] : [])))
  return parts.size < 2
    ? [{ op: 'loop' }]
    : [{ op: 'loop' }, ...[...parts].map((part) => ({ op: 'loop' as const, part: part ?? '' }))]
}

export const loopsOf = ({ program }: Context): Loop[] =>
  [...everyOperation(program.operations)].filter((operation): operation is Loop => operation.op === 'loop')

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
function handingOn(
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

const intervals = [1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 50, 64, 100, 128, 256]

/** Zeros, or the state of before the first step, taken on every n steps. value: [n, what] */
export const reset: Operator = {
  *candidates(context) {
    const most = Math.max(0, ...loopsOf(context).map(({ attributes: { steps } }) => steps))
    for (const n of intervals) {
      if (n >= most) continue
      for (const what of n === 1 ? ['h', 'c', 'all'] : ['all'])
        yield { operator: 'reset', operand: { op: 'loop' }, value: [n, what] }
    }
  },
  edit: (edit, context, program) =>
    editLoops(edit, context, program, (loop) => {
      const [n, what] = edit.value as [number, string]
      return handingOn(
        loop,
        'reset',
        (s, steps) => Number((s + 1) % n === 0 && s + 1 < steps),
        (state, write) =>
          write({
            id: `${state.id}.zeros`,
            op: 'full_like',
            operands: [state.id],
            attributes: { value: 0 },
            site: state.site,
          }),
        ({ site }) => what === 'all' || site.tensor === what,
      )
    }),
  says({ value }) {
    const [n, what] = value as [number, string]
    const states = what === 'all' ? 'the state' : what
    return n === 1 ? `forgets ${states} between steps` : `resets the state to zeros every ${n} steps`
  },
}

/** What is handed on to the next step is rounded, cut off, … while what is put out is not. value: what, how, which state */
export const carried: Operator = {
  *candidates({ request, nodes }) {
    const states = nodes.some(({ operand: { op, tensor } }) => op === 'state' && tensor === 'c')
      ? ['h', 'c', 'all']
      : ['all']
    const dtypes = ['float16', 'bfloat16', 'int8'].filter((dtype) => dtype !== request.dtype)
    for (const state of states) {
      for (const dtype of dtypes) {
        yield { operator: 'carried', operand: { op: 'loop' }, value: ['round', dtype, state, 'and at last'] }
        yield { operator: 'carried', operand: { op: 'loop' }, value: ['round', dtype, state] }
      }
      for (const limit of [0.5, 1, 2, 3, 5, 10])
        yield { operator: 'carried', operand: { op: 'loop' }, value: ['clip', limit, state] }
      for (const by of [0.5, 0.9, 0.99, -1])
        yield { operator: 'carried', operand: { op: 'loop' }, value: ['scale', by, state] }
    }
  },
  edit(edit, context, program) {
    const [how, by, which, last] = edit.value as [string, string | number, string, string?]
    // A cell has one step, after which its states are handed on.
    if (last !== undefined && 'h_1' in program.outputs) return carriedOut(program, how, by, which)
    return editLoops(edit, context, program, (loop) => {
      const { next } = loop.attributes
      return handingOn(
        loop,
        'carried',
        (s, steps) => Number(s < steps - 1 || last !== undefined),
        (state, write) => {
          const id = `${state.id}.as carried`
          const { site } = state
          const operands = [next[state.id]!]
          if (how === 'round') return write({ id, op: 'round', operands, attributes: { dtype: by as 'float16' }, site })
          if (how === 'clip')
            return write({ id, op: 'clamp', operands, attributes: { min: -(by as number), max: by as number }, site })
          const factor = write({
            id: `${id}.by`,
            op: 'full',
            operands: [],
            attributes: { shape: [], value: by as number },
            site,
          })
          return write({ id, op: 'mul', operands: [...operands, factor], attributes: {}, site })
        },
        ({ site }) => which === 'all' || site.tensor === which,
      )
    })
  },
  says({ value }) {
    const [how, by, which] = value as [string, string | number, string]
    const what = which === 'all' ? 'the states' : which
    if (how === 'round') return `rounds ${what} to ${by} between steps`
    return how === 'clip' ? `cuts ${what} off at ±${by} between steps` : `multiplies ${what} by ${by} between steps`
  },
}

function carriedOut(program: Program, how: string, by: string | number, which: string): Program | undefined {
  if (how !== 'round') return undefined
  const states = ['h_1', 'c_1'].filter((name) => name in program.outputs && (which === 'all' || name.startsWith(which)))
  const rounded = states.map((name): Operation => {
    const operands = [program.outputs[name]!]
    return { id: `${name}.as carried`, op: 'round', operands, attributes: { dtype: by as 'float16' }, site: {} }
  })
  const outputs = Object.fromEntries(states.map((name) => [name, `${name}.as carried`]))
  return { ...program, operations: [...program.operations, ...rounded], outputs: { ...program.outputs, ...outputs } }
}

/** A decoder or a writer that forgets between steps: of a part alone. value: which state */
export const forget: Operator = {
  *candidates(context) {
    for (const operand of placesOf(context)) {
      if (operand.part === undefined) continue
      for (const which of ['c', 'h', 'all']) yield { operator: 'forget', operand, value: which }
    }
  },
  edit: (edit, context, program) => reset.edit!({ ...edit, value: [1, edit.value!] }, context, program),
  says: ({ value, operand }) =>
    `forgets ${value === 'all' ? 'the state' : (value as string)} of the ${operand.part} between steps`,
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

/** A gradient by a parameter that comes from some of the steps or rows alone. value: which */
export const part: Operator = {
  *candidates({ request: { cotangents, training } }) {
    if (cotangents === undefined && training === undefined) return
    for (const value of ['the last step', 'the first step', 'the first row', 'the last row']) {
      yield { operator: 'part', operand: { op: 'linear' }, value }
    }
  },
  edit(edit, context, program) {
    const which = edit.value as string
    let isEdited = false
    /** The sum of a value without a gradient, and of nothing with the gradient that is wanted. */
    const split = (operation: Operation, mask: Id): Operation[] => {
      const { id, operands, site } = operation
      const at = operation.op === 'linear' || isBias(operation) ? 1 : -1
      if (at < 0) return [operation]
      isEdited = true
      const x = operands[1 - at]!
      const w = operands[at]!
      const own = (suffix: string, op: string, of: readonly Id[], attributes: object = {}): Operation =>
        ({ id: `${id}.${suffix}`, op, operands: of, attributes, site }) as Operation
      return [
        own('w', 'detach', [w]),
        { ...operation, operands: [x, `${id}.w`], id: `${id}.value` },
        own('x', 'detach', [x]),
        { ...operation, operands: [`${id}.x`, w], id: `${id}.again` },
        own('masked', 'mul', [`${id}.again`, mask]),
        own('zeros', 'full_like', [`${id}.value`], { value: 0 }),
        own('apart', 'straight_through', [`${id}.zeros`, `${id}.masked`]),
        { id, op: 'add', operands: [`${id}.value`, `${id}.apart`], attributes: {}, site },
      ]
    }
    const all = (operations: readonly Operation[], mask: Id | undefined): Operation[] =>
      operations.flatMap((operation) => {
        if (operation.op !== 'loop') return mask === undefined ? [operation] : split(operation, mask)
        return loopWith(operation)
      })
    const loopWith = (loop: Loop): Operation[] => {
      const { steps, body } = loop.attributes
      if (which.endsWith('step') && steps < 2) return [loop]
      if (which.endsWith('step')) {
        const { before, inside } = perStep(loop, 'part', (s) =>
          Number(s === (which === 'the last step' ? steps - 1 : 0)),
        )
        return [before, { ...loop, attributes: { ...loop.attributes, body: [inside, ...all(body, inside.id)] } }]
      }
      // (steps, batch, 1): with lengths a step has some of its rows.
      const { site } = loop
      const batch = batchOf(context)
      const data = Array.from({ length: steps }, () => rowMask(batch)).flat()
      const id = `${loop.id}.rows`
      const before: Operation = {
        id,
        op: 'constant',
        operands: [],
        attributes: { shape: [steps, batch, 1], data },
        site,
      }
      const inside: Operation = { id: `${id}.now`, op: 'step', operands: [id], attributes: {}, site }
      return [before, { ...loop, attributes: { ...loop.attributes, body: [inside, ...all(body, inside.id)] } }]
    }
    const rowMask = (batch: number): number[] =>
      Array.from({ length: batch }, (_, row) => Number(row === (which === 'the first row' ? 0 : batch - 1)))
    const rows = (id: Id, batch: number): Operation => {
      return { id, op: 'constant', operands: [], attributes: { shape: [batch, 1], data: rowMask(batch) }, site: {} }
    }
    const isCell = which.endsWith('row') && !program.operations.some(({ op }) => op === 'loop')
    const operations = isCell
      ? [rows('rows.part', batchOf(context)), ...all(program.operations, 'rows.part')]
      : all(program.operations, undefined)
    return isEdited ? { ...program, operations } : undefined
  },
  says: ({ value }) => `takes the gradient by the weights from ${value as string} alone`,
}

const isBias = ({ op, site }: Operation): boolean => op === 'add' && site.tensor?.startsWith('bias') === true

function batchOf(context: Context): number {
  const h = context.nodes.find(({ operation: { op, site } }) => op === 'activation' && site.gate !== undefined)
  return h?.shape[0] ?? 1
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
