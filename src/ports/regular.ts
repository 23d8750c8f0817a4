// Files that others have made: whatever stands behind a path, reading it ends.
import { constants, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'
import { messageOf, ParityError } from '../format/errors.ts'

/**
 * Reads a regular file of at most `mostBytes`: devices, pipes and what else has no end are refused before they are read.
 * @throws ParityError FILE_UNREADABLE, or TENSORS_INVALID when it is larger.
 */
export async function readRegular(path: string, mostBytes: number): Promise<Uint8Array> {
  // Opening a pipe would wait for somebody who writes into it.
  const file = await attempt(path, () => open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)))
  try {
    const stats = await file.stat()
    if (!stats.isFile()) {
      throw new ParityError('FILE_UNREADABLE', `${path}: expected a regular file, got ${kindOf(stats)}`)
    }
    // One byte more than there may be, should it grow while it is read.
    const bytes = new Uint8Array(Math.min(stats.size, mostBytes) + 1)
    let length = 0
    while (stats.size <= mostBytes && length < bytes.length) {
      const { bytesRead } = await attempt(path, () => file.read(bytes, length, bytes.length - length))
      if (bytesRead === 0) return bytes.subarray(0, length)
      length += bytesRead
    }
    const got = length > 0 ? 'a file that grows' : `${stats.size}`
    throw new ParityError('TENSORS_INVALID', `${path}: expected at most ${mostBytes} bytes for this case, got ${got}`)
  } finally {
    await file.close()
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder'
  if (stats.isFIFO()) return 'a pipe'
  return stats.isSocket() ? 'a socket' : 'a device'
}

/** What a file gives; what keeps it from being read becomes an error that names it. */
export async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    throw new ParityError('FILE_UNREADABLE', `${path}: expected a readable file, got ${messageOf(cause)}`, { cause })
  }
}
