import { type Case, isExported } from '../format/case.ts'
import type { Axis } from '../format/module.ts'
import type { Off } from './off.ts'
import { orderOf } from './order.ts'
import { largest } from '../format/tensor.ts'

/** What a place of an axis is called, and several of them. */
const nouns: Readonly<Record<Axis['name'], readonly [one: string, many: string]>> = {
  seq_len: ['t', 't'],
  batch: ['batch row', 'batch rows'],
  state: ['layer', 'layers'],
  unit: ['unit', 'units'],
  row: ['row', 'rows'],
  column: ['column', 'columns'],
  step: ['step', 'steps'],
  source: ['source step', 'source steps'],
  dim: ['place', 'places'],
}

/** Which places of each axis are concerned: `t 3 to 7 of 8, batch rows 0 and 2 of 3`; axes that are off throughout are left out. */
export function extent({ axes }: Off, touched: Touched): string {
  return axes
    .map(({ name, size, num_directions: D }, axis) => {
      const places = [...touched[axis]!].toSorted((one, other) => one - other)
      if (places.length === size || size === 1) return ''
      if (name === 'state' && D === 2) {
        const named = places.map((at) => `layer ${Math.floor(at / 2)} ${at % 2 === 0 ? 'forward' : 'reverse'}`)
        return named.slice(0, 4).join(', ') + (named.length > 4 ? ', …' : '')
      }
      return places.length === 1
        ? `${nouns[name][0]} ${places[0]} of ${size}`
        : `${nouns[name][1]} ${listed(places)} of ${size}`
    })
    .filter((part) => part !== '')
    .join(', ')
}

function listed(places: readonly number[]): string {
  const first = places[0]!
  const last = places.at(-1)!
  if (places.length > 2 && last - first === places.length - 1) return `${first} to ${last}`
  if (places.length > 6) return `${places.slice(0, 4).join(', ')}, … ${last} (${places.length})`
  return places.length === 1 ? String(first) : `${places.slice(0, -1).join(', ')} and ${last}`
}

/** For each axis its places at which something is off. */
type Touched = readonly ReadonlySet<number>[]

/** Looks at every number once. */
export function touchedOf({ actual, expected, limits, axes }: Off): Touched {
  const touched = axes.map(() => new Set<number>())
  for (let offset = 0; offset < expected.length; offset++) {
    if (agrees(actual[offset]!, expected[offset]!, limits[offset]!)) continue
    let rest = offset
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      const { size } = axes[axis]!
      touched[axis]!.add(rest % size)
      rest = Math.floor(rest / size)
    }
  }
  return touched
}

export function agrees(actual: number, expected: number, limit: number): boolean {
  return Math.abs(actual - expected) <= limit || Object.is(actual, expected)
}

/** What kind of departure it looks like, in sentences. matching: the tensors that are right. */
export function patterns(off: Off, touched: Touched, recorded: Case, matching: readonly string[]): string[] {
  const { axes } = off
  const axisOf = (name: Axis['name']): number => axes.findIndex((each) => each.name === name)
  const only = (axis: number, which: (at: number) => boolean): boolean => {
    if (axis < 0 || touched[axis]!.size === 0) return false
    const others = Array.from({ length: axes[axis]!.size }, (_, at) => at).filter((at) => !which(at))
    return others.length > 0 && [...touched[axis]!].every(which)
  }
  const found: string[] = []
  const [time, unit, state, batch] = [axisOf('seq_len'), axisOf('unit'), axisOf('state'), axisOf('batch')]
  if (matching.includes('output') && state >= 0) {
    found.push(
      'output is right: every step is computed rightly, and the last states are taken, or put together, otherwise',
    )
  }
  const halves = unit >= 0 && axes[unit]!.num_directions === 2
  const half = halves ? axes[unit]!.size / 2 : 0
  const isReverse = halves && only(unit, (at) => at >= half)
  if (isReverse) found.push('only the reverse direction is off')
  if (halves && only(unit, (at) => at < half)) found.push('only the forward direction is off')
  found.push(...steps(off, time, recorded))
  if (state >= 0) {
    const D = axes[state]!.num_directions
    const firstLayer = Math.floor(Math.min(...touched[state]!) / D)
    if (firstLayer > 0) {
      found.push(
        `layer ${firstLayer - 1} ends in PyTorch’s state, layer ${firstLayer} does not: it is the first that is off`,
      )
    }
    if (D === 2 && only(state, (at) => at % 2 === 1)) found.push('only the reverse direction is off')
    if (D === 2 && only(state, (at) => at % 2 === 0)) found.push('only the forward direction is off')
  }
  const lengths = isExported(recorded) ? undefined : recorded.inputs.lengths
  if (lengths !== undefined && batch >= 0) {
    const longest = lengths.data.reduce((one, other) => (one > other ? one : other), 0n)
    if (only(batch, (row) => lengths.data[row]! < longest)) {
      found.push('only rows that are shorter than the longest are off')
    }
  }
  const { actual, expected } = off
  const lost = actual.filter((x, i) => !Number.isFinite(x) && Number.isFinite(expected[i]!)).length
  if (lost > 0) found.push(`${lost} of ${expected.length} numbers are NaN or infinite where PyTorch’s are not`)
  const factor = commonFactor(off)
  if (factor !== undefined) found.push(`everything is ${Number(factor.toPrecision(4))} times what it should be`)
  const offset = commonOffset(off)
  if (offset !== undefined) found.push(`everything is ${Number(offset.toPrecision(4))} more than it should be`)
  const shift = time < 0 ? undefined : [1, -1].find((by) => isShifted(off, time, by))
  if (shift !== undefined) found.push(`every step is one step ${shift === 1 ? 'late' : 'early'}`)
  found.push(...orderOf(off, agrees))
  const precision = growth(off, time)
  if (precision !== undefined) found.push(precision)
  return found
}

