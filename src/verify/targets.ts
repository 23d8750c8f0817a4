import { type Case, isExported, isModelRequest, type Outputs, type Request } from '../format/case.ts'
import { ParityError } from '../format/errors.ts'
import { run } from '../inexact/run.ts'
import { stepCases } from './steps.ts'
import { arithmetic, type Way } from './targets/arithmetic.ts'
import { seedOf } from './targets/noise.ts'
import { type Permitted, type Target } from './targets/specification.ts'
import { broadcastStrides, type FloatTensor, floatTensor, indexAt, type Tensor } from '../format/tensor.ts'

export { type Target, targetNames, targetOf, targetsToTry } from './targets/specification.ts'

/** In a budget: the element may be anything, also NaN or an infinity, so it is not judged. */
export const anything = Infinity

/**
 * A case as a target is judged by it: its budget and, of what the target permits, the largest deviation of any run of our engine that
 * makes use of it, along the same axes. Where a run gives another kind of value, or the target may give anything, it is infinite.
 * @throws ParityError CASE_UNSUPPORTED for a captured model.
 */
export function targeted(recorded: Case, target: Target): Case {
  if (isExported(recorded)) {
    throw new ParityError(
      'CASE_UNSUPPORTED',
      `case ${recorded.id}: expected a module for target ${target.name}, got a captured model, of which it is not measured`,
    )
  }
  const permitted = target.permits(recorded.dtype)
  if (permitted === undefined) return recorded
  const deviations = deviationsOf(recorded, permitted, target.name)
  const budget: Record<string, Tensor<'float64'>> = { ...recorded.budget }
  for (const [name, expected] of Object.entries(recorded.expected)) {
    budget[name] = composed(recorded.budget[name]!, expected, deviations[name]!)
  }
  markSymbols(budget, recorded)
  const ofSteps =
    recorded.states === undefined ? {} : deviationsOfSteps(recorded, recorded.states, permitted, target.name)
  for (const [name, deviation] of Object.entries(ofSteps)) {
    budget[name] = composed(recorded.budget[name]!, recorded.states![name]!, deviation)
  }
  const { roundoff, flushedBelow } = permitted
  return { ...recorded, budget, target: { name: target.name, roundoff, flushes: flushedBelow > 0 } }
}

/** What is permitted, used in every way that is tried: to the full, up, down, away from 0, towards it, in turns, and at random. */
function waysOf({ functions, rounding, operands, flushedBelow }: Permitted): Way[] {
  const isNoisy = functions !== undefined || rounding > 0
  const only = { direction: 'uniform', operands: 'nearest' } as const
  if (!isNoisy && operands === undefined) {
    return [
      { ...only, flushing: 'all' },
      { ...only, flushing: 'some' },
      { ...only, flushing: 'some' },
      { ...only, flushing: 'some' },
    ]
  }
  const mayFlush = flushedBelow > 0
  const cut = mayFlush ? 'all' : 'none'
  const some = mayFlush ? 'some' : 'none'
  const ways: Way[] = [
    { direction: 'high', flushing: cut, operands: 'cut' },
    { direction: 'low', flushing: some, operands: 'nearest' },
    { direction: 'signs', flushing: 'none', operands: 'noisy' },
    { direction: 'signs', flushing: some, operands: 'noisy' },
    { direction: 'uniform', flushing: some, operands: 'noisy' },
    { direction: 'uniform', flushing: cut, operands: 'noisy' },
  ]
  if (!isNoisy) return ways
  return [
    ...ways,
    { direction: 'away', flushing: 'none', operands: 'noisy' },
    { direction: 'toward', flushing: cut, operands: 'cut' },
    { direction: 'alternating', flushing: some, operands: 'nearest' },
  ]
}

/** The largest deviation of each element from our own result, or `anything`. */
function deviationsOf(recorded: Case, permitted: Permitted, name: string): Record<string, Float64Array> {
  const forced = recorded.expected['symbols']?.data
  const symbols = forced === undefined ? {} : { forced }
  const reference = run(recorded, symbols)
  const finiteAlone = permitted.finiteUpTo !== undefined
  const request = finiteAlone ? withoutInfinities(recorded) : recorded
  const relu = 'nonlinearity' in recorded.config && recorded.config.nonlinearity === 'relu'
  const largest = Object.fromEntries(
    Object.entries(recorded.expected).map(([own, { data }]) => [
      own,
      Float64Array.from(data, (e) => (finiteAlone && !Number.isFinite(e) ? anything : 0)),
    ]),
  )
  for (const [i, way] of waysOf(permitted).entries()) {
    const { inexactness, hasFlushed } = arithmetic(permitted, way, relu, seedOf(`${name}/${recorded.id}/${i}`))
    const outputs = run(request, { ...inexactness, ...symbols })
    for (const [own, deviation] of Object.entries(largest)) {
      addDeviations(deviation, recorded.expected[own]!.data, reference[own]!.data, outputs[own]!.data)
    }
    // Where nothing can be flushed, no other way does anything else.
    if (way.flushing === 'all' && onlyFlushes(permitted) && !hasFlushed()) break
  }
  return largest
}

