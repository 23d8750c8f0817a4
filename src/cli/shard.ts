// A part of a run, on a machine of its own: `--shard 3/16`. Every machine deals the same cases to the same parts, without a word to the others.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { InvalidArgumentError } from 'commander'
import type { Fixture, Take } from '../format/fixture.ts'
import type { EngineOptions } from '../ports/engine.ts'
import type { Shard } from '../report/results.ts'
import { version } from './version.ts'

/** Which part of how many, from 1. */
export interface Part {
  readonly index: number
  readonly of: number
}

/** The most parts that a run may have. */
export const mostParts = 100_000

/** `3/16` */
export function parsePart(text: string): Part {
  const [, index, of] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number)
  if (index !== undefined && of !== undefined && 1 <= index && index <= of && of <= mostParts) return { index, of }
  throw new InvalidArgumentError(`expected I/N, the I-th of N parts, such as 3/16, got ${text}`)
}

/**
 * What a case costs beside what its bytes do, in bytes: measured over the committed cases, asking a small one and writing of it takes as
 * long as reading and judging so many more.
 */
const bytesOfEach = 16_384

/**
 * Deals the cases of a run: each goes to the part that has least so far, by bytes, the first of several. The order of files and cases says
 * who gets which, so that it is the same wherever the same files are.
 */
export class Deal {
  /** Bytes of each part, and a heap of the parts: the one with least stands first. */
  readonly #loads: Float64Array
  readonly #heap: Uint32Array
  readonly #part: Part
  readonly files: { name: string; sha256: string; cases: number }[] = []
  /** How many cases were dealt to this part. */
  dealt = 0

  constructor(part: Part) {
    this.#part = part
    this.#loads = new Float64Array(part.of)
    this.#heap = Uint32Array.from({ length: part.of }, (_, i) => i)
  }

  /** What of a file is for this part. */
  of({ header, sha256, length }: Fixture): Take {
    this.files.push({ name: header.name, sha256, cases: length })
    return (bytes) => {
      const isOurs = this.#next(bytes + bytesOfEach) === this.#part.index - 1
      if (isOurs) this.dealt++
      return isOurs
    }
  }

  /** → the part with least, which is given so much */
  #next(bytes: number): number {
    const heap = this.#heap
    const part = heap[0]!
    this.#loads[part]! += bytes
    for (let at = 0; ;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && this.#isBefore(heap[child]!, heap[least]!)) least = child
      }
      if (least === at) return part
      heap[at] = heap[least]!
      heap[least] = part
      at = least
    }
  }

  #isBefore(one: number, other: number): boolean {
    const difference = this.#loads[one]! - this.#loads[other]!
    return difference < 0 || (difference === 0 && one < other)
  }

  /** What the results say of the part, by which `report` proves that parts make a whole. */
  stated(left: Pick<Shard, 'filtered' | 'failed'>, asked: Shard['asked']): Shard {
    return { ...this.#part, dealt: this.dealt, ...left, files: this.files, asked }
  }
}

/** What a run is asked for, beside how it judges. The engine's file by its hash: two engines may have one name. */
export async function askedOf({
  engine,
  engineCommand,
  enginePage,
  filter,
  repeat,
  order,
}: EngineOptions & { readonly filter: readonly string[]; readonly repeat: number; readonly order: number }): Promise<
  Shard['asked']
> {
  const bytes = engine === undefined ? undefined : await readFile(engine).catch(() => undefined)
  return {
    version: version(),
    repeat,
    order,
    ...(filter.length > 0 && { filter: filter.join(' ') }),
    ...(engineCommand !== undefined && { engineCommand }),
    ...(enginePage !== undefined && { enginePage }),
    ...(bytes !== undefined && { engine: createHash('sha256').update(bytes).digest('hex') }),
  }
}
