// Of what only captured models have: an operation that is told something else, or another one in its place.
import type { CallOptions, Id, Operation } from '../../program/operation.ts'
import { nodesAt } from '../context.ts'
import type { Edit, Value } from '../edit.ts'
import { operandsOf } from '../operand.ts'
import { editOperations, editValues } from '../rewrite.ts'
import type { Operator } from './operator.ts'

type Call = Operation<'call'>

/** Operations that are taken for each other. */
const families: readonly (readonly string[])[] = [
  ['gelu', 'gelu_tanh', 'silu', 'mish', 'elu', 'leaky_relu', 'softplus', 'hardswish', 'sigmoid', 'relu'],
  ['hardsigmoid', 'sigmoid'],
  ['max_pool', 'avg_pool'],
  ['adaptive_max_pool', 'adaptive_avg_pool'],
  ['upsample_nearest', 'upsample_nearest_exact', 'upsample_linear'],
  ['floor', 'ceil', 'round', 'trunc'],
  ['amax', 'amin', 'mean_dims', 'sum_dims'],
  ['argmax', 'argmin'],
  ['var', 'std'],
  ['log', 'log2', 'log10', 'log1p'],
  ['exp', 'exp2', 'expm1'],
  ['remainder', 'fmod'],
  ['floor_divide', 'trunc_divide'],
  ['lt', 'le', 'gt', 'ge'],
  ['rsqrt', 'reciprocal'],
  ['sin', 'cos'],
]

const modes = ['constant', 'reflect', 'replicate', 'circular'] as const

/** What the ones of a family need to be told. */
const defaults: CallOptions = {
  alpha: 1,
  scale: 1,
  input_scale: 1,
  negative_slope: 0.01,
  beta: 1,
  threshold: 20,
  decimals: 0,
  align_corners: false,
  count_include_pad: true,
  divisor_override: 0,
  correction: 0,
}

/** What may be no whole number, also where it is one. */
const fractional: ReadonlySet<string> = new Set(['alpha', 'beta', 'scale', 'input_scale', 'negative_slope'])

/** What follows from sizes, and is no choice of anybody. */
const derived: ReadonlySet<string> = new Set(['to', 'shape', 'scales', 'count', 'classes', 'repeats', 'k'])

/** An option is another, or the operation is. value: { option, value } or { name } */
export const called: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [node] = nodes
      if (operand.op !== 'call' || operand.in !== undefined) continue
      for (const value of waysOf(node.operation as Call)) yield { operator: 'called', operand, value }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation) => {
      if (operation.op !== 'call') return undefined
      const { name, options } = operation.attributes
      const { name: other, option, value } = edit.value as { name?: string; option?: string; value?: unknown }
      const attributes =
        other === undefined
          ? { name, options: { ...options, [option!]: value } as CallOptions }
          : { name: other, options: { ...defaults, ...options } }
      return { ...operation, attributes }
    }),
  says({ value }, name) {
    const { name: other, option, value: own } = value as { name?: string; option?: string; value?: Value }
    if (other !== undefined) return `computes ${other} instead of ${name}`
    return `computes ${name} with ${option} ${JSON.stringify(own)}`
  },
}

function* waysOf({ attributes: { name, options } }: Call): Generator<Edit['value'] & object> {
  for (const family of families) {
    if (!family.includes(name)) continue
    for (const other of family) if (other !== name) yield { name: other }
  }
  for (const [option, value] of Object.entries(options)) {
    if (derived.has(option)) continue
    if (typeof value === 'boolean') yield { option, value: !value }
    else if (option === 'mode') for (const mode of modes) if (mode !== value) yield { option, value: mode }
    if (typeof value === 'number') {
      for (const own of near(value)) yield { option, value: own }
      if (fractional.has(option)) yield { option, value: value / 2 }
    }
    if (!isNumbers(value)) continue
    const seen = new Set([value.join()])
    const lists = [value.toReversed(), ...value.flatMap((own, i) => near(own).map((each) => value.with(i, each)))]
    const all = value.length === 0 ? [] : near(value[0]!).map((own) => value.map(() => own))
    for (const list of [...all, ...lists]) {
      if (seen.has(list.join())) continue
      seen.add(list.join())
      yield { option, value: list }
    }
  }
}

function isNumbers(value: CallOptions[string]): value is readonly number[] {
  return Array.isArray(value) && value.every((own) => typeof own === 'number')
}

/** Numbers that stand in the place of one by mistake. */
function near(value: number): number[] {
  const others = Number.isInteger(value) ? [0, 1, value - 1, value + 1, 2 * value] : [0, 1, value * 10, value / 10]
  return [...new Set(others)].filter((own) => own !== value && own >= Math.min(value, -1))
}

