// A captured model part by part: which tensor is wrong first, and each alone from PyTorch's own tensors before it.
import { type Case, type ExportedRequest, isExported, type Outputs } from '../format/case.ts'
import { type ExportedConfig, keyOf, madeOf, plainAxes, type Reference, type Tap } from '../format/exported.ts'
import { type Part, partOf, partOfSeveral } from '../format/exported/part.ts'
import type { Tensor } from '../format/tensor.ts'
import { run } from '../engine/run.ts'
import { compare, type Comparison, defaultJudgement, type Tolerance } from './compare.ts'
import { decisionOf } from './doubt.ts'
import { filled } from './filled.ts'
import { withSamples } from './samples.ts'

/** A tensor that is wrong though all that it is computed from is right. */
export interface Blame {
  readonly tap: string
  /** The operations that make it of what is right, by torch's names. */
  readonly operations: readonly string[]
  /** The path of the module; empty in the model itself. */
  readonly module: string
  /** Where it stands in the source of the model; empty where that is not known. */
  readonly line: string
  /** What it is computed from: taps, inputs. */
  readonly from: readonly string[]
}

type ExportedCase = Case & ExportedRequest

/** So many times as far off as all that is wrong before it, what is made of right tensors is wrong by itself. */
const byItself = 10

/**
 * What is wrong though all that it is computed from is right, in order of computation. Where something farther back is wrong, that may
 * be why, unless it is much farther off. comparisons: of as many taps as there were.
 */
export function blameOf({ config }: ExportedCase, comparisons: readonly Comparison[]): Blame[] {
  const compared = new Map(comparisons.map((comparison) => [comparison.tensor, comparison]))
  const given = new Map(config.taps.filter(({ name }) => compared.has(name)).map((tap) => [keyOf(tap.value), tap]))
  const isWrong = (tap: string): boolean => compared.get(tap)?.outcome === 'mismatch'
  /** By tap: the largest share of what is wrong among all that it comes from; 0 where nothing is. */
  const behind = new Map<string, number>()
  return config.taps.flatMap((tap) => {
    if (!compared.has(tap.name)) return []
    const own = keyOf(tap.value)
    const { nodes, from } = madeOf(config, tap.value, (value) => keyOf(value) !== own && given.has(keyOf(value)))
    const before = from.flatMap((value) => given.get(keyOf(value)) ?? []).filter(({ name }) => name !== tap.name)
    const shares = before.map(({ name }) =>
      Math.max(behind.get(name) ?? 0, isWrong(name) ? shareOf(compared.get(name)!) : 0),
    )
    const largest = Math.max(0, ...shares)
    behind.set(tap.name, largest)
    if (!isWrong(tap.name) || before.some(({ name }) => isWrong(name))) return []
    if (largest > 0 && shareOf(compared.get(tap.name)!) <= byItself * largest) return []
    const last = nodes.at(-1)
    const blame = {
      tap: tap.name,
      operations: nodes.map(({ op }) => op),
      module: last?.module ?? '',
      line: nodes.findLast(({ line }) => line !== '')?.line ?? '',
      from: from.flatMap((value) => nameOf(value, given)),
    }
    return [blame]
  })
}

/** Of what has another shape, or is no number where it should be one, nothing is farther off. */
function shareOf({ share }: Comparison): number {
  return Number.isNaN(share) ? Infinity : share
}

function nameOf(value: Reference, taps: ReadonlyMap<string, Tap>): string[] {
  const tap = taps.get(keyOf(value))
  if (tap !== undefined) return [tap.name]
  return 'input' in value ? [value.input] : []
}

const known = new WeakMap<ExportedConfig, readonly Part[]>()

/** A case for each tap alone, and which taps are not asked for so, and why. */
export interface Parts {
  readonly cases: readonly ExportedCase[]
  readonly unasked: Readonly<Record<string, string>>
}

/**
 * A case for each tap: its operations alone, from PyTorch's own taps and inputs, under their names. `config.part` says which it is, so
 * that an engine can tell it from the whole. None where the file says nothing of what may be off then. Where samples of a tap are kept,
 * our own engine's stands in its place, and then also gives what is expected of what is made of it.
 */
