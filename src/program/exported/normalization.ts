// Numbers brought to mean 0 and variance 1. Source: torch.nn.functional.batch_norm, layer_norm, group_norm, rms_norm.
import type { Id } from '../operation.ts'
import { type Lower, type Node, self } from './node.ts'

/** (x − mean) / √(variance + eps) */
function normalized(node: Node, x: Id, mean: Id, variance: Id): Id {
  const { writer } = node
  const eps = writer.at({ tensor: 'eps' }, () => writer.full([], node.number('eps', 1e-5)))
  return writer.div(writer.sub(x, mean), writer.activation('sqrt', writer.add(variance, eps)))
}

/** Over some axes, which stay with size 1. */
function moments(node: Node, x: Id, dims: readonly number[]): { mean: Id; variance: Id } {
  const mean = node.call('mean_dims', [x], { dims, keepdim: true })
  return { mean, variance: node.call('var', [x], { dims, keepdim: true, correction: 0 }) }
}

/** Times a weight, and a bias more, where there are some. shape: to which they are brought. */
function affine(node: Node, x: Id, shape?: readonly number[]): Id {
  const { writer } = node
  const read = (name: string): Id =>
    writer.at({ tensor: name }, () => {
      const { id } = node.tensor(name)
      return shape === undefined ? id : writer.reshape(id, shape)
    })
  const weighted = node.isTensor('weight') ? writer.mul(x, read('weight')) : x
  return node.isTensor('bias') ? writer.add(weighted, read('bias')) : weighted
}

/** (1, channels, 1, …) */
function channels(shape: readonly number[]): number[] {
  return shape.map((size, axis) => (axis === 1 ? size : 1))
}

const batch_norm: Lower = (node) => {
  const { writer } = node
  const { id, shape } = node.tensor('input')
  const wide = channels(shape)
  const isOwn = node.flag('training') || !node.isTensor('running_mean')
  const read = (name: string): Id => writer.at({ tensor: name }, () => writer.reshape(node.tensor(name).id, wide))
  const { mean, variance } = isOwn
    ? moments(
        node,
        id,
        shape.map((_, axis) => axis).filter((axis) => axis !== 1),
      )
    : { mean: read('running_mean'), variance: read('running_var') }
  return affine(node, normalized(node, id, mean, variance), wide)
}

const layer_norm: Lower = (node) => {
  const { id, shape } = node.tensor('input')
  const count = node.numbers('normalized_shape').length
  const dims = shape.map((_, axis) => axis).slice(shape.length - count)
  const { mean, variance } = moments(node, id, dims)
  return affine(node, normalized(node, id, mean, variance))
}

const group_norm: Lower = (node) => {
  const { writer } = node
  const { id, shape } = self(node)
  const groups = node.number('num_groups')
  const [N, C, ...rest] = shape as [number, number, ...number[]]
  const apart = writer.reshape(id, [N, groups, C / groups, ...rest])
  const { mean, variance } = moments(node, apart, [2, ...rest.map((_, axis) => axis + 3)])
  return affine(node, writer.reshape(normalized(node, apart, mean, variance), shape), channels(shape))
}

const instance_norm: Lower = (node) => {
  const { writer } = node
  const { id, shape } = node.tensor('input')
  const wide = channels(shape)
  const read = (name: string): Id => writer.at({ tensor: name }, () => writer.reshape(node.tensor(name).id, wide))
  const isOwn = node.flag('use_input_stats') || !node.isTensor('running_mean')
  const { mean, variance } = isOwn
    ? moments(node, id, shape.map((_, axis) => axis).slice(2))
    : { mean: read('running_mean'), variance: read('running_var') }
  return affine(node, normalized(node, id, mean, variance), wide)
}

const rms_norm: Lower = (node) => {
  const { writer } = node
  const { id, shape } = node.tensor('input')
  const count = node.numbers('normalized_shape').length
  const dims = shape.map((_, axis) => axis).slice(shape.length - count)
  const square = node.call('mean_dims', [node.call('square', [id])], { dims, keepdim: true })
  // That of the dtype where none is given.
  const eps = node.number('eps', node.dtype === 'float64' ? 2 ** -52 : 2 ** -23)
  const root = writer.activation('sqrt', writer.add(square, writer.full([], eps)))
  return affine(node, writer.div(id, root))
}

export const normalization: Readonly<Record<string, Lower>> = {
  batch_norm,
  layer_norm,
  group_norm,
  instance_norm,
  rms_norm,
}