/** A causal mask lets through more of what comes later, or less of what came before. value: so many more */
export const diagonal: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [{ operation, shape }] = nodes
      if (operation.op !== 'constant' || operand.op !== 'constant' || operand.tensor !== 'mask') continue
      for (const value of [1, -1]) if (shape.length === 2) yield { operator: 'diagonal', operand, value }
    }
  },
  edit: (edit, context, program) =>
    editOperations(edit, context, program, (operation) => {
      if (operation.op !== 'constant') return undefined
      const { shape, data } = operation.attributes
      const columns = shape.at(-1)!
      const kept = data.map((_, i) => Number((i % columns) - Math.floor(i / columns) <= (edit.value as number)))
      return { ...operation, attributes: { shape, data: kept } }
    }),
  says: ({ value }) =>
    (value as number) > 0
      ? 'lets each step see the one after it, too'
      : 'lets no step see itself, but those before it alone',
}

/** A norm has the statistics of what it is given instead of its running ones. */
export const ownStatistics: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const isMean = operand.op === 'parameter' && operand.tensor?.endsWith('running_mean') === true
      if (isMean && nodes.length === 1) yield { operator: 'ownStatistics', operand }
    }
  },
  edit(edit, context, program) {
    const wanted = new Set(nodesAt(context, edit.operand).map(({ operation }) => operation.id))
    const byId = new Map(program.operations.map((operation) => [operation.id, operation]))
    /** By what is brought to the shape of the input: the parameter. */
    const readBy = (id: Id | undefined): Operation | undefined => byId.get(byId.get(id ?? '')?.operands[0] ?? '')
    const from = new Map<string, Id>()
    for (const { op, operands } of program.operations) {
      const mean = op === 'sub' ? readBy(operands[1]) : undefined
      if (mean?.op === 'parameter' && wanted.has(mean.id)) from.set(varianceOf(mean.attributes.name), operands[0]!)
    }
    const made = new Map<Id, Operation>()
    for (const operation of program.operations) {
      const own = operation.op === 'reshape' ? byId.get(operation.operands[0] ?? '') : undefined
      if (own?.op !== 'parameter') continue
      const x = from.get(varianceOf(own.attributes.name))
      const dims = context.byId.get(operation.id)?.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis])) ?? []
      if (x === undefined || !/running_(mean|var)$/.test(own.attributes.name)) continue
      const isMean = own.attributes.name.endsWith('mean')
      const options = { dims, keepdim: true, ...(!isMean && { correction: 0 }) }
      const attributes = { name: isMean ? 'mean_dims' : 'var', options }
      made.set(operation.id, { ...operation, op: 'call', operands: [x], attributes })
    }
    if (made.size === 0) return undefined
    return { ...program, operations: program.operations.map((operation) => made.get(operation.id) ?? operation) }
  },
  says: (_, name) => `takes mean and variance of what it is given instead of ${name} and the running variance`,
}

const varianceOf = (name: string): string => name.replace(/running_mean$/, 'running_var')

/** Stored with its axes in another order, as channels last are. value: the order */
export const axesOrder: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [{ operation, shape }] = nodes
      const isStored = operation.op === 'parameter' || operation.op === 'input'
      if (!isStored || operand.in !== undefined || operand.op !== operation.op) continue
      if (shape.length < 3 || shape.length > 4) continue
      const seen = new Set<string>()
      for (const order of ordersOf(shape.length)) {
        const large = order.filter((axis) => shape[axis]! > 1)
        if (!isOther(large) || seen.has(large.join())) continue
        seen.add(large.join())
        yield { operator: 'axesOrder', operand, value: order }
      }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, x, { shape }) => {
      const order = edit.value as readonly number[]
      if (order.length !== shape.length) return undefined
      const stored = write('reshape', [x], { shape: order.map((axis) => shape[axis]!) })
      const dims = order.map((_, axis) => order.indexOf(axis))
      return write('call', [stored], { name: 'permute', options: { dims } })
    }),
  says: ({ value }, name) => `reads ${name} as if its axes were stored in the order ${(value as number[]).join(', ')}`,
}

/** The first axes of a kernel are channels; those after them are turned round together. */
const channelAxes = 2

/** A kernel of several axes from the last to the first along all of them, as a convolution of mathematics has it. */
export const kernelFlipped: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      const [{ operation, shape }] = nodes
      const isStored = operation.op === 'parameter' && operand.op === 'parameter' && operand.in === undefined
      const large = shape.slice(channelAxes).filter((size) => size > 1)
      if (isStored && large.length > 1) yield { operator: 'kernelFlipped', operand }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, x, { shape }) => {
      let own = x
      for (let dim = channelAxes; dim < shape.length; dim++) own = write('flip', [own], { dim })
      return shape.length > channelAxes ? own : undefined
    }),
  says: (_, name) => `takes ${name} along all axes of the kernel from the last to the first`,
}

/** Every order of so many axes but their own. */
function ordersOf(rank: number): number[][] {
  const all = (left: readonly number[]): number[][] =>
    left.length === 0
      ? [[]]
      : left.flatMap((own) => all(left.filter((each) => each !== own)).map((rest) => [own, ...rest]))
  const axes = Array.from({ length: rank }, (_, axis) => axis)
  return all(axes).filter((order) => order.some((own, axis) => own !== axis))
}

/** Whether axes are in another order than the numbers lie: those of size 1 may stand anywhere. */
function isOther(large: readonly number[]): boolean {
  return large.some((axis, i) => i > 0 && axis < large[i - 1]!)
}
