// A folder out of which nothing leads: what others have made may hold links.
import { realpath } from 'node:fs/promises'
import { isAbsolute, relative, sep } from 'node:path'
import { ParityError } from '../format/errors.ts'
import { attempt } from './regular.ts'

/** Whether a path is below another, both without links. */
export function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/** @throws ParityError FILE_UNREADABLE for what a link leads to that is not below the folder, which may be a link itself. */
export async function checkInside(folder: string, path: string): Promise<void> {
  const [root, own] = await Promise.all([folder, path].map((each) => attempt(each, () => realpath(each))))
  if (isBelow(root!, own!)) return
  throw new ParityError('FILE_UNREADABLE', `${path}: expected what is in ${folder}, got a link that leads out of it`)
}
