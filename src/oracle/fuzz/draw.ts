import * as fc from 'fast-check'

const powers = [4, 8, 16, 32, 64, 128, 256, 512]

/** Just below, at and just above each power of two from 4 on: where what works in blocks begins another one. */
export function edges(min: number, max: number): number[] {
  const all = powers.flatMap((power) => [power - 1, power, power + 1])
  return [...new Set(all)].filter((size) => size >= min && size <= max)
}

/** Small numbers as likely as large ones on a logarithmic scale, one in four beside a power of two; shrinks to min. */
export function size(min: number, max: number): fc.Arbitrary<number> {
  const steps = [2, ...powers].filter((to) => to < max)
  const any = fc.oneof(...[...steps, max].map((to) => fc.integer({ min, max: Math.max(min, Math.min(to, max)) })))
  const special = edges(min, max)
  if (special.length === 0) return any
  return fc.oneof({ arbitrary: any, weight: 3 }, { arbitrary: fc.constantFrom(...special), weight: 1 })
}

/** Mostly a size up to `usual`, one in eight up to max: what is rare costs little, and happens. */
export function seldomLarge(min: number, usual: number, max: number): fc.Arbitrary<number> {
  const small = size(min, Math.min(usual, max))
  if (max <= usual) return small
  return fc.oneof({ arbitrary: small, weight: 7 }, { arbitrary: size(usual + 1, max), weight: 1 })
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
