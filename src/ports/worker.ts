import { Socket } from 'node:net'
import { extname } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Request } from '../format/case.ts'
import { type Conduct, type Watched, watched } from '../verify/conduct.ts'
import { type Asked, asked, isPreparing, type Prepared, type PreparingEngine } from '../engine/prepared.ts'
import type { Engine } from '../engine/run.ts'
import { messageOf } from '../format/errors.ts'
import { type Channel, openChannel } from './channel.ts'

/** Where the host's pipe is, after the three that every process has. */
const channelFd = 3

// Taken before an engine is loaded, which may take them away.
const { entries, fromEntries } = Object
const isView = ArrayBuffer.isView.bind(ArrayBuffer)
const clone = structuredClone
const [Float32, Float64] = [Float32Array, Float64Array]

/** What the host asks; `ask` numbers it. */
export interface Question {
  readonly ask: number
  readonly about: 'run' | 'supports' | 'prepare' | 'release'
  /** Without what goes in where something is to be prepared, and with no parameters where those of its `handle` are meant. */
  readonly request?: Request | Prepared
  /** Numbers the parameters, of an engine that prepares. */
  readonly handle?: number
}

/** What the worker answers: first whether the engine was loaded (ask 0), then one for each question; ask -1 is its last word. */
export type Answer =
  | { readonly ask: number; readonly value: unknown }
  | { readonly ask: number; readonly error: string; readonly problem?: 'export' }

/** Loads a module; TypeScript through jiti, because Node 20 has no loader of its own for it. */
async function load(file: string): Promise<unknown> {
  if (!['.ts', '.mts', '.cts', '.tsx'].includes(extname(file))) return import(pathToFileURL(file).href)
  const { createJiti } = await import('jiti')
  return createJiti(import.meta.url).import(file)
}

function engineOf(exports: unknown): Engine | PreparingEngine | undefined {
  if (typeof exports !== 'object' || exports === null) return undefined
  const candidates: unknown[] = []
  if ('default' in exports) candidates.push(exports.default)
  if ('engine' in exports) candidates.push(exports.engine)
  return candidates.find(isEngine)
}

function isEngine(candidate: unknown): candidate is Engine | PreparingEngine {
  return (
    typeof candidate === 'object' &&
    candidate !== null &&
    'name' in candidate &&
    typeof candidate.name === 'string' &&
    'run' in candidate &&
    typeof candidate.run === 'function' &&
    (!('prepare' in candidate) || candidate.prepare === undefined || typeof candidate.prepare === 'function') &&
    (!('supports' in candidate) || candidate.supports === undefined || typeof candidate.supports === 'function')
  )
}

/** Outputs by name, of each tensor what is judged: an engine may have tensors with methods, which cannot be sent. */
function sendable(outputs: unknown): unknown {
  if (typeof outputs !== 'object' || outputs === null || isView(outputs)) return undefined
  return fromEntries(entries(outputs).map(([name, tensor]) => [name, parts(tensor)]))
}

function parts(tensor: unknown): unknown {
  if (typeof tensor !== 'object' || tensor === null) return copied(tensor)
  if (!('dtype' in tensor) || !('shape' in tensor) || !('data' in tensor)) return {}
  const { dtype, shape, data } = tensor
  return { dtype: copied(dtype), shape: copied(shape), data: copied(data) }
}

/** A copy, or an empty map for what has none, such as a function: that is no tensor and no part of one either. */
function copied(part: unknown): unknown {
  try {
    // A view into a large buffer would take all of it along.
    const own = part instanceof Float32 || part instanceof Float64 ? part.slice() : part
    return clone(own)
  } catch {
    return {}
  }
}

async function serve(file: string): Promise<void> {
  let engine: Served | undefined
  const channel = openChannel(
    new Socket({ fd: channelFd, readable: true, writable: true }).on('close', () => process.exit()),
    // Only the host has the other end.
    (question) => engine !== undefined && void answer(channel, engine, question as Question),
    () => process.exit(1),
  )
  // Thrown where nobody awaits it: it is told, and ends the process, of which nothing can be known any more.
  process.on('uncaughtException', (error) => {
    channel.send({ ask: -1, error: messageOf(error) } satisfies Answer, () => process.exit(1))
  })
  let loaded: Engine | PreparingEngine | undefined
  try {
    loaded = engineOf(await load(file))
  } catch (error) {
    channel.send({ ask: 0, error: messageOf(error) } satisfies Answer)
    return
  }
  if (loaded === undefined) {
    channel.send({ ask: 0, error: '', problem: 'export' } satisfies Answer)
    return
  }
  const own = asked(loaded)
  engine = { asked: own, watched: watched(own), params: new Map() }
  const value = { name: loaded.name, supports: loaded.supports !== undefined, prepares: isPreparing(loaded) }
  channel.send({ ask: 0, value } satisfies Answer)
}

/** The engine, watched, and the parameters of its handles. */
interface Served {
  readonly asked: Asked
  readonly watched: Watched
  readonly params: Map<number, Request['params']>
}

/** The request with its parameters: the very same ones for the same handle, by which the engine's own handle is found. */
function whole({ params }: Served, { request, handle }: Question): Request {
  if (request === undefined || !('inputs' in request)) throw new Error('expected a request, got none')
  return handle === undefined ? request : { ...request, params: params.get(handle) ?? request.params }
}

/** What a run has given, and what the engine has done beside that. */
export interface Ran {
  readonly outputs: unknown
  readonly conduct: readonly Conduct[]
}

async function answerOf(engine: Served, question: Question): Promise<unknown> {
  if (question.about === 'release') {
    engine.params.clear()
    return engine.asked.release()
  }
  if (question.about === 'prepare') {
    // The engine itself prepares when it is run first.
    if (question.handle !== undefined && question.request !== undefined)
      engine.params.set(question.handle, question.request.params)
    return true
  }
  const request = whole(engine, question)
  if (question.about === 'supports') return copied(await engine.asked.supports?.(request))
  const outputs = sendable(await engine.watched.engine.run(request))
  return { outputs, conduct: engine.watched.take() } satisfies Ran
}

async function answer(channel: Channel, engine: Served, question: Question): Promise<void> {
  const { ask } = question
  try {
    const value = await answerOf(engine, question)
    // What a run leaves behind, such as a promise that rejects, is part of it.
    await turn()
    channel.send({ ask, value } satisfies Answer)
  } catch (error) {
    channel.send({ ask, error: messageOf(error) } satisfies Answer)
  }
}

/** Ends this process, whatever it is in the middle of, when the one that started it is gone without having ended it. */
function endWithParent(parent: number): void {
  const watch = `setInterval(() => { if (process.ppid !== ${parent}) process.kill(process.pid, 'SIGKILL') }, 1000)`
  new Worker(watch, { eval: true }).unref()
}

const [, , file, parent] = process.argv
if (file !== undefined) {
  endWithParent(Number(parent))
  await serve(file)
}
