import type { Outputs, Request } from '../format/case.ts'
import type { Engine } from '../engine/run.ts'
import { type FloatTensor, indexAt, type Tensor } from '../format/tensor.ts'

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
const { entries, is: isSame, keys } = Object
const [Float32, Float64, BigInt64] = [Float32Array, Float64Array, BigInt64Array]

type Numbers = Float32Array | Float64Array | BigInt64Array

/** Watches an engine in the same thread, where what it does to memory can be seen. */
export function watched(engine: Engine): Watched {
  let seen: Conduct[] = []
  let before: readonly Numbers[] = []
  let namesBefore: readonly string[] = []
  const keptBefore = newCopies()
  // Of runs that are under way at the same time each has its own.
  const free: Copies[] = []
  const run = async (request: Request): Promise<Outputs> => {
    const given = numbersIn(request)
    const copies = free.pop() ?? newCopies()
    copies.keep(given)
    try {
      const outputs = await engine.run(request)
      const [names, returned] = numbersOf(outputs)
      for (const [i, at] of keptBefore.changes(before)) {
        seen.push({
          kind: 'outputs overwritten',
          text: `${namesBefore[i]} of the run before was changed by this one, ${at}`,
        })
      }
      for (const [one, other] of aliases(returned)) {
        seen.push({ kind: 'outputs aliased', text: `${names[one]} and ${names[other]} share memory` })
      }
      // A copy: an engine that hands out one buffer again and again is seen by what becomes of it.
      before = returned
      namesBefore = names
      keptBefore.keep(returned)
      return outputs
    } finally {
      for (const [i, at] of copies.changes(given)) {
        seen.push({ kind: 'inputs written', text: `${namesIn(request)[i]} was written into, ${at}` })
      }
      free.push(copies)
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

/** Everything that goes into a run, in the order of `namesIn`. */
function numbersIn({ params, inputs, cotangents }: Request): Numbers[] {
  const all: Numbers[] = []
  for (const name of keys(params)) all.push(params[name]!.data)
  for (const name of keys(inputs)) all.push((inputs as Record<string, Tensor>)[name]!.data)
  if (cotangents !== undefined) for (const name of keys(cotangents)) all.push(cotangents[name]!.data)
  return all
}

function namesIn({ params, inputs, cotangents }: Request): string[] {
  const all = { params, inputs, ...(cotangents && { cotangents }) }
  return entries(all).flatMap(([group, tensors]) => keys(tensors).map((name) => `${group}.${name}`))
}

/** Copies of arrays, in memory that is used again and again. */
interface Copies {
  keep(arrays: readonly Numbers[]): void
  /** Which of the arrays are not what they were, and the first place of each. */
  changes(arrays: readonly Numbers[]): readonly (readonly [number, string])[]
}

function newCopies(): Copies {
  // Every number of any float dtype, exactly.
  let floats = new Float64(1024)
  let integers: BigInt64Array[] = []
  const lengths: number[] = []
  return {
    keep(arrays) {
      if (integers.length > 0) integers = []
      let total = 0
      for (const { length } of arrays) total += length
      if (total > floats.length) floats = new Float64(2 * total)
      let at = 0
      for (let i = 0; i < arrays.length; i++) {
        const data = arrays[i]!
        lengths[i] = data.length
        if (data instanceof BigInt64) integers.push(data.slice())
        else {
          copyNumbers(data, floats, at)
          at += data.length
        }
      }
    },
    changes(arrays) {
      let found: [number, string][] | undefined
      let at = 0
      let integer = 0
      for (let i = 0; i < arrays.length; i++) {
        const data = arrays[i]!
        const length = lengths[i]!
        // The memory behind it may have been handed away, to another thread or to a larger heap.
        const isThere = data.length === length
        if (data instanceof BigInt64) {
          const was = integers[integer++]!
          const changed = isThere ? firstDifference(data, was) : undefined
          if (changed !== undefined) (found ??= []).push([i, changeAt(changed, was[changed], data[changed])])
        } else {
          const changed = isThere ? firstChange(data, floats, at) : -1
          if (changed >= 0) (found ??= []).push([i, changeAt(changed, floats[at + changed], data[changed])])
          at += length
        }
      }
      return found ?? none
    },
  }
}

const none: readonly (readonly [number, string])[] = []

function changeAt(place: number, was: unknown, is: unknown): string {
  return `first at element ${place}: ${String(was)} has become ${String(is)}`
}

function copyNumbers(from: Float32Array | Float64Array, to: Float64Array, at: number): void {
  // So few are copied faster than the copying is called.
  if (from.length > 64) to.set(from, at)
  else for (let i = 0; i < from.length; i++) to[at + i] = from[i]!
}

/** The first element that is not the number that stands from `at` on in another array, −0 and 0 apart; −1 when there is none. */
function firstChange(data: Float32Array | Float64Array, kept: Float64Array, at: number): number {
  for (let i = 0; i < data.length; i++) if (isOther(data[i]!, kept[at + i]!)) return i
  return -1
}

/** The names of the arrays of an answer, and the arrays; an engine's outputs may be anything. */
function numbersOf(outputs: unknown): [string[], (Float32Array | Float64Array)[]] {
  const names: string[] = []
  const arrays: (Float32Array | Float64Array)[] = []
  if (typeof outputs !== 'object' || outputs === null) return [names, arrays]
  for (const name of keys(outputs)) {
    const tensor: unknown = (outputs as Record<string, unknown>)[name]
    const data: unknown = typeof tensor === 'object' && tensor !== null && 'data' in tensor ? tensor.data : undefined
    if (!(data instanceof Float32 || data instanceof Float64)) continue
    names.push(name)
    arrays.push(data)
  }
  return [names, arrays]
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

/** The first element that is not the same number, −0 and 0 apart; every NaN is the same. */
function firstDifference(one: Numbers, other: Numbers): number | undefined {
  for (let i = 0; i < one.length; i++) if (!isSame(one[i], other[i])) return i
  return undefined
}

/** The pairs of arrays that share memory. */
function aliases(arrays: readonly Numbers[]): [number, number][] {
  const found: [number, number][] = []
  for (let i = 0; i < arrays.length; i++) {
    if (arrays[i]!.length === 0) continue
    for (let j = i + 1; j < arrays.length; j++) {
      if (arrays[j]!.length > 0 && overlap(arrays[i]!, arrays[j]!)) found.push([i, j])
    }
  }
  return found
}

function overlap(one: Numbers, other: Numbers): boolean {
  if (one.buffer !== other.buffer) return false
  const end = (data: Numbers): number => data.byteOffset + data.byteLength
  return one.byteOffset < end(other) && other.byteOffset < end(one)
}

/** Where two answers to the same request first differ, in words; undefined when they are the same bit for bit. */
export function difference(first: unknown, second: unknown): string | undefined {
  if (isSameAnswer(first, second)) return undefined
  const [form, otherForm] = [formOf(first), formOf(second)]
  for (const name of new Set([...form.keys(), ...otherForm.keys()])) {
    const [was, is] = [form.get(name) ?? 'not there', otherForm.get(name) ?? 'not there']
    if (was !== is) return `${name} is ${was}, and then ${is}`
  }
  const [one, other] = [numbersByName(first), numbersByName(second)]
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

function numbersByName(outputs: unknown): Map<string, Numbers> {
  const [names, arrays] = numbersOf(outputs)
  return new Map(names.map((name, i) => [name, arrays[i]!]))
}

function differs(one: Float32Array | Float64Array, other: Float32Array | Float64Array): boolean {
  for (let i = 0; i < one.length; i++) if (isOther(one[i]!, other[i]!)) return true
  return false
}

/** The quotients tell 0 from −0, and are the same for any other number; of NaN there is one. */
function isOther(x: number, y: number): boolean {
  return x !== y ? x === x || y === y : x === 0 && 1 / x !== 1 / y
}

/** Whether there certainly is no difference, as there nearly always is none. */
function isSameAnswer(first: unknown, second: unknown): boolean {
  if (typeof first !== 'object' || first === null || typeof second !== 'object' || second === null) return false
  const [one, other] = [first as Outputs, second as Outputs]
  const names = keys(one)
  if (keys(other).length !== names.length) return false
  for (const name of names) {
    const [was, is]: (Partial<FloatTensor> | undefined)[] = [one[name], other[name]]
    const [data, now] = [was?.data, is?.data]
    if (!(data instanceof Float32 || data instanceof Float64)) return false
    if (!(now instanceof Float32 || now instanceof Float64) || now.length !== data.length) return false
    if (typeof was?.dtype !== 'string' || was.dtype !== is?.dtype) return false
    if (!Array.isArray(was.shape) || !Array.isArray(is.shape)) return false
    if (was.shape.length !== is.shape.length) return false
    // Not `sameShape`, which takes the holes of a sparse array for anything.
    for (let axis = 0; axis < was.shape.length; axis++) if (was.shape[axis] !== is.shape[axis]) return false
    if (differs(data, now)) return false
  }
  return true
}
