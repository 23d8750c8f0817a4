// What engines make of the same cases, side by side: engine × module × trait.
import { elementCount, largest, smallestNormal } from '../format/tensor.ts'
import type { Case } from '../format/case.ts'
import type { Comparison } from '../verify/compare.ts'
import type { Verdict } from '../verify.ts'
import { traitsOf } from './detail.ts'
import { shareOf } from './text.ts'

/** A case, whoever is asked. */
export interface Asked {
  readonly file: string
  readonly id: string
  readonly module: string
  readonly traits: readonly string[]
  /** Whether it is about numbers that are not ordinary. */
  readonly special: boolean
}

/** What came of it: `failed` where the engine threw, hung or died. */
export interface Came {
  readonly outcome: 'match' | 'mismatch' | 'undecided' | 'unsupported' | 'failed'
  /** Of the allowed error, in a match. */
  readonly share?: number
  /** What is off, in words that other cases share; why it is not supported; the error. */
  readonly why?: string
}

/** One answer to the largest case of a module that matches, its way to the engine's process and back included, and what ours takes. */
export interface Speed {
  readonly module: string
  readonly file: string
  readonly id: string
  readonly ms: number
  readonly oursMs: number
}

/** One engine. */
export interface Row {
  /** Its name and versions, as it says them. */
  readonly engine: string
  /** How it was asked for. */
  readonly asked: string
  /** For each of the cases of the matrix, as far as it was asked. */
  readonly came: readonly Came[]
  readonly speeds: readonly Speed[]
}

/** What `torch-parity matrix` finds. */
export interface Matrix {
  readonly cases: readonly Asked[]
  readonly rows: readonly Row[]
  /** The adapters whose framework is not installed. */
  readonly missing: readonly string[]
  /** The engines that could not be asked at all, and why. */
  readonly broken: readonly { readonly asked: string; readonly error: string }[]
}

/** How many cases came to what. */
export interface Counts {
  supported: number
  matched: number
  undecided: number
  mismatched: number
  failed: number
}

/** An engine and a module, a trait, or all of it. */
export interface Cell extends Counts {
  cases: number
  /** Those with special values, which the other counts leave out. */
  readonly special: Counts
  /** The largest share of the allowed error in a match of ordinary numbers. */
  share: number
}

/** All outputs of a case, but for its gradients, are smaller than this where its numbers are tiny. */
const tiny = 2 ** -15

/** Whether a case is about numbers that are not ordinary: NaN, infinities, subnormal ones, or all of them tiny. */
export function isSpecial({ dtype, params, inputs, expected }: Case): boolean {
  const given = [...Object.values(params), ...Object.values(inputs)].filter((tensor) => tensor !== undefined)
  for (const { data } of [...given, ...Object.values(expected)]) {
    if (data instanceof BigInt64Array) continue
    for (const x of data) if (!Number.isFinite(x) || (x !== 0 && Math.abs(x) < smallestNormal[dtype])) return true
  }
  const outputs = Object.entries(expected).filter(
    ([name, { shape }]) => !name.startsWith('grad_') && elementCount(shape) > 0,
  )
  return outputs.length > 0 && outputs.every(([, { data }]) => largest(data) < tiny)
}

export function askedOf(file: string, recorded: Case): Asked {
  const { id, module } = recorded
  return { file, id, module, traits: traitsOf(recorded), special: isSpecial(recorded) }
}

/** error: why there is no verdict */
export function cameOf(recorded: Case, came: Verdict | { readonly error: string }): Came {
  if ('error' in came) return { outcome: 'failed', why: came.error }
  const { outcome, reason } = came
  if (outcome === 'match') return { outcome, share: shareOf(came) }
  if (outcome === 'mismatch') return { outcome, why: departureOf(recorded, came) }
  return { outcome, ...(reason === undefined ? {} : { why: reason }) }
}

/** What is off in the first tensor that is, by the kinds of its worst numbers: as many cases as possible say the same. */
function departureOf({ dtype }: Case, { comparisons, steps, chain }: Verdict): string {
  const all = [...comparisons, ...(steps?.comparisons ?? []), ...(chain?.comparisons ?? [])]
  const off = all.find(({ outcome }) => outcome === 'mismatch')
  const where = off?.tensor.startsWith('grad_') === true ? 'gradients: ' : ''
  return where + (off === undefined ? 'the engine does more than compute' : kindsOf(off, smallestNormal[dtype]))
}

function kindsOf({ worst, problem }: Comparison, normal: number): string {
  if (worst === undefined) return problem ?? 'another shape'
  const kind = (x: number): string =>
    Number.isNaN(x)
      ? 'NaN'
      : !Number.isFinite(x)
        ? 'an infinity'
        : x === 0
          ? '0'
          : Math.abs(x) < normal
            ? 'a subnormal number'
            : Math.abs(x) < tiny
              ? 'a tiny number'
              : 'a number'
  const [actual, expected] = [kind(worst.actual), kind(worst.expected)]
  return `${actual === expected ? actual.replace(/^an? /, 'another ') : actual} for ${expected}`
}

function newCell(): Cell {
  const none = { supported: 0, matched: 0, undecided: 0, mismatched: 0, failed: 0 }
  return { cases: 0, ...none, special: { ...none }, share: 0 }
}

/** Counts what came of some cases. */
export function cellOf({ cases }: Matrix, { came }: Row, isIn: (asked: Asked) => boolean = () => true): Cell {
  const cell = newCell()
  for (const [i, { outcome, share = 0 }] of came.entries()) {
    const asked = cases[i]!
    if (!isIn(asked)) continue
    cell.cases++
    if (outcome === 'unsupported') continue
    const counts = asked.special ? cell.special : cell
    counts.supported++
    counts[outcome === 'match' ? 'matched' : outcome === 'mismatch' ? 'mismatched' : outcome]++
    if (!asked.special) cell.share = Math.max(cell.share, share)
  }
  return cell
}

/** Cases of one engine that came to the same, and why. */
export interface Group {
  readonly outcome: 'mismatch' | 'unsupported' | 'failed'
  readonly why: string
  readonly modules: readonly string[]
  readonly cases: number
  readonly special: number
}

/** What is off, has failed, or is not supported, by why; the last come last, else the most frequent first. */
export function groupsOf({ cases }: Matrix, { came }: Row): Group[] {
  const groups = new Map<string, { outcome: Group['outcome']; why: string; own: Asked[] }>()
  for (const [i, { outcome, why = '' }] of came.entries()) {
    if (outcome === 'match' || outcome === 'undecided') continue
    const key = `${outcome} ${why}`
    const group = groups.get(key) ?? { outcome, why, own: [] }
    groups.set(key, group)
    group.own.push(cases[i]!)
  }
  return [...groups.values()]
    .map(({ outcome, why, own }) => ({
      outcome,
      why,
      modules: [...new Set(own.map(({ module }) => module))],
      cases: own.length,
      special: own.filter(({ special }) => special).length,
    }))
    .toSorted(
      (one, other) =>
        Number(one.outcome === 'unsupported') - Number(other.outcome === 'unsupported') || other.cases - one.cases,
    )
}

/** The modules of the cases, and their traits, in the order of how many cases have them. */
export function modulesOf({ cases }: Matrix): string[] {
  return [...new Set(cases.map(({ module }) => module))]
}

export function traitsIn({ cases }: Matrix): string[] {
  const counts = new Map<string, number>()
  for (const { traits } of cases) for (const trait of traits) counts.set(trait, (counts.get(trait) ?? 0) + 1)
  return [...counts.keys()].toSorted((one, other) => counts.get(other)! - counts.get(one)!)
}