function onlyFlushes({ functions, rounding, operands }: Permitted): boolean {
  return functions === undefined && rounding === 0 && operands === undefined
}

type Values = FloatTensor['data']

function addDeviations(deviation: Float64Array, expected: Values, reference: Values, outputs: Values): void {
  for (let i = 0; i < deviation.length; i++) {
    const [e, exact, own] = [expected[i]!, reference[i]!, outputs[i]!]
    if (!Number.isFinite(e)) {
      if (!Object.is(e, own)) deviation[i] = anything
    } else if (Number.isFinite(own)) deviation[i] = Math.max(deviation[i]!, Math.abs(own - exact))
    else deviation[i] = anything
  }
}

/** A request in which what is not finite is NaN, which makes NaN of everything that it has to do with. */
function withoutInfinities(request: Request): Request {
  const finite = (tensors: Outputs): Outputs =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => [
        name,
        tensor.data instanceof BigInt64Array
          ? tensor
          : floatTensor(
              tensor.dtype,
              tensor.shape,
              tensor.data.map((x) => (Number.isFinite(x) ? x : Number.NaN)),
            ),
      ]),
    )
  const { params, inputs, cotangents } = request
  return {
    ...request,
    params: finite(params),
    inputs: finite(inputs as Outputs),
    ...(cotangents && { cotangents: finite(cotangents) }),
  } as Request
}

/** A budget and what a target adds to it: along the budget's own axes, or element by element where some may be anything. */
function composed(budget: Tensor<'float64'>, { shape, data }: FloatTensor, deviation: Float64Array): Tensor<'float64'> {
  const strides = broadcastStrides(budget.shape, shape) ?? []
  const placeOf = (offset: number): number =>
    indexAt(shape, offset).reduce((sum, i, axis) => sum + i * strides[axis]!, 0)
  const own = budget.data.slice()
  const more = new Float64Array(own.length)
  for (const [offset, own] of deviation.entries()) {
    if (own === anything) continue
    const at = placeOf(offset)
    if (own > more[at]!) more[at] = own
  }
  for (const [at, x] of more.entries()) own[at]! += x
  if (!deviation.includes(anything)) return { ...budget, data: own }
  const each = Float64Array.from(data, (_, offset) =>
    deviation[offset] === anything ? anything : own[placeOf(offset)]!,
  )
  return { dtype: 'float64', shape, data: each }
}

/** A symbol that is chosen from logits that may be anything may be any, and those after it too. */
function markSymbols(budget: Record<string, Tensor<'float64'>>, recorded: Case): void {
  const { symbols, logits } = recorded.expected
  if (!isModelRequest(recorded) || symbols === undefined || logits === undefined) return
  const limits = budget['logits']!.data
  if (!limits.includes(anything)) return
  const [steps = 0, batch = 0, classes = 0] = logits.shape
  const data = new Float64Array(steps * batch)
  for (let t = 0; t < steps; t++) {
    for (let row = 0; row < batch; row++) {
      const at = t * batch + row
      const isAny = limits.subarray(at * classes, (at + 1) * classes).includes(anything)
      if (isAny || (t > 0 && data[at - batch] === anything)) data[at] = anything
    }
  }
  budget['symbols'] = { dtype: 'float64', shape: symbols.shape, data }
}

/** The same for the state after every step, each from the recorded one before it. → by the names of the states */
function deviationsOfSteps(
  recorded: Case,
  states: Outputs,
  permitted: Permitted,
  target: string,
): Record<string, Float64Array> {
  const deviations = Object.fromEntries(
    Object.entries(states).map(([name, { data }]) => [name, new Float64Array(data.length)]),
  )
  for (const [state, { case: folded, places }] of stepCases(recorded).entries()) {
    const own = deviationsOf(folded, permitted, `${target}/${state}`)
    for (const [name, deviation] of Object.entries(deviations)) {
      const [, count = 1, batch = 1, units = 1] = states[name]!.shape
      const step = own[name === 'c_t' ? 'c_n' : 'h_n']!
      for (const [i, { t = 0, batch: row = 0 }] of places.entries()) {
        deviation.set(step.subarray(i * units, (i + 1) * units), ((t * count + state) * batch + row) * units)
      }
    }
  }
  return deviations
}
