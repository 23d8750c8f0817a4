// The way back through the steps: it comes from some of them alone.
import type { Id, Operation } from '../../program/operation.ts'
import type { Context } from '../context.ts'
import { type Loop, perStep } from './loop.ts'
import type { Operator } from './operator.ts'

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
        if (operation.op === 'loop') return loopWith(operation)
        if (mask !== undefined) return split(operation, mask)
        // Of what models compute of all steps together, each has its rows.
        const shape = context.byId.get(operation.id)?.shape ?? []
        const isSplit = which.endsWith('row') && (operation.op === 'linear' || isBias(operation))
        if (!isSplit || shape.length < 2) return [operation]
        const own = rows(`${operation.id}.rows`, shape.at(-2)!)
        return [own, ...split(operation, own.id)]
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
