// Where the answers to the cases of one fixture are: looked for once, and read when their case is judged.
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ParityError } from '../../format/errors.ts'
import { checkInside } from '../inside.ts'
import { attempt } from '../regular.ts'
import { openMessages } from './messages.ts'
import { fileNameOf } from './names.ts'
import { arraysAt, fileAt, type Place } from './place.ts'

interface Places {
  readonly errors: readonly ParityError[]
  /** expected: where the answer to a case would be looked for first */
  of(id: string): { readonly found: readonly Place[]; readonly expected: string }
  /** What belongs to no case that was asked for. */
  rest(): string[]
}

/**
 * own: what the fixture is called in the folder.
 * @throws ParityError FILE_UNREADABLE where that is a link that leads out of it.
 */
export async function openPlaces(folder: string, own: string): Promise<Places> {
  const root = join(folder, own)
  for (const each of [root, `${root}.msgpack`]) if (await isThere(each)) await checkInside(folder, each)
  const entries = await entriesOf(root)
  const messages = await openMessages(`${root}.msgpack`)
  return {
    errors: messages.errors,
    of(id) {
      const name = fileNameOf(id)
      const found: Place[] = []
      for (const extension of ['.safetensors', '.npz']) {
        if (entries.delete(`${name}${extension}`)) found.push(fileAt(folder, join(root, `${name}${extension}`)))
      }
      if (entries.delete(`${name}/`)) found.push(arraysAt(folder, join(root, name)))
      found.push(...messages.of(id))
      return { found, expected: join(root, `${name}.safetensors`) }
    },
    rest: () => [...[...entries].map((entry) => join(root, entry)), ...messages.rest()],
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** The names in a folder, those of folders of arrays with a slash behind them; those that begin with a dot aside. */
async function entriesOf(root: string): Promise<Set<string>> {
  const names = new Set<string>()
  // Without a folder its answers are in one file, or there are none.
  if ((await stat(root).catch(() => undefined))?.isDirectory() !== true) return names
  for (const entry of await attempt(root, () => readdir(root, { withFileTypes: true }))) {
    if (entry.name.startsWith('.')) continue
    if (!entry.isDirectory()) names.add(entry.name)
    // A folder may as well be that of another fixture.
    else if (await holdsArrays(join(root, entry.name))) names.add(`${entry.name}/`)
  }
  return names
}

async function holdsArrays(folder: string): Promise<boolean> {
  return (await attempt(folder, () => readdir(folder))).some((name) => name.endsWith('.npy'))
}
