// How a port lays out a state_dict, found by the numbers of both: names only ever speak against it.
import type { RuleRecord } from './format/actual/rules.ts'
import type { FloatTensor } from './format/tensor.ts'
import { type Conventions, conventionsOf, disagreement } from './layout/conventions.ts'
import { type Found, isConstant, type Matches, matchesOf, type Nearest } from './layout/matches.ts'
import { objection } from './layout/names.ts'
import { ruleOf } from './layout/rule.ts'
import { type Piece, sourcesOf } from './layout/sources.ts'

/**
 * What is said of one of a port's tensors. matched: it is one thing, in an order that the port has elsewhere too; ambiguous: it may be
 * several; at odds: it has the numbers, but not as the others have them, or more than one has them; unmatched: it is nothing.
 */
export type Finding = { readonly name: string; readonly tensor: FloatTensor } & (
  | { readonly status: 'matched'; readonly found: Found; readonly rule: RuleRecord | undefined }
  | { readonly status: 'ambiguous'; readonly all: readonly Found[]; readonly value: number | undefined }
  | { readonly status: 'at odds'; readonly found: Found; readonly why: string }
  | { readonly status: 'unmatched'; readonly nearest: Nearest | undefined; readonly nan: boolean }
)

/** A port's layout of a state_dict. */
export interface Layout {
  readonly findings: readonly Finding[]
  readonly conventions: Conventions
  /** What of the state_dict is in no tensor: a parameter, or gates of it. */
  readonly unused: readonly string[]
}

/** Proposes what each tensor of a port is of a state_dict. */
export function layoutOf(
  stateDict: Readonly<Record<string, FloatTensor>>,
  port: Readonly<Record<string, FloatTensor>>,
): Layout {
  const matches = matchesOf(port, sourcesOf(stateDict))
  const only = [...matches].flatMap(([name, { found }]) => (found.length === 1 ? [[name, found[0]!] as const] : []))
  const right = only.filter(([, { reading }]) => !reading.misread)
  const conventions = conventionsOf(right.map(([, found]) => found))
  const users = new Map<string, string[]>()
  for (const [name, found] of right) {
    for (const part of partsOf(found)) users.set(part, [...(users.get(part) ?? []), name])
  }
  const names = new Set(Object.keys(stateDict))
  const beside = { conventions, users, right, names }
  const findings = [...matches].map(([name, own]) => findingOf(name, port[name]!, own, beside))
  return { findings, conventions, unused: unusedOf(stateDict, findings) }
}

/** What is known of the other tensors. */
interface Beside {
  readonly conventions: Conventions
  /** Which have each part of the state_dict. */
  readonly users: ReadonlyMap<string, readonly string[]>
  /** Those that are one thing. */
  readonly right: readonly (readonly [string, Found])[]
  /** Those of the state_dict. */
  readonly names: ReadonlySet<string>
}

function findingOf(
  name: string,
  tensor: FloatTensor,
  { found, nearest }: Matches,
  { conventions, users, right, names }: Beside,
): Finding {
  const own = { name, tensor }
  const [first, second] = found
  if (first === undefined)
    return { ...own, status: 'unmatched', nearest, nan: tensor.data.some((x) => Number.isNaN(x)) }
  if (second !== undefined) {
    return { ...own, status: 'ambiguous', all: found, value: isConstant(tensor.data) ? tensor.data[0] : undefined }
  }
  const wrong = first.source.pieces.find((piece) => piece.wrong !== undefined)?.wrong
  const others = partsOf(first)
    .flatMap((part) => users.get(part) ?? [])
    .find((user) => user !== name)
  const why = first.reading.misread
    ? 'its numbers stand in another order than its shape says: reshaped, where it was to be transposed'
    : (wrong ??
      (names.has(name) && !partNames(first).includes(name) ? 'its name is that of another parameter' : undefined) ??
      disagreement(first, conventions) ??
      (others && `${others} is that, too`) ??
      objection(name, first, right))
  if (why !== undefined) return { ...own, status: 'at odds', found: first, why }
  return { ...own, status: 'matched', found: first, rule: ruleOf(name, tensor, first) }
}

/** The parameters that something is made of, gate by gate: a name and, behind a line break, a gate. */
function partsOf({ source }: Found): string[] {
  return source.pieces.flatMap((piece) =>
    piece.names.flatMap((name, i) => gatesIn(piece, i).map((gate) => `${name}\n${gate}`)),
  )
}

/** The parameters that something is made of. */
function partNames({ source }: Found): string[] {
  return source.pieces.flatMap((piece) => [...piece.names])
}

function gatesIn({ gate, gates, sum }: Piece, i: number): readonly string[] {
  if (gate !== undefined) return [gate]
  return sum === 'but n' && i === 1 ? gates.filter((each) => each !== 'n') : gates
}

function unusedOf(stateDict: Readonly<Record<string, FloatTensor>>, findings: readonly Finding[]): string[] {
  const used = new Set(
    findings.flatMap((finding) => {
      if (finding.status === 'unmatched') return []
      const all = finding.status === 'ambiguous' ? finding.all : [finding.found]
      return all.flatMap((found) => partsOf(found))
    }),
  )
  const gatesOf = new Map<string, readonly string[]>()
  for (const { how, pieces } of sourcesOf(stateDict)) {
    const [piece] = pieces
    if (how === 'single' && piece?.gate === undefined && piece?.names.length === 1)
      gatesOf.set(piece.names[0]!, piece.gates)
  }
  return Object.keys(stateDict).flatMap((name) => {
    const gates = gatesOf.get(name) ?? ['']
    const left = gates.filter((gate) => !used.has(`${name}\n${gate}`))
    if (left.length === 0) return []
    return [left.length === gates.length ? name : `${name}: ${left.length === 1 ? 'gate' : 'gates'} ${left.join(' ')}`]
  })
}
