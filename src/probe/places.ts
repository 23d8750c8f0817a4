import { type Case, expectedAxes, type Outputs } from '../format/case.ts'
import { broadcastStrides, type FloatTensor, indexAt } from '../format/tensor.ts'
import { kappa } from '../verify/compare.ts'

/** Some of so many indices. */
export interface Some {
  readonly of: number
  readonly at: readonly number[]
}

/** Where the outputs of one request are wrong. */
export interface Places {
  /** The tensors, in the order of computation. */
  readonly tensors: readonly string[]
  readonly of: number
  /** Of a forward pass alone, in the first tensor that is wrong: rows; steps; units in the first of them. */
  readonly rows?: Some
  readonly step?: Some
  readonly units?: Some
}

/** What one place looks like in all experiments: `rows from 112 on`. */
export function placesOf(recorded: Case, answer: unknown): Places {
  const axes = expectedAxes(recorded)
  const given = Object(answer) as Partial<Outputs>
  const names = Object.keys(recorded.expected)
  const off = new Map(names.map((name) => [name, offsets(recorded, name, given[name])]))
  const tensors = names.filter((name) => off.get(name)!.length > 0)
  const places = { tensors, of: names.length }
  const [first] = tensors
  if (first === undefined || first.startsWith('grad_') || recorded.training !== undefined) return places
  const { shape } = recorded.expected[first]!
  const own = axes[first]!
  const axisOf = (name: string): number => own.findIndex((axis) => axis.name === name)
  const [time, row, unit] = [axisOf('seq_len'), axisOf('batch'), axisOf('unit')]
  let indices = off.get(first)!.map((offset) => indexAt(shape, offset))
  const all = (axis: number): Some => ({
    of: shape[axis]!,
    at: [...new Set(indices.map((index) => index[axis]!))].toSorted((one, other) => one - other),
  })
  const rows = row >= 0 ? all(row) : undefined
  // Two directions have two orders, and what comes of lower layers is everywhere.
  const config = recorded.config as { readonly num_layers?: number; readonly bidirectional?: boolean }
  if ((config.num_layers ?? 1) > 1 || config.bidirectional === true) return { ...places, ...(rows && { rows }) }
  let step: Some | undefined
  if (time >= 0) {
    step = all(time)
    const [first] = step.at
    indices = indices.filter((index) => index[time] === first)
  }
  const units = unit >= 0 ? all(unit) : undefined
  return { ...places, ...(rows && { rows }), ...(step && { step }), ...(units && { units }) }
}

/** The numbers that are beyond the allowed error; none where there is nothing to compare. */
function offsets(recorded: Case, name: string, given: FloatTensor | undefined): number[] {
  const expected = recorded.expected[name]!
  const data: unknown = Object(given).data
  if (!(data instanceof Float32Array || data instanceof Float64Array) || data.length !== expected.data.length) return []
  const budget = recorded.budget[name]!
  const strides = broadcastStrides(budget.shape, expected.shape) ?? []
  const found: number[] = []
  for (const [offset, e] of expected.data.entries()) {
    const a = data[offset]!
    if (Object.is(a, e) || a === e) continue
    const cell = indexAt(expected.shape, offset).reduce((sum, i, axis) => sum + i * strides[axis]!, 0)
    if (!(Math.abs(a - e) <= kappa * budget.data[cell]!)) found.push(offset)
  }
  return found
}

interface Words {
  readonly one: string
  readonly many: string
  readonly size: string
}

const words: Readonly<Record<'rows' | 'units', Words>> = {
  rows: { one: 'row', many: 'rows', size: 'batch' },
  units: { one: 'unit', many: 'units', size: 'hidden_size' },
}

/** A pattern of indices, and what it says of so many. */
interface Pattern {
  readonly text: (words: Words) => string
  readonly at: (size: number) => readonly number[]
}

const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)

