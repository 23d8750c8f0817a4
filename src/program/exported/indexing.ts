// Numbers at places. Source: torch.gather, index_select, embedding, scatter, advanced indexing.
import type { Id } from '../operation.ts'
import { type Lower, type Node, self } from './node.ts'

/** The tensors of an index and the axes that they are of: a mask must have been turned into places. */
function indices(node: Node): { ids: Id[]; dims: number[] } {
  const ids: Id[] = []
  const dims: number[] = []
  for (const [axis, own] of node.tensorsOrNone('indices').entries()) {
    if (own === undefined) continue
    if (own.dtype === 'bool') throw new RangeError(`${node.op}: expected whole numbers as an index, got a mask`)
    ids.push(own.id)
    dims.push(axis)
  }
  return { ids, dims }
}

function scatter(isAdded: boolean): Lower {
  return (node) => {
    const { id, shape } = self(node)
    const source = node.isTensor('src') ? node.tensor('src').id : node.writer.full([], node.number('value'))
    return node.call('scatter', [id, node.tensor('index').id, source], {
      dim: node.dim('dim', shape.length),
      reduce: isAdded ? 'add' : node.text('reduce'),
    })
  }
}

export const indexing: Readonly<Record<string, Lower>> = {
  embedding: (node) => {
    const { writer } = node
    const padding_idx = node.number('padding_idx', -1)
    const scaled = node.flag('scale_grad_by_freq') ? { scale_grad_by_freq: true } : {}
    return writer.at({ tensor: 'weight' }, () =>
      writer.write(
        'embedding',
        [node.tensor('weight').id, node.tensor('indices').id],
        padding_idx < 0 ? scaled : { ...scaled, padding_idx },
      ),
    )
  },
  gather: (node) => {
    const { id, shape } = self(node)
    return node.call('gather', [id, node.tensor('index').id], { dim: node.dim('dim', shape.length) })
  },
  index_select: (node) => {
    const { id, shape } = self(node)
    const taken = node.call('take_slices', [id, node.tensor('index').id], { dim: node.dim('dim', shape.length) })
    return node.writer.reshape(taken, node.shape)
  },
  index: (node) => {
    const { ids, dims } = indices(node)
    return node.call('index', [self(node).id, ...ids], { dims })
  },
  index_put: (node) => {
    const mask = node.tensorsOrNone('indices')[0]
    if (mask?.dtype === 'bool' && node.tensorsOrNone('indices').length === 1) {
      const operands = [self(node).id, node.tensor('values').id, mask.id]
      return node.call('masked_put', operands, { accumulate: node.flag('accumulate') })
    }
    const { ids, dims } = indices(node)
    const operands = [self(node).id, node.tensor('values').id, ...ids]
    return node.call('index_put', operands, { dims, accumulate: node.flag('accumulate') })
  },
  scatter: scatter(false),
  scatter_add: scatter(true),
  one_hot: (node) => node.call('one_hot', [self(node).id], { classes: node.shape.at(-1)! }),
  take_along_dim: (node) => {
    const { writer } = node
    const { id, shape } = self(node)
    const index = node.tensor('indices')
    const count = (of: readonly number[]): number => of.reduce((product, size) => product * size, 1)
    if (!node.has('dim')) {
      const flat = [writer.reshape(id, [count(shape)]), writer.reshape(index.id, [count(index.shape)])]
      return node.call('gather', flat, { dim: 0 })
    }
    // Both broadcast, but along the axis.
    const dim = node.dim('dim', shape.length)
    const whole = node.call('expand', [id], { shape: node.shape.with(dim, shape[dim]!) })
    return node.call('gather', [whole, node.call('expand', [index.id], { shape: node.shape })], { dim })
  },
}
