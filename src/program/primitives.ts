import { elementCount } from '../format/tensor.ts'
import * as elementwise from './elementwise.ts'
import { call } from './calls.ts'
import { linear } from './linear.ts'
import type { Attributes, Op } from './operation.ts'
import * as reductions from './reductions.ts'
import { round } from './rounding.ts'
import * as shapes from './shapes.ts'
import type { Computed, Value } from './value.ts'

export type Primitive<O extends Op> = (operands: readonly Value[], attributes: Attributes[O]) => Computed

/** The operations that need nothing but their operands. */
export const primitives = {
  full: (_: readonly Value[], { shape, value }: Attributes['full']) => {
    return { shape, data: new Float64Array(elementCount(shape)).fill(value) }
  },
  arange: (_: readonly Value[], { end }: Attributes['arange']) => {
    return { shape: [end], data: Float64Array.from({ length: end }, (_, i) => i) }
  },
  constant: (_: readonly Value[], { shape, data }: Attributes['constant']) => {
    return { shape, data: Float64Array.from(data) }
  },
  linear,
  full_like: elementwise.full_like,
  add: elementwise.add,
  sub: elementwise.sub,
  mul: elementwise.mul,
  div: elementwise.div,
  pow: elementwise.pow,
  maximum: elementwise.maximum,
  lt: elementwise.lt,
  eq: elementwise.eq,
  where: elementwise.where,
  activation: elementwise.activation,
  clamp: elementwise.clamp,
  round,
  detach: elementwise.detach,
  straight_through: elementwise.straight_through,
  reshape: shapes.reshape,
  transpose: shapes.transpose,
  flip: shapes.flip,
  select: shapes.select,
  index_select: shapes.index_select,
  narrow: shapes.narrow,
  chunk: shapes.chunk,
  cat: shapes.cat,
  stack: shapes.stack,
  sum: reductions.sum,
  softmax: reductions.softmax,
  log_softmax: reductions.log_softmax,
  argmax: reductions.argmax,
  embedding: reductions.embedding,
  nll_loss: reductions.nll_loss,
  call,
} satisfies { readonly [O in Op]?: Primitive<O> }
