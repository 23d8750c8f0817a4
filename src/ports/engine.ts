// The engine that a user asks for: ours, a framework's, or one of their own in a process.
import { fileURLToPath } from 'node:url'
import { adapters, checkInstalled } from '../adapters/peer.ts'
import { type Engine, float32Engine } from '../engine/run.ts'
import { engine as ours } from '../verify/exact.ts'
import type { Host } from './host.ts'

/** What stands for `--engine`. */
interface Chosen {
  readonly engine: Engine
  /** The process that it runs in, unless it is ours. */
  readonly host: Host | undefined
}

/**
 * Our own engine where there is no name, our port in float32 where it is the word float32, a framework where it is the name of an
 * adapter; else the engine that a file exports. A file that is called float32 is reached by ./float32.
 * @throws ParityError FILE_MISSING where the framework is not installed, and what hostEngine throws.
 */
export async function chosenEngine(name: string | undefined, timeoutMs: number, signal: AbortSignal): Promise<Chosen> {
  if (name === undefined) return { engine: ours, host: undefined }
  if (name === 'float32') return { engine: float32Engine, host: undefined }
  const isAdapter = Object.hasOwn(adapters, name)
  if (isAdapter) checkInstalled(name)
  const path = isAdapter ? fileURLToPath(new URL(`../adapters/${name}.js`, import.meta.url)) : name
  const { hostEngine } = await import('./host.ts')
  const host = await hostEngine(name, timeoutMs, signal, path)
  return { engine: host.engine, host }
}
