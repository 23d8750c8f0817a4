// What `import 'torch-parity/node-test'` gives: the tests of torch-parity/vitest for Node's own runner, and an assertion.
import { AssertionError } from 'node:assert'
import { after, describe, test } from 'node:test'
import type { PreparingEngine } from './engine/prepared.ts'
import type { Engine } from './engine/run.ts'
import { foundOf } from './testing/found.ts'
import { describeFound, type ParityOptions, type Runner } from './testing/parity.ts'
import type { FloatTensor, Tensor } from './format/tensor.ts'
import { type MatchOptions, toMatchTensor, type Tolerances } from './testing/matcher.ts'

export type { MatchOptions, Tolerances } from './testing/matcher.ts'
export type { ParityOptions } from './testing/parity.ts'

/** What ends a test that is left out. */
class Left extends Error {}

const runner: Runner = {
  describe: (name, body) => void describe(name, body),
  it: (name, run) =>
    void test(name, async (context) => {
      try {
        await run((reason) => {
          throw new Left(reason)
        })
      } catch (error) {
        if (!(error instanceof Left)) throw error
        context.skip(error.message)
      }
    }),
  afterAll: (run) => after(run),
  fail: (message) => {
    throw new AssertionError({ message })
  },
}

/**
 * One tensor, judged as `torch-parity verify` judges it.
 * allowed: a recorded budget, which broadcasts against `expected`, torch.testing.assert_close's defaults, or an rtol and an atol.
 * @throws AssertionError where it does not match, ParityError USAGE where `expected` is no tensor, or what is allowed is not a budget of it.
 */
export function assertMatchesTensor(
  actual: unknown,
  expected: FloatTensor,
  allowed: Tensor<'float64'> | 'torch' | Tolerances,
  options: MatchOptions = {},
): void {
  const { pass, message } = toMatchTensor(actual, expected, allowed, options)
  if (!pass) throw new AssertionError({ message: message(), actual, expected, operator: 'matchesTensor' })
}

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
