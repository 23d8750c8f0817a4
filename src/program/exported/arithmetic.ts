// Of each number alone, and of two. Source: torch's documentation of each.
import type { Activation } from '../operation.ts'
import { type Lower, type Node, same, self } from './node.ts'

/** Calls that have torch's own name, and one operand. */
const one = [
  'abs', 'exp', 'exp2', 'expm1', 'log', 'log2', 'log10', 'log1p', 'rsqrt', 'reciprocal', 'square', 'sin', 'cos', 'tan',
  'asin', 'acos', 'atan', 'sinh', 'cosh', 'asinh', 'acosh', 'atanh', 'erf', 'erfc', 'floor', 'ceil', 'trunc', 'frac',
  'sign', 'isnan', 'isinf', 'isfinite', 'logical_not', 'silu', 'mish', 'log_sigmoid', 'softsign', 'hardsigmoid',
  'hardswish',
] as const // prettier-ignore

const own: Readonly<Record<string, Activation>> = {
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  relu: 'relu',
  sqrt: 'sqrt',
  neg: 'neg',
}

const two = [
  'lt', 'le', 'gt', 'ge', 'eq', 'ne', 'logical_and', 'logical_or', 'logical_xor', 'minimum', 'fmod', 'remainder',
  'floor_divide', 'atan2', 'hypot', 'xlogy', 'bitwise_and', 'bitwise_or', 'bitwise_xor',
] as const // prettier-ignore

/** self ± alpha · other */
function scaled(op: 'add' | 'sub', [first, second]: readonly [string, string]): Lower {
  return (node) => {
    const { writer } = node
    const alpha = node.number('alpha', 1)
    const other = node.operand(second)
    const by = alpha === 1 ? other : writer.mul(other, writer.full([], alpha))
    return writer[op](node.operand(first), by)
  }
}

const forward = ['self', 'other'] as const
const backward = ['other', 'self'] as const

const div: Lower = (node) => {
  const operands = [node.operand('self'), node.operand('other')]
  const mode = node.text('rounding_mode')
  if (mode === '') return node.writer.write('div', operands, {})
  return node.call(mode === 'floor' ? 'floor_divide' : 'trunc_divide', operands)
}

const bounded: Lower = (node) => {
  // Bounds are numbers, or tensors that broadcast.
  if (node.isTensor('min') || node.isTensor('max')) {
    let { id } = self(node)
    if (node.has('min')) id = node.writer.write('maximum', [id, node.operand('min')], {})
    return node.has('max') ? node.call('minimum', [id, node.operand('max')]) : id
  }
  const [min, max] = [node.number('min', -Infinity), node.number('max', Infinity)]
  return node.call('clamp', [self(node).id], { min, max })
}

/** To a dtype of whole numbers or of truth. */
export function cast(node: Node, dtype: string): string {
  const { id, dtype: from } = self(node)
  if (dtype === 'bool') return from === 'bool' ? id : node.call('nonzero', [id])
  const isFloat = (name: string): boolean => name.startsWith('float') || name === 'bfloat16'
  return isFloat(from) && !isFloat(dtype) ? node.call('int', [id]) : id
}

