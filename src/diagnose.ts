import { type Case, expectedAxes, type Outputs } from './case.ts'
import { compare, type Comparison, formatPlace, kappa } from './compare.ts'
import { oneElementOff } from './diagnose/element.ts'
import { run } from './engine/run.ts'
import { type Fault, faults, type Run } from './faults.ts'
import type { Axis } from './module.ts'
import type { FloatTensor, Tensor } from './tensor.ts'
import { requestOf } from './verify.ts'

/** A fault, or two together, that an engine may have. */
export interface Explanation {
  /** By their names, in the order in which they are planted. */
  readonly faults: readonly string[]
  /** What such an engine does: `reads weight_hh transposed`. */
  readonly sentence: string
  /** How much of the departure from PyTorch it explains: 1 for all of it. */
  readonly explained: number
  /** Whether an engine with it gives what was given, within the budget. */
  readonly complete: boolean
  /** Whether it does so in the outputs alone: the gradients of a port that has it are others. */
  readonly outputsAlone?: boolean | undefined
}

/** Where an engine departs from PyTorch, and why. */
export interface Diagnosis {
  /** Sentences, the most telling first; empty when nothing departs. */
  readonly where: readonly string[]
  /** The best first; empty when nothing explains the departure. */
  readonly explanations: readonly Explanation[]
}

const isGradient = (tensor: string): boolean => tensor.startsWith('grad_')

/** Explanations that explain less are not worth reading. */
const leastExplained = 0.5
const mostExplanations = 5
/** How many single faults are tried together with a single number that is off. */
const elementFaults = 2
/** How many single faults are tried together with every other one, when none explains everything. */
const pairedFaults = 10

/**
 * Says where outputs depart from PyTorch's, and which known fault gives just these. Nothing but the outputs is needed: our own
 * engine is run with each fault, and with likely pairs, until one gives the same.
 * outputs: some or all of what the case expects; limitMs: after which no more pairs are tried.
 */
export function diagnose(recorded: Case, outputs: Outputs, { limitMs = 3000 }: { limitMs?: number } = {}): Diagnosis {
  const axes = expectedAxes(recorded)
  const given = Object.keys(recorded.expected).filter((name) => Object.hasOwn(outputs, name))
  const right = distance(recorded, outputs, recorded.expected, axes, given)
  if (right.every(({ outcome }) => outcome === 'match')) return { where: [], explanations: [] }
  return {
    where: describe(recorded, outputs, right, axes),
    explanations: explain(recorded, outputs, axes, given, limitMs),
  }
}

/** Judges outputs by those of another engine, as if they were PyTorch's. */
function distance(
  recorded: Case,
  outputs: Outputs,
  others: Outputs,
  axes: Readonly<Record<string, readonly Axis[]>>,
  given: readonly string[],
): Comparison[] {
  return given.map((name) => {
    const expected = recorded.expected[name]!
    const other = others[name]
    const budget = recorded.budget[name]!
    return compare(
      name,
      outputs[name],
      other ?? expected,
      other === undefined ? budget : scaled(budget, expected, other),
      axes[name]!,
    )
  })
}

/** A budget is for numbers of the size of PyTorch's: those of a faulty engine may be larger. */
function scaled(budget: Tensor<'float64'>, expected: FloatTensor, other: FloatTensor): Tensor<'float64'> {
  const ratio = largest(other) / largest(expected)
  return ratio > 1 && ratio < Infinity ? { ...budget, data: budget.data.map((x) => x * ratio) } : budget
}

function largest({ data }: FloatTensor): number {
  let most = 0
  for (const x of data) if (Math.abs(x) > most && Math.abs(x) < Infinity) most = Math.abs(x)
  return most
}

/** How far outputs are from others: the sum over all elements of the logarithm of their share of the allowed error. */
function departure(recorded: Case, outputs: Outputs, others: Outputs, given: readonly string[]): number {
  let sum = 0
  for (const name of given) {
    const own = outputs[name]?.data
    const other = others[name]?.data
    const { data } = recorded.expected[name]!
    const allowed = kappa * Math.max(...recorded.budget[name]!.data)
    let part = 0
    for (let i = 0; i < data.length; i++) {
      const error = Math.abs((own?.[i] ?? Number.NaN) - (other?.[i] ?? Number.NaN))
      const same = Object.is(own?.[i], other?.[i])
      part += same ? 0 : Number.isFinite(error) ? Math.log1p(allowed > 0 ? error / allowed : error) : 30
    }
    // Every tensor counts alike, however large it is.
    sum += part / Math.max(1, data.length)
  }
  return sum
}

interface Tried {
  readonly faults: readonly Fault[]
  readonly explained: number
  readonly complete: boolean
  /** Whether all that departs before the gradients is explained, and something does. */
  readonly outputs: boolean
  /** Whether an engine with it gives the right outputs, and only other gradients. */
  readonly silent: boolean
}

