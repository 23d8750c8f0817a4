import type { Outputs, Request } from './case.ts'
import type { Engine } from './engine/run.ts'
import { indexAt } from './tensor.ts'

/**
 * What an engine does beside computing. `inputs written`: into what it was given; `outputs overwritten`: a run has changed what an
 * earlier one had returned; `outputs aliased`: two tensors of one run share memory; `not repeatable`: the same request has got
 * other numbers; `stale`: other parameters have got the numbers of those before them.
 */
export const conducts = ['not repeatable', 'stale', 'inputs written', 'outputs overwritten', 'outputs aliased'] as const

export interface Conduct {
  readonly kind: (typeof conducts)[number]
  /** In words: which tensor, where, and between which runs. */
  readonly text: string
}

/** What shares memory is handed over before anything can go wrong; all else makes numbers wrong for whoever calls twice. */
export function fails({ kind }: Pick<Conduct, 'kind'>): boolean {
  return kind !== 'outputs aliased'
}

/** An engine that is watched while it runs, and what has been seen since it was last asked. */
export interface Watched {
  readonly engine: Engine
  readonly take: () => Conduct[]
}

// Taken before an engine is loaded into the same thread, which may take them away.
const { entries, is: isSame } = Object
const [Float32, Float64] = [Float32Array, Float64Array]

type Numbers = Float32Array | Float64Array | BigInt64Array

/** Watches an engine in the same thread, where what it does to memory can be seen. */
export function watched(engine: Engine): Watched {
  let seen: Conduct[] = []
  let before: { readonly given: ReadonlyMap<string, Numbers>; readonly kept: ReadonlyMap<string, Numbers> } | undefined
  const run = async (request: Request): Promise<Outputs> => {
    const given = numbersIn(request)
    const copies = copiesOf(given)
    try {
      const outputs = await engine.run(request)
      const returned = numbersOf(outputs)
      if (before !== undefined) {
        for (const [name, at] of changes(before.given, before.kept)) {
          seen.push({ kind: 'outputs overwritten', text: `${name} of the run before was changed by this one, ${at}` })
        }
      }
      for (const [one, other] of aliases(returned)) {
        seen.push({ kind: 'outputs aliased', text: `${one} and ${other} share memory` })
      }
      // A copy: an engine that hands out one buffer again and again is seen by what becomes of it.
      before = { given: returned, kept: copiesOf(returned) }
      return outputs
    } finally {
      for (const [name, at] of changes(given, copies)) {
        seen.push({ kind: 'inputs written', text: `${name} was written into, ${at}` })
      }
    }
  }
  return {
    engine: { ...(engine.supports && { supports: (request) => engine.supports!(request) }), name: engine.name, run },
    take() {
      const taken = seen
      seen = []
      return taken
    },
  }
}

function numbersIn({ params, inputs, cotangents }: Request): Map<string, Numbers> {
  const all = { params, inputs, ...(cotangents && { cotangents }) }
  return new Map(
    entries(all).flatMap(([group, tensors]) =>
      entries(tensors as Outputs).map(([name, { data }]) => [`${group}.${name}`, data] as const),
    ),
  )
}

/** An engine's outputs may be anything. */
function numbersOf(outputs: unknown): Map<string, Numbers> {
  const found = new Map<string, Numbers>()
  if (typeof outputs !== 'object' || outputs === null) return found
  for (const [name, tensor] of entries(outputs)) {
    const data: unknown = Object(tensor).data
    if (data instanceof Float32 || data instanceof Float64) found.set(name, data)
  }
  return found
}

/** What an answer is but for its numbers: which tensors there are, of which dtype and shape, and how many numbers they have. */
function formOf(outputs: unknown): Map<string, string> {
  if (typeof outputs !== 'object' || outputs === null) return new Map([['the answer', String(outputs)]])
  return new Map(
    entries(outputs).map(([name, tensor]) => {
      const { dtype, shape, data }: { dtype?: unknown; shape?: unknown; data?: unknown } = Object(tensor)
      const isData = data instanceof Float32 || data instanceof Float64
      const own = isData ? `${data.length} numbers` : typeof data
      return [name, `${String(dtype)} (${Array.isArray(shape) ? shape.join(', ') : String(shape)}) of ${own}`]
    }),
  )
}

function copiesOf(arrays: ReadonlyMap<string, Numbers>): Map<string, Numbers> {
  return new Map([...arrays].map(([name, data]) => [name, data.slice()]))
}

/** The arrays that are not what they were, and the first place of each. */
function changes(arrays: ReadonlyMap<string, Numbers>, kept: ReadonlyMap<string, Numbers>): [string, string][] {
  const found: [string, string][] = []
  for (const [name, data] of arrays) {
    const was = kept.get(name)!
    // The memory behind it may have been handed away, to another thread or to a larger heap.
    const at = data.length === was.length ? firstDifference(data, was) : undefined
    if (at !== undefined) found.push([name, `first at element ${at}: ${was[at]} has become ${data[at]}`])
  }
  return found
}

/** The first element that is not the same number, −0 and 0 apart; every NaN is the same. */
function firstDifference(one: Numbers, other: Numbers): number | undefined {
  for (let i = 0; i < one.length; i++) if (!isSame(one[i], other[i])) return i
  return undefined
}

function aliases(arrays: ReadonlyMap<string, Numbers>): [string, string][] {
  const all = [...arrays].filter(([, { length }]) => length > 0)
  return all.flatMap(([name, one], i) =>
    all.slice(i + 1).flatMap(([other, two]): [string, string][] => (overlap(one, two) ? [[name, other]] : [])),
  )
}

function overlap(one: Numbers, other: Numbers): boolean {
  if (one.buffer !== other.buffer) return false
  const end = (data: Numbers): number => data.byteOffset + data.byteLength
  return one.byteOffset < end(other) && other.byteOffset < end(one)
}

/** Where two answers to the same request first differ, in words; undefined when they are the same bit for bit. */
export function difference(first: unknown, second: unknown): string | undefined {
  const [form, otherForm] = [formOf(first), formOf(second)]
  for (const name of new Set([...form.keys(), ...otherForm.keys()])) {
    const [was, is] = [form.get(name) ?? 'not there', otherForm.get(name) ?? 'not there']
    if (was !== is) return `${name} is ${was}, and then ${is}`
  }
  const [one, other] = [numbersOf(first), numbersOf(second)]
  for (const name of new Set([...one.keys(), ...other.keys()])) {
    const [was, is] = [one.get(name), other.get(name)]
    if (was === undefined || is === undefined) continue
    const at = firstDifference(was, is)
    if (at === undefined) continue
    const { shape }: { shape?: unknown } = Object(Object(first)[name])
    const place = Array.isArray(shape) ? ` [${indexAt(shape as number[], at).join(', ')}]` : ` element ${at}`
    let count = 0
    for (let i = 0; i < was.length; i++) if (!isSame(was[i], is[i])) count++
    return `${name}${place} is ${was[at]}, and then ${is[at]} (${count} of ${was.length} elements differ)`
  }
  return undefined
}
