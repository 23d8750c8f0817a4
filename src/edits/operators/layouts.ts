// The same numbers as if the tensor had been stored in another shape, or turned.
import { elementCount } from '../../format/tensor.ts'
import type { Id } from '../../program/operation.ts'
import type { Context, Node } from '../context.ts'
import { operandsOf } from '../operand.ts'
import { editValues, type Write } from '../rewrite.ts'
import { gatesOf } from './gates.ts'
import type { Operator } from './operator.ts'
import { movable } from './order.ts'
import { isNumeric } from './values.ts'

/** Stored in another shape, or turned. value: how */
export const layout: Operator = {
  *candidates(context) {
    for (const meant of operandsOf(context)) {
      const [node] = meant.nodes
      const isStored = movable.has(node.operation.op) || node.operation.op === 'chunk'
      if (!isNumeric(meant) || !isStored || node.operand.in === 'update') continue
      for (const [name, { can }] of Object.entries(layouts)) {
        // Of one gate they are what those of gates are.
        const isOfGates = !(name in ofOneGate) || meant.nodes.some((own) => gatesFor(own, context) > 1)
        const fits = isOfGates && meant.nodes.some((own) => can(own.shape, gatesFor(own, context), isWeight(own)))
        if (fits) yield { operator: 'layout', operand: meant.operand, value: name }
      }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, x, node) => {
      const own = layouts[edit.value as string]!
      const gates = gatesFor(node, context)
      return own.can(node.shape, gates, isWeight(node)) ? own.make(write, x, node.shape, gates) : undefined
    }),
  says: ({ value }, name) => `reads ${name} ${layouts[value as string]!.says}`,
}

const ofOneGate = { 'transposed where square': true, 'stored by columns': true }

function gatesFor({ operand: { tensor = '', op } }: Node, context: Context): number {
  return /weight_(ih|hh)/.test(tensor) && op !== 'chunk' ? gatesOf(context) : 1
}

interface Layout {
  /** isWeight: whether it is (rows, columns), not features of rows. */
  readonly can: (shape: readonly number[], gates: number, isWeight: boolean) => boolean
  readonly make: (write: Write, x: Id, shape: readonly number[], gates: number) => Id
  readonly says: string
}

const isWeight = ({ operand: { op, tensor = '' } }: Node): boolean => op === 'parameter' || tensor.includes('weight')

const isLarge = (shape: readonly number[], ...axes: number[]): boolean =>
  axes.every((axis) => (shape.at(axis) ?? 0) > 1)

/** Read as (…, b, a) and turned to (…, a, b): the numbers are taken as they lie. */
function misread(write: Write, x: Id, shape: readonly number[], first: number, second: number): Id {
  const [a, b] = [shape.length + first, shape.length + second]
  const stored = shape.with(a, shape[b]!).with(b, shape[a]!)
  return write('transpose', [write('reshape', [x], { shape: stored })], { dim0: a, dim1: b })
}

const layouts: Readonly<Record<string, Layout>> = {
  'gates transposed where square': {
    can: ([rows = 0, columns = 0, ...more], gates) => more.length === 0 && rows === gates * columns && columns > 1,
    make(write, x, [, columns = 0], gates) {
      const blocks = write('reshape', [x], { shape: [gates, columns, columns] })
      return write('reshape', [write('transpose', [blocks], { dim0: 1, dim1: 2 })], {
        shape: [gates * columns, columns],
      })
    },
    says: 'transposed where the block of a gate is square',
  },
  'transposed where square': {
    can: (shape) => shape.length === 2 && shape[0] === shape[1] && shape[0]! > 1,
    make: (write, x) => write('transpose', [x], { dim0: 0, dim1: 1 }),
    says: 'transposed where it is square',
  },
  'stored by columns': {
    can: (shape) => shape.length === 2 && isLarge(shape, -1, -2),
    make: (write, x, shape) => misread(write, x, shape, -2, -1),
    says: 'as if it were stored (columns, rows)',
  },
  'gates stored by columns': {
    can: (shape, _, isWeight) => isWeight && shape.length === 2 && isLarge(shape, -1, -2),
    make(write, x, [rows = 0, columns = 0], gates) {
      const blocks = write('reshape', [x], { shape: [gates, columns, rows / gates] })
      return write('reshape', [write('transpose', [blocks], { dim0: 1, dim1: 2 })], { shape: [rows, columns] })
    },
    says: 'as if the block of each gate were stored (columns, rows)',
  },
  'first two stored the other way': {
    can: (shape) => shape.length === 3 && isLarge(shape, -3, -2),
    make: (write, x, shape) => misread(write, x, shape, -3, -2),
    says: 'as if its first two axes were stored the other way',
  },
  'first two exchanged where equal': {
    can: (shape) => shape.length === 3 && shape[0] === shape[1] && shape[0]! > 1,
    make: (write, x) => write('transpose', [x], { dim0: 0, dim1: 1 }),
    says: 'with its first two axes exchanged where they are equal',
  },
  'last two stored the other way': {
    can: (shape) => shape.length === 3 && isLarge(shape, -1, -2),
    make: (write, x, shape) => misread(write, x, shape, -2, -1),
    says: 'as if its last two axes were stored the other way',
  },
  'last axis first': {
    can: (shape, _, isWeight) => !isWeight && isLarge(shape, -1) && elementCount(shape.slice(0, -1)) > 1,
    make(write, x, shape) {
      const [outer, last] = [elementCount(shape.slice(0, -1)), shape.at(-1)!]
      const stored = write('reshape', [x], { shape: [last, outer] })
      return write('reshape', [write('transpose', [stored], { dim0: 0, dim1: 1 })], { shape })
    },
    says: 'as if its last axis were stored first',
  },
}
