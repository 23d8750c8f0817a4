import { perturbed } from './budget.ts'
import type { Case, Outputs, Request } from '../format/case.ts'
import type { Tolerance } from './compare.ts'
import { type Conduct, difference } from './conduct.ts'
import { type Engine, run } from '../engine/run.ts'
import { messageOf, ParityError } from '../format/errors.ts'
import { shuffled } from './random.ts'
import { type FloatDType, type FloatTensor, floatTensor, smallestNormal } from '../format/tensor.ts'
import { judge, requestOf, type Verdict } from '../verify.ts'

/** A case that has been asked once. */
export interface Answered {
  readonly recorded: Case
  /** How the case is called among others. */
  readonly name: string
  readonly verdict: Verdict
  /** What the engine gave for it, in memory of its own; undefined when nothing was asked of it. */
  readonly answer: unknown
  /** How long that took. */
  readonly ms: number
}

interface AgainOptions {
  /** How often each case is asked in all. */
  readonly repeat: number
  /** Of the order. */
  readonly seed: number
  /** What the engine has done beside computing, since this was last asked. */
  readonly take: () => Conduct[]
  readonly signal?: AbortSignal
  /** How the cases were judged: only what has matched by its budget is expected to be near our engine elsewhere. */
  readonly tolerance?: Tolerance
  /** Called when an engine fails that has answered before: also an error, since nothing could be judged. */
  readonly onError?: (answered: Answered, error: ParityError, run: number) => void
  /** Called when the engine has taken too long; true ends it. */
  readonly onTimeout?: () => boolean
}

/** Decoys may take this part of the time that the cases have taken. */
const decoyPart = 0.25

/**
 * Asks cases again, all of them before any once more, in an order that the seed makes, and compares bit by bit with what they got
 * first. Before some, as many as are cheap, the same is asked with other parameters: an engine that keeps what it has seen gives
 * itself away. → what was seen of each, in their order
 */
export async function askAgain(
  answered: readonly Answered[],
  engine: Engine,
  { repeat, seed, take, signal, tolerance = { kind: 'budget' }, onError, onTimeout }: AgainOptions,
): Promise<Conduct[][]> {
  const seen: Conduct[][] = answered.map(() => [])
  const decoys = decoyed(answered)
  let isOver = false
  let before = answered.at(-1)?.name
  for (let time = 2; time <= repeat; time++) {
    for (const i of shuffled(answered.length, seed + time)) {
      const { recorded, name, answer, verdict } = answered[i]!
      if (answer === undefined || isOver || signal?.aborted === true) continue
      const isExact = tolerance.kind === 'budget' && recorded.target === undefined
      const own = seen[i]!
      const ask = async (request: Request): Promise<{ outputs: unknown } | undefined> => {
        try {
          const outputs = await engine.run(request)
          own.push(...take())
          return { outputs }
        } catch (error) {
          own.push(...take())
          if (signal?.aborted === true) return undefined
          if (!(error instanceof ParityError)) throw error
          const after = before === undefined ? '' : `, after ${before}`
          own.push({
            kind: 'not repeatable',
            text: `run ${time}${after}: expected the same outputs, got ${messageOf(error)}`,
          })
          onError?.(answered[i]!, error, time)
          if (error.code === 'ENGINE_TIMEOUT') isOver = onTimeout?.() === true
          return undefined
        }
      }
      // A port that is off anyway may flush both to 0.
      if (time === 2 && decoys.has(i) && verdict.outcome === 'match') {
        const decoy = decoyOf(recorded)
        const given = await ask(decoy)
        const stale = given === undefined ? undefined : staleness(recorded, decoy, answer, given.outputs, isExact)
        if (stale !== undefined) own.push({ kind: 'stale', text: `asked with other parameters, it ${stale}` })
        before = `${name} with other parameters`
      }
      if (isOver) continue
      const given = await ask(requestOf(recorded))
      const where = given === undefined ? undefined : difference(answer, given.outputs)
      if (given !== undefined && where !== undefined) {
        const isOff = judge(recorded, given.outputs).some(({ outcome }) => outcome === 'mismatch')
        const after = before === undefined ? '' : `, after ${before}`
        own.push({
          kind: 'not repeatable',
          text: `run ${time}${after}: ${where}${isOff ? ', and departs from PyTorch' : ''}`,
        })
      }
      before = name
    }
  }
  return seen.map((all) => once(all))
}

/** Each kind once: what is off again and again is one finding. */
export function once(all: readonly Conduct[]): Conduct[] {
  return all.filter(({ kind }, i) => all.findIndex((other) => other.kind === kind) === i)
}

