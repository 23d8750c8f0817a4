// A captured model part by part: which tensor is wrong first, and each alone from PyTorch's own tensors before it.
import { type Case, type ExportedRequest, isExported, type Outputs } from '../format/case.ts'
import { type ExportedConfig, keyOf, madeOf, type Reference, type Tap } from '../format/exported.ts'
import { type Part, partOf, partOfSeveral } from '../format/exported/part.ts'
import type { Tensor } from '../format/tensor.ts'
import type { Comparison } from './compare.ts'

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

/** In order of computation; comparisons: of as many taps as there were. */
export function blameOf({ config }: ExportedCase, comparisons: readonly Comparison[]): Blame[] {
  const outcomes = new Map(comparisons.map(({ tensor, outcome }) => [tensor, outcome]))
  const given = new Map(config.taps.filter(({ name }) => outcomes.has(name)).map((tap) => [keyOf(tap.value), tap]))
  return config.taps.flatMap((tap) => {
    if (outcomes.get(tap.name) !== 'mismatch') return []
    const own = keyOf(tap.value)
    const { nodes, from } = madeOf(config, tap.value, (value) => keyOf(value) !== own && given.has(keyOf(value)))
    const before = from.flatMap((value) => given.get(keyOf(value)) ?? [])
    if (before.some(({ name }) => name !== tap.name && outcomes.get(name) === 'mismatch')) return []
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

function nameOf(value: Reference, taps: ReadonlyMap<string, Tap>): string[] {
  const tap = taps.get(keyOf(value))
  if (tap !== undefined) return [tap.name]
  return 'input' in value ? [value.input] : []
}

const known = new WeakMap<ExportedConfig, readonly Part[]>()

/**
 * A case for each tap: its operations alone, from PyTorch's own taps and inputs, under their names. `config.part` says which it is, so
 * that an engine can tell it from the whole. None where the file says nothing of what may be off then.
 */
export function partsOf(recorded: ExportedCase): ExportedCase[] {
  const { config, alone } = recorded
  if (alone === undefined || config.part !== undefined) return []
  let parts = known.get(config)
  if (parts === undefined) {
    parts = config.taps.flatMap((tap) => partOf(config, tap) ?? [])
    known.set(config, parts)
  }
  return parts.map((part) => caseOf(recorded, part, alone))
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
