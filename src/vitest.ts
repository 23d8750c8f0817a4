import type { PreparingEngine } from './engine/prepared.ts'
import type { Engine } from './engine/run.ts'
import { foundOf } from './testing/found.ts'
import { describeFound, type ParityOptions } from './testing/parity.ts'
import { runner } from './testing/vitest.ts'

export { type MatchOptions, toMatchTensor, type Tolerances } from './testing/matcher.ts'
export type { ParityOptions } from './testing/parity.ts'
// With what `expect` has besides.
export type { VitestExpects } from './testing/vitest.ts'

/**
 * Registers a test for every case of recorded fixtures; to be awaited at the top level of a test file.
 * paths: files, folders, globs and @names, from the working directory; engine: the port that is judged. A case that the engine does not
 * support is skipped with its reason, one that cannot be judged fails, and so does a file of which nothing was judged.
 * @throws ParityError NOTHING_JUDGED when there is no such case, USAGE and ENGINE_INVALID for what is no tolerance or no engine.
 */
export async function describeParity(
  paths: string | readonly string[],
  engine: Engine | PreparingEngine,
  options: ParityOptions = {},
): Promise<void> {
  await describeFound(foundOf(paths), engine, runner, options)
}
