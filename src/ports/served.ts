// An engine where it runs: in a worker process of ours, or in a page. Nothing here needs Node.
import type { Request } from '../format/case.ts'
import { type Conduct, type Watched, watched } from '../verify/conduct.ts'
import { type Asked, asked, isPreparing, type Prepared, type PreparingEngine } from '../engine/prepared.ts'
import type { Engine } from '../engine/run.ts'

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

/** What is answered: first whether the engine was loaded (ask 0), then one for each question; ask -1 is its last word. */
export type Answer =
  | { readonly ask: number; readonly value: unknown }
  | { readonly ask: number; readonly error: string; readonly problem?: 'export' }

/** What a run has given, and what the engine has done beside that. */
export interface Ran {
  readonly outputs: unknown
  readonly conduct: readonly Conduct[]
}

/** An engine, watched, and the parameters of its handles. */
export interface Served {
  /** What is said of it first. */
  readonly greeting: { readonly name: string; readonly supports: boolean; readonly prepares: boolean }
  readonly asked: Asked
  readonly watched: Watched
  readonly params: Map<number, Request['params']>
}

/** The engine that a module exports, by default or as `engine`; undefined where it exports none. */
export function servedOf(exports: unknown): Served | undefined {
  const engine = engineOf(exports)
  if (engine === undefined) return undefined
  const own = asked(engine)
  const greeting = { name: engine.name, supports: engine.supports !== undefined, prepares: isPreparing(engine) }
  return { greeting, asked: own, watched: watched(own), params: new Map() }
}

/** What an engine answers to a question of the host; throws what the engine throws. */
export async function answerOf(engine: Served, question: Question): Promise<unknown> {
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

/** The request with its parameters: the very same ones for the same handle, by which the engine's own handle is found. */
function whole({ params }: Served, { request, handle }: Question): Request {
  if (request === undefined || !('inputs' in request)) throw new Error('expected a request, got none')
  return handle === undefined ? request : { ...request, params: params.get(handle) ?? request.params }
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
