// Symbols: those that are given, and those that a model chooses.
import type { Variable } from './variable.ts'

export function numbers({ data }: { readonly data: BigInt64Array }): number[] {
  return Array.from(data, Number)
}

/** The target without what is past a row's length. shape: (seq_len, batch, …) */
export function within(
  target: readonly number[],
  [, batch = 1]: readonly number[],
  lengths: readonly number[] | undefined,
): (number | undefined)[] {
  return target.map((symbol, i) => (Math.floor(i / batch) < (lengths?.[i % batch] ?? Infinity) ? symbol : undefined))
}

/** What is read next, after step t: what is forced, else the largest. forced: (max_len, batch), logits: (batch, classes) → (batch) */
export function chosen(forced: ArrayLike<number> | undefined, logits: Variable, t: number): number[] {
  const batch = logits.shape[0] ?? 0
  return forced === undefined ? largest(logits) : Array.from({ length: batch }, (_, row) => forced[t * batch + row]!)
}

/** The first of the largest, NaN above all, as torch.argmax has it. logits: (batch, classes) */
function largest({ shape: [batch = 0, classes = 0], data }: Variable): number[] {
  return Array.from({ length: batch }, (_, row) => {
    const own = data.subarray(row * classes, (row + 1) * classes)
    return own.reduce((best, value, i) => {
      const isLarger = value > own[best]! || (Number.isNaN(value) && !Number.isNaN(own[best]))
      return isLarger ? i : best
    }, 0)
  })
}
