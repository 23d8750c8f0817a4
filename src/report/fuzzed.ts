// What `fuzz --json` writes, and what the parts of a run of it come to together.
import * as z from 'zod'
import { ParityError, logLine } from '../format/errors.ts'
import { renderSpec } from '../oracle/fuzz/words.ts'
import { RecordSpec } from '../oracle/spec.ts'
import { percent, plural } from './text.ts'

const count = z.int().min(0)
/** A case as `fuzz --case` takes it. */
const Spec = z.custom<RecordSpec>((value) => RecordSpec.safeParse(value).success)

/** What `torch-parity fuzz --json` writes. */
export const FuzzResults = z.strictObject({
  format: z.literal('torch-parity-fuzz'),
  version: z.literal(1),
  engine: z.string(),
  torch: z.string(),
  /** What was asked for: modules, sizes, target, and by which version of torch-parity. */
  asked: z.record(z.string(), z.union([z.string(), z.number()])),
  seed: count,
  shard: z.strictObject({ index: count, of: count }).optional(),
  /** How many runs this part was to make; none where it ran for a time. */
  toRun: count.optional(),
  runs: count,
  matched: count,
  undecided: count,
  unsupported: count,
  refused: count,
  lost: count,
  most: z.strictObject({ share: z.number(), spec: Spec }).optional(),
  finding: z
    .strictObject({
      run: count,
      drawn: Spec,
      minimal: Spec,
      /** What explains it, as a sentence of the engine; or what the engine said. */
      cause: z.string().optional(),
      failed: z.string().optional(),
      again: z.string(),
    })
    .optional(),
  seconds: z.number(),
  exitCode: z.int(),
})

export type FuzzResults = z.infer<typeof FuzzResults>
type Finding = NonNullable<FuzzResults['finding']>

/** Results of a part, and the name of their file. */
export interface SavedFuzz {
  readonly name: string
  readonly results: FuzzResults
}

interface Whole {
  readonly text: string
  readonly exitCode: number
}

/**
 * Puts the parts of one run together: counts are added, and of findings with one cause the smallest is kept.
 * @throws ParityError SHARDS_INCOMPLETE where a part is missing, comes twice, did not end, or is of another run.
 */
export function mergeFuzzed(saved: readonly SavedFuzz[]): Whole {
  const first = saved[0]!
  const { engine, torch, seed } = first.results
  proveParts(saved)
  const sum = (of: (results: FuzzResults) => number): number => saved.reduce((all, { results }) => all + of(results), 0)
  const causes = new Map<string, { readonly finding: Finding; parts: number }>()
  for (const { results } of saved) {
    const { finding } = results
    if (finding === undefined) continue
    const cause = finding.cause ?? finding.failed ?? ''
    const known = causes.get(cause)
    const isSmaller = known === undefined || elementsOf(finding.minimal) < elementsOf(known.finding.minimal)
    causes.set(cause, { finding: isSmaller ? finding : known.finding, parts: (known?.parts ?? 0) + 1 })
  }
  const most = saved
    .flatMap(({ results }) => results.most ?? [])
    .reduce<FuzzResults['most']>((best, one) => (best === undefined || one.share > best.share ? one : best), undefined)
  const departed = sum(({ finding }) => (finding === undefined ? 0 : 1))
  const lost = sum((results) => results.lost)
  const lines = [
    `${logLine(engine)} against torch ${logLine(torch)}, seed ${seed}, ${plural(saved.length, 'part')}`,
    `${plural(
      sum(({ runs }) => runs),
      'run',
    )}: ${sum(({ matched }) => matched)} matched, ${departed} departed, ${sum(({ undecided }) => undecided)} undecided, ` +
      `${sum(({ unsupported }) => unsupported)} unsupported, ${sum(({ refused }) => refused)} refused by PyTorch${lost === 0 ? '' : `, ${lost} lost with Python`}`,
    ...(most === undefined
      ? []
      : [`largest share of the allowed error in a match: ${percent(most.share)} (${renderSpec(most.spec)})`]),
    ...[...causes.values()]
      .toSorted((a, b) => b.parts - a.parts)
      .flatMap(({ finding, parts }) => renderCause(finding, parts)),
  ]
  const codes = new Set(saved.map(({ results }) => results.exitCode))
  const exitCode = codes.has(2) ? 2 : departed > 0 ? 1 : ([143, 130].find((code) => codes.has(code)) ?? 0)
  return { text: `${lines.join('\n')}\n`, exitCode }
}

function renderCause({ cause, failed, minimal, again }: Finding, parts: number): string[] {
  const why = cause === undefined ? logLine(failed ?? 'nothing explains it') : `the engine ${logLine(cause)}`
  return [`${plural(parts, 'part')}: ${why}`, `  smallest: ${renderSpec(minimal)}`, `  again: ${logLine(again)}`]
}

/** A measure of how small a case is: the numbers of its sizes, multiplied. */
function elementsOf(spec: RecordSpec): number {
  const sizes = Object.values(spec).filter((value) => typeof value === 'number' && value > 0 && value < 2 ** 24)
  return Math.log(JSON.stringify(spec).length) + sizes.reduce<number>((all, size) => all + Math.log(Number(size)), 0)
}

function proveParts(saved: readonly SavedFuzz[]): void {
  const [first] = saved
  const of = first?.results.shard?.of ?? 1
  const seen = new Map<number, string>()
  for (const { name, results } of saved) {
    for (const key of ['engine', 'torch', 'seed', 'asked'] as const) {
      const [expected, got] = [JSON.stringify(first!.results[key]), JSON.stringify(results[key])]
      if (expected !== got) throw incomplete(`${name}: ${key}: expected ${expected} as in ${first!.name}, got ${got}`)
    }
    const { index, of: own } = results.shard ?? { index: 1, of: 1 }
    if (own !== of) throw incomplete(`${name}: expected a part of ${of}, as ${first!.name} is, got one of ${own}`)
    const before = seen.get(index)
    if (before !== undefined)
      throw incomplete(`${name}: expected each part once, got part ${index}/${of} in ${before} too`)
    seen.set(index, name)
    const { exitCode, toRun, runs, finding } = results
    const isInterrupted = exitCode === 130 || exitCode === 143
    if (isInterrupted || (toRun !== undefined && runs < toRun && finding === undefined && exitCode === 0)) {
      throw incomplete(`${name}: part ${index}/${of}: expected ${toRun ?? 'all'} runs, got ${runs}`)
    }
  }
  const missing = Array.from({ length: of }, (_, i) => i + 1).filter((index) => !seen.has(index))
  if (missing.length > 0)
    throw incomplete(
      `expected all ${of} parts, got none of ${missing
        .slice(0, 5)
        .map((i) => `${i}/${of}`)
        .join(', ')}`,
    )
}

function incomplete(message: string): ParityError {
  return new ParityError('SHARDS_INCOMPLETE', `${message}\nfuzz that part again, with the same --shard and --seed`)
}
