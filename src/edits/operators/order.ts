// The same numbers in another order: along one axis, or as if the tensor had been stored in another shape.
import { everyOperation, type Id } from '../../program/operation.ts'
import type { Context, Node } from '../context.ts'
import { operandsOf } from '../operand.ts'
import { editOperations, editValues, type Write } from '../rewrite.ts'
import type { Operator } from './operator.ts'
import { isNumeric } from './values.ts'

/** Which index stands at each place along an axis of a size; −1 for zeros. blocks: of how many the axis consists. */
type Order = (size: number, blocks: number, context: Context) => readonly number[]

const at = (place: (i: number, size: number) => number): Order => {
  return (size) => Array.from({ length: size }, (_, i) => place(i, size))
}

const orders: Readonly<Record<string, { readonly order: Order; readonly says: string; readonly ofRows?: boolean }>> = {
  sorted: { order: (n, _, context) => byLength(n, context), says: 'sorted by length, and not put back', ofRows: true },
  unsorted: {
    order: (n, _, context) => inverse(byLength(n, context)),
    says: 'put back as if they had been sorted by length',
    ofRows: true,
  },
  reversed: { order: at((i, n) => n - 1 - i), says: 'from the last to the first' },
  first: { order: at(() => 0), says: 'the first for all' },
  last: { order: at((_, n) => n - 1), says: 'the last for all' },
  next: { order: at((i, n) => Math.min(n - 1, i + 1)), says: 'one place too early, the last twice' },
  previous: { order: at((i) => Math.max(0, i - 1)), says: 'one place too late, the first twice' },
  nextOrZero: { order: at((i, n) => (i + 1 < n ? i + 1 : -1)), says: 'one place too early, and zeros at the end' },
  previousOrZero: { order: at((i) => i - 1), says: 'one place too late, and zeros at the beginning' },
  nextAround: { order: at((i, n) => (i + 1) % n), says: 'one place too early, the first at the end' },
  previousAround: { order: at((i, n) => (i + n - 1) % n), says: 'one place too late, the last at the beginning' },
  withoutLast: { order: at((i, n) => (i < n - 1 ? i : -1)), says: 'without the last' },
  withoutFirst: { order: at((i) => (i > 0 ? i : -1)), says: 'without the first' },
  lastBlock: {
    order: (n, blocks) => everyBlock(n, blocks, () => blocks - 1),
    says: 'the last layer’s for every layer',
  },
  firstBlock: { order: (n, blocks) => everyBlock(n, blocks, () => 0), says: 'the first layer’s for every layer' },
  blocksReversed: {
    order: (n, blocks) => everyBlock(n, blocks, (block) => blocks - 1 - block),
    says: 'its parts in the other order',
  },
  reversedInBlocks: {
    order: (n, blocks) =>
      Array.from({ length: n }, (_, i) => {
        const size = n / blocks
        return i - (i % size) + size - 1 - (i % size)
      }),
    says: 'each of its parts in the other order',
  },
  interleaved: {
    order: (n, blocks) => Array.from({ length: n }, (_, i) => (i % blocks) * (n / blocks) + Math.floor(i / blocks)),
    says: 'its parts interleaved',
  },
  deinterleaved: {
    order: (n, blocks) =>
      Array.from({ length: n }, (_, i) => (i % (n / blocks)) * blocks + Math.floor(i / (n / blocks))),
    says: 'as if its parts were interleaved',
  },
}

const isOfBlocks = (name: string): boolean => /block|interleaved/i.test(name)

/** The rows from the longest to the shortest; as they are without lengths. */
function byLength(size: number, { request }: Context): number[] {
  const lengths = 'lengths' in request.inputs ? request.inputs.lengths : undefined
  const rows = Array.from({ length: size }, (_, i) => i)
  if (lengths?.data.length !== size) return rows
  return rows.toSorted((one, other) => Number(lengths.data[other]! - lengths.data[one]!))
}

function inverse(index: readonly number[]): number[] {
  return index.map((_, i) => index.indexOf(i))
}

function everyBlock(n: number, blocks: number, of: (block: number) => number): number[] {
  const size = n / blocks
  return Array.from({ length: n }, (_, i) => of(Math.floor(i / size)) * size + (i % size))
}

/** What is stored, handed on or given out, and what is read of it. */
const movable = new Set([
  'parameter',
  'input',
  'step',
  'state',
  'stacked',
  'last',
  'stack',
  'cat',
  'select',
  'embedding',
])

/** An order along an axis. value: axis from the end, order, blocks */
export const reorder: Operator = {
  *candidates(context) {
    for (const meant of operandsOf(context)) {
      const [node] = meant.nodes
      if (!isNumeric(meant) && meant.operand.tensor !== 'lengths') continue
      if (node.operand.in === 'update' || !movable.has(node.operation.op)) continue
      const { shape } = node
      for (let axis = 1; axis <= shape.length; axis++) {
        const size = shape.at(-axis)!
        if (size < 2 || size > 4096) continue
        const seen = new Set([Array.from({ length: size }, (_, i) => i).join()])
        for (const blocks of blocksOf(node, axis, context)) {
          for (const [name, { order, ofRows = false }] of Object.entries(orders)) {
            if (size % blocks !== 0 || (ofRows && axis !== 2) || isOfBlocks(name) !== blocks > 1) continue
            // A layer or direction is not left out of its states.
            if (axis === 3 && name.startsWith('without')) continue
            const key = order(size, blocks, context).join()
            if (seen.has(key)) continue
            seen.add(key)
            yield {
              operator: 'reorder',
              operand: meant.operand,
              value: { axis, order: name, ...(blocks > 1 && { blocks: blocksName(node, axis) }) },
            }
          }
        }
      }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, x, node) => {
      const { axis, order, blocks = 1 } = edit.value as { axis: number; order: string; blocks?: number | string }
      const size = node.shape.at(-axis)
      const parts = typeof blocks === 'number' ? blocks : blocksFor(blocks, context)
      if (size === undefined || size < 2 || size % parts !== 0) return undefined
      const index = orders[order]!.order(size, parts, context)
      return index.every((from, i) => from === i) ? undefined : write('index_select', [x], { dim: -axis, index })
    }),
  says({ value, operand }, name) {
    const { axis, order } = value as { axis: number; order: string }
    return `takes ${name} ${axisName(operand, axis)}${orders[order]!.says}`
  },
}

