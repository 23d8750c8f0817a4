import { setImmediate } from 'node:timers/promises'

/** Ctrl-C, noticed between two cases, so that what was judged is still reported. */
export interface Interruption {
  readonly signal: AbortSignal
  /** Lets signals and the progress bar have their turn, at most every 50 ms. */
  breathe(): Promise<void>
  stop(): void
}

const everyMs = 50

/** The first SIGINT or SIGTERM aborts the signal, a second one ends the process. */
export function onInterrupt(): Interruption {
  const controller = new AbortController()
  let last = performance.now()
  const abort = (): void => {
    stop()
    controller.abort()
  }
  const stop = (): void => {
    process.off('SIGINT', abort)
    process.off('SIGTERM', abort)
  }
  process.on('SIGINT', abort)
  process.on('SIGTERM', abort)
  return {
    signal: controller.signal,
    async breathe() {
      if (performance.now() - last < everyMs) return
      await setImmediate()
      last = performance.now()
    },
    stop,
  }
}
