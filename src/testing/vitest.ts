// The tests of Vitest, in Node and in its browser mode.
import { afterAll, describe, expect, it } from 'vitest'
import type { FloatTensor, Tensor } from '../format/tensor.ts'
import type { MatchOptions, Tolerances } from './matcher.ts'
import type { Runner } from './parity.ts'

declare module 'vitest' {
  interface Matchers<T> {
    /**
     * Whether a tensor is PyTorch's, within the error that is allowed.
     * allowed: a recorded budget, which broadcasts against `expected`, torch.testing.assert_close's defaults, or an rtol and an atol.
     */
    toMatchTensor(
      expected: FloatTensor,
      allowed: Tensor<'float64'> | 'torch' | Tolerances,
      options?: MatchOptions,
    ): void
  }
}

// oxlint-disable vitest/valid-title, vitest/expect-expect -- titles are what the fixtures say, and what is expected stands elsewhere
export const runner: Runner = {
  describe: (name, body) => void describe(name, body),
  it: (name, run) =>
    void it(name, ({ skip }) =>
      run((reason) => {
        skip(reason)
        throw new Error(reason)
      }),
    ),
  afterAll: (run) => void afterAll(run),
  fail: (message) => expect.fail(message),
}
