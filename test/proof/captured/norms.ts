// Bugs of norms, and of what has a bias.
import { withLast } from './draft.ts'
import type { Kind } from './kind.ts'

const norm = ['batch_norm', 'layer_norm', 'group_norm']

export const norms: readonly Kind[] = [
  {
    name: 'another eps',
    ops: norm,
    change(draft, node) {
      draft.set(node, { eps: draft.arg(node, 'eps') === 1e-3 ? 1e-5 : 1e-3 })
      return true
    },
  },
  {
    name: 'running statistics ignored',
    ops: ['batch_norm'],
    change(draft, node) {
      draft.set(node, { training: true })
      return true
    },
  },
  {
    name: 'eps outside of the root',
    ops: ['batch_norm'],
    change(draft, node) {
      const eps = draft.arg(node, 'eps') as number
      return draft.renumber(draft.arg(node, 'running_var'), (own) => own.map((x) => (Math.sqrt(x) + eps) ** 2 - eps))
    },
  },
  {
    name: 'divided by the variance',
    ops: ['batch_norm'],
    change(draft, node) {
      const eps = draft.arg(node, 'eps') as number
      return draft.renumber(draft.arg(node, 'running_var'), (own) => own.map((x) => (x + eps) ** 2 - eps))
    },
  },
  {
    name: 'weight of the norm left out',
    ops: norm,
    change(draft, node) {
      return draft.renumber(draft.arg(node, 'weight'), (own) => own.fill(1))
    },
  },
  {
    name: 'running mean left out',
    ops: ['batch_norm'],
    change: (draft, node) => draft.renumber(draft.arg(node, 'running_mean'), (own) => own.fill(0)),
  },
  {
    name: 'variance of n − 1',
    ops: ['layer_norm'],
    change(draft, node) {
      const { input, weight, bias, eps } = draft.at(node).args
      const [shape] = draft.at(node).shapes
      const small = withLast(shape!, 1)
      draft.instead(node, (add) => {
        const dims = { self: input, dim: [-1], keepdim: true }
        const mean = add('mean.dim', dims, small)
        const variance = add('var.correction', { ...dims, correction: 1 }, small)
        const more = add('add.Tensor', { self: variance, other: eps }, small)
        const root = add('sqrt.default', { self: more }, small)
        const centred = add('sub.Tensor', { self: input, other: mean }, shape!)
        const normed = add('div.Tensor', { self: centred, other: root }, shape!)
        const weighted = add('mul.Tensor', { self: normed, other: weight }, shape!)
        add('add.Tensor', { self: weighted, other: bias }, shape!)
      })
      return true
    },
  },
  {
    name: 'groups left out',
    ops: ['group_norm'],
    change(draft, node) {
      draft.set(node, { num_groups: 1 })
      return true
    },
  },
  {
    name: 'bias left out',
    ops: ['linear', 'conv1d', 'conv2d', 'conv_transpose2d', ...norm],
    change(draft, node) {
      if (draft.arg(node, 'bias') === undefined) return false
      return draft.renumber(draft.arg(node, 'bias'), (own) => own.fill(0))
    },
  },
]
