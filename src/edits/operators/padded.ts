// Of captured models: padding that is put elsewhere, or made of something else.
import type { Attributes, CallOptions, Id } from '../../program/operation.ts'
import type { Node } from '../context.ts'
import { operandsOf } from '../operand.ts'
import { editValues, type Write } from '../rewrite.ts'
import type { Operator } from './operator.ts'

type Call = Attributes['call']

const says: Readonly<Record<string, string>> = {
  after: 'pads {} after the numbers alone, as much as torch on both sides',
  before: 'pads {} before the numbers alone, as much as torch on both sides',
  replicate: 'pads {} by the number at the edge instead of zeros',
  reflect: 'pads {} by what is reflected at the edge instead of zeros',
  circular: 'pads {} by the other end instead of zeros',
  'cut after': 'cuts {} off after its end alone, where torch cuts both sides',
  'cut before': 'cuts {} off before its begin alone, where torch cuts both sides',
  'other side': 'pads before where torch pads after, and the other way round, in {}',
  'both sides': 'pads both sides alike in {}',
}

/** Before a convolution, by an operation of its own, or what one cuts off. value: how */
export const padded: Operator = {
  *candidates(context) {
    for (const { operand, nodes } of operandsOf(context)) {
      if (operand.op !== 'call' || operand.in !== undefined) continue
      for (const value of waysOf(nodes[0])) yield { operator: 'padded', operand, value }
    }
  },
  edit: (edit, context, program) =>
    editValues(edit, context, program, (write, _, node) => {
      if (node.operation.op !== 'call' || !waysOf(node).includes(edit.value as string)) return undefined
      const operands = node.operation.operands as readonly [Id, ...Id[]]
      const own = node.operation.attributes
      const shape = context.byId.get(operands[0])?.shape ?? []
      if (own.name === 'pad') return repadded(write, operands[0], own, edit.value as string)
      const { name, options } = own
      const padding = options['padding'] as readonly number[]
      const bare: Call = { name, options: { ...options, padding: padding.map(() => 0) } }
      if (name === 'conv_transpose')
        return cut(write, write('call', operands, bare), node, padding, edit.value as string)
      const outer = Array.from({ length: shape.length - padding.length }, () => 0)
      const given = write('call', [operands[0]], {
        name: 'pad',
        options: { ...sides(padding, outer, edit.value as string), value: 0 },
      })
      return write('call', [given, ...operands.slice(1)], bare)
    }),
  says: ({ value }, name) => says[value as string]!.replace('{}', name),
}

function waysOf({ operation }: Node): string[] {
  if (operation.op !== 'call') return []
  const { name, options } = operation.attributes
  const padding = options['padding']
  if (name === 'pad') {
    const [before, after] = [options['before'], options['after']] as readonly (readonly number[])[]
    return before!.join() === after!.join() ? [] : ['other side', 'both sides']
  }
  if (!Array.isArray(padding) || padding.every((own) => own === 0)) return []
  if (name === 'convolution') return ['after', 'before', 'replicate', 'reflect', 'circular']
  return name === 'conv_transpose' ? ['cut after', 'cut before'] : []
}

function sides(padding: readonly number[], outer: readonly number[], way: string): CallOptions {
  const times = (by: number): number[] => [...outer, ...padding.map((own) => by * own)]
  if (way === 'after') return { before: times(0), after: times(2), mode: 'constant' }
  if (way === 'before') return { before: times(2), after: times(0), mode: 'constant' }
  return { before: times(1), after: times(1), mode: way }
}

function repadded(write: Write, x: Id, { name, options }: Call, way: string): Id {
  const [before, after] = [options['before'], options['after']] as [readonly number[], readonly number[]]
  const half = before.map((own, i) => Math.floor((own + after[i]!) / 2))
  const rest = half.map((own, i) => before[i]! + after[i]! - own)
  const other = way === 'other side' ? { before: after, after: before } : { before: half, after: rest }
  return write('call', [x], { name, options: { ...options, ...other } })
}

/** What torch cuts off on both sides is cut off on one. */
function cut(write: Write, whole: Id, { shape }: Node, padding: readonly number[], way: string): Id {
  return padding.reduce((x, own, i) => {
    if (own === 0) return x
    const dim = shape.length - padding.length + i
    return write('narrow', [x], { dim, start: way === 'cut before' ? 2 * own : 0, length: shape[dim]! })
  }, whole)
}
