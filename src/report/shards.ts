// Proves that parts of a run make the whole of it: nothing is missing, nothing doubled, nothing of another run among them.
import { ParityError } from '../format/errors.ts'
import type { Results, Shard } from './results.ts'

/** What is known of the results of a part: all but its cases, and how many these are. */
export interface Sharded extends Pick<Results, 'engine' | 'tolerance' | 'target' | 'equalNan' | 'exitCode'> {
  readonly shard: Shard
  readonly cases: number
}

/** A part of a run, and the name of the file that it was read from. */
export interface SavedPart {
  readonly name: string
  readonly part: Sharded
}

const again = 'judge that part again, with the same --shard, and put all together'

/**
 * Proves that these are all parts of one run, each once and each to its end.
 * @throws ParityError SHARDS_INCOMPLETE, for the first that is missing, comes twice, did not end, or is of another run.
 */
export function proveWhole(parts: readonly SavedPart[]): void {
  const [first] = parts
  if (first === undefined) return
  const { of } = first.part.shard
  const byIndex = new Map<number, SavedPart>()
  for (const saved of parts) {
    notInterrupted(saved)
    sameRun(first, saved)
    const { index } = saved.part.shard
    const before = byIndex.get(index)
    if (before !== undefined) {
      throw incomplete(
        `${saved.name}: expected each part once, got part ${index}/${of} in ${before.name} too`,
        'leave one of them out',
      )
    }
    byIndex.set(index, saved)
    ended(saved)
  }
  const missing = Array.from({ length: of }, (_, i) => i + 1).filter((index) => !byIndex.has(index))
  if (missing.length > 0) {
    const named = missing.slice(0, 5).map((index) => `${index}/${of}`)
    const more = missing.length > named.length ? `, and ${missing.length - named.length} more` : ''
    throw incomplete(`expected all ${of} parts, got none of ${named.join(', ')}${more}`, 'judge those with --shard')
  }
  const dealt = parts.reduce((sum, { part }) => sum + part.shard.dealt, 0)
  const held = first.part.shard.files.reduce((sum, { cases }) => sum + cases, 0)
  if (dealt !== held) {
    throw incomplete(
      `expected ${held} cases in all parts together, as the files hold, got ${dealt}`,
      'judge all parts again',
    )
  }
}

/** What must be the same in all parts, in words. */
const shared: readonly [string, (part: Sharded) => unknown][] = [
  ['parts of a run', ({ shard }) => shard.of],
  ['engine', ({ engine }) => engine],
  ['tolerance', ({ tolerance }) => tolerance],
  ['target', ({ target }) => target ?? 'cpu'],
  ['NaN that equals NaN', ({ equalNan }) => equalNan],
  ['files', ({ shard }) => shard.files.map(({ name }) => name)],
  ['hashes of files', ({ shard }) => shard.files.map(({ sha256 }) => sha256)],
  ['cases of files', ({ shard }) => shard.files.map(({ cases }) => cases)],
  ['asked for', ({ shard }) => shard.asked],
]

function sameRun(first: SavedPart, saved: SavedPart): void {
  for (const [what, of] of shared) {
    const [expected, actual] = [show(of(first.part)), show(of(saved.part))]
    if (expected === actual) continue
    let at = 0
    while (expected[at] === actual[at]) at++
    const from = Math.max(0, at - 40)
    const shown = (text: string): string => (text.length > 120 ? `…${text.slice(from, from + 120)}…` : text)
    throw incomplete(
      `${saved.name}: ${what}: expected ${shown(expected)} as in ${first.name}, got ${shown(actual)}`,
      'put parts of one run together, of the same files, engine and options',
    )
  }
}

function show(value: unknown): string {
  const sorted = (_: string, item: unknown): unknown =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : item
  return JSON.stringify(value, sorted)
}

function notInterrupted({ name, part: { shard, exitCode } }: SavedPart): void {
  if (exitCode !== 130 && exitCode !== 143) return
  throw incomplete(`${name}: part ${shard.index}/${shard.of}: expected it to have ended, got an interrupted run`, again)
}

function ended({ name, part: { shard, cases } }: SavedPart): void {
  const { index, of, dealt, filtered, failed } = shard
  if (cases + filtered + failed === dealt) return
  const got = `${cases} judged, ${filtered} filtered out and ${failed} failed`
  throw incomplete(
    `${name}: part ${index}/${of}: expected verdicts on the ${dealt} cases that were dealt to it, got ${got}`,
    again,
  )
}

function incomplete(message: string, advice: string): ParityError {
  return new ParityError('SHARDS_INCOMPLETE', `${message}\n${advice}`)
}
