// Failures that are known: a half-finished port passes where it fails as it is known to, and nowhere else.
import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import { parse } from '../format/case/wording.ts'
import { messageOf, ParityError } from '../format/errors.ts'
import type { Fixture } from '../format/fixture.ts'
import { plural } from '../report/numbers.ts'
import { toJSON } from '../report/json.ts'
import type { Results } from '../report/results.ts'
import { isFault, type Verdict } from '../verify.ts'
import { writeAside } from './files.ts'

/** How the run judges: what is known of one way says nothing of another. */
type Way = Pick<Results, 'engine' | 'equalNan'> & { readonly target?: string; readonly tolerance: string }

const Failures = z.strictObject({
  format: z.literal('torch-parity-known-failures'),
  version: z.literal(1),
  engine: z.string(),
  tolerance: z.string(),
  target: z.string().optional(),
  equalNan: z.boolean(),
  fixtures: z.array(
    z.strictObject({
      /** The suite, and the file by its hash: what is known of one file says nothing of another. */
      name: z.string(),
      sha256: z.string(),
      cases: z.array(
        z.strictObject({
          id: z.string(),
          /** Tensors that are off, and what the engine did beside computing. */
          tensors: z.array(z.string()),
          conduct: z.array(z.string()).optional(),
        }),
      ),
    }),
  ),
})
type Failures = z.infer<typeof Failures>
type Entry = Failures['fixtures'][number]['cases'][number]

/** What came of a run beside the failures that were known. */
export interface Told {
  readonly known: number
  /** Failures that nobody knew of, or that are more than was known. */
  readonly news: readonly string[]
  /** Known ones that are none any more. */
  readonly passing: readonly string[]
  /** Known ones of cases that there are no more. */
  readonly gone: readonly string[]
}

interface File {
  readonly name: string
  readonly sha256: string
  /** Of the file's present hash. */
  readonly entries: ReadonlyMap<string, Entry>
  /** Known failures of another file of that name. */
  readonly isOther: boolean
  readonly seen: Set<string>
  readonly found: Entry[]
}

export class KnownFailures {
  readonly #path: string
  readonly #way: Way
  readonly #failures: Failures | undefined
  readonly #files = new Map<string, File>()
  #known = 0
  readonly #news: string[] = []
  readonly #passing: string[] = []
  readonly #gone: string[] = []

  private constructor(path: string, way: Way, failures: Failures | undefined) {
    this.#path = path
    this.#way = way
    this.#failures = failures
  }

  /**
   * isNew: they are written and not read.
   * @throws ParityError FILE_UNREADABLE, RESULTS_INVALID where the file is no list of failures, USAGE where it is of another engine or way of judging.
   */
  static async open(path: string, way: Way, isNew: boolean): Promise<KnownFailures> {
    if (isNew) return new KnownFailures(path, way, undefined)
    const text = await readFile(path, 'utf8').catch((cause: unknown) => {
      const got = messageOf(cause)
      const advice = '--update-known-failures writes it'
      throw new ParityError('FILE_UNREADABLE', `${path}: expected a readable file, got ${got}\n${advice}`, { cause })
    })
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (cause) {
      throw new ParityError('RESULTS_INVALID', `${path}: expected known failures, got ${messageOf(cause)}`, { cause })
    }
    const failures = parse(Failures, value, path, 'RESULTS_INVALID')
    for (const key of ['engine', 'tolerance', 'target', 'equalNan'] as const) {
      if (failures[key] === way[key]) continue
      const [expected, got] = [toJSON(failures[key] ?? null), toJSON(way[key] ?? null)]
      throw new ParityError(
        'USAGE',
        `${path}: expected ${key} ${expected}, of which these failures are known, got ${got}`,
      )
    }
    return new KnownFailures(path, way, failures)
  }

