// The operations that only captured models have: one file a family, and the way back in one of its own.
import { backOf } from './calls/backward.ts'
import { convolutions } from './calls/convolution.ts'
import { functions } from './calls/functions.ts'
import { indexing } from './calls/indexing.ts'
import { moves } from './calls/moves.ts'
import { pooling } from './calls/pooling.ts'
import { products } from './calls/products.ts'
import { reducing } from './calls/reducing.ts'
import type { Call } from './calls/options.ts'
import type { Attributes } from './operation.ts'
import type { Computed, Value } from './value.ts'

const calls: Readonly<Record<string, Call>> = {
  ...functions,
  ...products,
  ...convolutions,
  ...pooling,
  ...reducing,
  ...indexing,
  ...moves,
}

export function call(operands: readonly Value[], { name, options }: Attributes['call']): Computed {
  const own = Object.hasOwn(calls, name) ? calls[name] : undefined
  if (own === undefined) throw new RangeError(`expected an operation that is known, got ${name}`)
  const computed = own(operands, options)
  const back = backOf(name, options)
  if (back === undefined || !operands.some(({ requires_grad }) => requires_grad)) return computed
  return { ...computed, back: (d) => back(operands, options, computed, d, own) }
}
