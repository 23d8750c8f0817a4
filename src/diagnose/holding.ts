import type { Case, Outputs } from '../format/case.ts'

/** A mismatch with all that it takes to look into it. */
export interface Held {
  readonly place: { readonly file: string; readonly id: string }
  readonly recorded: Case
  readonly outputs: Outputs
}

interface Kept {
  readonly bytes: number
  isSearched: boolean
}

const moduleOf = ({ recorded }: Held): string => recorded.module
const keyOf = (held: Held): string => `${held.place.file} ${moduleOf(held)}`

/** Mismatches that are kept, up to a number of bytes; where there are more, a module and file keeps no more than others do. */
export class Holding implements Iterable<Held> {
  private readonly kept = new Map<Held, Kept>()
  private readonly bytesOf = new Map<string, number>()
  private readonly failures = new Map<string, number>()
  private bytes = 0
  private readonly mostBytes: number

  constructor(mostBytes: number) {
    this.mostBytes = mostBytes
  }

  [Symbol.iterator](): Iterator<Held> {
    return [...this.kept.keys()][Symbol.iterator]()
  }

  add(held: Held): void {
    const bytes = bytesOf(held)
    if (bytes > this.mostBytes) return
    this.kept.set(held, { bytes, isSearched: false })
    this.count(held, bytes)
    while (this.bytes > this.mostBytes) {
      const [key] = [...this.bytesOf].reduce((most, each) => (each[1] > most[1] ? each : most))
      // The last that came: what came first is looked into first.
      this.drop([...this.kept.keys()].findLast((each) => keyOf(each) === key)!)
    }
  }

  drop(held: Held): void {
    const kept = this.kept.get(held)
    if (kept === undefined) return
    this.kept.delete(held)
    this.count(held, -kept.bytes)
  }

  /** Looking into it has come to nothing: those like it come later, and it is kept for what explains them. */
  failed(held: Held): void {
    for (const key of [keyOf(held), moduleOf(held)]) this.failures.set(key, this.failuresOf(key) + 1)
    if (!this.kept.has(held)) this.add(held)
    const kept = this.kept.get(held)
    if (kept !== undefined) kept.isSearched = true
  }

  /** What is to be looked into next: one of a module and file of which fewest have come to nothing. */
  next(): Held | undefined {
    let next: Held | undefined
    for (const held of this.left()) if (next === undefined || this.isBefore(held, next)) next = held
    return next
  }

  /** How many modules and files there are that have something to be looked into. */
  countOfKeys(): number {
    return new Set([...this.left()].map((held) => keyOf(held))).size
  }

  private *left(): Generator<Held> {
    for (const [held, { isSearched }] of this.kept) if (!isSearched) yield held
  }

  private isBefore(one: Held, other: Held): boolean {
    const [own, others] = [this.failuresOf(keyOf(one)), this.failuresOf(keyOf(other))]
    return own === others ? this.failuresOf(moduleOf(one)) < this.failuresOf(moduleOf(other)) : own < others
  }

  private failuresOf(key: string): number {
    return this.failures.get(key) ?? 0
  }

  private count(held: Held, bytes: number): void {
    const key = keyOf(held)
    const all = (this.bytesOf.get(key) ?? 0) + bytes
    if (all > 0) this.bytesOf.set(key, all)
    else this.bytesOf.delete(key)
    this.bytes += bytes
  }
}

function bytesOf({ recorded, outputs }: Held): number {
  const { params, inputs, cotangents = {}, expected, budget } = recorded
  let bytes = 0
  for (const tensors of [params, inputs, cotangents, expected, budget, outputs]) {
    for (const tensor of Object.values(tensors)) bytes += (tensor as { data: { byteLength: number } }).data.byteLength
  }
  return bytes
}
