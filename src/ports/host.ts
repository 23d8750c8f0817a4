import * as z from 'zod'
import type { Outputs, Request } from '../format/case.ts'
import { oneLine, ParityError } from '../format/errors.ts'
import { plainText } from '../format/plain.ts'
import type { Engine } from '../engine/run.ts'
import { type Conduct, conducts } from '../verify/conduct.ts'
import { type Conversation, converse, failure, type Way } from './conversation.ts'
import type { Question, Ran } from './served.ts'

/** The user's engine in a process of its own, so that one that hangs, ends or breaks what it can reach is one error. */
export interface Host {
  readonly engine: Engine
  /** What it has done beside computing, since this was last asked. */
  take(): Conduct[]
  /** Lets an engine that prepares give up what it holds. */
  release(): Promise<void>
  /** Ends it: the next question starts it afresh. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** A process, what it said of itself, and the parameters that it has. */
interface Process extends Conversation, Greeting {
  readonly known: Map<number, Promise<unknown>>
}

/**
 * Starts an engine.
 * timeoutMs: how long loading and each answer may take; signal: stops whatever is under way.
 * @throws ParityError ENGINE_INVALID, ENGINE_FAILED, ENGINE_TIMEOUT; the engine's methods reject with ENGINE_FAILED or
 * ENGINE_TIMEOUT, after which the next question starts it afresh.
 */
export async function hostEngine(way: Way, timeoutMs: number, signal?: AbortSignal): Promise<Host> {
  const start = async (): Promise<Process> => {
    const conversation = await converse(way, timeoutMs, signal)
    try {
      return { ...conversation, ...greetingOf(way.name, conversation.greeting), known: new Map() }
    } catch (error) {
      await conversation.close()
      throw error
    }
  }
  let child = await start()
  let starting: Promise<Process> | undefined

  let seen: Conduct[] = []
  // Parameters are known by the object that holds them, and sent once to each process.
  const handles = new WeakMap<Request['params'], number>()
  let handed = 0
  const handleOf = (params: Request['params']): number => {
    const handle = handles.get(params) ?? ++handed
    handles.set(params, handle)
    return handle
  }

  const alive = async (): Promise<Process> => {
    // It has broken down after its last answer, of what it left undone there: the question that finds out says so.
    const untold = child.untold()
    if (untold !== undefined) throw untold
    if (!child.dead()) return child
    // Of several questions at once the first starts it.
    starting ??= start().finally(() => (starting = undefined))
    child = await starting
    return child
  }
  const run = async (request: Request): Promise<unknown> => {
    const { ask, known, prepares } = await alive()
    if (!prepares) return ask({ about: 'run', request })
    const handle = handleOf(request.params)
    let prepared = known.get(handle)
    if (prepared === undefined) {
      const { inputs: _, cotangents: __, ...rest } = request
      prepared = ask({ about: 'prepare', request: rest, handle })
      known.set(handle, prepared)
      // What cannot be prepared is tried again when it is asked again.
      prepared.catch(() => known.delete(handle))
    }
    await prepared
    return ask({ about: 'run', request: { ...request, params: {} }, handle })
  }
  const { name, supports } = child
  return {
    engine: {
      name,
      // Whether these are what they should be is judged where they arrive.
      run: async (request) => {
        const { outputs, conduct } = ranOf(way.name, await run(request))
        seen.push(...conduct)
        return outputs as Outputs
      },
      ...(supports && {
        supports: async (request: Request) =>
          (await (await alive()).ask({ about: 'supports', request })) as true | string,
      }),
    },
    take() {
      const taken = seen
      seen = []
      return taken
    },
    async release() {
      if (!child.prepares || child.dead()) return
      child.known.clear()
      await child.ask({ about: 'release' } satisfies Omit<Question, 'ask'>)
    },
    restart: () => child.close(),
    close: () => child.close(),
  }
}

/** What an engine's process sends is the engine's, so nothing of it is taken for granted. */
const RanRecord = z.object({
  outputs: z.unknown(),
  conduct: z.array(
    z.object({ kind: z.enum(conducts), text: z.string().transform((text) => oneLine(text).slice(0, 500)) }),
  ),
})

function ranOf(name: string, value: unknown): Ran {
  const { data } = RanRecord.safeParse(value)
  if (data === undefined) throw failure(name, 'it sent what is no answer')
  return data
}

/** What a process says first. */
export interface Greeting {
  readonly name: string
  readonly supports: boolean
  readonly prepares: boolean
}

/** An engine's name stands in every report: the rules of ids hold for it. */
const Name = plainText.min(1).max(200)

function greetingOf(called: string, value: unknown): Greeting {
  if (typeof value !== 'object' || value === null || !('name' in value))
    throw failure(called, 'it sent what is no answer')
  const { data: name } = Name.safeParse(value.name)
  if (name === undefined) {
    throw new ParityError(
      'ENGINE_INVALID',
      `${called}: name: expected 1 to 200 characters, none of them a control character, got ${typeof value.name === 'string' ? oneLine(JSON.stringify(value.name.slice(0, 300))) : typeof value.name}`,
    )
  }
  const has = (what: string): boolean => what in value && (value as Record<string, unknown>)[what] === true
  return { name, supports: has('supports'), prepares: has('prepares') }
}
