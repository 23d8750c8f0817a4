// Bugs of convolutions, pooling and padding.
import { flipped, misread, withLast } from './draft.ts'
import type { Kind } from './kind.ts'

const convs = ['conv1d', 'conv2d']
const transposed = ['conv_transpose1d', 'conv_transpose2d']

const numbers = (value: unknown): readonly number[] => (Array.isArray(value) ? value : []) as readonly number[]
const spatial = (shape: readonly number[]): number[] => shape.map((_, axis) => axis).slice(2)

export const convolutions: readonly Kind[] = [
  {
    name: 'padding on one side',
    ops: convs,
    change: (draft, node) => padded(draft, node, 'constant', (p) => [0, 2 * p]),
  },
  {
    name: 'padding by the edge',
    ops: convs,
    change: (draft, node) => padded(draft, node, 'replicate', (p) => [p, p]),
  },
  {
    name: 'kernel flipped',
    ops: [...convs, ...transposed],
    change(draft, node) {
      const weight = draft.arg(node, 'weight')
      const shape = draft.shapeOf(weight)
      const axes = spatial(shape).filter((axis) => shape[axis]! > 1)
      return axes.length > 0 && draft.renumber(weight, (data) => flipped(data, shape, axes))
    },
  },
  {
    name: 'weights with channels last',
    ops: [...convs, ...transposed],
    change(draft, node) {
      const weight = draft.arg(node, 'weight')
      const shape = draft.shapeOf(weight)
      if (shape[1] === 1 || spatial(shape).every((axis) => shape[axis] === 1)) return false
      return draft.renumber(weight, (data) => misread(data, shape, [0, ...spatial(shape), 1]))
    },
  },
  {
    name: 'weights with input and output exchanged',
    ops: [...convs, ...transposed],
    change(draft, node) {
      const weight = draft.arg(node, 'weight')
      const shape = draft.shapeOf(weight)
      if (shape[0] === 1 || shape[1] === 1) return false
      return draft.renumber(weight, (data) => misread(data, shape, [1, 0, ...spatial(shape)]))
    },
  },
  {
    name: 'another padding',
    ops: ['conv1d'],
    change(draft, node) {
      const padding = numbers(draft.arg(node, 'padding'))
      // Where the size changes, what follows must take any.
      const [stride] = numbers(draft.arg(node, 'stride'))
      if (padding[0] !== 1 || stride !== 2 || draft.at(node).shapes[0]!.at(-1)! < 4) return false
      draft.set(node, { padding: [2] })
      return true
    },
  },
  {
    name: 'dilation left out',
    ops: convs,
    change(draft, node) {
      const dilation = numbers(draft.arg(node, 'dilation'))
      if (dilation.every((own) => own === 1)) return false
      const input = draft.arg(node, 'input')
      const [kernel] = draft.shapeOf(draft.arg(node, 'weight')).slice(-1)
      const more = (dilation[0]! - 1) * (kernel! - 1)
      const shape = draft.shapeOf(input)
      // What has been padded for it is cut off again.
      const args = { self: input, dim: shape.length - 1, start: more, end: shape.at(-1)!, step: 1 }
      draft.before(node, 'input', 'slice.Tensor', () => args, withLast(shape, shape.at(-1)! - more))
      draft.set(node, { dilation: dilation.map(() => 1) })
      return true
    },
  },
  {
    name: 'cut off at the other side',
    ops: transposed,
    change(draft, node) {
      const padding = numbers(draft.arg(node, 'padding'))
      const last = padding.at(-1)!
      if (last === 0) return false
      const shape = draft.at(node).shapes[0]!
      const { args, op } = draft.at(node)
      draft.instead(node, (add) => {
        const wide = withLast(shape, shape.at(-1)! + 2 * last)
        const whole = add(op.slice('aten.'.length), { ...args, padding: withLast(padding, 0) }, wide)
        add('slice.Tensor', { self: whole, dim: shape.length - 1, start: 2 * last, end: wide.at(-1)!, step: 1 }, shape)
      })
      return true
    },
  },
  {
    name: 'mean instead of the largest',
    ops: ['max_pool2d'],
    change(draft, node) {
      const { args } = draft.at(node)
      const { self, kernel_size, stride } = args
      draft.instead(node, (add) => {
        add('avg_pool2d.default', { self, kernel_size, stride }, draft.at(node).shapes[0]!)
      })
      return true
    },
  },
  {
    name: 'padding after instead of before',
    ops: ['pad'],
    change(draft, node) {
      const own = numbers(draft.arg(node, 'pad'))
      if (draft.arg(node, 'mode') !== 'constant' || own[0] === own[1]) return false
      draft.set(node, { pad: own.toReversed() })
      return true
    },
  },
  {
    name: 'padding on both sides instead of before',
    ops: ['pad'],
    change(draft, node) {
      const own = numbers(draft.arg(node, 'pad'))
      if (draft.arg(node, 'mode') !== 'constant' || own[0] === own[1]) return false
      draft.set(node, { pad: [own[0]! / 2, own[0]! / 2] })
      return true
    },
  },
  {
    name: 'zeros instead of a reflection',
    ops: ['pad'],
    change(draft, node) {
      if (draft.arg(node, 'mode') !== 'reflect') return false
      draft.set(node, { mode: 'constant' })
      return true
    },
  },
  {
    name: 'edge instead of a reflection',
    ops: ['pad'],
    change(draft, node) {
      if (draft.arg(node, 'mode') !== 'reflect') return false
      const input = draft.arg(node, 'self')
      const shape = draft.at(node).shapes[0]!
      const last = draft.shapeOf(input).at(-1)!
      const count = numbers(draft.arg(node, 'pad'))[1]!
      draft.instead(node, (add) => {
        const edge = add('slice.Tensor', { self: input, dim: 1, start: last - 1, end: last, step: 1 }, [shape[0]!, 1])
        const wide = add('expand.default', { self: edge, size: [shape[0]!, count], implicit: false }, [
          shape[0]!,
          count,
        ])
        add('cat.default', { tensors: [input, wide], dim: 1 }, shape)
      })
      return true
    },
  },
]

/** By itself, before a convolution that then pads no more. */
function padded(
  draft: Parameters<Kind['change']>[0],
  node: string,
  mode: string,
  of: (padding: number) => readonly number[],
): boolean {
  const padding = numbers(draft.arg(node, 'padding'))
  if (padding.every((own) => own === 0)) return false
  const input = draft.arg(node, 'input')
  const shape = draft.shapeOf(input)
  const whole = shape.map((size, axis) => (axis < 2 ? size : size + 2 * padding[axis - 2]!))
  // torch names the last axis first.
  const pad = padding.toReversed().flatMap((own) => of(own))
  draft.before(node, 'input', 'pad.default', (self) => ({ self, pad, mode }), whole)
  draft.set(node, { padding: padding.map(() => 0) })
  return true
}
