import { Worker } from 'node:worker_threads'
import type { Case } from '../format/case.ts'
import type { Diagnosis } from '../diagnose.ts'
import type { Causes, OpenGroup } from '../diagnose/causes.ts'

interface Unexplained {
  readonly recorded: Case
  readonly outputs: unknown
}

export type Asked =
  | (Unexplained & { readonly kind: 'explain'; readonly limitMs: number })
  | (Unexplained & { readonly kind: 'look'; readonly file: string })
  | { readonly kind: 'causes' }

/**
 * Explains in a thread of its own, since it computes for seconds without a pause in which a signal would be heard. What is asked
 * before an answer has come waits for its turn.
 */
export interface Explainer {
  /** → nothing where there is nothing to say, or when it was interrupted */
  explain(unexplained: Unexplained & { readonly limitMs: number }): Promise<Diagnosis | undefined>
  /** Takes a mismatch of a run. → what is known of it by now, if anything */
  look(mismatch: Unexplained & { readonly file: string }): Promise<Diagnosis | undefined>
  /** What the mismatches of a run come from; nothing when it was interrupted. */
  causes(): Promise<Causes<OpenGroup> | undefined>
  close(): Promise<void>
}

interface Waiting {
  readonly resolve: (answer?: unknown) => void
  readonly reject: (error: Error) => void
}

/** signal: ends an explanation that is under way. */
export function newExplainer(signal: AbortSignal): Explainer {
  let worker: Worker | undefined
  // They are answered in the order in which they are asked.
  let waiting: Waiting[] = []
  const close = async (): Promise<void> => {
    await worker?.terminate()
    worker = undefined
  }
  const stop = (): void => {
    for (const { resolve } of waiting) resolve()
    waiting = []
    void close()
  }
  const started = (): Worker => {
    const thread = new Worker(new URL('./explainer-worker.js', import.meta.url))
    thread.on('message', (answer) => waiting.shift()?.resolve(answer))
    thread.on('error', (error: Error) => {
      for (const { reject } of waiting) reject(error)
      waiting = []
      worker = undefined
    })
    signal.addEventListener('abort', stop, { once: true })
    return thread
  }
  const ask = async (asked: Asked): Promise<unknown> => {
    if (signal.aborted) return undefined
    const thread = (worker ??= started())
    return await new Promise((resolve, reject) => {
      waiting.push({ resolve, reject })
      thread.postMessage(asked)
    })
  }
  return {
    explain: async (unexplained) => (await ask({ kind: 'explain', ...unexplained })) as Diagnosis | undefined,
    look: async (mismatch) => (await ask({ kind: 'look', ...mismatch })) as Diagnosis | undefined,
    causes: async () => (await ask({ kind: 'causes' })) as Causes<OpenGroup> | undefined,
    async close() {
      signal.removeEventListener('abort', stop)
      await close()
    },
  }
}
