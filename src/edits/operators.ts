import * as equations from './operators/equations.ts'
import * as loops from './operators/loops.ts'
import type { Operator } from './operators/operator.ts'
import * as order from './operators/order.ts'
import * as requests from './operators/requests.ts'
import * as siblings from './operators/siblings.ts'
import { training } from './operators/trainings.ts'
import * as values from './operators/values.ts'

/** Every operator by its name, the likelier kinds of bugs first. */
export const operators: Readonly<Record<string, Operator>> = {
  option: requests.option,
  ignored: requests.ignored,
  axes: requests.axes,
  zero: values.zero,
  layout: order.layout,
  gates: order.gateOrder,
  sibling: siblings.sibling,
  exchange: siblings.exchange,
  other: siblings.other,
  swapped: siblings.swapped,
  another: equations.another,
  divisor: equations.divisor,
  drop: equations.drop,
  swap: equations.swap,
  direction: loops.direction,
  padding: loops.padding,
  reset: loops.reset,
  carried: loops.carried,
  skip: loops.skip,
  scale: values.scale,
  one: values.one,
  increase: values.increase,
  shortened: equations.shortened,
  reorder: order.reorder,
  round: values.round,
  truncate: values.truncate,
  clip: values.clip,
  clean: values.cleaned,
  constant: equations.constant,
  coupled: equations.coupled,
  droppedLast: values.droppedLast,
  reversed: equations.reversed,
  training,
  detach: values.detach,
  straight: equations.straight,
  derivative: equations.derivative,
  truncated: loops.truncated,
  part: loops.part,
  sums: equations.sums,
  roundedProducts: equations.roundedProducts,
  apply: values.applied,
  instead: equations.instead,
  added: equations.added,
}