  opened(file: string, { header, sha256 }: Fixture): void {
    const named = this.#failures?.fixtures.filter(({ name }) => name === header.name) ?? []
    const own = named.find((each) => each.sha256 === sha256)
    this.#files.set(file, {
      name: header.name,
      sha256,
      entries: new Map(own?.cases.map((entry) => [entry.id, entry])),
      isOther: own === undefined && named.length > 0,
      seen: new Set(),
      found: [],
    })
  }

  /** Whether a verdict is a failure that is known, and no more than that. */
  covers(file: string, verdict: Verdict): boolean {
    const entry = this.#files.get(file)?.entries.get(verdict.id)
    if (entry === undefined) return false
    const { tensors, conduct = [] } = entryOf(verdict)
    return (
      tensors.every((name) => entry.tensors.includes(name)) && conduct.every((kind) => entry.conduct?.includes(kind))
    )
  }

  /** Takes what has come of a case at last. */
  see(file: string, verdict: Verdict): void {
    const own = this.#files.get(file)
    if (own === undefined) return
    const name = `${file}: case ${verdict.id}`
    if (isFault(verdict)) {
      own.found.push(entryOf(verdict))
      if (this.covers(file, verdict)) this.#known++
      else this.#news.push(own.isOther ? `${name} (what is known is of another file of that name)` : name)
    } else if (own.entries.has(verdict.id)) this.#passing.push(`${name}: ${verdict.outcome}`)
  }

  /** A case that there is, whether it is judged or not. */
  read(file: string, id: string): void {
    this.#files.get(file)?.seen.add(id)
  }

  /** The file has been read to its end, every case of it. */
  ended(file: string): void {
    const own = this.#files.get(file)
    for (const id of own?.entries.keys() ?? []) if (own?.seen.has(id) === false) this.#gone.push(`${file}: case ${id}`)
  }

  told(): Told {
    return { known: this.#known, news: this.#news, passing: this.#passing, gone: this.#gone }
  }

  /** Writes what has failed in this run. → how many failures */
  async write(): Promise<number> {
    const fixtures = [...this.#files.values()]
      .filter(({ found }) => found.length > 0)
      .map(({ name, sha256, found }) => ({ name, sha256, cases: found.toSorted((a, b) => (a.id < b.id ? -1 : 1)) }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    const failures: Failures = { format: 'torch-parity-known-failures', version: 1, ...this.#way, fixtures }
    await writeAside(this.#path, [`${JSON.stringify(failures, null, 2)}\n`])
    return fixtures.reduce((count, { cases }) => count + cases.length, 0)
  }
}

function entryOf({ id, comparisons, steps, chain, parts, conduct = [] }: Verdict): Entry {
  const all = [...comparisons, ...(steps?.comparisons ?? []), ...(chain?.comparisons ?? []), ...(parts ?? [])]
  const off = all.filter(({ outcome }) => outcome === 'mismatch').map(({ tensor }) => tensor)
  const kinds = conduct.filter((each) => isFault({ outcome: 'match', conduct: [each] })).map(({ kind }) => kind)
  const tensors = [...new Set(off)].toSorted()
  return { id, tensors, ...(kinds.length > 0 && { conduct: [...new Set(kinds)].toSorted() }) }
}

const mostNamed = 10

/** What is to be said of a run, line by line. */
export function renderTold({ known, news, passing, gone }: Told, path: string): string[] {
  const counts = [
    plural(known, 'known failure'),
    `${news.length} new`,
    ...(passing.length > 0 ? [`${passing.length} known that fail no more`] : []),
    ...(gone.length > 0 ? [`${gone.length} known of cases that are no more`] : []),
  ]
  const named = (what: string, names: readonly string[]): string[] => [
    ...names.slice(0, mostNamed).map((name) => `  ${what} ${name}`),
    ...(names.length > mostNamed ? [`  ${what} ${names.length - mostNamed} more`] : []),
  ]
  const isStale = passing.length + gone.length > 0
  return [
    counts.join(', '),
    ...named('new:', news),
    ...named('fails no more:', passing),
    ...named('is no more:', gone),
    ...(isStale ? [`--known-failures ${path} --update-known-failures writes the list anew`] : []),
  ]
}
