import { findFixtures, openFile } from '../cli/files.ts'
import type { Found } from './parity.ts'

/** Fixtures on disk: files, folders, globs and @names. */
export function foundOf(paths: string | readonly string[]): () => Promise<Found> {
  return async () => ({
    ...(await findFixtures(typeof paths === 'string' ? [paths] : paths)),
    open: (file) => openFile(file),
  })
}
