import { spawn } from 'node:child_process'
import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Duplex, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Outputs, Request } from '../format/case.ts'
import { plainText } from '../format/plain.ts'
import { type Conduct, conducts } from '../verify/conduct.ts'
import type { Engine } from '../engine/run.ts'
import { oneLine, ParityError } from '../format/errors.ts'
import { killProcessGroup } from './processes.ts'
import { logLines } from '../report/log.ts'
import { openChannel } from './channel.ts'
import type { Answer, Question, Ran } from './worker.ts'

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

interface Waiting {
  resolve(value: unknown): void
  reject(reason: ParityError): void
}

/**
 * Loads a module that exports an engine, by default or as `engine`.
 * timeoutMs: how long loading and each answer may take; signal: stops whatever is under way; path: where the module is, where
 * `file` is only what it is called.
 * @throws ParityError FILE_MISSING, ENGINE_INVALID, ENGINE_FAILED, ENGINE_TIMEOUT; the engine's methods reject with ENGINE_FAILED or
 * ENGINE_TIMEOUT, after which the next question starts it afresh.
 */
export async function hostEngine(file: string, timeoutMs: number, signal?: AbortSignal, path = file): Promise<Host> {
  await access(path).catch((cause: unknown) => {
    throw new ParityError('FILE_MISSING', `${file}: expected an engine module, got nothing of that name`, { cause })
  })
  let child = await startProcess(file, path, timeoutMs, signal)

  let seen: Conduct[] = []
  // Parameters are known by the object that holds them, and sent once to each process.
  const handles = new WeakMap<Request['params'], number>()
  let handed = 0
  const handleOf = (params: Request['params']): number => {
    const handle = handles.get(params) ?? ++handed
    handles.set(params, handle)
    return handle
  }

  const ask = async (about: Question['about'], request?: Request): Promise<unknown> => {
    // It has broken down after its last answer, of what it left undone there: the question that finds out says so.
    const untold = child.untold()
    if (untold !== undefined) throw untold
    if (child.dead()) child = await startProcess(file, path, timeoutMs, signal)
    if (request === undefined || !child.prepares || about !== 'run')
      return child.ask({ about, ...(request && { request }) })
    const handle = handleOf(request.params)
    const isKnown = child.known.has(handle)
    child.known.add(handle)
    return child.ask({ about, request: isKnown ? { ...request, params: {} } : request, handle })
  }
  const { name, supports } = child
  return {
    engine: {
      name,
      // Whether these are what they should be is judged where they arrive.
      run: async (request) => {
        const { outputs, conduct } = ranOf(file, await ask('run', request))
        seen.push(...conduct)
        return outputs as Outputs
      },
      ...(supports ? { supports: async (request: Request) => (await ask('supports', request)) as true | string } : {}),
    },
    take() {
      const taken = seen
      seen = []
      return taken
    },
    async release() {
      if (!child.prepares || child.dead()) return
      child.known.clear()
      await ask('release')
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

function ranOf(file: string, value: unknown): Ran {
  const { data } = RanRecord.safeParse(value)
  if (data === undefined) throw failure(file, 'it sent what is no answer')
  return data
}

interface Process {
  readonly name: string
  readonly supports: boolean
  readonly prepares: boolean
  /** The parameters that it has. */
  readonly known: Set<number>
  dead(): boolean
  /** Why it is dead, where nobody has been told: once. */
  untold(): ParityError | undefined
  ask(question: Omit<Question, 'ask'>): Promise<unknown>
  close(): Promise<void>
}

/** How long what an engine has printed may take to arrive once its process is gone: others may hold its standard output. */
const lastWordsMs = 500

async function startProcess(
  file: string,
  path: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Process> {
  const worker = fileURLToPath(new URL('./worker.js', import.meta.url))
  // A process, not a thread: nothing ends a thread inside a blocking call, or keeps its memory apart. It leads a process group, so
  // that what it starts ends with it, and Ctrl-C, which goes to the group of the command, is for us alone.
  const child = spawn(process.execPath, [...inherited(), worker, resolve(path), String(process.pid)], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  })
  const waiting = new Map<number, Waiting>()
  let dead = false
  let untold: ParityError | undefined
  let asked = 0
  const kill = (): void => killProcessGroup(child.pid)
  const printed = [child.stdout, child.stderr].map((stream) => printing(stream as Readable))

  const fail = (reason: ParityError): void => {
    kill()
    if (dead) return
    dead = true
    if (waiting.size === 0) untold = reason
    for (const waiter of waiting.values()) waiter.reject(reason)
    waiting.clear()
  }
  const channel = openChannel(
    // The fourth of `stdio`, a pipe both ways.
    child.stdio[3] as Duplex,
    (answer) => {
      const waiter = isAnswer(answer) ? waiting.get(answer.ask) : undefined
      if (!isAnswer(answer) || (waiter === undefined && answer.ask >= 0)) {
        fail(failure(file, 'it sent what is no answer'))
      } else if (answer.ask < 0) fail(failure(file, 'error' in answer ? answer.error : ''))
      else {
        waiting.delete(answer.ask)
        if ('error' in answer)
          waiter?.reject(answer.problem === 'export' ? noEngine(file) : failure(file, answer.error))
        else waiter?.resolve(answer.value)
      }
    },
    (what) => fail(failure(file, `it sent ${what}`)),
  )
  process.on('exit', kill)
  const gone = new Promise<void>((ended) => {
    child.on('error', (error) => {
      fail(failure(file, error.message))
      ended()
    })
    child.on('exit', (code, killer) => {
      // What it sent before its end may still be on its way: `close` comes after it, if nobody else holds the pipes.
      const told = (): void => {
        fail(
          failure(file, killer === null ? `its process ended with code ${code}` : `its process was ended by ${killer}`),
        )
        process.off('exit', kill)
        ended()
      }
      const timer = setTimeout(told, lastWordsMs)
      child.on('close', () => {
        clearTimeout(timer)
        told()
      })
    })
  }).then(() => {
    for (const end of printed) end()
    for (const stream of child.stdio) stream?.destroy()
  })
  const close = async (): Promise<void> => {
    dead = true
    kill()
    await gone
  }

  const answerTo = (number: number, what: string): Promise<unknown> =>
    new Promise((settle, reject) => {
      const timer = setTimeout(() => stop(`${what} took more than ${timeoutMs / 1000} s`), timeoutMs)
      const abort = (): void => stop(`${what} was interrupted`)
      const stop = (why: string): void => {
        fail(new ParityError('ENGINE_TIMEOUT', `engine ${file}: expected an answer, got none: ${why}`))
      }
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      }
      waiting.set(number, {
        resolve(value) {
          done()
          settle(value)
        },
        reject(reason) {
          done()
          reject(reason)
        },
      })
      signal?.addEventListener('abort', abort)
      if (signal?.aborted) abort()
    })

  try {
    const loaded = loadedOf(file, await answerTo(0, 'loading it'))
    return {
      ...loaded,
      known: new Set(),
      dead: () => dead,
      untold() {
        const reason = untold
        untold = undefined
        return reason
      },
      ask(question) {
        const number = ++asked
        const answer = answerTo(number, question.about === 'run' ? 'a run' : question.about)
        channel.send({ ask: number, ...question } satisfies Question)
        return answer
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Node's own flags, but for those of a debugger, which listens for one process. */
function inherited(): string[] {
  return process.execArgv.filter((flag) => !flag.startsWith('--inspect'))
}

/** What an engine prints must not stand in the report, and goes to standard error. → what ends it */
function printing(stream: Readable): () => void {
  const lines = logLines()
  const print = (text: string): void => {
    if (text !== '') process.stderr.write(text)
  }
  stream.setEncoding('utf8').on('data', (text: string) => print(lines.add(text)))
  stream.on('error', () => {})
  return () => print(lines.end())
}

function isAnswer(message: unknown): message is Answer {
  if (typeof message !== 'object' || message === null || !('ask' in message)) return false
  if (typeof message.ask !== 'number') return false
  return 'error' in message ? typeof message.error === 'string' : 'value' in message
}

/** An engine's name stands in every report: the rules of ids hold for it. */
const Name = plainText.min(1).max(200)

function loadedOf(file: string, value: unknown): Pick<Process, 'name' | 'supports' | 'prepares'> {
  if (typeof value !== 'object' || value === null || !('name' in value))
    throw failure(file, 'it sent what is no answer')
  const { data: name } = Name.safeParse(value.name)
  if (name === undefined) {
    throw new ParityError(
      'ENGINE_INVALID',
      `${file}: name: expected 1 to 200 characters, none of them a control character, got ${oneLine(JSON.stringify(value.name))}`,
    )
  }
  const has = (what: string): boolean => what in value && (value as Record<string, unknown>)[what] === true
  return { name, supports: has('supports'), prepares: has('prepares') }
}

function failure(file: string, message: string): ParityError {
  return new ParityError('ENGINE_FAILED', `engine ${file}: expected an answer, got an error: ${oneLine(message)}`)
}

function noEngine(file: string): ParityError {
  return new ParityError(
    'ENGINE_INVALID',
    `${file}: expected an engine { name, run(request) } as the default export or as \`engine\`, got none\n` +
      'README.md, "Judge your own engine", shows one',
  )
}
