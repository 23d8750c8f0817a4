import { createHash } from 'node:crypto'
import { createWriteStream, type Stats } from 'node:fs'
import { mkdir, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { messageOf, ParityError } from '../format/errors.ts'
import { type Fixture, openFixture } from '../format/fixture.ts'
import type { Source } from '../format/messages.ts'
import { attempt } from '../ports/regular.ts'
import { located, unnamed } from './bundled.ts'

const chunkBytes = 256 * 1024

/** Fixture files, and what was named but could not be found. */
export interface Found {
  readonly files: readonly string[]
  /** What each is called below the path that it was found by: `rnn/relu` of fixtures/rnn/relu.msgpack, found by fixtures. */
  readonly names: ReadonlyMap<string, string>
  readonly errors: readonly ParityError[]
}

/**
 * Finds the fixtures behind paths: files, folders (every .msgpack below), globs, and `@` names of those that come with this package;
 * of no path, the folder fixtures, or else those. Each file comes once, in order.
 */
export async function findFixtures(paths: readonly string[]): Promise<Found> {
  // By their real paths, so that a file that is named in two ways is judged once.
  const files = new Map<string, string>()
  const names = new Map<string, string>()
  const add = async (file: string, root: string): Promise<void> => {
    const own = await realpath(file).catch(() => resolve(file))
    if (files.has(own)) return
    files.set(own, file)
    names.set(file, nameBelow(root, file))
  }
  const errors: ParityError[] = []
  for (const asked of paths.length === 0 ? unnamed() : paths) {
    const path = located(asked)
    const stats = await statOf(path)
    if (stats?.isFile()) {
      await add(path, dirname(path))
      continue
    }
    // What is no path as it stands is a pattern, for which something is loaded.
    const patterns = stats === undefined ? await import('tinyglobby') : undefined
    if (patterns?.isDynamicPattern(path) === false) {
      errors.push(new ParityError('FILE_MISSING', `${asked}: expected a file or a folder, got nothing of that name`))
      continue
    }
    const below = stats?.isDirectory()
      ? await fixturesBelow(path)
      : ((await patterns?.glob(path, { absolute: isAbsolute(path), followSymbolicLinks: false })) ?? [])
    if (below.length === 0) errors.push(new ParityError('FILE_MISSING', `${path}: expected .msgpack files, got none`))
    const root = patterns === undefined ? path : steady(path, patterns.isDynamicPattern)
    for (const file of below.toSorted()) await add(file, root)
  }
  return { files: [...files.values()], names, errors }
}

/** The folders at the beginning of a pattern that are no pattern. */
function steady(pattern: string, isDynamic: (part: string) => boolean): string {
  const parts = pattern.split('/')
  return parts.slice(0, Math.max(0, parts.findIndex(isDynamic))).join('/') || (isAbsolute(pattern) ? '/' : '.')
}

/** Without its extension, and with the same separators everywhere. */
export function nameBelow(root: string, file: string): string {
  return relative(root, file)
    .split(sep)
    .join('/')
    .replace(/\.msgpack$/, '')
}

/** Every .msgpack below a folder; links are followed, and a folder that can be reached in two ways is read once. */
async function fixturesBelow(root: string): Promise<string[]> {
  const files: string[] = []
  const seen = new Set<string>()
  const walk = async (folder: string): Promise<void> => {
    const own = await attempt(folder, () => realpath(folder))
    if (seen.has(own)) return
    seen.add(own)
    const entries = await attempt(folder, () => readdir(folder))
    const folders: string[] = []
    for (const name of entries.toSorted()) {
      if (name.startsWith('.')) continue
      const path = join(folder, name)
      const stats = await statOf(path)
      if (stats?.isDirectory()) folders.push(path)
      else if (stats?.isFile() && name.endsWith('.msgpack')) files.push(path)
    }
    // After the files, so that what is nearest counts.
    for (const each of folders) await walk(each)
  }
  await walk(root)
  return files
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch {
    return undefined
  }
}

/**
 * Opens and checks a fixture on disk, or one of those that come with this package, by its `@` name.
 * @throws ParityError FILE_UNREADABLE, or what `openFixture` throws.
 */
export async function openFile(named: string): Promise<Fixture> {
  const path = located(named)
  const held = await heldOf(path)
  const beside: Source['beside'] = async (file, where) => {
    const { readSafetensorsBeside } = await import('../ports/weights.ts')
    return readSafetensorsBeside(path, file, where)
  }
  const source = { name: path, open: () => chunks(path), beside, ...(held && { held: { bytes: held, turn } }) }
  return openFixture(source, () => createHash('sha256'))
}

/** Files up to this are kept in memory, and not read twice. */
const mostHeld = 16 * 2 ** 20

/** All bytes of a small regular file. */
async function heldOf(path: string): Promise<Uint8Array | undefined> {
  const stats = await statOf(path)
  if (stats?.isFile() !== true || stats.size === 0 || stats.size > mostHeld) return undefined
  const file = await attempt(path, () => open(path))
  try {
    const bytes = new Uint8Array(stats.size)
    let length = 0
    while (length < bytes.length) {
      const { bytesRead } = await attempt(path, () => file.read(bytes, length, bytes.length - length))
      if (bytesRead === 0) return bytes.subarray(0, length)
      length += bytesRead
    }
    // One that grows is read as any that may change.
    const { bytesRead } = await attempt(path, () => file.read(new Uint8Array(1), 0, 1))
    return bytesRead === 0 ? bytes : undefined
  } finally {
    await file.close()
  }
}

/** Reads into one buffer again and again: whoever takes a chunk copies it before the next. */
async function* chunks(path: string): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(chunkBytes)
  const file = await attempt(path, () => open(path))
  try {
    for (;;) {
      const { bytesRead } = await attempt(path, () => file.read(buffer, 0, buffer.length))
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** Writes a file aside and renames it when all of it is there; on failure nothing of it stays. `-` is standard output. */
export async function writeAside(
  path: string,
  content: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): Promise<void> {
  // As programs mean it by this name.
  if (path === '-') return await pipeline(content, process.stdout, { end: false })
  const aside = `${path}.${process.pid}.partial`
  try {
    // A device or a pipe is written to: renaming would put a file in its place.
    const before = await statOf(path)
    if (before !== undefined && !before.isFile() && !before.isDirectory()) {
      return await pipeline(content, createWriteStream(path))
    }
    await mkdir(dirname(path), { recursive: true })
    await clearAside(path)
    await pipeline(content, createWriteStream(aside))
    await rename(aside, path)
  } catch (cause) {
    // Where the folder is no folder, there is nothing to take away either.
    await rm(aside, { force: true }).catch(() => {})
    throw new ParityError('FILE_UNREADABLE', `${path}: expected a file that can be written, got ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** So long nobody writes nothing: another machine, whose processes are not known here, may share the folder. */
const staleMs = 600_000

/** Takes away what killed runs have left beside a file: parts of it that no process is writing any more. */
async function clearAside(path: string): Promise<void> {
  const folder = dirname(path)
  const start = `${basename(path)}.`
  for (const name of await readdir(folder)) {
    const pid = name.startsWith(start) ? /^(\d+)\.partial$/.exec(name.slice(start.length))?.[1] : undefined
    if (pid === undefined || isAlive(Number(pid))) continue
    const stats = await statOf(join(folder, name))
    if (stats?.isFile() && Date.now() - stats.mtimeMs > staleMs) await rm(join(folder, name), { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process is one, too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