/** The cheapest, as many as fit into their part of the time, and one at least. */
function decoyed(answered: readonly Answered[]): ReadonlySet<number> {
  const total = answered.reduce((sum, { ms }) => sum + ms, 0)
  const cheapest = answered
    .map(({ ms, answer }, i) => ({ ms, i, isAsked: answer !== undefined }))
    .filter(({ isAsked }) => isAsked)
    .toSorted((one, other) => one.ms - other.ms)
  let spent = 0
  const chosen = new Set<number>()
  for (const { ms, i } of cheapest) {
    spent += ms
    if (chosen.size > 0 && spent > decoyPart * total) break
    chosen.add(i)
  }
  return chosen
}

/** The same request with the numbers of each parameter in another order: as large, and of the same shapes. */
export function decoyOf(recorded: Case): Request {
  const request = requestOf(recorded)
  const params: Record<string, FloatTensor> = {}
  for (const name of Object.keys(request.params)) {
    const { dtype, shape, data } = request.params[name]!
    const turned = dtype === 'float64' ? new Float64Array(data.length) : new Float32Array(data.length)
    for (let i = 0; i < data.length; i++) turned[i] = -data[data.length - 1 - i]!
    params[name] = floatTensor(dtype, shape, turned)
  }
  return { ...request, params }
}

/** An answer to other parameters is off by more than this part of the largest value only if it is to another question. */
const coarse = 2 ** -6

/**
 * What is wrong with an answer to other parameters, as far as it can be told without PyTorch: it is the one before although ours is
 * another, or it is far from ours, farther than rounding could make it. undefined when nothing is.
 * isExact: whether an engine is to be near ours at all.
 */
function staleness(
  recorded: Case,
  decoy: Request,
  before: unknown,
  given: unknown,
  isExact: boolean,
): string | undefined {
  // What a greedy decoder chooses may turn on the last bit.
  if ('symbols' in recorded.expected) return undefined
  const ours = run(decoy)
  const isSame = difference(before, given) === undefined
  if (isSame && judge(recorded, ours).some(({ outcome }) => outcome === 'mismatch'))
    return 'gave what it had given before'
  // What is near enough without any noise is so with it.
  if (!isExact || isNear(ours, given, recorded.dtype)) return undefined
  const noisy = run(perturbed({ ...recorded, ...decoy } as Case))
  for (const [name, { data }] of Object.entries(ours)) {
    const other: unknown = Object(Object(given)[name]).data
    if (!(other instanceof Float32Array || other instanceof Float64Array) || other.length !== data.length) continue
    let largest = 0
    let noise = 0
    for (const [i, value] of data.entries()) {
      if (!Number.isFinite(value)) continue
      largest = Math.max(largest, Math.abs(value))
      noise = Math.max(noise, Math.abs(noisy[name]!.data[i]! - value))
    }
    const allowed = coarse * largest + 32 * noise + smallestNormal[recorded.dtype]
    const at = data.findIndex(
      (value, i) => Number.isFinite(value) && Number.isFinite(other[i]) && !(Math.abs(other[i]! - value) <= allowed),
    )
    if (at >= 0 && allowed < Infinity)
      return `gave ${other[at]} for element ${at} of ${name}, where they lead to ${data[at]}`
  }
  return undefined
}

/** Whether every number of an answer is as near to ours as it must be where noise changes nothing. */
function isNear(ours: Outputs, given: unknown, dtype: FloatDType): boolean {
  for (const name of Object.keys(ours)) {
    const { data } = ours[name]!
    const other: unknown = Object(Object(given)[name]).data
    if (!(other instanceof Float32Array || other instanceof Float64Array) || other.length !== data.length) continue
    let most = 0
    for (let i = 0; i < data.length; i++) if (Number.isFinite(data[i])) most = Math.max(most, Math.abs(data[i]!))
    const allowed = coarse * most + smallestNormal[dtype]
    for (let i = 0; i < data.length; i++) {
      const [value, own] = [data[i]!, other[i]!]
      if (Number.isFinite(value) && Number.isFinite(own) && !(Math.abs(own - value) <= allowed)) return false
    }
  }
  return true
}

/** A copy of what an engine gave, in memory of its own. */
export function kept(outputs: unknown): unknown {
  if (typeof outputs !== 'object' || outputs === null) return outputs
  return Object.fromEntries(
    Object.entries(outputs as Outputs).map(([name, tensor]) => {
      const data: unknown = Object(tensor).data
      const isData = data instanceof Float32Array || data instanceof Float64Array
      return [name, isData ? { ...tensor, data: data.slice() } : tensor]
    }),
  )
}
