import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

interface Printed {
  readonly isFused: boolean
  /** Of each request, first in float64 and then in float32, the numbers of each output. */
  readonly computed: readonly (readonly (readonly number[])[])[]
}

const [jiti, script] = ['../../node_modules/jiti/lib/jiti-cli.mjs', 'fused.ts'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)

function printedBy(kind: 'plain' | 'fused'): Printed {
  return JSON.parse(
    execFileSync(process.execPath, [jiti!, script!, kind], { encoding: 'utf8', maxBuffer: 2 ** 26 }),
  ) as Printed
}

/** The largest difference, in units of 1 or of the number where that is more. */
function largest(actual: Printed, expected: Printed, remainder: number): number {
  let most = 0
  for (const [i, outputs] of expected.computed.entries()) {
    if (i % 2 !== remainder) continue
    for (const [j, numbers] of outputs.entries()) {
      for (const [k, e] of numbers.entries()) {
        const error = Math.abs(actual.computed[i]![j]![k]! - e) / Math.max(1, Math.abs(e))
        // NaN is no difference that is small.
        if (!(error <= most)) most = error
      }
    }
  }
  return most
}

it('kernels that multiply and add with one rounding are chosen, and compute what the plain ones do but for roundings', () => {
  const [plain, fused] = [printedBy('plain'), printedBy('fused')]
  expect([plain.isFused, fused.isFused]).toStrictEqual([false, true])
  const [in64, in32] = [largest(fused, plain, 0), largest(fused, plain, 1)]
  // Not the same bits: the plain ones would be held against themselves.
  expect({ isOther: in64 > 0, isNear: in64 <= 1e-13, in64 }).toStrictEqual({ isOther: true, isNear: true, in64 })
  expect({ isOther: in32 > 0, isNear: in32 <= 1e-5, in32 }).toStrictEqual({ isOther: true, isNear: true, in32 })
})
