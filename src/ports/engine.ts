// The engine that a user asks for: ours, a framework's, or one of their own.
import { adapters } from '../adapters/peer.ts'
import { pythonAdapters } from '../adapters/python.ts'
import { type Engine, float32Engine } from '../engine/run.ts'
import { ParityError } from '../format/errors.ts'
import { engine as ours } from '../verify/exact.ts'
import type { Host } from './host.ts'

/** How an engine is asked for. */
export interface EngineOptions {
  /** A module that exports an Engine, or float32; ours when absent. */
  readonly engine?: string
  /** A command of a shell that starts one, which answers in frames, or that computes one request from {in} to {out}. */
  readonly engineCommand?: string
  /** A page, its address, or a module, of which a browser has the engine. */
  readonly enginePage?: string
}

/** What stands for `--engine`, `--engine-command` and `--engine-page`. */
interface Chosen {
  readonly engine: Engine
  /** The process that it runs in, unless it is ours. */
  readonly host: Host | undefined
}

/**
 * Our own engine where none is asked for, and our port in float32 where it is the word float32; a framework where it is the name of
 * an adapter; else the engine that a file exports, that a command starts, or that a page has. A file that is called float32 is reached by
 * ./float32.
 * @throws ParityError USAGE where several are asked for, FILE_MISSING where a framework is not installed
 */
export async function chosenEngine(
  { engine, engineCommand, enginePage }: EngineOptions,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Chosen> {
  if (engine !== undefined && engineCommand !== undefined)
    throw new ParityError('USAGE', '--engine-command: expected it without --engine, got both')
  if (enginePage !== undefined && (engine ?? engineCommand) !== undefined)
    throw new ParityError('USAGE', '--engine-page: expected it without another engine, got both')
  if (enginePage !== undefined) {
    const [{ hostEngine }, { pageWay }] = await Promise.all([import('./host.ts'), import('./page.ts')])
    return hosted(await hostEngine(await pageWay(enginePage), timeoutMs, signal))
  }
  if (engineCommand !== undefined) {
    const { hostTemplate, isTemplate } = await import('./template.ts')
    if (isTemplate(engineCommand)) return hosted(await hostTemplate(engineCommand, timeoutMs, signal))
    const [{ hostEngine }, { commandWay }] = await Promise.all([import('./host.ts'), import('./command.ts')])
    return hosted(await hostEngine(commandWay(engineCommand), timeoutMs, signal))
  }
  if (engine === undefined) return { engine: ours, host: undefined }
  if (engine === 'float32') return { engine: float32Engine, host: undefined }
  if (Object.hasOwn(pythonAdapters, engine)) {
    const [{ hostEngine }, { pythonWay }] = await Promise.all([import('./host.ts'), import('./command.ts')])
    return hosted(await hostEngine(await pythonWay(engine), timeoutMs, signal))
  }
  const [{ hostEngine }, { adapterWay, moduleWay }] = await Promise.all([import('./host.ts'), import('./module.ts')])
  const way = Object.hasOwn(adapters, engine) ? adapterWay(engine) : await moduleWay(engine)
  return hosted(await hostEngine(way, timeoutMs, signal))
}

function hosted(host: Host): Chosen {
  return { engine: host.engine, host }
}
