import * as equations from './operators/equations.ts'
import * as handed from './operators/handed.ts'
import * as loops from './operators/loops.ts'
import type { Operator } from './operators/operator.ts'
import * as order from './operators/order.ts'
import * as requests from './operators/requests.ts'
import * as siblings from './operators/siblings.ts'
import { carriedRows } from './operators/rows.ts'
import { training } from './operators/trainings.ts'
import * as values from './operators/values.ts'

/** Every operator by its name, the likelier kinds of bugs first. */
export const operators: Readonly<Record<string, Operator>> = {
  option: requests.option,
  ignored: requests.ignored,
  axes: requests.axes,
  forget: loops.forget,
  zero: values.zero,
  layout: order.layout,
  gates: order.gateOrder,
  sibling: siblings.sibling,
  exchange: siblings.exchange,
  other: siblings.other,
  swapped: siblings.swapped,
  divisor: equations.divisor,
  drop: equations.drop,
  swap: equations.swap,
  direction: loops.direction,
  padding: loops.padding,
  reset: loops.reset,
  skip: loops.skip,
  starts: loops.starts,
  fromOutput: loops.fromOutput,
  carriedRows,
  feedback: loops.feedback,
  unprojected: handed.unprojected,
  once: handed.once,
  training,
  increase: values.increase,
  shortened: equations.shortened,
  reorder: order.reorder,
  constant: equations.constant,
  coupled: equations.coupled,
  complement: values.complement,
  droppedLast: values.droppedLast,
  reversed: equations.reversed,
  logarithm: equations.logarithm,
  dim: equations.dim,
  another: equations.another,
  carried: loops.carried,
  one: values.one,
  detach: values.detach,
  straight: equations.straight,
  derivative: equations.derivative,
  truncated: handed.truncated,
  part: loops.part,
  element: values.element,
  // What is off by numbers that nobody can list.
  scale: values.scale,
  round: values.round,
  sums: equations.sums,
  roundedProducts: equations.roundedProducts,
  truncate: values.truncate,
  clip: values.clip,
  clean: values.cleaned,
  // What stands in an equation that does not belong there.
  apply: values.applied,
  instead: equations.instead,
  added: equations.added,
}

/** From which operator on edits are many: what is likelier is narrowed first. */
export const laterTiers: readonly string[] = ['scale', 'apply']
