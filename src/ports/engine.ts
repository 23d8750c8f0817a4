// The engine that a user asks for: ours, or one of their own in a worker.
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
 * Our own engine where there is no name, and our port in float32 where it is the word float32; else the engine that a file exports. A
 * file that is called float32 is reached by ./float32.
 */
export async function chosenEngine(name: string | undefined, timeoutMs: number, signal: AbortSignal): Promise<Chosen> {
  if (name === undefined) return { engine: ours, host: undefined }
  if (name === 'float32') return { engine: float32Engine, host: undefined }
  const { hostEngine } = await import('./host.ts')
  const host = await hostEngine(name, timeoutMs, signal)
  return { engine: host.engine, host }
}
