import type { Case, Outputs } from '../format/case.ts'
import { exactOf } from './exact.ts'
import { type FloatTensor, smallestPositive, unitRoundoff } from '../format/tensor.ts'

/** A match that errs so much more than PyTorch, or so much less, is worth a word. */
const farAbove = 16
const farBelow = 1 / 16

/** By tensor, R: see `ratioOf`. */
export type Ratios = Readonly<Record<string, number>>

/**
 * R of each tensor, which needs no κ and no budget; none for float64, where our own float64 result is not exact enough.
 * outputs: what an engine gave, of the shapes that the case expects.
 */
export function ratiosOf(recorded: Case, outputs: Outputs): Ratios {
  if (recorded.dtype === 'float64') return {}
  const exact = exactOf(recorded, outputs)
  const ratios: Record<string, number> = {}
  for (const [name, expected] of Object.entries(recorded.expected)) {
    const [own, numbers] = [outputs[name], exact[name]]
    if (own === undefined || numbers === undefined) continue
    const ratio = ratioOf(own, expected, numbers)
    if (ratio !== undefined) ratios[name] = ratio
  }
  return ratios
}

/**
 * R = ‖actual − exact‖ / ‖PyTorch − exact‖ over the finite numbers of a tensor: how the error compares with PyTorch's own.
 * PyTorch's counts as at least what rounding the exact result leaves on average, since it may be right by chance.
 * → undefined where no number is finite, or neither errs.
 */
export function ratioOf(actual: FloatTensor, expected: FloatTensor, exact: Float64Array): number | undefined {
  const { dtype } = expected
  let own = 0
  let theirs = 0
  let rounding = 0
  const [ours, torchs] = [actual.data, expected.data]
  const [u, least] = [unitRoundoff[dtype], smallestPositive[dtype] / 2]
  for (let i = 0; i < exact.length; i++) {
    const value = exact[i]!
    const a = ours[i]!
    const e = torchs[i]!
    if (!Number.isFinite(value) || !Number.isFinite(a) || !Number.isFinite(e)) continue
    // Padding and the like, which nothing is computed for.
    if (value === 0 && a === 0 && e === 0) continue
    own += (a - value) ** 2
    theirs += (e - value) ** 2
    // The error of rounding is uniform in ± half the last place, so its mean square is a third of that squared.
    rounding += Math.max(u * Math.abs(value), least) ** 2 / 3
  }
  // Where both are exact there is nothing to compare.
  return own === 0 && theirs === 0 ? undefined : Math.sqrt(own / Math.max(theirs, rounding))
}

/** The largest R of a case; undefined where there is none. */
export function largestRatio(ratios: Ratios = {}): number | undefined {
  const all = Object.values(ratios)
  return all.length === 0 ? undefined : Math.max(...all)
}

/** What a match whose error is not of PyTorch's size is worth saying; undefined when there is nothing. ratio: the largest of a case */
export function remarkOn(ratio: number): string | undefined {
  if (ratio > farAbove) return `errs ${Number(ratio.toPrecision(2))} times as much as PyTorch, within the budget`
  if (ratio < farBelow) return 'errs far less than PyTorch, as if computed in more precision than the dtype has'
  return undefined
}

/** Many cases whose R is that of rounding alone were computed in more precision. Honest float32 ports have a median of 1.1. */
const precise = 0.6
const manyCases = 20

/** What the R of all cases of a run say. */
export function summaryOfRatios(
  ratios: readonly number[],
): { readonly median: number; readonly isPrecise: boolean } | undefined {
  if (ratios.length === 0) return undefined
  const median = ratios.toSorted((one, other) => one - other)[Math.floor(ratios.length / 2)]!
  return { median, isPrecise: ratios.length >= manyCases && median < precise }
}