function explain(
  recorded: Case,
  outputs: Outputs,
  axes: Readonly<Record<string, readonly Axis[]>>,
  given: readonly string[],
  limitMs: number,
): Explanation[] {
  const request = requestOf(recorded)
  const whole = departure(recorded, outputs, recorded.expected, given)
  const departsInOutputs = distance(recorded, outputs, recorded.expected, axes, given).some(
    ({ tensor, outcome }) => outcome === 'mismatch' && !isGradient(tensor),
  )
  const attempt = (planted: readonly Fault[]): Tried | undefined => {
    let others: Outputs
    try {
      others = planted.reduce<Run>((engine, fault) => fault.plant(engine), run)(request)
    } catch {
      // Two faults may leave nothing that can be run.
      return undefined
    }
    const explained = 1 - departure(recorded, outputs, others, given) / whole
    if (!(explained > 0)) return undefined
    const compared = distance(recorded, outputs, others, axes, given)
    const complete = compared.every(({ outcome }) => outcome === 'match')
    return {
      faults: planted,
      explained,
      complete,
      outputs: departsInOutputs && compared.every(({ tensor, outcome }) => outcome === 'match' || isGradient(tensor)),
      silent: distance(
        recorded,
        others,
        recorded.expected,
        axes,
        given.filter((name) => !isGradient(name)),
      ).every(({ outcome }) => outcome === 'match'),
    }
  }
  const possible = faults.filter((fault) => fault.equivalent === undefined && fault.appliesTo(request))
  const singles = possible.flatMap((fault) => attempt([fault]) ?? []).toSorted(better)
  if (singles.some(({ complete }) => complete)) return worded(singles.filter(({ complete }) => complete))

  // What no known fault explains may be a single number that is off, alone or beside the fault that explains most.
  for (const base of [[], ...singles.slice(0, elementFaults).map((single) => single.faults)]) {
    const engine = base.reduce<Run>((own, fault) => fault.plant(own), run)
    const element = oneElementOff(request, outputs, given, engine)
    const found = element && attempt([...base, element])
    if (found?.complete === true) return worded([found])
    if (element === undefined || found?.outputs !== true || base.length > 0) continue
    const besides = singles
      .filter(({ silent }) => silent)
      .flatMap((single) => attempt([element, ...single.faults]) ?? [])
    return worded([...besides.filter(({ complete }) => complete), found])
  }

  const started = Date.now()
  const pairs: Tried[] = []
  // Where one fault explains every output, a second one can only be in the gradients.
  const inOutputs = singles.filter((single) => single.outputs)
  const gradientsAlone = new Set(singles.filter(({ silent }) => silent).flatMap((single) => single.faults))
  const firsts = inOutputs.length > 0 ? inOutputs : singles.slice(0, pairedFaults)
  search: for (const { faults: first } of firsts) {
    for (const second of possible) {
      if (first.includes(second) || (inOutputs.length > 0 && !gradientsAlone.has(second))) continue
      if (Date.now() - started > limitMs) break search
      const pair = attempt([...first, second])
      if (pair !== undefined) pairs.push(pair)
    }
  }
  const complete = pairs.filter((pair) => pair.complete)
  if (complete.length > 0) return worded(complete)
  if (inOutputs.length > 0) return worded(inOutputs)
  // A pair must explain clearly more than the better of its two.
  const worthwhile = pairs.filter(({ explained }) => explained > (singles[0]?.explained ?? 0) + 0.1)
  return worded([...singles, ...worthwhile].toSorted(better).filter(({ explained }) => explained >= leastExplained))
}

function better(one: Tried, other: Tried): number {
  return (
    Number(other.complete) - Number(one.complete) ||
    other.explained - one.explained ||
    one.faults.length - other.faults.length
  )
}

function worded(tried: readonly Tried[]): Explanation[] {
  return tried.slice(0, mostExplanations).map(({ faults: planted, explained, complete, outputs }) => ({
    faults: planted.map(({ name }) => name),
    sentence: planted.map(({ sentence }) => sentence).join(', and '),
    explained,
    complete,
    ...(outputs && !complete && { outputsAlone: true }),
  }))
}

/** The first tensor that is off, where in it, and what kind of departure it looks like. */
function describe(
  recorded: Case,
  outputs: Outputs,
  comparisons: readonly Comparison[],
  axes: Readonly<Record<string, readonly Axis[]>>,
): string[] {
  const first = comparisons.find(({ outcome }) => outcome === 'mismatch')!
  const matching = comparisons.filter(({ outcome }) => outcome === 'match').map(({ tensor }) => tensor)
  const sentences = [
    `${first.tensor} is the first tensor that is off${matching.length === 0 ? '' : `; ${matching.join(', ')} match`}`,
  ]
  if (first.problem !== undefined) return [...sentences, first.problem]
  if (first.worst !== undefined) sentences.push(`worst at ${formatPlace(first.worst.place)}`)
  const actual = outputs[first.tensor]!
  const expected = recorded.expected[first.tensor]!
  const limit = kappa * Math.max(...recorded.budget[first.tensor]!.data)
  return [...sentences, ...patterns(actual, expected, axes[first.tensor]!, limit, recorded)]
}

