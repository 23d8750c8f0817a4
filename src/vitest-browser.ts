// What `import 'torch-parity/vitest'` gives in a browser, as in Vitest's browser mode: fixtures are fetched.
import type { PreparingEngine } from './engine/prepared.ts'
import type { Engine } from './engine/run.ts'
import { messageOf, ParityError } from './format/errors.ts'
import { type Fixture, openFixture } from './format/fixture.ts'
import { describeFound, type ParityOptions } from './testing/parity.ts'
import { runner } from './testing/vitest.ts'

export { type MatchOptions, toMatchTensor, type Tolerances } from './testing/matcher.ts'
export type { ParityOptions } from './testing/parity.ts'
// With what `expect` has besides.
export type { VitestExpects } from './testing/vitest.ts'

/**
 * Registers a test for every case of recorded fixtures; to be awaited at the top level of a test file.
 * urls: of files, as `fetch` takes them; engine: the port that is judged. A case that the engine does not support is skipped with its
 * reason, one that cannot be judged fails, and so does a file of which nothing was judged.
 * @throws ParityError NOTHING_JUDGED when there is no such case, USAGE and ENGINE_INVALID for what is no tolerance or no engine.
 */
export async function describeParity(
  urls: string | readonly string[],
  engine: Engine | PreparingEngine,
  options: ParityOptions = {},
): Promise<void> {
  const files = typeof urls === 'string' ? [urls] : urls
  await describeFound(async () => ({ files, errors: [], open: fetched }), engine, runner, options)
}

/** @throws ParityError FILE_MISSING, FIXTURE_INVALID */
async function fetched(url: string): Promise<Fixture> {
  const missing = (got: string, cause?: unknown): ParityError =>
    new ParityError('FILE_MISSING', `${url}: expected a fixture, got ${got}`, { cause })
  const response = await fetch(url).catch((cause: unknown) => {
    throw missing(messageOf(cause), cause)
  })
  if (!response.ok) throw missing(`status ${response.status}`)
  const bytes = new Uint8Array(await response.arrayBuffer())
  const turn = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve))
  return await openFixture({ name: url, open: () => once(bytes), held: { bytes, turn } })
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