/** Which step the departure begins with, in each direction: its inputs agree, what it puts out does not. */
function steps({ actual, expected, limits, axes }: Off, time: number, { inputs, config }: Case): string[] {
  const last = (axes[time]?.size ?? 0) - 1
  const unit = axes.at(-1)
  if (last < 1 || unit === undefined) return []
  const D = unit.num_directions
  // Where layers have two directions, the ones below have seen every step.
  if (D === 2 && 'num_layers' in config && config.num_layers > 1) return []
  const inner = axes.slice(time + 1).reduce((product, { size }) => product * size, 1)
  const { lengths } = inputs
  const row = axes.findIndex(({ name }) => name === 'batch')
  const rowSize = axes.slice(row + 1).reduce((product, { size }) => product * size, 1)
  /** What stands past a row's length is no step. */
  const isPadding = (i: number, t: number): boolean =>
    lengths !== undefined && row >= 0 && t >= Number(lengths.data[Math.floor(i / rowSize) % axes[row]!.size])
  let [forward, reverse] = [Infinity, -Infinity]
  const off = new Set<number>()
  for (let i = 0; i < expected.length; i++) {
    const t = Math.floor(i / inner) % (last + 1)
    if (agrees(actual[i]!, expected[i]!, limits[i]!) || isPadding(i, t)) continue
    off.add(t)
    if (D === 2 && i % unit.size >= unit.size / 2) reverse = Math.max(reverse, t)
    else forward = Math.min(forward, t)
  }
  const found: string[] = []
  const blame = (before: number, first: number, direction: string): string =>
    `t ${before} still agrees${direction}, t ${first} does not: that step goes wrong from a state that is right`
  if (forward > 0 && forward <= last)
    found.push(blame(forward - 1, forward, D === 2 ? ' in the forward direction' : ''))
  // A row that ends early begins its reverse direction at a step of its own.
  const ownEnds = inputs.lengths !== undefined
  if (reverse >= 0 && reverse < last && !ownEnds) found.push(blame(reverse + 1, reverse, ' in the reverse direction'))
  // All of them, or nearly: what is lost in one step may be too small to be seen in the next.
  if (forward === 1 && (reverse === last - 1 || reverse < 0) && off.size >= 0.75 * last) {
    found.push('the first time step is right, those after it are not: the recurrent path')
  }
  return found
}

/** The number that every element has been multiplied by, if it is the same for all. */
function commonFactor({ actual, expected, limits }: Off): number | undefined {
  let dot = 0
  let square = 0
  for (let i = 0; i < expected.length; i++) {
    dot += actual[i]! * expected[i]!
    square += expected[i]! * expected[i]!
  }
  const factor = dot / square
  // Of a single number there is no saying.
  if (!Number.isFinite(factor) || factor === 0 || expected.length < 2) return undefined
  const wide = Math.max(1, Math.abs(factor))
  return expected.every((value, i) => agrees(actual[i]!, factor * value, limits[i]! * wide)) ? factor : undefined
}

/** What has been added to every element, if it is the same for all. */
function commonOffset({ actual, expected, limits }: Off): number | undefined {
  let sum = 0
  for (let i = 0; i < expected.length; i++) sum += actual[i]! - expected[i]!
  const offset = sum / expected.length
  if (!Number.isFinite(offset) || expected.length < 2) return undefined
  return expected.every((value, i) => agrees(actual[i]!, value + offset, limits[i]!)) ? offset : undefined
}

function isShifted({ actual, expected, limits, axes }: Off, time: number, by: number): boolean {
  const inner = axes.slice(time + 1).reduce((product, { size }) => product * size, 1)
  const size = axes[time]!.size
  if (size < 3) return false
  return expected.every((_, i) => {
    const from = (Math.floor(i / inner) % size) - by
    return from < 0 || from >= size || agrees(actual[i]!, expected[i - by * inner]!, limits[i]!)
  })
}

/** Errors up to this part of the largest value may be those of a format with few digits. */
const precisionPart = 2 ** -6
/** How much the error may grow from one step to the next where it has no start. */
const mostGrowth = 32

/** Errors that are small everywhere and begin nowhere. */
function growth({ actual, expected, limits, axes }: Off, time: number): string | undefined {
  let size = 0
  const steps = time < 0 ? 1 : axes[time]!.size
  const inner = time < 0 ? expected.length : axes.slice(time + 1).reduce((product, each) => product * each.size, 1)
  const errors = new Float64Array(steps)
  const shares = new Float64Array(steps)
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!)
    if (!(error < Infinity)) return undefined
    const t = time < 0 ? 0 : Math.floor(i / inner) % steps
    size = Math.max(size, Math.abs(expected[i]!))
    errors[t] = Math.max(errors[t]!, error)
    shares[t] = Math.max(shares[t]!, error / limits[i]!)
  }
  const most = largest(errors)
  if (!(most <= precisionPart * size)) return undefined
  const part = `at most ${most.toExponential(1)}, of values up to ${Number(size.toPrecision(2))}`
  if (steps < 4) return `every error is small, ${part}: it may be precision, of what is stored or computed`
  let before = 1
  let jumps = false
  for (const [t, share] of shares.entries()) {
    jumps ||= t > 0 && share > mostGrowth * before
    before = Math.max(before, share)
  }
  const [first, last] = [errors[0]!, errors[steps - 1]!]
  if (jumps || !(first > 0) || !(last > 0)) return undefined
  return `the error has no start, and is small, ${part}: it may be precision, of what is stored or computed`
}
