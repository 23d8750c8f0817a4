// Every operator of an edit, in the order in which they are tried.
import * as backward from './operators/backward.ts'
import * as calls from './operators/calls.ts'
import * as carried from './operators/carried.ts'
import * as derivatives from './operators/derivatives.ts'
import * as equations from './operators/equations.ts'
import * as gates from './operators/gates.ts'
import * as layouts from './operators/layouts.ts'
import * as handed from './operators/handed.ts'
import * as loops from './operators/loops.ts'
import * as numbers from './operators/numbers.ts'
import type { Operator } from './operators/operator.ts'
import * as order from './operators/order.ts'
import { padded } from './operators/padded.ts'
import * as padding from './operators/padding.ts'
import * as products from './operators/products.ts'
import * as requests from './operators/requests.ts'
import { carriedRows } from './operators/rows.ts'
import * as siblings from './operators/siblings.ts'
import * as softmax from './operators/softmax.ts'
import * as terms from './operators/terms.ts'
import { training } from './operators/trainings.ts'
import * as values from './operators/values.ts'

/** Every operator by its name, the likelier kinds of bugs first. */
export const operators: Readonly<Record<string, Operator>> = {
  option: requests.option,
  ignored: requests.ignored,
  axes: requests.axes,
  forget: carried.forget,
  zero: values.zero,
  layout: layouts.layout,
  gates: gates.gateOrder,
  sibling: siblings.sibling,
  exchange: siblings.exchange,
  other: siblings.other,
  swapped: siblings.swapped,
  divisor: numbers.divisor,
  drop: equations.drop,
  swap: equations.swap,
  direction: loops.direction,
  padding: padding.padding,
  reset: carried.reset,
  skip: loops.skip,
  starts: loops.starts,
  fromOutput: loops.fromOutput,
  carriedRows,
  feedback: loops.feedback,
  unprojected: handed.unprojected,
  once: handed.once,
  training,
  increase: values.increase,
  shortened: products.shortened,
  reorder: order.reorder,
  constant: numbers.constant,
  called: calls.called,
  ownStatistics: calls.ownStatistics,
  diagonal: calls.diagonal,
  padded,
  axesOrder: calls.axesOrder,
  kernelFlipped: calls.kernelFlipped,
  coupled: terms.coupled,
  complement: values.complement,
  droppedLast: values.droppedLast,
  reversed: equations.reversed,
  logarithm: softmax.logarithm,
  unlogged: softmax.unlogged,
  dim: softmax.dim,
  another: equations.another,
  carried: carried.carried,
  one: values.one,
  detach: values.detach,
  straight: derivatives.straight,
  derivative: derivatives.derivative,
  truncated: handed.truncated,
  part: backward.part,
  element: values.element,
  // What is off by numbers that nobody can list.
  scale: values.scale,
  round: values.round,
  sums: products.sums,
  roundedProducts: products.roundedProducts,
  truncate: values.truncate,
  clip: values.clip,
  clean: values.cleaned,
  // What stands in an equation that does not belong there.
  apply: values.applied,
  instead: terms.instead,
  added: terms.added,
}

/** From which operator on edits are many: what is likelier is narrowed first. */
export const laterTiers: readonly string[] = ['scale', 'apply']