export function partsOf(whole: ExportedCase): Parts {
  const { config } = whole
  if (whole.alone === undefined || config.part !== undefined) return { cases: [], unasked: {} }
  let parts = known.get(config)
  if (parts === undefined) {
    parts = config.taps.flatMap((tap) => partOf(config, tap) ?? [])
    known.set(config, parts)
  }
  const { recorded, ours, missing } = filled(whole)
  const unasked: Record<string, string> = {}
  const cases = parts.flatMap((part) => {
    const tap = part.config.part!
    const used = [tap, ...Object.values(part.from).flatMap((source) => ('tap' in source ? [source.tap] : []))]
    const lost = used.find((name) => Object.hasOwn(missing, name))
    if (lost !== undefined) {
      unasked[tap] = `samples are kept of ${lost}: ${missing[lost]}`
      return []
    }
    const own = caseOf(recorded, part, recorded.alone ?? {})
    if (!used.some((name) => ours.has(name))) return [own]
    const expected = run(requestFor(own))
    const free = { ...own, expected: recorded.expected, budget: recorded.budget }
    if (compareTap(free, tap, expected[tap]).outcome === 'match') return [{ ...own, expected }]
    unasked[tap] = 'our engine gives other numbers than PyTorch for it'
    return []
  })
  return { cases, unasked }
}

function requestFor({ module, config, dtype, params, inputs }: ExportedCase): ExportedRequest {
  return { module, config, dtype, params, inputs }
}

function compareTap({ expected, budget }: ExportedCase, tap: string, own: unknown): Comparison {
  return compare(tap, own, expected[tap]!, budget[tap]!, plainAxes(expected[tap]!.shape), defaultJudgement)
}

/** What one operation gives, from those taps before it that count. budgets: of the taps. undefined where nothing makes it. */
export function partOfTaps(
  recorded: ExportedCase,
  names: readonly string[],
  counts: (tap: string) => boolean,
  budgets: Case['budget'],
): ExportedCase | undefined {
  const { config } = recorded
  const part = partOfSeveral(
    config,
    config.taps.filter(({ name }) => names.includes(name)),
    counts,
  )
  return part && caseOf(recorded, part, budgets)
}

function caseOf(recorded: ExportedCase, { config, from }: Part, budgets: Case['budget']): ExportedCase {
  const { id, dtype, params, inputs, expected } = recorded
  const taps = config.taps.map(({ name }) => name)
  const given = Object.entries(from).map(([name, source]): [string, Tensor] => [
    name,
    'tap' in source ? expected[source.tap]! : inputs[source.input]!,
  ])
  return {
    id,
    module: 'ExportedProgram',
    config,
    dtype,
    params: Object.fromEntries(Object.keys(config.params).map((name) => [name, params[name]!])),
    inputs: Object.fromEntries(given),
    expected: Object.fromEntries(taps.map((tap) => [tap, expected[tap]!])) satisfies Outputs,
    budget: Object.fromEntries(taps.map((tap) => [tap, budgets[tap]!])),
  }
}

/**
 * How many numbers are decided, and which tensors hold any that is not. Of a captured model whole numbers say where something stands:
 * that two are as near as rounding is said of these alone, not of all others. A tensor on the way that was not given says nothing.
 */
export function decisionFor(
  recorded: Case,
  comparisons: readonly Comparison[],
  tolerance: Tolerance,
): ReturnType<typeof decisionOf> {
  if (!isExported(recorded)) return decisionOf(recorded, recorded.expected, tolerance)
  const judged = new Set(comparisons.map(({ tensor }) => tensor))
  const known = withSamples(recorded)
  const given = Object.fromEntries(Object.entries(known.expected).filter(([name]) => judged.has(name)))
  const { decided, wide } = decisionOf(known, given, tolerance)
  const { nodes, taps } = recorded.config
  const isChosen = (name: string): boolean => {
    const value = taps.find((tap) => tap.name === name)?.value
    const node = value !== undefined && 'node' in value ? nodes.find((own) => own.name === value.node) : undefined
    const dtype = value !== undefined && 'node' in value ? node?.dtypes[value.output ?? 0] : undefined
    if (dtype === undefined || dtype.includes('float')) return false
    // Where most are anybody's choice the rest says little.
    const { data } = known.budget[name]!
    return 2 * data.filter((own) => own === 0).length > data.length
  }
  return { decided, wide: wide.filter((name) => !isChosen(name)) }
}

/** How many tensors on the way of a captured model were given. */
export function tapsOf(
  recorded: Case,
  comparisons: readonly Comparison[],
): { readonly taps?: { readonly given: number; readonly of: number } } {
  if (!isExported(recorded)) return {}
  const taps = new Set(recorded.config.taps.flatMap(({ name, output }) => (output ? [] : [name])))
  const given = comparisons.filter(({ tensor }) => taps.has(tensor)).length
  return { taps: { given, of: taps.size } }
}

export function blamed(recorded: Case, comparisons: readonly Comparison[]): { readonly blame?: readonly Blame[] } {
  const blame = isExported(recorded) ? blameOf(recorded, comparisons) : []
  return blame.length > 0 ? { blame } : {}
}

/** Of a captured model an engine gives its outputs, and as many of the tensors on the way as it likes. */
export function isOptional(recorded: Case, name: string): boolean {
  return isExported(recorded) && recorded.config.taps.some((tap) => tap.name === name && !tap.output)
}
