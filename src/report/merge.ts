import { conducts } from '../verify/conduct.ts'
import { isFault } from '../verify.ts'
import { mergeCauses } from './causes.ts'
import { ParityError } from '../format/errors.ts'
import type { Results } from './results.ts'
import { proveWhole } from './shards.ts'

/** Results, and the name of the file that they were read from. */
export interface Saved {
  readonly name: string
  readonly results: Results
}

interface Merged {
  /** One for each engine and way of judging, in the order in which they come. */
  readonly runs: readonly Results[]
  /** Cases that came more than once, in words. */
  readonly notes: readonly string[]
}

/** In how many cases an engine did each thing beside computing. */
function countsOf(cases: readonly JudgedCase[]): Results['summary']['conduct'] {
  const counts: Results['summary']['conduct'] = {}
  for (const kind of conducts) {
    const count = cases.filter(({ conduct = [] }) => conduct.some((each) => each.kind === kind)).length
    if (count > 0) counts[kind] = count
  }
  return counts
}

type JudgedCase = Results['cases'][number]

/** How bad an outcome is: of two verdicts on one case the worse one counts. */
const badness = { match: 0, unsupported: 1, undecided: 2, mismatch: 3 } as const

function isWorse(one: JudgedCase, other: JudgedCase): boolean {
  if (isFault(one) !== isFault(other)) return isFault(one)
  return badness[one.outcome] > badness[other.outcome]
}

/** Puts results of the same engine, judged in the same way, together: each case of a file once. */
export function mergeResults(saved: readonly Saved[]): Merged {
  const groups = new Map<string, Saved[]>()
  for (const each of saved) {
    const { engine, tolerance, target, equalNan } = each.results
    const key = JSON.stringify([engine, tolerance, target, equalNan])
    groups.set(key, [...(groups.get(key) ?? []), each])
  }
  const notes: string[] = []
  proveParts(saved)
  return { runs: [...groups.values()].map((group) => mergeGroup(group, notes)), notes }
}

/**
 * Parts of a run are proved to be all of it, and to be of no other.
 * @throws ParityError SHARDS_INCOMPLETE.
 */
function proveParts(group: readonly Saved[]): void {
  const parts = group.flatMap(({ name, results: { shard, cases, ...rest } }) =>
    shard === undefined ? [] : [{ name, part: { ...rest, shard, cases: cases.length } }],
  )
  proveWhole(parts)
  const whole = group.find(({ results }) => results.shard === undefined)
  if (parts.length > 0 && whole !== undefined) {
    throw new ParityError(
      'SHARDS_INCOMPLETE',
      `${whole.name}: expected a part of a run, as ${parts[0]!.name} is, got a whole one\nput parts together by themselves`,
    )
  }
}

function mergeGroup(group: readonly Saved[], notes: string[]): Results {
  const cases = new Map<string, { readonly from: string; readonly judged: JudgedCase }>()
  let same = 0
  for (const { name, results } of group) {
    for (const judged of results.cases) {
      const key = JSON.stringify([judged.file, judged.id])
      const before = cases.get(key)
      if (before === undefined) {
        cases.set(key, { from: name, judged })
        continue
      }
      if (results.shard !== undefined) {
        const got = `one in ${before.from} and one in ${name}`
        throw new ParityError(
          'SHARDS_INCOMPLETE',
          `${judged.file}: case ${judged.id}: expected one verdict, got ${got}`,
        )
      }
      if (before.judged.outcome === judged.outcome && isFault(before.judged) === isFault(judged)) {
        same++
        continue
      }
      const what = `${judged.file}: case ${judged.id}`
      notes.push(
        `${what}: ${before.judged.outcome} in ${before.from}, ${judged.outcome} in ${name}; the worse one counts`,
      )
      if (isWorse(judged, before.judged)) cases.set(key, { from: name, judged })
    }
  }
  if (same > 0) notes.push(`${same} of the cases come more than once, with the same outcome`)
  const all = [...cases.values()].map(({ judged }) => judged)
  const errors = group.flatMap(({ results }) => results.errors)
  const summary = {
    cases: all.length,
    matched: all.filter(({ outcome }) => outcome === 'match').length,
    mismatched: all.filter(({ outcome }) => outcome === 'mismatch').length,
    undecided: all.filter(({ outcome }) => outcome === 'undecided').length,
    unsupported: all.filter(({ outcome }) => outcome === 'unsupported').length,
    conduct: countsOf(all),
  }
  const interrupted = group.map(({ results }) => results.exitCode).find((code) => code === 130 || code === 143)
  const judged = summary.matched + summary.mismatched
  const exitCode = errors.length > 0 || judged === 0 ? 2 : (interrupted ?? (all.some(isFault) ? 1 : 0))
  const { fixtures: _, audit: __, causes: ___, shard: ____, ...first } = group[0]!.results
  const causes = mergeCauses(group.flatMap(({ results }) => results.causes ?? []))
  const sources = new Map(
    group.flatMap(({ results }) => (results.fixtures ?? []).map((own) => [`${own.file} ${own.seed}`, own])),
  )
  const audit = group.find(({ results }) => results.audit !== undefined)?.results.audit
  return {
    ...first,
    ...(sources.size > 0 && { fixtures: [...sources.values()] }),
    ...(audit && { audit }),
    ...(causes && { causes }),
    cases: all,
    errors,
    summary,
    exitCode,
  }
}
