import type { Outputs, Request } from '../format/case.ts'
import type { Edit } from '../edits/edit.ts'
import { floatTensor } from '../format/tensor.ts'

/** So small a change of an element that the outputs follow it in proportion. */
const nudge = 0.01
const mostElements = 2000
const limitMs = 500
/** How well the direction of a departure must be that of an element. */
const leastCosine = 0.9
const refinements = 4

/**
 * Searches for the one element of a parameter whose change makes an engine give these outputs: each element is nudged, and the
 * departure must lie in the direction in which the outputs then move.
 * run: the engine that gives everything else. → undefined when there is none, or when it would take too long
 */
export function oneElementOff(
  request: Request,
  outputs: Outputs,
  given: readonly string[],
  run: (request: Request) => Outputs,
): Edit | undefined {
  // Gradients follow from it, and take longer.
  const { cotangents: _, ...forward } = request
  const asked = forward as Request
  const names = given.filter((name) => !name.startsWith('grad_'))
  const params = Object.entries(request.params).filter(([name]) => /(^|\.)(weight_(ih|hh|hr)|bias_[ih]h)/.test(name))
  const count = params.reduce((sum, [, { data }]) => sum + data.length, 0)
  if (count > mostElements || request.training !== undefined || names.length === 0) return undefined
  const began = Date.now()
  const right = run(asked)
  const wanted = differenceOf(outputs, right, names)
  if (!(dot(wanted, wanted) > 0)) return undefined
  let best = { cosine: 0, name: '', at: 0, change: 0 }
  for (const [name, { data }] of params) {
    for (let at = 0; at < data.length; at++) {
      if (Date.now() - began > limitMs) return undefined
      const moved = differenceOf(run(changed(asked, name, at, nudgeOf(data[at]!))), right, names)
      const along = dot(moved, moved)
      const cosine = Math.abs(dot(wanted, moved)) / Math.sqrt(dot(wanted, wanted) * along)
      if (cosine > best.cosine) best = { cosine, name, at, change: (nudgeOf(data[at]!) * dot(wanted, moved)) / along }
    }
  }
  if (!(best.cosine > leastCosine)) return undefined
  const { name, at } = best
  let { change } = best
  for (let i = 0; i < refinements && change !== 0; i++) {
    const there = differenceOf(run(changed(asked, name, at, change)), right, names)
    const factor = dot(wanted, there) / dot(there, there)
    if (!Number.isFinite(factor)) return undefined
    change *= factor
  }
  return { operator: 'element', operand: {}, value: [name, at, change / request.params[name]!.data[at]!] }
}

function nudgeOf(x: number): number {
  return x === 0 ? nudge : nudge * x
}

function changed(request: Request, name: string, at: number, change: number): Request {
  const { dtype, shape, data } = request.params[name]!
  // In float64, because a change may be smaller than a rounding of the dtype.
  const moved = Float64Array.from(data)
  moved[at]! += change
  return { ...request, params: { ...request.params, [name]: floatTensor(dtype, shape, moved) } }
}

function differenceOf(outputs: Outputs, right: Outputs, names: readonly string[]): number[] {
  return names.flatMap((name) => {
    const own = outputs[name]?.data ?? []
    const other = right[name]?.data ?? []
    return Array.from(other, (x, i) => {
      const difference = (own[i] ?? x) - x
      return Number.isFinite(difference) ? difference : 0
    })
  })
}

function dot(x: readonly number[], y: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!
  return sum
}
