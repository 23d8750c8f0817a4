// Along axes. Source: torch.sum, mean, var, max, softmax, cumsum, sort.
import { type Lower, type Node, self } from './node.ts'

function over(name: string, dims = 'dim'): Lower {
  return (node) => {
    const { id, shape } = self(node)
    return node.call(name, [id], { dims: node.dims(dims, shape.length), keepdim: node.flag('keepdim') })
  }
}

/** Over all of it, or along one axis, and then where it stands as well. */
function extreme(value: 'amax' | 'amin', place: 'argmax' | 'argmin', ofTwo: 'maximum' | 'minimum'): Lower {
  return (node) => {
    const { id, shape } = self(node)
    if (node.isTensor('other')) {
      const operands = [id, node.tensor('other').id]
      return ofTwo === 'maximum' ? node.writer.write('maximum', operands, {}) : node.call('minimum', operands)
    }
    const options = { dims: node.dims('dim', shape.length), keepdim: node.flag('keepdim') }
    const largest = node.call(value, [id], options)
    return node.has('dim') ? [largest, node.call(place, [id], options)] : largest
  }
}

/** Along one axis, or of all numbers one after the other. */
function place(name: 'argmax' | 'argmin'): Lower {
  return (node) => {
    const { id, shape } = self(node)
    if (node.has('dim')) return over(name)(node)
    const count = shape.reduce((product, size) => product * size, 1)
    const found = node.call(name, [node.writer.reshape(id, [count])], { dims: [0], keepdim: false })
    return node.writer.reshape(found, node.shape)
  }
}

function spread(name: 'var' | 'std'): Lower {
  return (node) => {
    const { id, shape } = self(node)
    const correction = node.has('unbiased') ? Number(node.flag('unbiased')) : node.number('correction', 1)
    return node.call(name, [id], { dims: node.dims('dim', shape.length), keepdim: node.flag('keepdim'), correction })
  }
}

function norm(ord: string): Lower {
  return (node) => {
    const { id, shape } = self(node)
    const dims = node.dims('dim', shape.length)
    return node.call('norm', [id], { dims, keepdim: node.flag('keepdim'), ord: node.number(ord, 2) })
  }
}

function soft(name: 'softmax' | 'log_softmax'): Lower {
  return (node) => {
    const { id, shape } = self(node)
    if (shape.length === 0) {
      return node.writer.reshape(node.writer.write(name, [node.writer.reshape(id, [1])], { dim: 0 }), [])
    }
    return node.writer.write(name, [id], { dim: node.dim('dim', shape.length) })
  }
}

function running(name: string): Lower {
  return (node) => {
    const { id, shape } = self(node)
    return shape.length === 0 ? id : node.call(name, [id], { dim: node.dim('dim', shape.length) })
  }
}

function ordered(node: Node, k: number, largest: boolean): string[] {
  const { id, shape } = self(node)
  if (shape.length === 0) return [id, node.writer.full([], 0)]
  const options = { dim: node.dim('dim', shape.length, -1), k, largest }
  return [node.call('sorted', [id], options), node.call('argsorted', [id], options)]
}

export const reductions: Readonly<Record<string, Lower>> = {
  sum: over('sum_dims'),
  mean: over('mean_dims'),
  prod: over('prod'),
  amax: over('amax'),
  amin: over('amin'),
  any: over('any'),
  all: over('all'),
  logsumexp: over('logsumexp'),
  max: extreme('amax', 'argmax', 'maximum'),
  min: extreme('amin', 'argmin', 'minimum'),
  argmax: place('argmax'),
  argmin: place('argmin'),
  var: spread('var'),
  std: spread('std'),
  norm: norm('p'),
  linalg_vector_norm: norm('ord'),
  softmax: soft('softmax'),
  _softmax: soft('softmax'),
  log_softmax: soft('log_softmax'),
  _log_softmax: soft('log_softmax'),
  cumsum: running('cumsum'),
  cumprod: running('cumprod'),
  sort: (node) => {
    const { shape } = self(node)
    return ordered(node, shape.length === 0 ? 1 : shape[node.dim('dim', shape.length, -1)]!, node.flag('descending'))
  },
  argsort: (node) => {
    const { shape } = self(node)
    const size = shape.length === 0 ? 1 : shape[node.dim('dim', shape.length, -1)]!
    return ordered(node, size, node.flag('descending'))[1]!
  },
  topk: (node) => ordered(node, node.number('k'), node.flag('largest')),
}
