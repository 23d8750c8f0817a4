// What a port's tensor is of a state_dict: everything that it may be, and what it is nearest to where it is nothing.
import type { FloatTensor } from '../format/tensor.ts'
import { alive, counted, type Level, levelsOf, orders, type Reading, readingsOf } from './readings.ts'
import { type Canonical, canonical, countOf, type Source } from './sources.ts'

/** One way to read a port's tensor. */
export interface Found {
  readonly source: Source
  readonly reading: Reading
  /** Block i of the port is gate order[i] of PyTorch. */
  readonly order: readonly number[]
  /** Whether gate z has the other sign. */
  readonly negated: boolean
  readonly level: Level
}

/** What comes next where nothing fits. */
export interface Nearest {
  readonly found: Found
  readonly equal: number
  readonly count: number
  /** The root of the mean square of the differences, in shares of that of the numbers. */
  readonly apart: number
}

export interface Matches {
  /** Every reading that fits, each with another meaning. */
  readonly found: readonly Found[]
  readonly nearest: Nearest | undefined
}

/** Finds what each tensor of a port is. */
export function matchesOf(
  port: Readonly<Record<string, FloatTensor>>,
  sources: readonly Source[],
): ReadonlyMap<string, Matches> {
  const best = new Map<string, { rank: number; found: Map<string, Found> }>()
  const over = (visit: (name: string, tensor: FloatTensor, source: Source, own: Canonical) => void): void => {
    for (const source of sources) {
      const count = countOf(source)
      const tensors = Object.entries(port).filter(([, { data }]) => data.length === count)
      if (tensors.length === 0) continue
      const own = canonical(source)
      for (const [name, tensor] of tensors) visit(name, tensor, source, own)
    }
  }
  over((name, tensor, source, own) => {
    const before = best.get(name) ?? { rank: Infinity, found: new Map<string, Found>() }
    best.set(name, before)
    if (tensor.data.length === 0) return
    for (const reading of readingsOf(source, own.sizes, tensor.shape)) {
      for (const [i, level] of levelsOf(tensor.dtype, own.dtype).entries()) {
        // What was reshaped by mistake counts where nothing else does.
        const rank = i + (reading.misread ? 100 : 0)
        if (rank > before.rank) break
        const all = foundBy(tensor, source, own, reading, level)
        if (all.length === 0) continue
        if (rank < before.rank) before.found.clear()
        before.rank = rank
        for (const found of all) before.found.set(meaningOf(found, own.sizes), found)
        break
      }
    }
  })
  const nearest = new Map<string, Nearest>()
  over((name, tensor, source, own) => {
    if ((best.get(name)?.found.size ?? 0) > 0 || tensor.data.length === 0) return
    for (const reading of readingsOf(source, own.sizes, tensor.shape)) {
      const next = nearestBy(tensor, source, own, reading)
      const before = nearest.get(name)
      if (before === undefined || isNearer(next, before)) nearest.set(name, next)
    }
  })
  return new Map(
    Object.keys(port).map((name) => [
      name,
      { found: [...(best.get(name)?.found.values() ?? [])], nearest: nearest.get(name) },
    ]),
  )
}

/** Which of its gates have a sign of their own: 1 − z stands where PyTorch has z where the weights of z are negated. */
function mayNegate({ pieces }: Source, gate: number): boolean {
  const { gates, gate: alone } = pieces[0]!
  return (alone ?? gates[gate]) === 'z'
}

function foundBy(tensor: FloatTensor, source: Source, own: Canonical, reading: Reading, level: Level): Found[] {
  // Many numbers round to one: what is not the very same must at least be several.
  if (level.words !== undefined && tensor.data.length > 1 && isConstant(tensor.data) && !isConstant(own.data)) return []
  const fits = alive(tensor, own, reading, level)
  if (fits === undefined) return []
  return orders(own.sizes.g).flatMap((order) => {
    const isSame = order.map((gate, block) => fits.same[block]!.includes(gate))
    const isOpposite = order.map((gate, block) => mayNegate(source, gate) && fits.opposite[block]!.includes(gate))
    if (!order.every((_, block) => isSame[block] === true || isOpposite[block] === true)) return []
    return [{ source, reading, order, negated: isSame.includes(false), level }]
  })
}

/** Whether there is but one number. */
export function isConstant(data: Float32Array | Float64Array): boolean {
  const [first] = data
  return data.every((x) => x === first)
}

/** The same for readings that take every number from the same place. */
function meaningOf({ source: { how, pieces }, reading, order, negated }: Found, sizes: Canonical['sizes']): string {
  const names = pieces.map((piece) => [piece.names, piece.gate ?? '', piece.sum ?? '', piece.wrong ?? ''])
  const axes = reading.order.filter((letter) => sizes[letter] > 1)
  return JSON.stringify([names, how === 'columns', axes, order, negated])
}

function nearestBy(tensor: FloatTensor, source: Source, own: Canonical, reading: Reading): Nearest {
  const level = levelsOf(tensor.dtype, own.dtype).at(-1)!
  const counts = counted(tensor, own, reading, level)
  let size = 0
  for (const x of own.data) size += x * x
  const count = tensor.data.length
  let nearest: Nearest | undefined
  for (const order of orders(own.sizes.g)) {
    const sum = (of: readonly (readonly number[])[]): number =>
      order.reduce((all, gate, block) => all + of[block]![gate]!, 0)
    const isOpposite = order.some(
      (gate, block) => mayNegate(source, gate) && counts.opposite[block]![gate]! > counts.equal[block]![gate]!,
    )
    const better = order.map((gate, block) =>
      mayNegate(source, gate) && isOpposite ? counts.opposite[block]![gate]! : counts.equal[block]![gate]!,
    )
    const equal = better.reduce((all, each) => all + each, 0)
    const found = { source, reading, order, negated: isOpposite, level }
    const next = { found, equal, count, apart: Math.sqrt(sum(counts.squares) / size) }
    if (nearest === undefined || isNearer(next, nearest)) nearest = next
  }
  return nearest!
}

/** So few equal numbers may be so by chance. */
const fewEqual = 0.1

function isNearer(one: Nearest, other: Nearest): boolean {
  const [most, more] = [one.equal, other.equal].map((equal) => (equal < fewEqual * one.count ? 0 : equal))
  if (most !== more) return most! > more!
  if (one.found.reading.misread !== other.found.reading.misread) return other.found.reading.misread
  return one.apart < other.apart
}

/** Whether what is nearest is near at all: some numbers are equal, or all are close. */
export function isNear({ equal, count, apart }: Nearest): boolean {
  return equal >= fewEqual * count || apart < fewEqual
}