export const arithmetic: Readonly<Record<string, Lower>> = {
  ...Object.fromEntries(one.map((name): [string, Lower] => [name, (node) => node.call(name, [self(node).id])])),
  ...Object.fromEntries(
    Object.entries(own).map(([name, activation]): [string, Lower] => [
      name,
      (node) => node.writer.activation(activation, self(node).id),
    ]),
  ),
  ...Object.fromEntries(
    two.map((name): [string, Lower] => [
      name,
      (node) => node.call(name, [node.operand('self'), node.operand('other')]),
    ]),
  ),
  add: scaled('add', forward),
  sub: scaled('sub', forward),
  subtract: scaled('sub', forward),
  rsub: scaled('sub', backward),
  mul: (node) => node.writer.mul(node.operand('self'), node.operand('other')),
  multiply: (node) => node.writer.mul(node.operand('self'), node.operand('other')),
  div,
  divide: div,
  true_divide: div,
  pow: (node) => node.writer.write('pow', [node.operand('self'), node.operand('exponent')], {}),
  maximum: (node) => node.writer.write('maximum', [node.operand('self'), node.operand('other')], {}),
  positive: same,
  round: (node) => node.call('round', [self(node).id], { decimals: node.number('decimals', 0) }),
  bitwise_not: (node) => node.call(node.dtype === 'bool' ? 'logical_not' : 'bitwise_not', [self(node).id]),
  clamp: bounded,
  clip: bounded,
  clamp_min: bounded,
  clamp_max: bounded,
  hardtanh: (node) =>
    node.call('clamp', [self(node).id], { min: node.number('min_val', -1), max: node.number('max_val', 1) }),
  relu6: (node) => node.call('clamp', [self(node).id], { min: 0, max: 6 }),
  gelu: (node) => node.call(node.text('approximate') === 'tanh' ? 'gelu_tanh' : 'gelu', [self(node).id]),
  elu: (node) =>
    node.call('elu', [self(node).id], {
      alpha: node.number('alpha', 1),
      scale: node.number('scale', 1),
      input_scale: node.number('input_scale', 1),
    }),
  selu: (node) =>
    node.call('elu', [self(node).id], {
      alpha: 1.6732632423543772,
      scale: 1.0507009873554805,
      input_scale: 1,
    }),
  celu: (node) => {
    const alpha = node.number('alpha', 1)
    return node.call('elu', [self(node).id], { alpha, scale: 1, input_scale: 1 / alpha })
  },
  leaky_relu: (node) =>
    node.call('leaky_relu', [self(node).id], { negative_slope: node.number('negative_slope', 0.01) }),
  softplus: (node) =>
    node.call('softplus', [self(node).id], { beta: node.number('beta', 1), threshold: node.number('threshold', 20) }),
  hardshrink: (node) => node.call('hardshrink', [self(node).id], { lambd: node.number('lambd', 0.5) }),
  softshrink: (node) => node.call('softshrink', [self(node).id], { lambd: node.number('lambd', 0.5) }),
  threshold: (node) =>
    node.call('threshold', [self(node).id], { threshold: node.number('threshold'), value: node.number('value') }),
  // One weight for all, or one for each channel.
  prelu: (node) => {
    const { id, shape } = self(node)
    const weight = node.tensor('weight')
    const isOne = weight.shape.length === 0 || weight.shape[0] === 1
    if (shape.length < 2) return node.call('prelu', [id, isOne ? node.writer.reshape(weight.id, []) : weight.id])
    const wide = isOne ? [] : shape.map((_, axis) => (axis === Math.min(1, shape.length - 1) ? weight.shape[0]! : 1))
    return node.call('prelu', [id, node.writer.reshape(weight.id, wide)])
  },
  glu: (node) => {
    const { id, shape } = self(node)
    const dim = node.dim('dim', shape.length, -1)
    const [one, other] = [0, 1].map((index) => node.writer.chunk(id, 2, dim, index)) as [string, string]
    return node.writer.mul(one, node.writer.sigmoid(other))
  },
  where: (node) => node.writer.where(node.tensor('condition').id, node.operand('self'), node.operand('other')),
  masked_fill: (node) => node.writer.where(node.tensor('mask').id, node.operand('value'), self(node).id),
  nan_to_num: (node) =>
    node.call('nan_to_num', [self(node).id], {
      nan: node.number('nan', 0),
      posinf: node.number('posinf', 3.4028234663852886e38),
      neginf: node.number('neginf', -3.4028234663852886e38),
    }),
  lerp: (node) => {
    const { writer } = node
    const start = self(node).id
    return writer.add(start, writer.mul(node.operand('weight'), writer.sub(node.operand('end'), start)))
  },
  addcmul: (node) => {
    const { writer } = node
    const product = writer.mul(node.operand('tensor1'), node.operand('tensor2'))
    return writer.add(self(node).id, writer.mul(product, writer.full([], node.number('value', 1))))
  },
  addcdiv: (node) => {
    const { writer } = node
    const quotient = writer.div(node.operand('tensor1'), node.operand('tensor2'))
    return writer.add(self(node).id, writer.mul(quotient, writer.full([], node.number('value', 1))))
  },
}
