// What `import 'torch-parity/jest'` gives: the tests and the matcher of torch-parity/vitest, for Jest with modules.
import type { PreparingEngine } from './engine/prepared.ts'
import type { Engine } from './engine/run.ts'
import { ParityError } from './format/errors.ts'
import { foundOf } from './testing/found.ts'
import { describeFound, type ParityOptions, type Runner } from './testing/parity.ts'
import type { FloatTensor, Tensor } from './format/tensor.ts'
import type { MatchOptions, Tolerances } from './testing/matcher.ts'

export { type MatchOptions, toMatchTensor, type Tolerances } from './testing/matcher.ts'
export type { ParityOptions } from './testing/parity.ts'

declare global {
  namespace jest {
    interface Matchers<R> {
      /** As `toMatchTensor` of torch-parity/vitest. */
      toMatchTensor(expected: FloatTensor, allowed: Tensor<'float64'> | 'torch' | Tolerances, options?: MatchOptions): R
    }
  }
}

/** What Jest puts into every test file. */
interface Globals {
  describe(name: string, body: () => void): void
  it: { (name: string, run: () => Promise<void>): void; skip(name: string, run: () => void): void }
  afterAll(run: () => void): void
}

/** What a test that turns out to say nothing throws: Jest has no way to skip a test that runs. */
class Left extends Error {}

function jestRunner(): Runner {
  const { describe, it, afterAll } = globalThis as Partial<Globals>
  if (describe === undefined || it === undefined || afterAll === undefined) {
    throw new ParityError(
      'USAGE',
      'describeParity: expected to be called in a test file of Jest, got no describe, it and afterAll',
    )
  }
  return {
    describe,
    it: (name, run) =>
      it(name, async () => {
        try {
          await run((reason) => {
            throw new Left(reason)
          })
        } catch (error) {
          if (!(error instanceof Left)) throw error
          console.info(`${name}: ${error.message}`)
        }
      }),
    skipped: (name, reason) => it.skip(`${name}: ${reason}`, () => {}),
    afterAll,
    fail: (message) => {
      throw new Error(message)
    },
  }
}

/**
 * Registers a test for every case of recorded fixtures; to be awaited at the top level of a test file.
 * paths: files, folders, globs and @names, from the working directory; engine: the port that is judged. A case that the engine does not
 * support is skipped with its reason, one that is undecided passes and says so, one that cannot be judged fails, and so does a file of which nothing was judged.
 * @throws ParityError NOTHING_JUDGED when there is no such case, USAGE and ENGINE_INVALID for what is no tolerance or no engine.
 */
export async function describeParity(
  paths: string | readonly string[],
  engine: Engine | PreparingEngine,
  options: ParityOptions = {},
): Promise<void> {
  await describeFound(foundOf(paths), engine, jestRunner(), options)
}
