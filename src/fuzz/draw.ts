import * as fc from 'fast-check'

/** Small numbers as likely as large ones on a logarithmic scale; shrinks to min. */
export function size(min: number, max: number): fc.Arbitrary<number> {
  const steps = [2, 4, 8, 16, 32, 64, 128, 256].filter((to) => to < max)
  return fc.oneof(...[...steps, max].map((to) => fc.integer({ min, max: Math.max(min, Math.min(to, max)) })))
}

/** The first as often as all others together. */
export function mostly<T>(first: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { arbitrary: fc.constant(first), weight: others.length },
    ...others.map((other) => fc.constant(other)),
  )
}

/** 1, 2, half, one less. */
export function below(size: number): number[] {
  const fewer = [...new Set([1, 2, size >> 1, size - 1])]
  return fewer.filter((less) => less > 0 && less < size).toSorted((x, y) => x - y)
}

export function omit<T extends object, K extends keyof T>(from: T, name: K): Omit<T, K> {
  const { [name]: _, ...rest } = from
  return rest
}