function* patternsOf(all: readonly Some[]): Generator<Pattern> {
  yield { text: ({ one }) => `${one} 0 alone`, at: () => [0] }
  yield { text: ({ one }) => `the last ${one} alone`, at: (n) => [n - 1] }
  yield { text: ({ many }) => `all ${many} but the first`, at: (n) => range(1, n) }
  yield { text: ({ many }) => `all ${many} but the last`, at: (n) => range(0, n - 1) }
  for (const m of [2, 4, 8, 16, 32, 64, 128]) {
    yield {
      text: ({ many, size }) => `${many} from ${m}⌊${size} / ${m}⌋ on: what is left of ${size} after blocks of ${m}`,
      at: (n) => range(n - (n % m), n),
    }
  }
  const least = Math.min(...all.map(({ at }) => at[0] ?? 0))
  if (least > 0) yield { text: ({ many }) => `${many} from ${least} on`, at: (n) => range(least, n) }
  const most = Math.max(...all.map(({ at }) => at.at(-1) ?? 0))
  yield { text: ({ many }) => `${many} up to ${most}`, at: (n) => range(0, Math.min(n, most + 1)) }
  for (const m of [2, 3, 4, 8]) {
    for (const r of range(0, m)) {
      yield {
        text: ({ many }) => `${many} whose index mod ${m} = ${r}`,
        at: (n) => range(0, n).filter((i) => i % m === r),
      }
    }
  }
}

/** A part of the places that a pattern names must be seen, since what is wrong may be too small to be seen. */
const leastSeen = 0.7
const fewest = 4

function fits(pattern: Pattern, all: readonly Some[]): boolean {
  let named = 0
  let seen = 0
  let narrower = 0
  for (const { of, at } of all) {
    const places = new Set(pattern.at(of))
    if (at.some((i) => !places.has(i))) return false
    named += places.size
    narrower += Number(places.size < of)
    seen += at.length
  }
  return seen >= leastSeen * named && narrower >= Math.max(fewest, all.length / 20)
}

/** Whether nothing is said by it: nearly everywhere all of them are wrong. */
function isEverywhere(all: readonly Some[]): boolean {
  return all.filter(({ of, at }) => at.length < of).length < Math.max(fewest, all.length / 20)
}

/** What the places of all wrong requests have in common, as sentences; nothing where they have nothing. */
export function commonPlaces(all: readonly Places[]): string[] {
  const sentences: string[] = []
  const names = new Map<string, number>()
  for (const { tensors } of all) names.set(tensors.join(', '), (names.get(tensors.join(', ')) ?? 0) + 1)
  const [only] = names.keys()
  if (names.size === 1 && only !== undefined && only !== '' && all.some(({ tensors, of }) => tensors.length < of)) {
    sentences.push(`${only} alone`)
  }
  for (const axis of ['rows', 'units'] as const) {
    const own = all.flatMap((places) => places[axis] ?? []).filter(({ of }) => of > 1)
    if (own.length < fewest || isEverywhere(own)) continue
    for (const pattern of patternsOf(own)) {
      if (!fits(pattern, own)) continue
      sentences.push(pattern.text(words[axis]))
      break
    }
  }
  const steps = all.flatMap(({ step }) => step ?? []).filter(({ of }) => of > 1)
  const first = stepsText(steps)
  if (steps.length >= fewest && first !== undefined) sentences.push(first)
  return sentences
}

function stepsText(steps: readonly Some[]): string | undefined {
  const firsts = new Set(steps.map(({ at }) => at[0]!))
  const [only = 0] = firsts
  if (firsts.size === 1) {
    const after = steps.reduce((sum, { of }) => sum + of - only, 0)
    const isOn = steps.reduce((sum, { at }) => sum + at.length, 0) >= leastSeen * after
    return isOn ? (only === 0 ? undefined : `steps from ${only} on`) : `step ${only} first`
  }
  if (steps.every(({ of, at }) => at[0] === of - 1)) return 'the last step alone'
  for (const m of [2, 4, 8, 16, 32, 64]) {
    if (steps.every(({ of, at }) => at[0] === of - (of % m) && of % m > 0)) {
      return `steps from ${m}⌊seq_len / ${m}⌋ on: what is left of seq_len after blocks of ${m}`
    }
  }
  return undefined
}
