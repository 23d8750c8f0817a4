import { findFixtures, openFile } from './cli/files.ts'
import type { PreparingEngine } from './engine/prepared.ts'
import type { Engine } from './engine/run.ts'
import { describeFound, type ParityOptions } from './vitest/parity.ts'

export { type MatchOptions, type ParityOptions, toMatchTensor, type Tolerances } from './vitest/parity.ts'

/**
 * Registers a test for every case of recorded fixtures; to be awaited at the top level of a test file.
 * paths: files, folders and globs, from the working directory; engine: the port that is judged. A case that the engine does not
 * support is skipped with its reason, one that cannot be judged fails, and so does a file of which nothing was judged.
 * @throws ParityError NOTHING_JUDGED when there is no such case, USAGE and ENGINE_INVALID for what is no tolerance or no engine.
 */
export async function describeParity(
  paths: string | readonly string[],
  engine: Engine | PreparingEngine,
  options: ParityOptions = {},
): Promise<void> {
  const find = async () => ({
    ...(await findFixtures(typeof paths === 'string' ? [paths] : paths)),
    open: (file: string) => openFile(file),
  })
  await describeFound(find, engine, options)
}
