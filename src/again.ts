import { type Case, type Outputs, type Request } from './case.ts'
import { type Conduct, difference } from './conduct.ts'
import { run } from './engine/run.ts'
import type { Engine } from './engine/run.ts'
import { messageOf, ParityError } from './errors.ts'
import { shuffled } from './random.ts'
import { floatTensor } from './tensor.ts'
import { judge, requestOf, type Verdict } from './verify.ts'

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

export interface AgainOptions {
  /** How often each case is asked in all. */
  readonly repeat: number
  /** Of the order. */
  readonly seed: number
  /** What the engine has done beside computing, since this was last asked. */
  readonly take: () => Conduct[]
  readonly signal?: AbortSignal
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
  { repeat, seed, take, signal, onTimeout }: AgainOptions,
): Promise<Conduct[][]> {
  const seen: Conduct[][] = answered.map(() => [])
  const decoys = decoyed(answered)
  let before = answered.at(-1)?.name
  for (let time = 2; time <= repeat; time++) {
    for (const i of shuffled(answered.length, seed + time)) {
      const { recorded, name, answer } = answered[i]!
      if (answer === undefined || signal?.aborted === true) continue
      const own = seen[i]!
      const ask = async (request: Request): Promise<{ outputs: unknown } | undefined> => {
        try {
          const outputs = await engine.run(request)
          own.push(...take())
          return { outputs }
        } catch (error) {
          own.push(...take())
          if (signal?.aborted === true) return undefined
          const after = before === undefined ? '' : `, after ${before}`
          own.push({
            kind: 'not repeatable',
            text: `run ${time}${after}: expected the same outputs, got ${messageOf(error)}`,
          })
          const isLate = error instanceof ParityError && error.code === 'ENGINE_TIMEOUT'
          return isLate && onTimeout?.() === true ? undefined : { outputs: undefined }
        }
      }
      if (time === 2 && decoys.has(i)) {
        const decoy = decoyOf(recorded)
        const given = await ask(decoy)
        if (given !== undefined && isStale(recorded, decoy, answer, given.outputs)) {
          own.push({ kind: 'stale', text: `asked with other parameters, it gave what it had given before` })
        }
        before = `${name} with other parameters`
      }
      const given = await ask(requestOf(recorded))
      const where = given?.outputs === undefined ? undefined : difference(answer, given.outputs)
      if (where !== undefined) {
        const isOff = judge(recorded, given!.outputs).some(({ outcome }) => outcome === 'mismatch')
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
  const params = Object.fromEntries(
    Object.entries(request.params).map(([name, { dtype, shape, data }]) => [
      name,
      floatTensor(
        dtype,
        shape,
        Array.from(data, (_, i) => -data[data.length - 1 - i]!),
      ),
    ]),
  )
  return { ...request, params }
}

/** Whether the answer to other parameters is the one before, although ours is another. */
function isStale(recorded: Case, decoy: Request, before: unknown, given: unknown): boolean {
  if (given === undefined || difference(before, given) !== undefined) return false
  return judge(recorded, run(decoy)).some(({ outcome }) => outcome === 'mismatch')
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
