import type { Case } from '../format/case.ts'
import { broadcastStrides, type FloatTensor } from '../format/tensor.ts'
import { type Judgement, limitOf } from '../verify/compare.ts'

/** One element of a tensor: how far off it is and how far it may be, Infinity where it is another kind of value or anything will do. */
export interface Departing {
  readonly actual: number
  readonly expected: number
  readonly error: number
  readonly allowed: number
}

/** Tells `visit` of each element; the index is the same array each time. shape: that of the tensor, which is not checked. */
export function eachError(
  { expected: all, budget: budgets, dtype }: Case,
  tensor: string,
  { data }: FloatTensor,
  { tolerance, equalNan }: Judgement,
  visit: (index: Uint32Array, element: Departing) => void,
): void {
  const { data: expected, shape } = all[tensor]!
  const budget = budgets[tensor]!
  const strides = broadcastStrides(budget.shape, shape) ?? []
  const limit = limitOf(tolerance, dtype)
  const index = new Uint32Array(shape.length)
  const element = { actual: 0, expected: 0, error: 0, allowed: 0 }
  let at = 0
  for (let offset = 0; offset < expected.length; offset++) {
    const a = data[offset]!
    const e = expected[offset]!
    const same = Object.is(a, e) && (equalNan || a === e)
    const most = limit(budget.data[at]!, Math.abs(e))
    element.actual = a
    element.expected = e
    element.allowed = most
    element.error =
      same || most === Infinity ? 0 : Number.isFinite(a) && Number.isFinite(e) ? Math.abs(a - e) : Infinity
    visit(index, element)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      at -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
}

/** Of the allowed error; 0 where there is none. */
export function shareOfError({ error, allowed }: Departing): number {
  return error === 0 ? 0 : error / allowed
}
