import type { Outputs, Request } from '../format/case.ts'
import { type FloatTensor, floatTensor, type Tensor, unitRoundoff } from '../format/tensor.ts'
import { largest } from '../format/tensor.ts'
import { comparisonsWith, type Question } from './question.ts'

const draws = 4
/** Where an answer is judged and not looked for: rounding decides now and then which way something else is rounded. */
const drawsOfJudged = 16
/** Roundings of what goes in: a port rounds at every operation, of which there are more than one for each number. */
const roundings = 4
/** Where rounding makes a larger part of the values than this, it decides them. */
const largestPart = 2 ** -8
/** The part of all numbers that rounding must not decide. */
const leastDecided = 1 / 16

/**
 * Whether a port gives what another engine gives, as far as rounding lets one tell: a faulty engine may be worse conditioned than
 * torch, so its error is measured, by rounding otherwise what goes in. others: what it gives; run: that engine.
 */
export function fitsConditioned(
  question: Question,
  others: Outputs,
  run: (request: Request) => Outputs | undefined,
  count = draws,
): boolean {
  // What is far off whatever is rounded is told by few draws.
  if (count > few && !isFitting(question, others, run, few, farOff)) return false
  return isFitting(question, others, run, count)
}

const few = 2
const farOff = 256

/** slack: so many times what rounding changes is let pass, and where torch itself would pass does not matter then. */
function isFitting(
  question: Question,
  others: Outputs,
  run: (request: Request) => Outputs | undefined,
  count: number,
  slack = 1,
): boolean {
  const { recorded, request, given, axes } = question
  const part = roundings * unitRoundoff[recorded.dtype]
  const moved = Array.from({ length: count }, (_, draw) => run(nudged(request, part, draw)))
  const allowed: Record<string, Tensor<'float64'>> = {}
  const decidedOf: Record<string, readonly boolean[]> = {}
  for (const name of given) {
    const { shape, data } = others[name] ?? recorded.expected[name]!
    if (question.outputs[name]!.data.length !== data.length) return false
    const last = axes[name]!.at(-1)
    // The units of one direction, row and step grow together.
    const group = Math.max(1, last === undefined ? 1 : last.size / last.num_directions)
    const errors = new Float64Array(Math.ceil(data.length / group))
    data.forEach((x, i) => {
      const at = Math.floor(i / group)
      for (const outputs of moved) {
        const off = Math.abs((outputs?.[name]?.data[i] ?? Number.NaN) - x)
        errors[at] = Math.max(errors[at]!, Number.isFinite(x) && !(off < Infinity) ? Infinity : off || 0)
      }
    })
    const limit = largestPart * largest(data)
    const budget = largest(recorded.budget[name]!.data)
    const each = Array.from(data, (_, i) => errors[Math.floor(i / group)]!)
    decidedOf[name] = each.map((error) => error <= limit)
    const data64 = Float64Array.from(each, (error) => slack * Math.max(error, budget))
    allowed[name] = { dtype: 'float64', shape, data: data64 }
  }
  const decided = given.flatMap((name) => decidedOf[name]!)
  if (!(decided.filter(Boolean).length >= leastDecided * decided.length)) return false

  /** What rounding decides is taken as it came. */
  const matches = (theirs: Outputs): boolean => {
    const settled = given.map((name) => {
      const { dtype, shape, data } = theirs[name] ?? recorded.expected[name]!
      const own = question.outputs[name]!.data
      return [
        name,
        floatTensor(
          dtype,
          shape,
          Float64Array.from(data, (x, i) => (decidedOf[name]![i] ? x : own[i]!)),
        ),
      ]
    })
    const compared = comparisonsWith(question, Object.fromEntries(settled) as Outputs, allowed)
    return compared.every(({ outcome }) => outcome === 'match')
  }
  // Where torch itself would pass, it says nothing.
  return matches(others) && (slack > 1 || !matches(recorded.expected))
}

/** Whether a port gives what an engine gives for a case, within its budget, or as far as rounding lets one tell. */
export function isGiven(question: Question, others: Outputs, run: (request: Request) => Outputs | undefined): boolean {
  const compared = comparisonsWith(question, others)
  return compared.every(({ outcome }) => outcome === 'match') || fitsConditioned(question, others, run, drawsOfJudged)
}

/** Every parameter changed by so small a part of itself, up or down. */
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
  return { ...request, params }
}
