import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { oneLine, ParityError } from '../format/errors.ts'
import { minded } from './processes.ts'
import type { Question } from './served.ts'

/** How an engine's process is started and spoken with. */
export interface Way {
  /** What messages call it: a file, a command. */
  readonly name: string
  /** Starts it, as the leader of a process group. */
  start(): ChildProcess
  /** The streams of it in which nothing stands but what it prints. */
  prints(child: ChildProcess): readonly (Readable | null)[]
  /** Hears what it says. */
  open(child: ChildProcess, heard: Heard): Line
  /** Asks it to end, where it can be: it is killed when that takes too long. */
  end?(child: ChildProcess): void
  /** Whether what it printed last says why it has ended: of what throws, the error does. */
  readonly hasLastWords: boolean
}

/** What leads to a process. */
export interface Line {
  readonly send: (question: Question) => void
  /** What keeps it from being understood, though it may go on; in a line of its own, to be added to a message. */
  readonly trouble?: () => string
}

/** What a process says. */
export interface Heard {
  /** ask: the number of a question, or 0 for the greeting. */
  answer(ask: number, answer: { readonly value: unknown } | { readonly error: ParityError }): void
  /** It says what nothing can be made of: it is ended. */
  fail(reason: ParityError): void
}

/** A process that is asked, and the timer of each question. */
export interface Conversation {
  /** What it said of itself. */
  readonly greeting: unknown
  dead(): boolean
  /** Why it is dead, where nobody has been told: once. */
  untold(): ParityError | undefined
  readonly ask: (question: Omit<Question, 'ask'>) => Promise<unknown>
  close(): Promise<void>
}

interface Waiting {
  resolve(value: unknown): void
  reject(reason: ParityError): void
}

/** How long a process may take to end when it is asked to. */
const endMs = 2000

/**
 * Starts an engine's process and waits for its greeting.
 * timeoutMs: how long that and each answer may take; signal: stops whatever is under way.
 * @throws ParityError ENGINE_FAILED, ENGINE_TIMEOUT, and what the way makes of a greeting; so do questions, after which it is dead.
 */
export async function converse(way: Way, timeoutMs: number, signal: AbortSignal | undefined): Promise<Conversation> {
  const child = way.start()
  const { kill, gone, lastWords } = minded(child, way.prints(child))
  const waiting = new Map<number, Waiting>()
  let dead = false
  let untold: ParityError | undefined
  let asked = 0

  const fail = (reason: ParityError): void => {
    kill()
    if (dead) return
    dead = true
    const words = way.hasLastWords ? lastWords() : ''
    const told =
      words === '' ? reason : new ParityError(reason.code, `${reason.message}${words}`, { cause: reason.cause })
    if (waiting.size === 0) untold = told
    for (const waiter of waiting.values()) waiter.reject(told)
    waiting.clear()
  }
  const { send, trouble = () => '' } = way.open(child, {
    answer(ask, answer) {
      if (dead) return
      const waiter = waiting.get(ask)
      if (waiter === undefined) {
        const isTwice = Number.isInteger(ask) && ask >= 0 && ask <= asked
        const what = isTwice ? `question ${ask} twice` : `question ${ask}, which nobody has asked`
        return fail(failure(way.name, `it answered ${what}`))
      }
      waiting.delete(ask)
      if ('error' in answer) waiter.reject(answer.error)
      else waiter.resolve(answer.value)
    },
    fail,
  })
  const ended = gone.then((how) => {
    const { code, message } = failure(way.name, how)
    fail(new ParityError(code, `${message}${trouble()}`))
  })
  const close = async (): Promise<void> => {
    if (!dead && way.end !== undefined) {
      way.end(child)
      dead = true
      const timer = setTimeout(kill, endMs)
      await ended
      clearTimeout(timer)
    }
    dead = true
    kill()
    await ended
  }

  const answerTo = (number: number, what: string): Promise<unknown> =>
    new Promise((settle, reject) => {
      const timer = setTimeout(() => stop(`${what} took more than ${timeoutMs / 1000} s`), timeoutMs)
      const abort = (): void => stop(`${what} was interrupted`)
      const stop = (why: string): void => {
        const message = `engine ${way.name}: expected an answer, got none: ${why}${trouble()}`
        fail(new ParityError('ENGINE_TIMEOUT', message))
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
    const greeting = await answerTo(0, 'loading it')
    return {
      greeting,
      dead: () => dead,
      untold() {
        const reason = untold
        untold = undefined
        return reason
      },
      ask(question) {
        const number = ++asked
        const { about } = question
        const answer = answerTo(number, about === 'run' || about === 'prepare' ? `a ${about}` : about)
        send({ ask: number, ...question })
        return answer
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** What an engine has got wrong while it was asked. */
export function failure(name: string, message: string): ParityError {
  return new ParityError('ENGINE_FAILED', `engine ${name}: expected an answer, got an error: ${oneLine(message)}`)
}
