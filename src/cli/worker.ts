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

/** Outputs are the user's and may hold anything; what cannot be copied to the host is named instead. */
function send(port: MessagePort, answer: { ask: number; value: unknown }): void {
  try {
    port.postMessage(answer)
  } catch {
    const { ask, value } = answer
    const named =
      typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copyable(item)]))
        : undefined
    port.postMessage({ ask, value: named })
  }
}

function copyable(item: unknown): unknown {
  try {
    return structuredClone(item)
  } catch {
    return typeof item
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
    const value = about === 'run' ? await engine.run(request) : await engine.supports?.(request)
    send(port, { ask, value })
  } catch (error) {
    port.postMessage({ ask, error: messageOf(error) } satisfies Answer)
  }
}

if (parentPort !== null) {
  const { file } = workerData as { file: string }
  await serve(parentPort, file)
}
