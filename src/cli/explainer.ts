import { Worker } from 'node:worker_threads'
import type { Case } from '../format/case.ts'
import type { Diagnosis } from '../diagnose.ts'

/** What is explained, as `diagnosisOf` takes it. */
export interface Unexplained {
  readonly recorded: Case
  readonly outputs: unknown
  readonly limitMs: number
}

/** Explains in a thread of its own, since it computes for seconds without a pause in which a signal would be heard. */
export interface Explainer {
  /** → nothing where there is nothing to say, or when it was interrupted */
  explain(unexplained: Unexplained): Promise<Diagnosis | undefined>
  close(): Promise<void>
}

/** signal: ends an explanation that is under way. */
export function newExplainer(signal: AbortSignal): Explainer {
  let worker: Worker | undefined
  const close = async (): Promise<void> => {
    await worker?.terminate()
    worker = undefined
  }
  return {
    async explain(unexplained) {
      if (signal.aborted) return undefined
      const thread = (worker ??= new Worker(new URL('./explainer-worker.js', import.meta.url)))
      const ended = new AbortController()
      let answered: (diagnosis: Diagnosis | undefined) => void = () => {}
      let failed: (error: Error) => void = () => {}
      try {
        return await new Promise((resolve, reject) => {
          const until = { signal: ended.signal }
          signal.addEventListener('abort', () => resolve(undefined), until)
          answered = resolve
          failed = reject
          thread.on('message', answered)
          thread.on('error', failed)
          thread.postMessage(unexplained)
        })
      } finally {
        ended.abort()
        // These two alone: Node has listeners of its own on a thread, without which its messages no longer come.
        thread.off('message', answered)
        thread.off('error', failed)
        if (signal.aborted) await close()
      }
    },
    close,
  }
}
