// Products: linear, matrices, convolutions, attention. Source: torch.nn.functional.linear, conv2d, scaled_dot_product_attention.
import type { Id } from '../operation.ts'
import { type Lower, type Lowered, type Node, self } from './node.ts'

function biased(node: Node, product: Id, axes = 0): Id {
  if (!node.isTensor('bias')) return product
  const { id, shape } = node.tensor('bias')
  const { writer } = node
  return writer.at({ tensor: 'bias' }, () =>
    writer.add(product, axes === 0 ? id : writer.reshape(id, [...shape, ...Array.from({ length: axes }, () => 1)])),
  )
}

const linear: Lower = (node) => {
  const { writer } = node
  const [input, weight] = [node.tensor('input'), node.tensor('weight')]
  const product = writer.at({ tensor: 'weight' }, () => {
    if (weight.shape.length === 2 && input.shape.length > 0) return writer.linear(input.id, weight.id)
    return node.call('matmul', [input.id, weight.id])
  })
  return biased(node, product)
}

const matmul: Lower = (node) => node.call('matmul', [self(node).id, node.tensor(second(node)).id])

function second(node: Node): string {
  return ['other', 'mat2', 'vec', 'tensor'].find((name) => node.isTensor(name))!
}

/** beta · self + alpha · (one · other) */
function added(one: string, other: string): Lower {
  return (node) => {
    const { writer } = node
    const times = (id: Id, by: number): Id => (by === 1 ? id : writer.mul(id, writer.full([], by)))
    const product = times(node.call('matmul', [node.tensor(one).id, node.tensor(other).id]), node.number('alpha', 1))
    const beta = node.number('beta', 1)
    // What is in self then does not count, not even a NaN.
    return beta === 0 ? product : writer.add(times(self(node).id, beta), product)
  }
}

/** One text for all axes stands for so much padding that the size stays. */
function paddingOf(node: Node, axes: number, kernel: readonly number[], dilation: readonly number[]): number[][] {
  const mode = node.text('padding')
  if (mode === 'valid') return kernel.map(() => [0, 0])
  if (mode === 'same') {
    return kernel.map((size, axis) => {
      const whole = dilation[axis]! * (size - 1)
      return [Math.floor(whole / 2), whole - Math.floor(whole / 2)]
    })
  }
  return node.each('padding', axes, 0).map((own) => [own, own])
}

function convolution(axes: number): Lower {
  return (node) => {
    const { writer } = node
    const weight = node.tensor('weight')
    const [stride, dilation] = [node.each('stride', axes, 1), node.each('dilation', axes, 1)]
    const padding = paddingOf(node, axes, weight.shape.slice(2), dilation)
    return withBatch(node, axes, node.tensor('input'), (given) => {
      const isEven = padding.every(([before, after]) => before === after)
      const x = isEven ? given : padded(node, given, axes, padding)
      const product = writer.at({ tensor: 'weight' }, () =>
        node.call('convolution', [x, weight.id], {
          stride,
          dilation,
          padding: padding.map(([before]) => (isEven ? before! : 0)),
          groups: node.number('groups', 1),
        }),
      )
      return biased(node, product, axes)
    })
  }
}

function padded(node: Node, x: Id, axes: number, padding: readonly number[][]): Id {
  const outer = [0, 0]
  return node.call('pad', [x], {
    before: [...outer, ...padding.map(([before]) => before!)].slice(-axes - 2),
    after: [...outer, ...padding.map(([, after]) => after!)].slice(-axes - 2),
    mode: 'constant',
    value: 0,
  })
}

function transposed(axes: number): Lower {
  return (node) => {
    const { writer } = node
    return withBatch(node, axes, node.tensor('input'), (x) => {
      const product = writer.at({ tensor: 'weight' }, () =>
        node.call('conv_transpose', [x, node.tensor('weight').id], {
          stride: node.each('stride', axes, 1),
          dilation: node.each('dilation', axes, 1),
          padding: node.each('padding', axes, 0),
          output_padding: node.each('output_padding', axes, 0),
          groups: node.number('groups', 1),
        }),
      )
      return biased(node, product, axes)
    })
  }
}

/** An input without a batch is one of one row. */
function withBatch(node: Node, axes: number, { id, shape }: Lowered, of: (x: Id) => Id): Id {
  if (shape.length === axes + 2) return of(id)
  const { writer } = node
  return writer.reshape(of(writer.reshape(id, [1, ...shape])), node.shape)
}

