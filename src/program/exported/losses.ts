// Losses. Source: torch.nn.functional, each by its name; reduction 0 is none, 1 the mean, 2 the sum.
import { elementCount } from '../../format/tensor.ts'
import type { Id } from '../operation.ts'
import { type Lower, type Node, self } from './node.ts'

const mean = 1

/** of: how many terms the mean is over, or what they weigh together. */
function reduced(node: Node, each: Id, of: Id): Id {
  const { writer } = node
  const reduction = node.number('reduction', mean)
  if (reduction === 0) return writer.reshape(each, node.shape)
  const sum = writer.sum(each)
  return reduction === mean ? writer.div(sum, of) : sum
}

/** Of each pair of numbers. */
function ofEach(term: (node: Node, x: Id, target: Id) => Id): Lower {
  return (node) => {
    const [own, target] = [self(node), node.tensor('target')]
    const count = Math.max(elementCount(own.shape), elementCount(target.shape))
    return reduced(node, term(node, own.id, target.id), node.writer.full([], count))
  }
}

/** By the number of a class for each, whose axis is the second, or the only one. logs: log probabilities. */
function byClass(node: Node, logs: Id, shape: readonly number[]): Id {
  const { writer } = node
  const dim = Math.min(1, shape.length - 1)
  const target = node.tensor('target')
  const size = elementCount(target.shape)
  const zero = writer.full([], 0)
  const kept = node.call('ne', [target.id, writer.full([], node.number('ignore_index', -100))])
  const places = writer.where(kept, target.id, zero)
  const picked = node.call('gather', [logs, writer.reshape(places, shape.with(dim, 1))], { dim })
  const weights = node.has('weight')
    ? writer.reshape(
        node.call('take_slices', [node.tensor('weight').id, writer.reshape(places, [size])], { dim: 0 }),
        target.shape,
      )
    : writer.full(target.shape, 1)
  const weighed = writer.where(kept, weights, zero)
  const negative = writer.activation('neg', writer.reshape(picked, target.shape))
  let each = writer.where(kept, writer.mul(negative, weights), zero)
  const smoothing = node.number('label_smoothing', 0)
  if (smoothing > 0) {
    const all = writer.where(kept, crossed(node, logs, shape, undefined), zero)
    const part = writer.full([], smoothing / shape[dim]!)
    each = writer.add(writer.mul(each, writer.full([], 1 - smoothing)), writer.mul(all, part))
  }
  return reduced(node, each, writer.sum(weighed))
}

/** −Σ p log q over the axis of classes; of ones where there is no p. */
function crossed(node: Node, logs: Id, shape: readonly number[], by: Id | undefined): Id {
  const { writer } = node
  const dim = Math.min(1, shape.length - 1)
  let terms = by === undefined ? logs : writer.mul(logs, by)
  if (node.has('weight')) {
    const along = shape.map((size, axis) => (axis === dim ? size : 1))
    terms = writer.mul(terms, writer.reshape(node.tensor('weight').id, along))
  }
  return writer.activation('neg', node.call('sum_dims', [terms], { dims: [dim], keepdim: false }))
}

const cross_entropy_loss: Lower = (node) => {
  const { writer } = node
  const { id, shape } = self(node)
  const target = node.tensor('target')
  const dim = Math.min(1, shape.length - 1)
  const logs = writer.write('log_softmax', [id], { dim })
  if (!target.dtype.startsWith('float')) return byClass(node, logs, shape)
  const smoothing = node.number('label_smoothing', 0)
  const even = writer.full([], smoothing / shape[dim]!)
  const by = smoothing > 0 ? writer.add(writer.mul(target.id, writer.full([], 1 - smoothing)), even) : target.id
  return reduced(node, crossed(node, logs, shape, by), writer.full([], elementCount(shape) / shape[dim]!))
}

const nll_loss: Lower = (node) => {
  const { id, shape } = self(node)
  return byClass(node, id, shape)
}

/** ½ x² up to beta, and |x| beyond, times `scale`. */
function huber(bound: string, scale: (beta: number) => number): Lower {
  return ofEach((node, x, target) => {
    const { writer } = node
    const beta = node.number(bound, 1)
    const far = node.call('abs', [writer.sub(x, target)])
    if (beta === 0) return far
    const near = writer.mul(writer.mul(far, far), writer.full([], (0.5 / beta) * scale(beta)))
    const beyond = writer.mul(writer.sub(far, writer.full([], beta / 2)), writer.full([], scale(beta)))
    return writer.where(node.call('lt', [far, writer.full([], beta)]), near, beyond)
  })
}

export const losses: Readonly<Record<string, Lower>> = {
  cross_entropy_loss,
  nll_loss,
  nll_loss2d: nll_loss,
  nll_loss_nd: nll_loss,
  mse_loss: ofEach((node, x, target) => node.call('square', [node.writer.sub(x, target)])),
  l1_loss: ofEach((node, x, target) => node.call('abs', [node.writer.sub(x, target)])),
  smooth_l1_loss: huber('beta', () => 1),
  huber_loss: huber('delta', (delta) => delta),
}
