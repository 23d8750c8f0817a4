// The same numbers in another order along one axis.
import { isExported, isModelRequest } from '../../format/case.ts'
import { layerConfig } from '../../format/module.ts'
import type { Context, Node } from '../context.ts'
import { operandsOf } from '../operand.ts'
import { editValues } from '../rewrite.ts'
import { gatesOf } from './gates.ts'
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

/** Of time a place too early or too late is likelier than one step for all. */
const ofTime = Object.entries(orders).toSorted(([one], [other]) => Number(isShift(other)) - Number(isShift(one)))

function isShift(name: string): boolean {
  return name.startsWith('next') || name.startsWith('previous')
}

/** What is said of blocks that are directions. */
const ofDirections: Readonly<Record<string, string>> = {
  firstBlock: 'the forward direction’s for both',
  lastBlock: 'the reverse direction’s for both',
}

const isOfBlocks = (name: string): boolean => /block|interleaved/i.test(name)

/** The rows from the longest to the shortest; as they are without lengths. */
function byLength(size: number, { request }: Context): number[] {
  const lengths = !isExported(request) && 'lengths' in request.inputs ? request.inputs.lengths : undefined
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
export const movable = new Set([
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

interface Along {
  readonly [key: string]: number | string
  readonly axis: number
  readonly order: string
}

/** The shape of what an operation gives, with a batch of 1 where a layer is given none. */
function shapeOf({ operation, shape }: Node, { request }: Context): readonly number[] {
  if (operation.op !== 'input' || isModelRequest(request) || layerConfig(request.config) === undefined) return shape
  return shape.length === 2 && request.inputs.input.shape.length === 2 ? [shape[0]!, 1, shape[1]!] : shape
}

/** Orders that are another along an axis of what an operation gives. */
function* ordersOf(node: Node, context: Context): Generator<Along> {
  const { operand } = node
  const shape = shapeOf(node, context)
  for (let axis = 1; axis <= shape.length; axis++) {
    const size = shape.at(-axis)!
    if (size < 2 || size > 4096) continue
    const isOfLayers = axis === shape.length && operand.kind?.includes('states') === true
    const isOfTime = axis === 3 && (operand.tensor === 'output' || operand.tensor === 'input')
    const named = isOfTime ? ofTime : Object.entries(orders)
    const seen = new Set([Array.from({ length: size }, (_, i) => i).join()])
    for (const blocks of blocksOf(node, axis, context)) {
      for (const [order, { order: of, ofRows = false }] of named) {
        if (size % blocks !== 0 || (ofRows && axis !== 2) || isOfBlocks(order) !== blocks > 1) continue
        // A layer or direction is not left out of its states.
        if ((isOfLayers || axis === 3) && order.startsWith('without')) continue
        const key = of(size, blocks, context).join()
        if (seen.has(key)) continue
        seen.add(key)
        yield { axis, order, ...(blocks > 1 && { blocks: blocksName(node, axis) }) }
      }
    }
  }
}

/** An order along an axis. value: axis from the end, order, blocks */
export const reorder: Operator = {
  *candidates(context) {
    for (const meant of operandsOf(context)) {
      if (!isNumeric(meant) && meant.operand.tensor !== 'lengths') continue
      const [first] = meant.nodes
      if (first.operand.in === 'update' || !movable.has(first.operation.op)) continue
      const told = new Set<string>()
      // What a later layer reads has another width than what the first one does.
      const widths = new Map(meant.nodes.map((node) => [node.shape.join(), node]))
      for (const node of widths.values()) {
        for (const value of ordersOf(node, context)) {
          const key = JSON.stringify(value)
          if (!told.has(key)) yield { operator: 'reorder', operand: meant.operand, value }
          told.add(key)
        }
      }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, x, node) => {
      const { axis, order, blocks = 1 } = edit.value as { axis: number; order: string; blocks?: number | string }
      const shape = shapeOf(node, context)
      const size = shape.at(-axis)
      const parts = typeof blocks === 'number' ? blocks : blocksFor(blocks, context)
      if (size === undefined || size < 2 || size % parts !== 0) return undefined
      if (blocks === 2 && node.operation.op === 'step' && !isOfBoth(node)) return undefined
      const index = orders[order]!.order(size, parts, context)
      const dim = Math.max(-axis, -node.shape.length)
      return index.every((from, i) => from === i) ? undefined : write('index_select', [x], { dim, index })
    }),
  says({ value, operand }, name) {
    const { axis, order } = value as { axis: number; order: string }
    const isOfDirections = axis === 1 && !/weight/.test(operand.tensor ?? '')
    const says = isOfDirections ? (ofDirections[order] ?? orders[order]!.says) : orders[order]!.says
    return `takes ${name} ${axisName(operand, axis)}${says}`
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
  const { operand } = node
  const shape = shapeOf(node, context)
  const gates = gatesOf(context)
  const isRows =
    axis === shape.length && operand.op === 'parameter' && gates > 1 && /_(ih|hh)$/.test(operand.tensor ?? '')
  if (isRows) return [1, gates]
  const isStates = operand.kind?.endsWith('states') === true || operand.kind === 'initial states as given'
  if (axis === shape.length && axis === 3 && isStates) return context.num_layers > 1 ? [context.num_layers, 1] : [1]
  const isBidirectional = 'bidirectional' in context.request.config && context.request.config.bidirectional
  if (axis === 1 && isBidirectional && (operand.tensor === 'output' || isOfBoth(node))) return [2, 1]
  return [1]
}

/** What a later layer reads are the outputs of both directions; what the first one does is not. */
function isOfBoth({ operation: { op, site } }: Node): boolean {
  return op === 'step' && (site.layer ?? 0) > 0
}

function blocksName(node: Node, axis: number): number | string {
  if (axis === 1) return 2
  return node.operand.kind === undefined ? 'gates' : 'layers'
}

function blocksFor(name: string, context: Context): number {
  return name === 'layers' ? context.num_layers : gatesOf(context)
}
