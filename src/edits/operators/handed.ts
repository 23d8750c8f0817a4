// What a step reads of the steps before it: another thing than they put out, nothing after the first, or no gradient.
import type { Id, Operation } from '../../program/operation.ts'
import { type Node, nodesAt } from '../context.ts'
import { type Loop, editLoops, loopsOf, perStep } from './loop.ts'
import type { Operator } from './operator.ts'

/** The projected state is put out, and what is before the projection is read by the next step: as many units as fit. */
export const unprojected: Operator = {
  *candidates({ nodes }) {
    if (nodes.some(isProjection)) yield { operator: 'unprojected', operand: { op: 'loop' } }
  },
  edit: (edit, context, program) =>
    editLoops(edit, context, program, (loop) => {
      const { body, next } = loop.attributes
      const projection = body.find((operation) => isProjection({ operation }))
      const state = body.find(({ id }) => next[id] === projection?.id)
      const length = context.byId.get(projection?.id ?? '')?.shape.at(-1)
      if (projection === undefined || state?.op !== 'state' || length === undefined) return undefined
      const { site } = state
      const [fed, after] = [`${state.id}.fed`, `${state.id}.unprojected`]
      const operands = [projection.operands[0]!]
      return [
        withBody(
          loop,
          [
            { ...state, id: fed },
            ...reading(body, new Map([[state.id, fed]])),
            { id: after, op: 'narrow', operands, attributes: { dim: -1, start: 0, length }, site },
          ],
          { ...next, [fed]: after },
        ),
      ]
    }),
  says: () => 'feeds back the units before the projection',
}

const isProjection = ({ operation: { op, site } }: Pick<Node, 'operation'>): boolean =>
  op === 'linear' && site.tensor === 'weight_hr'

/** What a step reads beside its own input is there at the first step alone, and zeros after it. value: which of what it joins */
export const once: Operator = {
  *candidates(context) {
    const operand = { op: 'cat', part: 'decoder', tensor: 'decoder_input' } as const
    if (nodesAt(context, operand).length > 0) yield { operator: 'once', operand, value: 1 }
  },
  edit: (edit, context, program) => {
    const wanted = new Map(nodesAt(context, edit.operand).map((node) => [node.operation.id, node]))
    const i = edit.value as number
    return editLoops({ ...edit, operand: {} }, context, program, (loop) => {
      if (loop.attributes.steps < 2 || !loop.attributes.body.some(({ id }) => wanted.has(id))) return undefined
      const { before, inside } = perStep(loop, 'once', (s) => Number(s === 0))
      const body = loop.attributes.body.flatMap((operation): Operation[] => {
        if (!wanted.has(operation.id)) return [operation]
        const { id, operands, site } = operation
        const [zeros, own] = [`${id}.zeros`, `${id}.once`]
        return [
          { id: zeros, op: 'full_like', operands: [operands[i]!], attributes: { value: 0 }, site },
          { id: own, op: 'where', operands: [inside.id, operands[i]!, zeros], attributes: {}, site },
          { ...operation, operands: operands.with(i, own) },
        ]
      })
      return [before, withBody(loop, [inside, ...body])]
    })
  },
  says: () => 'feeds the context at the first step and zeros after it',
}

/**
 * No gradient goes from a step to the one before, every n steps. value: n, counted from the last step; with 'from the first' from
 * there, which is how a sequence is trained in parts
 */
export const truncated: Operator = {
  *candidates(context) {
    if (context.request.cotangents === undefined && context.request.training === undefined) return
    const most = Math.max(0, ...loopsOf(context).map(({ attributes: { steps } }) => steps))
    for (const n of [1, 2, 3, 4, 5, 8, 10, 16]) {
      if (n < most) yield { operator: 'truncated', operand: { op: 'loop' }, value: n }
      if (n > 1 && most % n !== 0 && n < most)
        yield { operator: 'truncated', operand: { op: 'loop' }, value: [n, 'from the first'] }
    }
  },
  edit: (edit, context, program) =>
    editLoops(edit, context, program, (loop) => {
      const isFromFirst = Array.isArray(edit.value)
      const n = isFromFirst ? (edit.value[0] as number) : (edit.value as number)
      const { steps, body } = loop.attributes
      const isCut = (s: number): boolean => s > 0 && (isFromFirst ? s : steps - s) % n === 0
      if (!Array.from({ length: steps }, (_, s) => s).some(isCut)) return undefined
      const { before, inside } = perStep(loop, 'truncated', (s) => Number(isCut(s)))
      const states = body.filter(({ op }) => op === 'state')
      // What is read is cut off, not what a row keeps: the last state of a row that has ended is whole.
      const cut = states.flatMap(({ id, site }): Operation[] => [
        { id: `${id}.detached`, op: 'detach', operands: [id], attributes: {}, site },
        { id: `${id}.cut`, op: 'where', operands: [inside.id, `${id}.detached`, id], attributes: {}, site },
      ])
      const rest = body.filter(({ op }) => op !== 'state')
      const own = reading(rest, new Map(states.map(({ id }) => [id, `${id}.cut`])))
      return [before, withBody(loop, [inside, ...states, ...cut, ...own])]
    }),
  says: ({ value }) =>
    `passes no gradient back through more than ${Array.isArray(value) ? (value[0] as number) : (value as number)} time steps`,
}

function withBody(loop: Loop, body: readonly Operation[], next = loop.attributes.next): Loop {
  return { ...loop, attributes: { ...loop.attributes, body, next } }
}

/** Operations that read other things. */
function reading(operations: readonly Operation[], others: ReadonlyMap<Id, Id>): Operation[] {
  return operations.map((operation): Operation => {
    const operands = operation.operands.map((id) => others.get(id) ?? id)
    return { ...operation, operands }
  })
}
