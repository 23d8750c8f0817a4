import type { Outputs, Request } from '../format/case.ts'
import type { Engine } from './run.ts'

type Without<R, K extends PropertyKey> = R extends unknown ? Omit<R, K> : never

/** What stays the same over many runs: a request without what goes in. */
export type Prepared = Without<Request, 'inputs' | 'cotangents'>

/**
 * An engine that loads once and runs often: `prepare` takes a request without its inputs, and `run` what that has given, as often
 * as there are inputs. Everything that an engine is asked more than once is then asked of one handle.
 */
export interface PreparingEngine {
  readonly name: string
  prepare(request: Prepared): unknown
  run(handle: unknown, inputs: Request['inputs'], cotangents?: Outputs): Outputs | Promise<Outputs>
  /** Gives up what `prepare` has taken. */
  release?(handle: unknown): unknown
  /** The string says why not. */
  supports?(request: Request): true | string | Promise<true | string>
}

export function isPreparing(engine: Engine | PreparingEngine): engine is PreparingEngine {
  return 'prepare' in engine && typeof engine.prepare === 'function'
}

/** An engine as it is asked: by whole requests. Handles are kept, one for each set of parameters, until they are released. */
export interface Asked extends Engine {
  release(): Promise<void>
}

export function asked(engine: Engine | PreparingEngine): Asked {
  const { name } = engine
  const supports = engine.supports && { supports: (request: Request) => engine.supports!(request) }
  if (!isPreparing(engine)) {
    return { name, ...supports, run: (request) => engine.run(request), release: async () => {} }
  }
  const handles = new Map<Request['params'], Promise<unknown>>()
  return {
    name,
    ...supports,
    async run({ inputs, cotangents, ...rest }) {
      let handle = handles.get(rest.params)
      if (handle === undefined) {
        handle = Promise.resolve(engine.prepare(rest as Prepared))
        handles.set(rest.params, handle)
        // What cannot be prepared is tried again when it is asked again.
        handle.catch(() => handles.delete(rest.params))
      }
      return engine.run(await handle, inputs, cotangents)
    },
    async release() {
      const all = [...handles.values()]
      handles.clear()
      for (const handle of all) await engine.release?.(await handle.catch(() => undefined))
    },
  }
}
