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

/** Whether `expect` of Vitest has `toMatchTensor`: wherever this type is, it has. */
export type VitestExpects = true

// oxlint-disable vitest/valid-title, vitest/valid-describe-callback -- titles are what the fixtures say, and bodies come from elsewhere
export const runner: Runner = {
  describe,
  it(name, run) {
    it(name, ({ skip }) =>
      run((reason) => {
        skip(reason)
        throw new Error(reason)
      }),
    )
  },
  afterAll,
  fail: (message) => expect.fail(message),
}
