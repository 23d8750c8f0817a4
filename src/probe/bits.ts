/** A set of things, by their places: one bit each. */
export type Bits = Uint32Array

export function bitsOf<T>(all: readonly T[], is: (one: T) => boolean): Bits {
  const bits = grown(undefined, all.length)
  for (const [i, one] of all.entries()) if (is(one)) put(bits, i)
  return bits
}

export function put(bits: Bits, i: number): void {
  bits[i >>> 5]! |= 1 << (i & 31)
}

/** The same set, with room for so many. */
export function grown(bits: Bits | undefined, count: number): Bits {
  const words = Math.ceil(count / 32)
  if (bits?.length === words) return bits
  const larger = new Uint32Array(words)
  if (bits !== undefined) larger.set(bits)
  return larger
}

export function everything(words: number): Bits {
  return new Uint32Array(words).fill(0xffffffff)
}

export function isEmpty(bits: Bits): boolean {
  return bits.every((word) => word === 0)
}

/** How many are in both sets, and in a third where there is one. */
export function countOf(bits: Bits, other: Bits, third?: Bits): number {
  let count = 0
  for (let i = 0; i < bits.length; i++) {
    let word = bits[i]! & other[i]!
    if (third !== undefined) word &= third[i]!
    word -= (word >>> 1) & 0x55555555
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333)
    count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
  }
  return count
}

export function both(one: Bits, other: Bits): Bits {
  return one.map((word, i) => word & other[i]!)
}

export function without(one: Bits, other: Bits): Bits {
  return one.map((word, i) => word & ~other[i]!)
}

/** The same for the same set, as text. */
export function keyOf(bits: Bits): string {
  return String.fromCharCode(...new Uint16Array(bits.buffer, bits.byteOffset, 2 * bits.length))
}
