import type { Outputs, Request } from '../case.ts'
import { type FloatTensor, floatTensor, type Tensor } from '../tensor.ts'
import { largest, type Question } from './question.ts'

const draws = 2
/** Roundings of what goes in: a port rounds at every operation, of which there are more than one for each number. */
const roundings = 4
/** An error that is a larger part of the values says nothing. */
const largestPart = 2 ** -8

/**
 * The error that rounding makes in a port that is not torch's, which may be worse conditioned: what comes of rounding all that
 * goes in otherwise. unit: the unit roundoff of the port's arithmetic. → budgets by tensor, or undefined where rounding decides everything
 */
export function conditioned(
  { recorded, request, given }: Question,
  run: (request: Request) => Outputs | undefined,
  unit: number,
): Record<string, Tensor<'float64'>> | undefined {
  const right = run(request)
  if (right === undefined) return undefined
  const moved = Array.from({ length: draws }, (_, draw) => run(nudged(request, roundings * unit, draw)))
  const allowed: Record<string, Tensor<'float64'>> = {}
  for (const name of given) {
    const { shape, data } = right[name] ?? recorded.expected[name]!
    // What is allowed of an element is the largest error at its time: the first axis that is longer than one.
    const steps = shape[0] ?? 1
    const inner = data.length / Math.max(1, steps)
    const most = new Float64Array(steps)
    for (const outputs of moved) {
      outputs?.[name]?.data.forEach((x, i) => {
        const t = Math.floor(i / inner)
        const error = Math.abs(x - data[i]!)
        if (error < Infinity) most[t] = Math.max(most[t]!, error)
      })
    }
    if (!(largest(most) <= largestPart * largest(data))) return undefined
    const own = recorded.budget[name]!.data
    const budget = Float64Array.from(data, (_, i) => Math.max(most[Math.floor(i / inner)]!, largest(own)))
    allowed[name] = { dtype: 'float64', shape, data: budget }
  }
  return allowed
}

/** Every number of what goes in, changed by so small a part of itself, up or down. */
function nudged(request: Request, part: number, draw: number): Request {
  let seed = 12_345 + draw
  const nudge = (tensor: FloatTensor): FloatTensor => {
    const data = Float64Array.from(tensor.data, (x) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return x * (1 + (seed & 0x10_000 ? part : -part))
    })
    // Not rounded: the change may be as small as a rounding.
    return floatTensor('float64', tensor.shape, data)
  }
  const params = Object.fromEntries(Object.entries(request.params).map(([name, tensor]) => [name, nudge(tensor)]))
  return { ...request, params } as Request
}
