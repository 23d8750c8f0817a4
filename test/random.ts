/** Numbers that look random and are the same for the same seed. Source: mulberry32. */
export interface Random {
  /** From 0 up to 1. */
  next(): number
  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number
  /** From −scale to scale. */
  around(scale: number): number
  pick<T>(items: readonly [T, ...T[]]): T
}

export function random(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  return {
    next,
    int,
    around: (scale) => (2 * next() - 1) * scale,
    pick: (items) => items[int(0, items.length - 1)] ?? items[0],
  }
}
