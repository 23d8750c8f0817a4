// Tensors that are made. Source: torch.zeros, full, arange, eye.
import { elementCount } from '../../format/tensor.ts'
import type { Lower, Node } from './node.ts'

function filled(node: Node, value: number): string {
  return node.writer.full(node.shape, value)
}

const zeros: Lower = (node) => filled(node, 0)
const ones: Lower = (node) => filled(node, 1)
const full: Lower = (node) => {
  // A tensor of one number may stand for the number.
  if (node.isTensor('fill_value')) return node.call('expand', [node.tensor('fill_value').id], { shape: node.shape })
  return filled(node, node.number('fill_value'))
}

const arange: Lower = (node) => {
  const start = node.number('start', 0)
  return node.call('range', [], { start, step: node.number('step', 1), count: node.shape[0]! })
}

/** What stands in memory is nobody's number; a tensor without any is one. */
const empty: Lower = (node) => {
  if (elementCount(node.shape) === 0) return filled(node, 0)
  throw new RangeError(`${node.op}: expected numbers that somebody has set, got none`)
}

export const creation: Readonly<Record<string, Lower>> = {
  zeros,
  zeros_like: zeros,
  new_zeros: zeros,
  ones,
  ones_like: ones,
  new_ones: ones,
  full,
  full_like: full,
  new_full: full,
  scalar_tensor: (node) => filled(node, node.number('s')),
  empty,
  arange,
  linspace: (node) => {
    const count = node.shape[0]!
    const [start, end] = [node.number('start'), node.number('end')]
    return node.call('range', [], { start, step: count > 1 ? (end - start) / (count - 1) : 0, count })
  },
  eye: (node) => {
    const [rows, columns] = node.shape as [number, number]
    const data = Array.from({ length: rows * columns }, (_, i) => Number(Math.floor(i / columns) === i % columns))
    return node.writer.write('constant', [], { shape: node.shape, data })
  },
}
