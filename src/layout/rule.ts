import { escaped, type RuleRecord } from '../format/actual/rules.ts'
import { elementCount, type FloatTensor, sameShape } from '../format/tensor.ts'
import type { Found } from './matches.ts'

/**
 * What `--map` is told of a port's tensor, and of the gradient by it where that has `grad_` before its name. undefined where no rule
 * says it: what is both joined and summed, or summed but for a gate.
 */
export function ruleOf(name: string, tensor: FloatTensor, found: Found): RuleRecord | undefined {
  const { source, reading, order, negated } = found
  const { how, pieces } = source
  const [first] = pieces as [(typeof pieces)[number]]
  const isSum = first.sum !== undefined
  if (first.sum === 'but n' || (isSum && how !== 'single')) return undefined
  const names = pieces.flatMap((piece) => piece.names.map((own) => `$1${own}`))
  const isList = how !== 'single' || isSum
  const { transposed } = reading
  const natural = naturalShape(found)
  const letters = order.map((gate) => first.gates[gate]).join(' ')
  return {
    from: `/^(grad_)?${escaped(name)}$/`,
    to: isList ? names : names[0]!,
    ...(!sameShape(tensor.shape, natural) && { reshape: withRest(natural, first.shape.length) }),
    ...(transposed && { transpose: how === 'stack' ? [0, 2, 1] : [1, 0] }),
    ...(how !== 'single' && { join: how === 'columns' ? 1 : 0 }),
    ...(isSum && { sum: true as const }),
    ...(letters !== first.gates.join(' ') && { gates: letters }),
    ...(reading.interleaved && { interleaved: true as const }),
    ...(first.gate !== undefined && { gate: first.gate }),
    ...(negated && { negated: 'z' }),
  }
}

/** The shape of the port's tensor if it had no axes but those that it needs. */
function naturalShape({ source: { how, pieces }, reading: { transposed } }: Found): readonly number[] {
  const [{ shape }] = pieces as [(typeof pieces)[number]]
  if (shape.length > 2) return shape
  const joined = shape.map((size, axis) => {
    if (how === 'columns' && axis === 1) return pieces.reduce((sum, piece) => sum + piece.columns, 0)
    return how === 'rows' && axis === 0 ? size * pieces.length : size
  })
  const turned = transposed ? joined.toReversed() : joined
  return how === 'stack' ? [pieces.length, ...turned] : turned
}

/** A vector is read whatever its length; of a matrix the sizes are said. */
function withRest(shape: readonly number[], rank: number): number[] {
  return rank === 1 && shape.length === 1 && elementCount(shape) > 0 ? [-1] : [...shape]
}
