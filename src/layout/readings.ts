// In which orders a port may hold what a source has, and whether it does: number by number.
import { elementCount, type FloatDType, type FloatTensor, sameShape, unitRoundoff } from '../format/tensor.ts'
import { roundToBfloat16, roundToFloat16 } from '../format/precision.ts'
import type { Canonical, Source } from './sources.ts'

/** An axis of a source: which piece, which gate, which row of it, which column. */
type Letter = 'd' | 'g' | 'u' | 'c'

/** An order of a source's axes in a port's tensor. */
export interface Reading {
  readonly order: readonly Letter[]
  /** Columns come before rows. */
  readonly transposed: boolean
  /** The rows of one unit stand side by side, one for each gate. */
  readonly interleaved: boolean
  /** The numbers would stand so, but the port's shape says otherwise: it was reshaped where it was to be transposed. */
  readonly misread: boolean
}

/** Every order that a tensor of a shape may have a source in, each once. */
export function readingsOf({ how, pieces }: Source, sizes: Canonical['sizes'], shape: readonly number[]): Reading[] {
  const rows: (readonly Letter[])[] = [
    ['g', 'u'],
    ['u', 'g'],
  ]
  const readings: Reading[] = []
  const seen = new Set<string>()
  for (const own of rows) {
    const orders: (readonly [readonly Letter[], boolean])[] = [
      [['d', ...own, 'c'], false],
      [how === 'rows' ? ['c', 'd', ...own] : ['d', 'c', ...own], true],
    ]
    for (const [order, transposed] of orders) {
      // What has more axes than two has no transposition of its own.
      if (transposed && pieces[0]!.shape.length > 2) continue
      const key = order.filter((letter) => sizes[letter] > 1).join('')
      if (seen.has(key)) continue
      seen.add(key)
      // A kernel has more axes than are told apart here.
      const isOwn = !transposed && pieces.length === 1 && sameShape(shape, pieces[0]!.shape)
      const misread = !isOwn && !isShapeOf(shape, order, sizes, transposed)
      readings.push({ order, transposed, interleaved: own[0] === 'u', misread })
    }
  }
  return readings
}

/**
 * Whether the axes of a port begin where axes of the source do. One axis of all numbers may have any order; else rows and columns must
 * be parted.
 */
function isShapeOf(
  shape: readonly number[],
  order: readonly Letter[],
  sizes: Canonical['sizes'],
  transposed: boolean,
): boolean {
  const begins = (all: readonly number[]): Set<number> => new Set(all.map((_, i) => elementCount(all.slice(i))))
  const own = begins(shape)
  const fine = begins(order.map((letter) => sizes[letter])).add(1)
  // Of four biases two may be one axis: those of a direction.
  const piece = elementCount(order.slice(order.indexOf('d') + 1).map((letter) => sizes[letter]))
  for (let d = 1; d < sizes.d; d++) if (sizes.d % d === 0) fine.add(d * piece)
  if (shape.filter((size) => size > 1).length < 2) return true
  const rows = sizes.g * sizes.u
  const border = transposed ? elementCount(order.slice(order.indexOf('c') + 1).map((letter) => sizes[letter])) : sizes.c
  return [...own].every((begin) => fine.has(begin)) && (sizes.c === 1 || rows === 1 || own.has(border))
}

/** How nearly two numbers are to be the same, the strictest first. */
export interface Level {
  /** In words, where they are not the very same. */
  readonly words?: string
  /** Whether a port's number is a state_dict's, of so much size. */
  readonly equal: (port: number, own: number, size: number) => boolean
}

const roundings: Readonly<Record<FloatDType, (x: number) => number>> = {
  float16: roundToFloat16,
  bfloat16: roundToBfloat16,
  float32: Math.fround,
  float64: (x) => x,
}

/** So many roundings of what is summed or converted on the way may be in a number; two where bits are cut, as to narrow dtypes. */
const mostRoundings: Readonly<Record<FloatDType, number>> = { float16: 2, bfloat16: 2, float32: 4, float64: 4 }

