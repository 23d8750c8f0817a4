// Bugs of products, attention, activations, embeddings and of what moves numbers.
import type { Reference } from '../../../src/format/exported.ts'
import { type Args, type Draft, misread } from './draft.ts'
import type { Kind } from './kind.ts'

/** Told something else. */
function told(name: string, ops: readonly string[], of: (draft: Draft, node: string) => Args | undefined): Kind {
  return {
    name,
    ops,
    change(draft, node) {
      const args = of(draft, node)
      if (args !== undefined) draft.set(node, args)
      return args !== undefined
    },
  }
}

/** Another function. */
function other(name: string, from: string, to: string, args: (own: Args) => Args): Kind {
  return {
    name,
    ops: [from],
    change(draft, node) {
      const own = draft.at(node)
      draft.instead(node, (add) => add(to, args(own.args), own.shapes[0]!))
      return true
    },
  }
}

const self = ({ self: own }: Args): Args => ({ self: own })

/** The numbers as they lie, in the shape that was wanted. */
const asTheyLie: Kind['change'] = (draft, node) => {
  const [shape] = draft.at(node).shapes
  const from = draft.arg(node, 'self')
  if (shape!.filter((size) => size > 1).length < 2) return false
  draft.instead(node, (add) => add('reshape.default', { self: from, shape }, shape!))
  return true
}

export const others: readonly Kind[] = [
  {
    name: 'weight transposed',
    ops: ['linear'],
    change(draft, node) {
      const shape = draft.shapeOf(draft.arg(node, 'weight'))
      if (shape.includes(1)) return false
      return draft.renumber(draft.arg(node, 'weight'), (data) => misread(data, shape, [1, 0]))
    },
  },
  told('softmax over another axis', ['softmax', 'log_softmax'], (draft, node) => {
    const { length } = draft.at(node).shapes[0]!
    const dim = ((draft.arg(node, 'dim') as number) + length) % length
    return { dim: dim === 0 ? length - 1 : dim - 1 }
  }),
  other('softmax without its logarithm', 'log_softmax', 'softmax.int', ({ self: own, dim }) => ({ self: own, dim })),
  told('gelu by tanh', ['gelu'], () => ({ approximate: 'tanh' })),
  other('silu instead of gelu', 'gelu', 'silu.default', self),
  other('sigmoid instead of silu', 'silu', 'sigmoid.default', self),
  other('relu instead of silu', 'silu', 'relu.default', self),
  told('another slope', ['leaky_relu'], () => ({ negative_slope: 0.01 })),
  other('relu instead of leaky_relu', 'leaky_relu', 'relu.default', self),
  other('relu instead of elu', 'elu', 'relu.default', self),
  told('another alpha', ['elu'], () => ({ alpha: 0.5 })),
  other('relu left out', 'relu', 'clone.default', self),
  other('tanh left out', 'tanh', 'clone.default', self),
  other('sigmoid instead of tanh', 'tanh', 'sigmoid.default', self),
  other('tanh instead of sigmoid', 'sigmoid', 'tanh.default', self),
  other('square root left out', 'sqrt', 'clone.default', self),
  told('scale left out', ['scaled_dot_product_attention'], () => ({ scale: 1 })),
  told('scale of the whole size', ['scaled_dot_product_attention'], (draft, node) => {
    const [, heads, , size] = draft.at(node).shapes[0]!
    return { scale: 1 / Math.sqrt(heads! * size!) }
  }),
  told('not causal', ['scaled_dot_product_attention'], () => ({ is_causal: false })),
  {
    name: 'causal mask off by one',
    ops: ['scaled_dot_product_attention'],
    change(draft, node) {
      const { query, key, value } = draft.at(node).args
      const [shape] = draft.at(node).shapes
      const L = shape!.at(-2)!
      const scores = [...shape!.slice(0, -1), L]
      draft.instead(node, (add) => {
        const ones = add('ones.default', { size: [L, L], dtype: { dtype: 'float32' } }, [L, L])
        const seen = add('tril.default', { self: ones, diagonal: 1 }, [L, L])
        const missing = add('log.default', { self: seen }, [L, L])
        const turned = add('transpose.int', { self: key, dim0: -2, dim1: -1 }, shape!)
        const product = add('matmul.default', { self: query, other: turned }, scores)
        const scaled = add('mul.Tensor', { self: product, other: 1 / Math.sqrt(shape!.at(-1)!) }, scores)
        const masked = add('add.Tensor', { self: scaled, other: missing }, scores)
        const weights = add('softmax.int', { self: masked, dim: -1 }, scores)
        add('matmul.default', { self: weights, other: value }, shape!)
      })
      return true
    },
  },
  told('query and key exchanged', ['scaled_dot_product_attention'], (draft, node) => {
    const { query, key } = draft.at(node).args
    return { query: key, key: query }
  }),
  told('key and value exchanged', ['scaled_dot_product_attention'], (draft, node) => {
    const { key, value } = draft.at(node).args
    return { key: value, value: key }
  }),
  {
    name: 'first row of the embedding is zeros',
    ops: ['embedding'],
    change: (draft, node) => draft.renumber(draft.arg(node, 'weight'), (own, shape) => own.fill(0, 0, shape[1])),
  },
  {
    name: 'row of the embedding off by one',
    ops: ['embedding'],
    change: (draft, node) =>
      draft.renumber(draft.arg(node, 'weight'), (own, shape) => own.map((_, i) => own[(i + shape[1]!) % own.length]!)),
  },
  told('first instead of last, last instead of first', ['select'], (draft, node) => {
    const size = draft.shapeOf(draft.arg(node, 'self')).at(draft.arg(node, 'dim') as number)!
    const index = ((draft.arg(node, 'index') as number) + size) % size
    return size < 2 ? undefined : { index: size - 1 - index }
  }),
  told('one step off', ['select'], (draft, node) => {
    const size = draft.shapeOf(draft.arg(node, 'self')).at(draft.arg(node, 'dim') as number)!
    const index = ((draft.arg(node, 'index') as number) + size) % size
    return index === size - 1 ? undefined : { index: index + 1 }
  }),
  told('another output of the layer', ['select'], (draft, node) => {
    const own = draft.arg(node, 'self') as Reference & { node?: string; output?: number }
    if (own.node?.startsWith('lstm') !== true || own.output === undefined || own.output === 0) return undefined
    return { self: { ...own, output: 3 - own.output } }
  }),
  told('parts in another order', ['cat'], (draft, node) => ({
    tensors: (draft.arg(node, 'tensors') as unknown[]).toReversed(),
  })),
  told('what goes around is left out', ['add'], (draft, node) =>
    draft.shapeOf(draft.arg(node, 'self')).join() === draft.shapeOf(draft.arg(node, 'other')).join()
      ? { alpha: 0 }
      : undefined,
  ),
  told('subtracted instead of added', ['add'], () => ({ alpha: -1 })),
  { name: 'reshaped instead of transposed', ops: ['transpose', 'permute'], change: asTheyLie },
  told('another power', ['pow'], () => ({ exponent: 3 })),
  told('begins one too early', ['slice'], (draft, node) => {
    const { start, self: own, dim } = draft.at(node).args as { start: number; self: unknown; dim: number }
    const end = (draft.at(node).args['end'] as number | undefined) ?? draft.shapeOf(own)[dim]!
    return start === 0 ? undefined : { start: start - 1, end: end - 1 }
  }),
  told('another first symbol', ['full_like'], () => ({ fill_value: 1 })),
]
