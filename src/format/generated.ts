// Numbers that a file names instead of holding. python/torch_parity/values.py is the other half, and says why just these.
import { sha256 } from '@noble/hashes/sha2.js'
import { elementCount, type FloatDType, type FloatTensor, floatTensor } from './tensor.ts'

/** How the numbers of a tensor are made. */
export interface Generated {
  /** Names the stream of random numbers: seed, suite, case and tensor, joined by `/`. */
  readonly stream: string
  /** From −bound to bound; or a sum of three that are from −1 to 1, with variance 1. */
  readonly kind: 'uniform' | 'normal'
  /** Of a uniform number. */
  readonly bound: number
  /** What each number is multiplied by in the end. */
  readonly scale: number
}

/** So many elements at most in a case, so that a few bytes of a file cost no more than a second. */
export const maxGenerated = 2 ** 22

/** The tensor of a shape, the same bytes as in Python. */
export function generatedTensor(
  dtype: FloatDType,
  shape: readonly number[],
  { stream, kind, bound, scale }: Generated,
): FloatTensor {
  const count = elementCount(shape)
  const units = unitsOf(stream)
  const values = new Float64Array(count)
  // Each term of a sum is drawn for the whole tensor before the next one.
  for (let term = kind === 'uniform' ? 1 : 3; term > 0; term--) {
    const own = kind === 'uniform' ? bound : 1
    for (let i = 0; i < count; i++) values[i]! += (2 * units() - 1) * own
  }
  for (let i = 0; i < count; i++) values[i]! *= scale
  // torch comes to half precision by way of float32.
  return floatTensor(dtype, shape, dtype === 'float64' ? values : Float32Array.from(values))
}

/** Numbers from 0 to 1, of 53 bits: the raw output of numpy.random.PCG64, started by a SeedSequence. */
export function unitsOf(stream: string): () => number {
  const [start, increment] = startOf(seedSequence(sha256(new TextEncoder().encode(stream))))
  // Words of 32 bits, the lowest first; in an array of integers, because others would be boxed.
  const state = new Uint32Array(4)
  step(state, increment)
  addTo(state, start)
  step(state, increment)
  return () => {
    step(state, increment)
    // XSL-RR: the halves in one, turned to the right by the highest 6 bits.
    const turn = state[3]! >>> 26
    const [first, second] = turn < 32 ? [3, 2] : [2, 3]
    const high = state[first]! ^ state[first - 2]!
    const low = state[second]! ^ state[second - 2]!
    const by = turn & 31
    const turnedHigh = by === 0 ? high : (high >>> by) | (low << (32 - by))
    const turnedLow = by === 0 ? low : (low >>> by) | (high << (32 - by))
    return ((turnedHigh >>> 0) * 2 ** 21 + (turnedLow >>> 11)) * 2 ** -53
  }
}

/**
 * 256 bits of state from 32 bytes, as 8 words, the lowest first.
 * Source: numpy.random.SeedSequence, after M. E. O'Neill's seed_seq_fe.
 */
function seedSequence(entropy: Uint8Array): Uint32Array {
  const view = new DataView(entropy.buffer, entropy.byteOffset)
  const words = Array.from({ length: 8 }, (_, i) => view.getUint32(4 * i, true))
  // A whole number has no leading zeros, so that its highest words may be missing; at least one is there.
  while (words.length > 1 && words.at(-1) === 0) words.pop()
  let constant = 0x43b0d7e5
  const hash = (value: number): number => {
    const mixed = value ^ constant
    constant = Math.imul(constant, 0x931e8875)
    const product = Math.imul(mixed, constant)
    return product ^ (product >>> 16)
  }
  const mix = (x: number, y: number): number => {
    const both = Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)
    return both ^ (both >>> 16)
  }
  const pool = new Int32Array(4).map((_, i) => hash(words[i] ?? 0))
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to]!, hash(pool[from]!))
  }
  for (const word of words.slice(4)) {
    for (let to = 0; to < 4; to++) pool[to] = mix(pool[to]!, hash(word))
  }
  let output = 0x8b51f9dd
  return new Uint32Array(8).map((_, i) => {
    const mixed = pool[i % 4]! ^ output
    output = Math.imul(output, 0x58f38ded)
    const product = Math.imul(mixed, output)
    return product ^ (product >>> 16)
  })
}

/**
 * Where a generator starts, and its increment, in words of 32 bits with the lowest first.
 * words: of four numbers of 64 bits, the higher halves of both before the lower ones.
 */
function startOf(words: Uint32Array): [Uint32Array, Uint32Array] {
  const of = (...places: readonly number[]): Uint32Array => Uint32Array.from(places, (place) => words[place]!)
  const sequence = of(6, 7, 4, 5)
  // The number of the sequence is doubled and made odd.
  const increment = sequence.map((word, i) => (word << 1) | (i === 0 ? 1 : sequence[i - 1]! >>> 31))
  return [of(2, 3, 0, 1), increment]
}

/** to += x, of 128 bits. */
function addTo(to: Uint32Array, x: Uint32Array): void {
  let carry = 0
  for (let i = 0; i < 4; i++) {
    const sum = to[i]! + x[i]! + carry
    to[i] = sum
    carry = sum >= 2 ** 32 ? 1 : 0
  }
}

/** The words of 0x2360ed051fc65da44385df649fccf645, the lowest first. */
const [m0, m1, m2, m3] = [0x9fccf645, 0x4385df64, 0x1fc65da4, 0x2360ed05] as const

/**
 * state = state · multiplier + increment, of 128 bits, as in writing: each column of words, and what it carries.
 * Source: numpy/random/src/pcg64, after M. E. O'Neill, "PCG: A family of simple fast space-efficient statistically good algorithms".
 */
function step(state: Uint32Array, increment: Uint32Array): void {
  const s0 = state[0]!
  const s1 = state[1]!
  const s2 = state[2]!
  const s3 = state[3]!
  const column0 = low(s0, m0) + increment[0]!
  const column1 = carried(column0) + high(s0, m0) + low(s0, m1) + low(s1, m0) + increment[1]!
  const column2 =
    carried(column1) + high(s0, m1) + high(s1, m0) + low(s0, m2) + low(s1, m1) + low(s2, m0) + increment[2]!
  const column3 =
    carried(column2) +
    (high(s0, m2) + high(s1, m1) + high(s2, m0)) +
    (low(s0, m3) + low(s1, m2) + low(s2, m1) + low(s3, m0)) +
    increment[3]!
  state[0] = column0
  state[1] = column1
  state[2] = column2
  state[3] = column3
}

function carried(column: number): number {
  return Math.floor(column / 2 ** 32)
}

/** The lower 32 bits of a product of words. */
function low(x: number, y: number): number {
  return Math.imul(x, y) >>> 0
}

/** The upper 32 bits; no term has more than 49. */
function high(x: number, y: number): number {
  return Math.floor((x * (y >>> 16) + Math.floor((x * (y & 0xffff)) / 2 ** 16)) / 2 ** 16)
}
