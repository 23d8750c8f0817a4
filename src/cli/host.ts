import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Outputs, Request } from '../case.ts'
import type { Engine } from '../engine/run.ts'
import { messageOf, oneLine, ParityError } from '../errors.ts'
import type { Answer, Question } from './worker.ts'

/** The user's engine in a thread of its own, so that one that hangs can be stopped. */
export interface Host {
  readonly engine: Engine
  close(): Promise<void>
}

interface Waiting {
  resolve(value: unknown): void
  reject(reason: ParityError): void
}

/**
 * Loads a module that exports an engine, by default or as `engine`.
 * timeoutMs: how long loading and each answer may take; signal: stops whatever is under way.
 * @throws ParityError FILE_MISSING, ENGINE_INVALID, ENGINE_TIMEOUT; the engine's methods reject with ENGINE_FAILED or
 * ENGINE_TIMEOUT, after which the next question starts it afresh.
 */
export async function hostEngine(file: string, timeoutMs: number, signal?: AbortSignal): Promise<Host> {
  await access(file).catch((cause: unknown) => {
    throw new ParityError('FILE_MISSING', `${file}: expected an engine module, got nothing of that name`, { cause })
  })
  let thread = await startThread(file, timeoutMs, signal)

  const ask = async (about: Question['about'], request: Request): Promise<unknown> => {
    if (thread.dead()) thread = await startThread(file, timeoutMs, signal)
    return thread.ask(about, request)
  }
  const { name, supports } = thread
  return {
    engine: {
      name,
      // Whether these are what they should be is judged where they arrive.
      run: async (request) => (await ask('run', request)) as Outputs,
      ...(supports ? { supports: async (request: Request) => (await ask('supports', request)) as true | string } : {}),
    },
    close: () => thread.close(),
  }
}

interface Thread {
  readonly name: string
  readonly supports: boolean
  dead(): boolean
  ask(about: Question['about'], request: Request): Promise<unknown>
  close(): Promise<void>
}

async function startThread(file: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<Thread> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: { file: resolve(file) },
    stdout: true,
  })
  // What an engine prints must not stand in the report.
  worker.stdout.pipe(process.stderr, { end: false })
  const waiting = new Map<number, Waiting>()
  let dead = false
  let asked = 0

  const fail = (reason: ParityError): void => {
    dead = true
    for (const waiter of waiting.values()) waiter.reject(reason)
    waiting.clear()
  }
  worker.on('message', (answer: Answer) => {
    const waiter = waiting.get(answer.ask)
    waiting.delete(answer.ask)
    if ('error' in answer) waiter?.reject(answer.problem === 'export' ? noEngine(file) : failure(file, answer.error))
    else waiter?.resolve(answer.value)
  })
  worker.on('error', (error) => fail(failure(file, messageOf(error))))
  worker.on('exit', (code) => fail(failure(file, `its thread ended with code ${code}`)))

  const answerTo = (number: number, what: string): Promise<unknown> =>
    new Promise((settle, reject) => {
      const timer = setTimeout(() => stop(`${what} took more than ${timeoutMs / 1000} s`), timeoutMs)
      const abort = (): void => stop(`${what} was interrupted`)
      const stop = (why: string): void => {
        fail(new ParityError('ENGINE_TIMEOUT', `engine ${file}: expected an answer, got none: ${why}`))
        void worker.terminate()
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

  const loaded = (await answerTo(0, 'loading it').catch(async (error: unknown) => {
    await worker.terminate()
    throw error
  })) as Pick<Thread, 'name' | 'supports'>
  return {
    ...loaded,
    dead: () => dead,
    ask(about, request) {
      const number = ++asked
      const answer = answerTo(number, about === 'run' ? 'a run' : 'supports')
      worker.postMessage({ ask: number, about, request } satisfies Question)
      return answer
    },
    async close() {
      await worker.terminate()
    },
  }
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
