// Answers that somebody has computed elsewhere and left in a folder, for all cases at once. fixtures/README.md, "Answers", says how.
import type { Stats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { readRegular } from './regular.ts'
import { dirname, join, resolve, sep } from 'node:path'
import { renamed } from '../format/actual/map.ts'
import type { NameMap } from '../format/actual/rules.ts'
import { mostBytesOf, roundedTo } from '../format/actual.ts'
import type { Case } from '../format/case.ts'
import { ParityError } from '../format/errors.ts'
import type { Engine } from '../engine/run.ts'
import type { Place } from './answers/place.ts'
import { openPlaces } from './answers/places.ts'

/** What the first message of requests says, and the index of those in files. */
export const requestFormat = 'torch-parity-requests'

/** A folder of answers. */
export interface Answers {
  readonly folder: string
  /** Stands for whoever has computed them; it cannot be asked for anything. */
  readonly engine: Engine
  /** The answers to the cases of a fixture. name: of the file below the path that it was found by. */
  to(file: string, name: string): Promise<FixtureAnswers>
  /** What is to be said once all fixtures were judged. */
  readonly tally: Tally
  /** Adds to the tally the files below the folder that belong to no fixture that was looked for. */
  end(): Promise<void>
}

/** The answers to the cases of one fixture. */
export interface FixtureAnswers {
  /** What kept some of them from being found. */
  readonly errors: readonly ParityError[]
  /** What has the answer to one case, and supports no case that has none; it gives nothing else. */
  engineFor(recorded: Case): Engine
  /** Adds to the tally what is there for no case that was looked for. */
  end(): void
}

/** Counts of what was found. */
export interface Tally {
  answered: number
  unanswered: number
  /** Where the first answer that is missing was expected. */
  missing: string | undefined
  /** How many tensors were rounded, by their dtypes. */
  readonly rounded: Map<string, number>
  /** What belongs to no case: how much there is, and the first of it. */
  surplus: number
  firstSurplus: string | undefined
}

function addSurplus(tally: Tally, names: readonly string[]): void {
  tally.surplus += names.length
  tally.firstSurplus ??= names[0]
}

/**
 * Opens a folder of answers. map: how its tensors are called; mapped: by which file.
 * @throws ParityError FILE_MISSING where there is no such folder, USAGE where it holds requests.
 */
export async function openAnswers(folder: string, map?: NameMap, mapped?: string): Promise<Answers> {
  const stats = await stat(folder).catch(() => undefined)
  if (stats?.isDirectory() !== true) {
    const got = stats === undefined ? 'nothing of that name' : 'something else'
    throw new ParityError('FILE_MISSING', `--answers: ${folder}: expected a folder, got ${got}`)
  }
  if (await holdsRequests(folder)) {
    throw new ParityError('USAGE', `--answers: ${folder}: expected a folder of answers, got the requests`)
  }
  const tally: Tally = {
    answered: 0,
    unanswered: 0,
    missing: undefined,
    rounded: new Map(),
    surplus: 0,
    firstSurplus: undefined,
  }
  // By the name in the folder: two fixtures must not be judged by the same answers.
  const taken = new Map<string, string>()
  return {
    folder,
    engine: {
      name: mapped === undefined ? folder : `${folder}, by ${mapped}`,
      run() {
        throw new ParityError('ENGINE_FAILED', `${folder}: expected answers alone, got a question`)
      },
    },
    tally,
    async to(file, name) {
      const { own, isThere } = await nameIn(folder, file, name)
      const before = isThere ? taken.get(own) : undefined
      if (before !== undefined) {
        throw new ParityError(
          'USAGE',
          `${file}: expected answers of its own, got those of ${before}: ${join(folder, own)}\nname the folder that both are in`,
        )
      }
      taken.set(own, file)
      const places = await openPlaces(folder, own)
      return {
        errors: places.errors,
        engineFor: (recorded) => answerOf(recorded, folder, places.of(recorded.id), tally, map),
        end: () => addSurplus(tally, places.rest()),
      }
    },
    end: async () => addSurplus(tally, await strangersIn(folder, taken)),
  }
}

/** A list of requests, however many. */
const mostIndexBytes = 2 ** 30

async function holdsRequests(folder: string): Promise<boolean> {
  const bytes = await readRegular(join(folder, 'index.json'), mostIndexBytes).catch(() => new Uint8Array())
  const text = new TextDecoder().decode(bytes)
  return text.slice(0, 200).includes(`"${requestFormat}"`)
}

/**
 * What the answers to a fixture are called: by as much of its path as is there, so that those to all fixtures serve for some of them,
 * but never by less than its name, which others may have. isThere: else it is where they would be
 */
async function nameIn(
  folder: string,
  file: string,
  name: string,
): Promise<{ readonly own: string; readonly isThere: boolean }> {
  const parts = resolve(file)
    .replace(/\.msgpack$/, '')
    .split(sep)
    .filter((part) => part !== '')
  const least = name.split('/').length
  const names = Array.from({ length: parts.length - least + 1 }, (_, i) => parts.slice(i).join('/'))
  const statOf = (own: string): Promise<Stats | undefined> => stat(join(folder, own)).catch(() => undefined)
  for (const own of names) {
    const [all, messages] = await Promise.all([statOf(own), statOf(`${own}.msgpack`)])
    if (all?.isDirectory() === true || messages?.isFile() === true) return { own, isThere: true }
  }
  for (const own of names) if ((await statOf(dirname(own)))?.isDirectory() === true) return { own, isThere: false }
  return { own: name, isThere: false }
}

function answerOf(
  recorded: Case,
  folder: string,
  { found, expected }: { readonly found: readonly Place[]; readonly expected: string },
  tally: Tally,
  map: NameMap | undefined,
): Engine {
  return {
    name: folder,
    supports() {
      if (found.length > 0) return true
      tally.unanswered++
      tally.missing ??= expected
      return 'no answer'
    },
    async run() {
      const [place, other] = found
      tally.answered++
      if (place === undefined || other !== undefined) {
        const got = found.map(({ name }) => name).join(' and ')
        throw new ParityError('TENSORS_INVALID', `expected one answer, got ${got || 'none'}`)
      }
      const read = await place.read(mostBytesOf(recorded))
      const tensors = map === undefined ? read : renamed(read, map, recorded, place.name)
      return roundedTo(recorded.dtype, tensors, (_, from) => {
        const how = `${from} to ${recorded.dtype}`
        tally.rounded.set(how, (tally.rounded.get(how) ?? 0) + 1)
      })
    },
  }
}

/** Every file below a folder that is in the folder of no fixture, and is no file of one; those whose names begin with a dot aside. */
async function strangersIn(folder: string, taken: ReadonlyMap<string, string>): Promise<string[]> {
  const strangers: string[] = []
  const walk = async (below: string): Promise<void> => {
    // What cannot be looked at was not needed.
    const entries = await readdir(join(folder, below), { withFileTypes: true }).catch(() => [])
    for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
      const own = below === '' ? entry.name : `${below}/${entry.name}`
      // A link may be to what was looked for elsewhere.
      if (entry.name.startsWith('.') || entry.isSymbolicLink() || taken.has(own)) continue
      if (entry.isDirectory()) await walk(own)
      else if (!taken.has(own.replace(/\.msgpack$/, ''))) strangers.push(join(folder, own))
    }
  }
  await walk('')
  return strangers
}
