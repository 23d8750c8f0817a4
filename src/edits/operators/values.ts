// What is read or computed at a place is something else: nothing, a multiple, cut off, rounded, detached, another function of it.
import { elementCount } from '../../format/tensor.ts'
import type { Attributes, Id } from '../../program/operation.ts'
import type { Context, Node } from '../context.ts'
import type { Value } from '../edit.ts'
import { type Meant, operandsOf } from '../operand.ts'
import { editValues, type Write } from '../rewrite.ts'
import { sizesOf } from '../sizes.ts'
import type { Operator } from './operator.ts'

/** Whole numbers, and what stands where there is no tensor. */
const notNumbers = new Set(['loop', 'lt', 'eq', 'argmax', 'arange', 'constant'])

export function isNumeric({ nodes: [node] }: Meant): boolean {
  const { op } = node.operation
  return !notNumbers.has(op) && !(node.operand.tensor === 'lengths')
}

function each(
  values: (meant: Meant, context: Context) => readonly Value[],
  ordered: (context: Context) => readonly Meant[],
): (operator: string) => Operator['candidates'] {
  return (operator) =>
    function* (context) {
      for (const meant of ordered(context)) {
        // Numbers of its own are other numbers, or they are not.
        if (!isNumeric(meant) || meant.operand.op === 'full') continue
        for (const value of values(meant, context)) yield { operator, operand: meant.operand, value }
      }
    }
}

const full = (write: Write, value: number): Id => write('full', [], { shape: [], value })

/** What a port does to a number it does to all of that kind. */
function widestFirst(context: Context): readonly Meant[] {
  return operandsOf(context).toSorted((one, other) => Number(isOfKind(other)) - Number(isOfKind(one)))
}

const isOfKind = ({ operand: { kind, tensor } }: Meant): boolean =>
  tensor === undefined && (kind === 'weights' || kind === 'biases')

/** An operator that turns what is at a place into something else. */
function turning(
  name: string,
  values: Parameters<typeof each>[0],
  make: (write: Write, x: Id, value: Value, node: Node, context: Context) => Id | undefined,
  says: Operator['says'],
): Operator {
  return {
    candidates: each(values, name === 'round' || name === 'truncate' ? widestFirst : operandsOf)(name),
    edit: (edit, context, program) =>
      editValues(edit, context, program, (write, x, node) => make(write, x, edit.value!, node, context)),
    says,
  }
}

const isActivation = ({ operand: { op } }: Meant): boolean => op === 'activation'
const isStored = ({ operand: { op } }: Meant): boolean => op === 'parameter' || op === 'input'

export const zero = turning(
  'zero',
  () => [true],
  (write, x) => write('full_like', [x], { value: 0 }),
  (_, name) => `takes zeros for ${name}`,
)

export const one = turning(
  'one',
  ({ operand: { op } }) => (op === 'activation' ? [true] : []),
  (write, x) => write('full_like', [x], { value: 1 }),
  (_, name) => `takes 1 for ${name}`,
)

/** Of what is between 0 and 1 the rest to 1: a gate, a mask. */
export const complement = turning(
  'complement',
  ({ operand, nodes: [{ operation }] }) => {
    const isGate =
      isActivation({ operand } as Meant) && (operation.attributes as { function?: unknown }).function === 'sigmoid'
    return isGate || operand.tensor === 'dropout_mask' ? [true] : []
  },
  (write, x) => write('sub', [full(write, 1), x], {}),
  ({ operand: { gate } }, name) => `takes 1 − ${gate ?? name} for ${name}`,
)

const multiples = [2, -1, 0.5]

/** value: a number, or 1 / a size of the request */
export const scale: Operator = {
  *candidates(context) {
    for (const meant of operandsOf(context)) {
      const { operand, nodes } = meant
      if (!isNumeric(meant) || operand.op === 'full') continue
      for (const value of multiples) yield { operator: 'scale', operand, value }
      if (nodes[0].operation.op !== 'div' && operand.in === undefined) continue
      for (const [name, size] of sizesOf(context.request)) {
        if (size > 1) for (const value of [`1 / ${name}`, name]) yield { operator: 'scale', operand, value }
      }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, x) => {
      const by = factorOf(edit.value as number | string, context)
      return by === undefined || by === 1 ? undefined : write('mul', [x, full(write, by)], {})
    }),
  says: ({ value }, name) =>
    value === -1 ? `takes ${name} with the other sign` : `multiplies ${name} by ${value as number}`,
}

function factorOf(value: number | string, { request }: Context): number | undefined {
  if (typeof value === 'number') return value
  const [, one, name] = /^(1 \/ )?(.+)$/.exec(value) ?? []
  const size = sizesOf(request).get(name ?? '')
  return size === undefined || one === undefined ? size : 1 / size
}

const counted = new Set(['lengths', 'step', 'source', 'target'])

/** One more or less: of a bias, and of what counts, which does not fall below where it begins. */
export const increase: Operator = {
  *candidates(context) {
    for (const { operand } of operandsOf(context)) {
      const isBias = operand.op === 'chunk' && operand.tensor?.startsWith('bias') === true
      if (!isBias && !(operand.op === 'input' && counted.has(operand.tensor ?? ''))) continue
      for (const value of [1, -1]) yield { operator: 'increase', operand, value }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, x, { operand: { tensor } }) => {
      const more = write('add', [x, full(write, edit.value as number)], {})
      if (tensor !== 'lengths') return more
      return write('clamp', [more], { min: 1, max: seqLenOf(context) })
    }),
  says: ({ value }, name) => `takes ${name} ${(value as number) > 0 ? '+' : '−'} 1`,
}

