import * as activations from './operators/activations.ts'
import { gateOrder } from './operators/gates.ts'
import * as handed from './operators/handed.ts'
import { layout } from './operators/layouts.ts'
import * as numbers from './operators/numbers.ts'
import type { Operator } from './operators/operator.ts'
import * as order from './operators/order.ts'
import * as outputs from './operators/outputs.ts'
import { padding } from './operators/padding.ts'
import * as products from './operators/products.ts'
import * as requests from './operators/requests.ts'
import * as siblings from './operators/siblings.ts'
import { carriedRows } from './operators/rows.ts'
import * as softmax from './operators/softmax.ts'
import * as steps from './operators/steps.ts'
import * as terms from './operators/terms.ts'
import * as wayBack from './operators/way-back.ts'
import { training } from './operators/trainings.ts'
import * as values from './operators/values.ts'

/** Every operator by its name, the likelier kinds of bugs first. */
export const operators: Readonly<Record<string, Operator>> = {
  option: requests.option,
  ignored: requests.ignored,
  axes: requests.axes,
  forget: handed.forget,
  zero: values.zero,
  layout,
  gates: gateOrder,
  sibling: siblings.sibling,
  exchange: siblings.exchange,
  other: siblings.other,
  swapped: siblings.swapped,
  divisor: numbers.divisor,
  drop: terms.drop,
  swap: terms.swap,
  direction: steps.direction,
  padding,
  reset: handed.reset,
  skip: steps.skip,
  starts: handed.starts,
  fromOutput: outputs.fromOutput,
  carriedRows,
  feedback: outputs.feedback,
  training,
  increase: values.increase,
  shortened: products.shortened,
  reorder: order.reorder,
  constant: numbers.constant,
  coupled: terms.coupled,
  droppedLast: values.droppedLast,
  reversed: terms.reversed,
  logarithm: softmax.logarithm,
  dim: softmax.dim,
  another: activations.another,
  carried: handed.carried,
  one: values.one,
  detach: values.detach,
  straight: activations.straight,
  derivative: activations.derivative,
  truncated: wayBack.truncated,
  part: wayBack.part,
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
