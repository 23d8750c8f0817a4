// Views and moves. Source: torch.reshape, permute, cat, split, slice, pad and theirs.
import { elementCount } from '../../format/tensor.ts'
import type { Id } from '../operation.ts'
import { cast } from './arithmetic.ts'
import { type Lower, type Lowered, type Node, same, self } from './node.ts'

/** What comes out has the same numbers in the same order, and a shape that is known. */
const reshaped: Lower = (node) => node.writer.reshape(self(node).id, node.shape)

function swapped(node: Node, one: number, other: number): Id {
  const { id, shape } = self(node)
  return shape.length < 2 || one === other ? id : node.writer.transpose(id, one, other)
}

const permute: Lower = (node) => {
  const { id, shape } = self(node)
  return node.permuted(id, node.dims('dims', shape.length))
}

/** Parts one after the other along an axis, of the sizes that are known. */
function parts(node: Node, dim: number): Id[] {
  const { id } = self(node)
  let start = 0
  return node.shapes.map((shape) => {
    const part = node.writer.narrow(id, dim, start, shape[dim]!)
    start += shape[dim]!
    return part
  })
}

const split: Lower = (node) => parts(node, node.dim('dim', self(node).shape.length, 0))

function joined(node: Node, of: readonly Lowered[], dim: number): Id {
  // An empty one of one axis is let pass by torch.
  const kept = of.filter(({ shape }) => !(shape.length === 1 && shape[0] === 0))
  return kept.length === 0
    ? of[0]!.id
    : node.writer.cat(
        kept.map(({ id }) => id),
        dim,
      )
}

const cat: Lower = (node) => {
  const of = node.tensors('tensors')
  const { length } = node.shape
  return joined(node, of, node.dim('dim', length, 0))
}

/** Along the second axis, or the first where there is one alone; `rows`: one above the other. */
function stacked(isRows: boolean): Lower {
  return (node) => {
    const { writer } = node
    const least = isRows ? 2 : 1
    const of = node.tensors('tensors').map((own): Lowered => {
      if (own.shape.length >= least) return own
      const shape = isRows ? [1, own.shape[0] ?? 1] : [1]
      return { ...own, shape, id: writer.reshape(own.id, shape) }
    })
    return joined(node, of, isRows ? 0 : Math.min(1, of[0]!.shape.length - 1))
  }
}

const stack: Lower = (node) => {
  const of = node.tensors('tensors')
  return node.writer.stack(
    of.map(({ id }) => id),
    node.dim('dim', node.shape.length, 0),
  )
}

/** From where to where along an axis, as Python cuts. */
function slice(node: Node): { dim: number; start: number; step: number } {
  const { shape } = self(node)
  const dim = node.dim('dim', shape.length, 0)
  const size = shape[dim]!
  const own = node.number('start', 0)
  const start = Math.min(Math.max(own < 0 ? own + size : own, 0), size)
  return { dim, start, step: node.number('step', 1) }
}

const cut: Lower = (node) => {
  const { dim, start, step } = slice(node)
  const length = node.shape[dim]!
  if (step === 1) return node.writer.narrow(self(node).id, dim, start, length)
  const index = Array.from({ length }, (_, i) => start + i * step)
  return node.writer.write('index_select', [self(node).id], { dim, index })
}

const expand: Lower = (node) => node.call('expand', [self(node).id], { shape: node.shape })

/** torch counts from the last axis on, a pair for each. */
function padding(node: Node, mode: string): Lower {
  const { id, shape } = self(node)
  const pairs = node.numbers(node.has('pad') ? 'pad' : 'padding')
  const at = (axis: number, which: number): number => pairs[2 * (shape.length - 1 - axis) + which] ?? 0
  return () =>
    node.call('pad', [id], {
      before: shape.map((_, axis) => at(axis, 0)),
      after: shape.map((_, axis) => at(axis, 1)),
      mode,
      value: node.number('value', 0),
    })
}

const pad =
  (mode: string): Lower =>
  (node) =>
    padding(node, mode)(node)

const flip: Lower = (node) => {
  const { id, shape } = self(node)
  const dims = node.numbers('dims')
  return dims.reduce((own, dim) => node.writer.write('flip', [own], { dim: dim < 0 ? dim + shape.length : dim }), id)
}

const roll: Lower = (node) => {
  const { id, shape } = self(node)
  const [shifts, dims] = [node.numbers('shifts'), node.numbers('dims', [])]
  if (dims.length === 0) {
    const flat = node.writer.reshape(id, [elementCount(shape)])
    return node.writer.reshape(node.call('roll', [flat], { dim: 0, shift: shifts[0]! }), shape)
  }
  return dims.reduce((own, dim, i) => {
    return node.call('roll', [own], { dim: dim < 0 ? dim + shape.length : dim, shift: shifts[i]! })
  }, id)
}

const triangle =
  (upper: boolean): Lower =>
  (node) =>
    node.call('triangle', [self(node).id], { diagonal: node.number('diagonal', 0), upper })

/** Numbers in the place of a part. */
const select_scatter: Lower = (node) => {
  const { id, shape } = self(node)
  const dim = node.dim('dim', shape.length)
  const own = node.number('index')
  const source = node.writer.reshape(node.tensor('src').id, shape.with(dim, 1))
  return node.call('put_slices', [id, source], { dim, start: own < 0 ? own + shape[dim]! : own, step: 1 })
}

