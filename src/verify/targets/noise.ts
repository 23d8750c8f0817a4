/** How what is computed goes wrong within what is permitted. */
export const directions = ['high', 'low', 'away', 'toward', 'alternating', 'signs', 'uniform'] as const
export type Direction = (typeof directions)[number]

/** From which numbers a perturbation is drawn, the same for the same seed. */
export interface Noise {
  /** A share of the permitted error, from −1 to 1, in the direction that fits a number of this sign. */
  readonly share: (x: number) => number
  /** Shares of numbers above 0, one after the other, and whether those below 0 have the opposite: for loops over many. */
  readonly table: Float64Array
  readonly bySign: boolean
  /** Heads or tails. */
  readonly coin: () => boolean
}

/** A prime, so that rows of no usual length meet the same shares again. */
const tableSize = 8191

export function noise(direction: Direction, seed: number): Noise {
  const next = random(seed)
  let calls = 0
  const draw = (): number => {
    switch (direction) {
      case 'high':
      case 'away':
        return 1
      case 'low':
      case 'toward':
        return -1
      case 'alternating':
        return calls++ % 2 === 0 ? 1 : -1
      case 'signs':
        return next() < 0.5 ? -1 : 1
      default:
        return 2 * next() - 1
    }
  }
  const bySign = direction === 'away' || direction === 'toward'
  const table = Float64Array.from({ length: tableSize }, draw)
  return { share: (x) => (bySign && x < 0 ? -draw() : draw()), table, bySign, coin: () => next() < 0.5 }
}

/** Numbers from 0 up to 1. Source: mulberry32. */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A seed from text. Source: FNV-1a. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