function seqLenOf({ program }: Context): number {
  for (const { op, attributes } of program.operations) if (op === 'loop') return attributes.steps
  return 1
}

const limits = [0.1, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 16, 20, 50, 80, 88, 100]

export const clip = turning(
  'clip',
  ({ nodes, operand }) => {
    // Gradients are cut off all alike.
    if (operand.in === 'gradients' && Object.keys(operand).length > 1) return []
    const most = Math.max(...nodes.map(({ largest }) => largest))
    return limits.filter((limit) => limit < most)
  },
  (write, x, value) => write('clamp', [x], { min: -(value as number), max: value as number }),
  ({ value }, name) => `cuts ${name} off at ±${value as number}`,
)

type Rounding = Attributes['round']
const dtypes = ['float16', 'bfloat16', 'float32', 'tf32', 'int8'] as const

export const round = turning(
  'round',
  (_, { request: { dtype } }) => {
    if (dtype === 'float64') return dtypes.slice(0, 3)
    return dtypes.filter((own) => own !== 'float32' && own !== dtype)
  },
  // What is stored has the digits of its dtype already.
  (write, x, value, node, { request: { dtype } }) =>
    value === dtype && node.operation.op === 'parameter'
      ? undefined
      : write('round', [x], { dtype: value as Rounding['dtype'] }),
  ({ value }, name) => `rounds ${name} to ${value as string}`,
)

export const truncate = turning(
  'truncate',
  (meant, { request: { dtype } }) => {
    const isHalf = dtype === 'float16' || dtype === 'bfloat16'
    return isHalf || isStored(meant) ? [dtype, ...dtypes.slice(0, 2)] : []
  },
  (write, x, value) => write('round', [x], { dtype: value as 'float16', toward: 'zero' }),
  ({ value }, name) => `cuts ${name} to ${value as string} instead of rounding`,
)

export const detach = turning(
  'detach',
  ({ nodes: [node] }, { request }) =>
    (request.cotangents === undefined && request.training === undefined) || node.operand.in !== undefined ? [] : [true],
  (write, x) => write('detach', [x], {}),
  (_, name) => `lets no gradient through ${name}`,
)

const squashing = ['tanh', 'sigmoid', 'relu'] as const

export const applied = turning(
  'apply',
  (meant) => (isActivation(meant) || isStored(meant) || meant.operand.in !== undefined ? [] : squashing),
  (write, x, value) => write('activation', [x], { function: value as 'tanh' }),
  ({ value }, name) => `applies ${value as string} to ${name}`,
)

/** NaN, or a negative zero, as torch does not take it. */
export const cleaned = turning(
  'clean',
  (meant) => (isStored(meant) || isActivation(meant) ? ['NaN'] : []),
  (write, x) => write('where', [write('eq', [x, x], {}), x, full(write, 0)], {}),
  (_, name) => `takes 0 for NaN in ${name}`,
)

/** Dropout acts on the output of the last layer, too, with the last mask there is. */
export const droppedLast: Operator = {
  *candidates({ request }) {
    if ('dropout_mask' in request.inputs) yield { operator: 'droppedLast', operand: { op: 'cat' } }
  },
  edit(edit, context, program) {
    const factor = context.nodes.findLast(
      ({ operation: { op, site } }) => op === 'div' && site.tensor === 'dropout_mask',
    )
    const top = context.nodes.findLast(
      ({ operation: { op, site }, loop }) =>
        (op === 'cat' || op === 'stacked') && site.tensor === 'output' && loop === undefined,
    )
    if (factor === undefined || top === undefined) return undefined
    const { operand, operation } = top
    const at = { ...edit, operand, scope: operation.site.layer === undefined ? {} : { layers: operation.site.layer } }
    return editValues(at, context, program, (write, x) => write('mul', [x, factor.operation.id], {}))
  },
  says: () => 'applies dropout to the output of the last layer, too',
}

/**
 * One number of one parameter is another. value: the parameter, or the first of those whose names begin so; which number, or the one of
 * middling size, as the largest would be the easiest to see and the smallest may be next to nothing; and by how much more of itself
 */
export const element: Operator = {
  // There are as many as numbers: diagnose/element.ts finds it.
  candidates: () => [],
  edit(edit, context, program) {
    const [meant, which, part] = edit.value as [string, number | 'middling', number]
    const { params } = context.request
    const name = meant in params ? meant : Object.keys(params).find((other) => other.startsWith(meant))
    const at = which === 'middling' ? middling(params[name ?? '']?.data ?? []) : which
    return editValues({ ...edit, operand: { op: 'parameter' } }, context, program, (write, x, { operation, shape }) => {
      if (operation.op !== 'parameter' || operation.attributes.name !== name) return undefined
      const count = elementCount(shape)
      if (at >= count) return undefined
      const data = Array<number>(count)
        .fill(1)
        .with(at, 1 + part)
      return write('mul', [x, write('constant', [], { shape, data })], {})
    })
  },
  says({ value }) {
    const [name, at, part] = value as [string, number | 'middling', number]
    return `has ${at === 'middling' ? 'one number' : `number ${at}`} of ${name} ${Number((100 * part).toPrecision(3))} % off`
  },
}

const middlings = new WeakMap<object, number>()

function middling(data: ArrayLike<number>): number {
  let own = middlings.get(data)
  if (own === undefined) {
    const sizes = Float64Array.from(data, Math.abs)
    own = Math.max(0, sizes.indexOf(sizes.toSorted()[sizes.length >> 1] ?? 0))
    middlings.set(data, own)
  }
  return own
}
