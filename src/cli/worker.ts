import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Request } from '../case.ts'
import type { Engine } from '../engine/run.ts'
import { messageOf } from '../errors.ts'

/** What the host asks; `ask` numbers it. */
export interface Question {
  readonly ask: number
  readonly about: 'run' | 'supports'
  readonly request: Request
}

/** What the worker answers: first whether the engine was loaded (ask 0), then one for each question. */
export type Answer =
  | { readonly ask: number; readonly value: unknown }
  | { readonly ask: number; readonly error: string; readonly problem?: 'export' }

/** Loads a module; TypeScript through jiti, because Node 20 has no loader of its own for it. */
async function load(file: string): Promise<unknown> {
  if (!['.ts', '.mts', '.cts', '.tsx'].includes(extname(file))) return import(pathToFileURL(file).href)
  const { createJiti } = await import('jiti')
  return createJiti(import.meta.url).import(file)
}

function engineOf(exports: unknown): Engine | undefined {
  if (typeof exports !== 'object' || exports === null) return undefined
  const candidates: unknown[] = []
  if ('default' in exports) candidates.push(exports.default)
  if ('engine' in exports) candidates.push(exports.engine)
  return candidates.find(isEngine)
}

function isEngine(candidate: unknown): candidate is Engine {
  return (
    typeof candidate === 'object' &&
    candidate !== null &&
    'name' in candidate &&
    typeof candidate.name === 'string' &&
    'run' in candidate &&
    typeof candidate.run === 'function' &&
    (!('supports' in candidate) || candidate.supports === undefined || typeof candidate.supports === 'function')
  )
}

/** Outputs by name, of each tensor what is judged: an engine may have tensors with methods, which cannot be sent. */
function sendable(outputs: unknown): unknown {
  if (typeof outputs !== 'object' || outputs === null || ArrayBuffer.isView(outputs)) return undefined
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, parts(tensor)]))
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
    const own = part instanceof Float32Array || part instanceof Float64Array ? part.slice() : part
    return structuredClone(own)
  } catch {
    return {}
  }
}

async function serve(port: MessagePort, file: string): Promise<void> {
  let engine: Engine | undefined
  try {
    engine = engineOf(await load(file))
  } catch (error) {
    port.postMessage({ ask: 0, error: messageOf(error) } satisfies Answer)
    return
  }
  if (engine === undefined) {
    port.postMessage({ ask: 0, error: '', problem: 'export' } satisfies Answer)
    return
  }
  const loaded = engine
  port.on('message', (question: Question) => void answer(port, loaded, question))
  port.postMessage({ ask: 0, value: { name: loaded.name, supports: loaded.supports !== undefined } } satisfies Answer)
}

async function answer(port: MessagePort, engine: Engine, { ask, about, request }: Question): Promise<void> {
  try {
    const value = about === 'run' ? sendable(await engine.run(request)) : copied(await engine.supports?.(request))
    port.postMessage({ ask, value } satisfies Answer)
  } catch (error) {
    port.postMessage({ ask, error: messageOf(error) } satisfies Answer)
  }
}

if (parentPort !== null) {
  const { file } = workerData as { file: string }
  await serve(parentPort, file)
}