/** softmax(query · keyᵀ · scale + mask) · value */
const attention: Lower = (node) => {
  const { writer } = node
  const [query, value] = [node.tensor('query'), node.tensor('value')]
  let key = node.tensor('key').id
  let values = value.id
  const keyShape = node.tensor('key').shape
  const [L, S, E] = [query.shape.at(-2)!, keyShape.at(-2)!, query.shape.at(-1)!]
  if (node.flag('enable_gqa')) {
    const times = query.shape.at(-3)! / keyShape.at(-3)!
    const each = (id: Id): Id => {
      const index = Array.from({ length: query.shape.at(-3)! }, (_, i) => Math.floor(i / times))
      return writer.write('index_select', [id], { dim: -3, index })
    }
    key = each(key)
    values = each(values)
  }
  const scale = node.number('scale', 1 / Math.sqrt(E))
  const rank = keyShape.length
  const scores = writer.mul(
    node.call('matmul', [query.id, writer.transpose(key, rank - 2, rank - 1)]),
    writer.at({ tensor: 'scale' }, () => writer.full([], scale)),
  )
  let masked = scores
  if (node.flag('is_causal')) {
    const kept = Array.from({ length: L * S }, (_, i) => (i % S <= Math.floor(i / S) ? 1 : 0))
    const mask = writer.at({ tensor: 'mask' }, () => writer.write('constant', [], { shape: [L, S], data: kept }))
    masked = writer.where(mask, scores, writer.full([], -Infinity))
  }
  if (node.isTensor('attn_mask')) {
    const mask = node.tensor('attn_mask')
    masked =
      mask.dtype === 'bool' ? writer.where(mask.id, scores, writer.full([], -Infinity)) : writer.add(masked, mask.id)
  }
  return node.call('matmul', [writer.write('softmax', [masked], { dim: -1 }), values])
}

/** Letters name axes: those that are not in the result are summed over. */
const einsum: Lower = (node) => {
  const { writer } = node
  const of = node.tensors('tensors')
  const [left, result] = node.text('equation').replaceAll(' ', '').split('->') as [string, string | undefined]
  const terms = left.split(',')
  if (left.includes('.')) throw new RangeError(`${node.op}: expected letters for all axes, got ${left}`)
  const letters = [...new Set(left.replaceAll(',', ''))]
  const once = letters.filter((letter) => left.split(letter).length === 2).toSorted()
  const wanted = (result ?? once.join('')).split('')
  const order = [...wanted, ...letters.filter((letter) => !wanted.includes(letter))]
  const sizes = new Map<string, number>()
  for (const [i, term] of terms.entries())
    for (const [axis, letter] of term.split('').entries()) sizes.set(letter, of[i]!.shape[axis]!)
  const wide = of.map(({ id }, i) => {
    const own = terms[i]!.split('')
    if (new Set(own).size < own.length) throw new RangeError(`${node.op}: expected each axis once, got ${terms[i]}`)
    const sorted = own.map((_, axis) => axis).toSorted((a, b) => order.indexOf(own[a]!) - order.indexOf(own[b]!))
    const shape = order.map((letter) => (own.includes(letter) ? sizes.get(letter)! : 1))
    return writer.reshape(node.permuted(id, sorted), shape)
  })
  const product = wide.reduce((one, other) => writer.mul(one, other))
  const summed = order.map((_, axis) => axis).slice(wanted.length)
  const whole = node.call('expand', [product], { shape: order.map((letter) => sizes.get(letter)!) })
  return summed.length === 0 ? whole : node.call('sum_dims', [whole], { dims: summed, keepdim: false })
}

const outer: Lower = (node) => {
  const { writer } = node
  const [one, other] = [self(node), node.tensor(node.isTensor('vec2') ? 'vec2' : 'other')]
  return writer.mul(writer.reshape(one.id, [one.shape[0]!, 1]), other.id)
}

export const products: Readonly<Record<string, Lower>> = {
  linear,
  einsum,
  outer,
  matmul,
  mm: matmul,
  bmm: matmul,
  mv: matmul,
  dot: matmul,
  addmm: added('mat1', 'mat2'),
  addmv: added('mat', 'vec'),
  baddbmm: added('batch1', 'batch2'),
  conv1d: convolution(1),
  conv2d: convolution(2),
  conv3d: convolution(3),
  conv_transpose1d: transposed(1),
  conv_transpose2d: transposed(2),
  conv_transpose3d: transposed(3),
  scaled_dot_product_attention: attention,
}