const views = [
  'view', 'reshape', '_unsafe_view', 'view_as', 'reshape_as', 'flatten', 'unflatten', 'squeeze', 'unsqueeze', 'ravel',
] as const // prettier-ignore

const identities = [
  'clone', 'contiguous', 'detach', 'alias', 'lift_fresh_copy', 'lift_fresh', 'dropout', 'feature_dropout',
  'alpha_dropout', 'conj', 'resolve_conj', 'resolve_neg', 'detach_copy', 'requires_grad',
] as const // prettier-ignore

export const shapes: Readonly<Record<string, Lower>> = {
  ...Object.fromEntries(views.map((name) => [name, reshaped])),
  ...Object.fromEntries(identities.map((name) => [name, same])),
  to: (node) => cast(node, node.dtype),
  _to_copy: (node) => cast(node, node.dtype),
  type_as: (node) => cast(node, node.dtype),
  copy: (node) => node.call('expand', [node.tensor('src').id], { shape: node.shape }),
  fill: (node) => node.call('expand', [node.operand('value')], { shape: node.shape }),
  transpose: (node) => {
    const { length } = self(node).shape
    return swapped(node, node.dim('dim0', length), node.dim('dim1', length))
  },
  swapaxes: (node) => {
    const { length } = self(node).shape
    return swapped(node, node.dim('axis0', length), node.dim('axis1', length))
  },
  t: (node) => swapped(node, 0, 1),
  numpy_T: (node) => {
    const { id, shape } = self(node)
    return node.permuted(
      id,
      shape.map((_, axis) => shape.length - 1 - axis),
    )
  },
  mT: (node) => {
    const { length } = self(node).shape
    return swapped(node, length - 2, length - 1)
  },
  permute,
  movedim: (node) => {
    const { id, shape } = self(node)
    const fix = (dim: number): number => (dim < 0 ? dim + shape.length : dim)
    const [from, to] = [node.numbers('source').map(fix), node.numbers('destination').map(fix)]
    const rest = shape.map((_, axis) => axis).filter((axis) => !from.includes(axis))
    const dims = shape.map((_, axis) => (to.includes(axis) ? from[to.indexOf(axis)]! : rest.shift()!))
    return node.permuted(id, dims)
  },
  split,
  split_with_sizes: split,
  chunk: split,
  tensor_split: split,
  unbind: (node) => {
    const { id, shape } = self(node)
    const dim = node.dim('dim', shape.length, 0)
    return node.shapes.map((_, index) => node.writer.select(id, dim, index))
  },
  cat,
  concat: cat,
  concatenate: cat,
  stack,
  hstack: stacked(false),
  vstack: stacked(true),
  pixel_shuffle: (node) => {
    const { writer } = node
    const { id, shape } = self(node)
    const r = node.number('upscale_factor')
    const outer = shape.slice(0, -3)
    const [C, H, W] = shape.slice(-3) as [number, number, number]
    const apart = writer.reshape(id, [...outer, C / r / r, r, r, H, W])
    const first = outer.map((_, axis) => axis)
    const n = outer.length
    return writer.reshape(node.permuted(apart, [...first, n, n + 3, n + 1, n + 4, n + 2]), node.shape)
  },
  select: (node) => {
    const { id, shape } = self(node)
    const dim = node.dim('dim', shape.length)
    const index = node.number('index')
    return node.writer.select(id, dim, index < 0 ? index + shape[dim]! : index)
  },
  slice: cut,
  narrow: cut,
  broadcast_tensors: (node) =>
    node.tensors('tensors').map(({ id }, i) => node.call('expand', [id], { shape: node.shapes[i]! })),
  expand,
  expand_as: expand,
  broadcast_to: expand,
  repeat: (node) => node.call('repeat', [self(node).id], { repeats: node.numbers('repeats') }),
  tile: (node) => {
    const { id, shape } = self(node)
    const dims = node.numbers('dims')
    return node.call('repeat', [id], {
      repeats: [...Array.from({ length: Math.max(shape.length - dims.length, 0) }, () => 1), ...dims],
    })
  },
  repeat_interleave: (node) => {
    const { id, shape } = self(node)
    const times = node.number('repeats')
    const flat = node.has('dim') ? id : node.writer.reshape(id, [elementCount(shape)])
    const dim = node.has('dim') ? node.dim('dim', shape.length) : 0
    const index = Array.from({ length: node.shape[dim]! }, (_, i) => Math.floor(i / times))
    return node.writer.write('index_select', [flat], { dim, index })
  },
  pad: (node) => pad(node.text('mode') === '' ? 'constant' : node.text('mode'))(node),
  constant_pad_nd: pad('constant'),
  reflection_pad1d: pad('reflect'),
  reflection_pad2d: pad('reflect'),
  reflection_pad3d: pad('reflect'),
  replication_pad1d: pad('replicate'),
  replication_pad2d: pad('replicate'),
  replication_pad3d: pad('replicate'),
  flip,
  roll,
  tril: triangle(false),
  triu: triangle(true),
  unfold: (node) => {
    const { id, shape } = self(node)
    if (shape.length === 0) return node.writer.reshape(id, node.shape)
    return node.call('unfold', [id], {
      dim: node.dim('dimension', shape.length),
      size: node.number('size'),
      step: node.number('step'),
    })
  },
  select_scatter,
  slice_scatter: (node) => {
    const { dim, start, step } = slice(node)
    return node.call('put_slices', [self(node).id, node.tensor('src').id], { dim, start, step })
  },
}