/** From the very same numbers on: rounded to the port's dtype, to a narrower one, and other roundings. */
export function levelsOf(port: FloatDType, own: FloatDType): readonly Level[] {
  const round = roundings[port]
  const roundOwn = roundings[own]
  const coarser = unitRoundoff[port] >= unitRoundoff[own] ? port : own
  const most = mostRoundings[coarser]
  const isNarrower = unitRoundoff[port] > unitRoundoff[own]
  const narrower = (['float16', 'bfloat16'] as const).filter((dtype) => unitRoundoff[dtype] > unitRoundoff[port])
  return [
    { ...(isNarrower && { words: `rounded to ${port}` }), equal: (x, y) => x === round(y) },
    { words: `the state_dict is rounded to ${own}`, equal: (x, y) => roundOwn(x) === y },
    ...narrower.map((dtype) => ({
      words: `rounded to ${dtype}, in ${port}`,
      equal: (x: number, y: number) => x === roundings[dtype](y),
    })),
    {
      words: `within ${most} roundings of ${coarser}`,
      equal: (x, y, size) => Math.abs(x - y) <= most * unitRoundoff[coarser] * size,
    },
  ]
}

/** How many numbers of each block of a port are those of each gate, with either sign, and how far they are off. */
export interface Counts {
  readonly size: number
  readonly equal: readonly (readonly number[])[]
  readonly opposite: readonly (readonly number[])[]
  readonly squares: readonly (readonly number[])[]
}

/** Goes through a port's tensor as a reading says. visit: → false to stop. */
function walk(
  reading: Reading,
  { d: D, g: G, u: U, c: C }: Canonical['sizes'],
  visit: (at: (g: number) => number, own: (g: number) => number) => boolean,
): void {
  const strides = { d: 0, g: 0, u: 0, c: 0 }
  let inner = 1
  for (const letter of reading.order.toReversed()) {
    strides[letter] = inner
    inner *= { d: D, g: G, u: U, c: C }[letter]
  }
  for (let d = 0; d < D; d++) {
    for (let u = 0; u < U; u++) {
      for (let c = 0; c < C; c++) {
        const base = d * strides.d + u * strides.u + c * strides.c
        const from = d * G * U * C + u * C + c
        if (
          !visit(
            (g) => base + g * strides.g,
            (g) => from + g * U * C,
          )
        )
          return
      }
    }
  }
}

/** Which gates, by their index and with either sign, each block of a port may be: none where nothing fits. */
export function alive(
  port: FloatTensor,
  { sizes, data, size }: Canonical,
  reading: Reading,
  { equal }: Level,
): { readonly same: readonly (readonly number[])[]; readonly opposite: readonly (readonly number[])[] } | undefined {
  const { g: G } = sizes
  const all = Array.from({ length: G }, (_, i) => i)
  const same = all.map(() => new Set(all))
  const opposite = all.map(() => new Set(all))
  let isAlive = true
  walk(reading, sizes, (at, own) => {
    for (let block = 0; block < G; block++) {
      const x = port.data[at(block)]!
      for (const gate of same[block]!) if (!equal(x, data[own(gate)]!, size(own(gate)))) same[block]!.delete(gate)
      for (const gate of opposite[block]!)
        if (!equal(-x, data[own(gate)]!, size(own(gate)))) opposite[block]!.delete(gate)
      if (same[block]!.size + opposite[block]!.size === 0) isAlive = false
    }
    return isAlive
  })
  return isAlive ? { same: same.map((one) => [...one]), opposite: opposite.map((one) => [...one]) } : undefined
}

/** The same as numbers, where not all fits. */
export function counted(
  port: FloatTensor,
  { sizes, data, size }: Canonical,
  reading: Reading,
  { equal }: Level,
): Counts {
  const { d, g: G, u, c } = sizes
  const zeros = (): number[][] => Array.from({ length: G }, () => Array.from({ length: G }, () => 0))
  const counts = { size: d * u * c, equal: zeros(), opposite: zeros(), squares: zeros() }
  walk(reading, sizes, (at, own) => {
    for (let block = 0; block < G; block++) {
      const x = port.data[at(block)]!
      for (let gate = 0; gate < G; gate++) {
        const y = data[own(gate)]!
        const most = size(own(gate))
        if (equal(x, y, most)) counts.equal[block]![gate]!++
        if (equal(-x, y, most)) counts.opposite[block]![gate]!++
        counts.squares[block]![gate]! += (x - y) ** 2
      }
    }
    return true
  })
  return counts
}

const known = new Map<number, readonly (readonly number[])[]>()

/** Every order of so many, the one that changes nothing first. */
export function orders(count: number): readonly (readonly number[])[] {
  const of = (left: readonly number[]): readonly (readonly number[])[] =>
    left.length === 0
      ? [[]]
      : left.flatMap((one) => of(left.filter((other) => other !== one)).map((rest) => [one, ...rest]))
  const all = known.get(count) ?? of(Array.from({ length: count }, (_, i) => i))
  known.set(count, all)
  return all
}