function axisName({ op, tensor = '' }: { readonly op?: string; readonly tensor?: string }, axis: number): string {
  if (/weight/.test(tensor)) return axis === 1 ? 'along its columns ' : 'along its rows '
  if (tensor === 'lengths') return ''
  const names = ['unit', 'batch row', op === 'step' ? 'time step' : 'first axis']
  if (/^[hc]_[0n]$/.test(tensor) && axis === 3) return 'by layer and direction '
  if (tensor === 'output' && axis === 3) return 'by time step '
  return `by ${names[axis - 1] ?? 'axis'} `
}

/** In how many parts an axis may be meant: gates, directions, layers and directions. */
function blocksOf(node: Node, axis: number, context: Context): number[] {
  const { shape, operand } = node
  const gates = gatesOf(context)
  const isRows =
    axis === shape.length && operand.op === 'parameter' && gates > 1 && /_(ih|hh)$/.test(operand.tensor ?? '')
  if (isRows) return [1, gates]
  const isStates = operand.kind?.endsWith('states') === true || operand.kind === 'initial states as given'
  if (axis === shape.length && axis === 3 && isStates) return context.num_layers > 1 ? [context.num_layers, 1] : [1]
  const isBidirectional = 'bidirectional' in context.request.config && context.request.config.bidirectional
  if (axis === 1 && isBidirectional && (operand.tensor === 'output' || operand.op === 'step')) return [2, 1]
  return [1]
}

function blocksName(node: Node, axis: number): number | string {
  if (axis === 1) return 2
  return node.operand.kind === undefined ? 'gates' : 'layers'
}

function blocksFor(name: string, context: Context): number {
  return name === 'layers' ? context.num_layers : gatesOf(context)
}

export function gatesOf({ program }: Context): number {
  for (const { op, attributes } of everyOperation(program.operations)) {
    if (op === 'chunk') return attributes.chunks
  }
  return 1
}

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

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1)
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
    can: (shape, _, isWeight) => !isWeight && isLarge(shape, -1) && product(shape.slice(0, -1)) > 1,
    make(write, x, shape) {
      const [outer, last] = [product(shape.slice(0, -1)), shape.at(-1)!]
      const stored = write('reshape', [x], { shape: [last, outer] })
      return write('reshape', [write('transpose', [stored], { dim0: 0, dim1: 1 })], { shape })
    },
    says: 'as if its last axis were stored first',
  },
}

/** The blocks of rows of the gates in another order. value: for which gates the blocks are taken, one after the other */
export const gateOrder: Operator = {
  *candidates(context) {
    const letters = lettersOf(context)
    if (letters.length < 3) return
    for (const order of permutations(letters)) {
      if (order === letters) continue
      for (const tensors of [
        ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'],
        ['weight_ih', 'weight_hh'],
        ['bias_ih', 'bias_hh'],
        ['weight_ih', 'bias_ih'],
        ['weight_hh', 'bias_hh'],
        ['weight_ih'],
        ['weight_hh'],
        ['bias_ih'],
        ['bias_hh'],
      ]) {
        yield { operator: 'gates', operand: { op: 'chunk' }, value: { order, tensors } }
      }
    }
  },
  edit(edit, context, program) {
    const { order, tensors } = edit.value as { order: string; tensors: readonly string[] }
    const letters = lettersOf(context)
    if (letters.length !== order.length || !Array.from(order).every((gate) => letters.includes(gate))) return undefined
    return editOperations(edit, context, program, (operation) => {
      if (operation.op !== 'chunk' || !tensors.includes(operation.site.tensor ?? '')) return undefined
      const { gate = '' } = operation.site
      const index = order.indexOf(gate)
      return index < 0 ? undefined : { ...operation, attributes: { ...operation.attributes, index } }
    })
  },
  says({ value }) {
    const { order, tensors } = value as { order: string; tensors: readonly string[] }
    const own = order.length === 4 ? 'i f g o' : 'r z n'
    const where = tensors.length === 4 ? '' : ` of ${tensors.join(' and ')}`
    return `takes the blocks of rows${where} for ${Array.from(order).join(' ')}, where torch has ${own}`
  },
}

function lettersOf({ program }: Context): string {
  const gates = new Set<string>()
  for (const { op, site } of everyOperation(program.operations)) {
    if (op === 'chunk' && site.gate !== undefined) gates.add(site.gate)
  }
  return [...gates].join('')
}

function permutations(letters: string): string[] {
  if (letters.length < 2) return [letters]
  return Array.from(letters).flatMap((first) => permutations(letters.replace(first, '')).map((rest) => first + rest))
}