function patterns(
  actual: FloatTensor,
  expected: FloatTensor,
  axes: readonly Axis[],
  limit: number,
  recorded: Case,
): string[] {
  const found: string[] = []
  const isOff = (i: number): boolean => {
    return !(Math.abs(actual.data[i]! - expected.data[i]!) <= limit) && !Object.is(actual.data[i], expected.data[i])
  }
  const index = indexer(axes)
  const seen = axes.map(({ size }) => new Set<number>(Array.from({ length: size }, (_, i) => i)))
  const touched = axes.map(() => new Set<number>())
  for (let i = 0; i < expected.data.length; i++) {
    if (isOff(i)) index(i).forEach((at, axis) => touched[axis]!.add(at))
  }
  const axisOf = (name: Axis['name']): number => axes.findIndex((each) => each.name === name)
  const time = axisOf('seq_len')
  const only = (axis: number, which: (at: number) => boolean): boolean =>
    axis >= 0 &&
    touched[axis]!.size > 0 &&
    [...touched[axis]!].every(which) &&
    [...seen[axis]!].some((at) => !which(at))
  if (only(time, (t) => t >= 1)) found.push('the first time step is right, those after it are not: the recurrent path')
  const unit = axisOf('unit')
  if (unit >= 0 && axes[unit]!.num_directions === 2) {
    const half = axes[unit]!.size / 2
    if (only(unit, (at) => at >= half)) found.push('only the reverse direction is off')
    if (only(unit, (at) => at < half)) found.push('only the forward direction is off')
  }
  const state = axisOf('state')
  if (state >= 0) {
    const D = axes[state]!.num_directions
    if (only(state, (at) => at >= D)) found.push('layer 0 is right, only later layers are off')
    if (D === 2 && only(state, (at) => at % 2 === 1)) found.push('only the reverse direction is off')
  }
  const { lengths } = recorded.inputs
  const batch = axisOf('batch')
  if (lengths !== undefined && batch >= 0) {
    const longest = lengths.data.reduce((one, other) => (one > other ? one : other), 0n)
    if (only(batch, (row) => lengths.data[row]! < longest))
      found.push('only rows that are shorter than the longest are off')
  }
  const factor = commonFactor(actual, expected, limit)
  if (factor !== undefined) found.push(`everything is ${Number(factor.toPrecision(4))} times what it should be`)
  if (time >= 0) {
    const shift = [1, -1].find((by) => isShifted(actual, expected, axes, time, by, limit))
    if (shift !== undefined) found.push(`every step is one step ${shift === 1 ? 'late' : 'early'}`)
  }
  if (isPermuted(actual, expected, limit)) found.push('the same numbers in another order')
  return found
}

/** → the index along each axis of an offset */
function indexer(axes: readonly Axis[]): (offset: number) => number[] {
  return (offset) => {
    const index: number[] = []
    let rest = offset
    for (const { size } of axes.toReversed()) {
      index.unshift(rest % size)
      rest = Math.floor(rest / size)
    }
    return index
  }
}

/** The number that every element has been multiplied by, if it is the same for all. */
function commonFactor(
  { data: actual }: FloatTensor,
  { data: expected }: FloatTensor,
  limit: number,
): number | undefined {
  let dot = 0
  let square = 0
  for (let i = 0; i < expected.length; i++) {
    dot += actual[i]! * expected[i]!
    square += expected[i]! * expected[i]!
  }
  const factor = dot / square
  if (!Number.isFinite(factor) || factor === 0) return undefined
  const wide = limit * Math.max(1, Math.abs(factor))
  return expected.every((value, i) => Math.abs(actual[i]! - factor * value) <= wide) ? factor : undefined
}

function isShifted(
  { data: actual }: FloatTensor,
  { data: expected }: FloatTensor,
  axes: readonly Axis[],
  time: number,
  by: number,
  limit: number,
): boolean {
  const inner = axes.slice(time + 1).reduce((product, { size }) => product * size, 1)
  const steps = axes[time]!.size
  if (steps < 3) return false
  return expected.every((_, i) => {
    const from = (Math.floor(i / inner) % steps) - by
    return from < 0 || from >= steps || Math.abs(actual[i]! - expected[i - by * inner]!) <= limit
  })
}

function isPermuted({ data: actual }: FloatTensor, { data: expected }: FloatTensor, limit: number): boolean {
  if (expected.length < 2) return false
  const ours = Float64Array.from(actual).toSorted()
  const theirs = Float64Array.from(expected).toSorted()
  return theirs.every((value, i) => Math.abs(ours[i]! - value) <= limit)
}
