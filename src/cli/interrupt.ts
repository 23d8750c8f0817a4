import { setImmediate } from 'node:timers/promises'

/** Ctrl-C, noticed between two cases, so that what was judged is still reported. */
export interface Interruption {
  readonly signal: AbortSignal
  /** What the command ends with then: 130 after SIGINT, 143 after SIGTERM. */
  readonly exitCode: number
  /** Lets signals and the progress bar have their turn, at most every 50 ms. */
  breathe(): Promise<void>
  stop(): void
}

const everyMs = 50

/** As shells say that a signal has ended a process. */
const exitCodes = { SIGINT: 130, SIGTERM: 143 }

/** The first SIGINT or SIGTERM aborts the signal, a second one ends the process. */
export function onInterrupt(): Interruption {
  const controller = new AbortController()
  let last = performance.now()
  let exitCode = exitCodes.SIGINT
  const abort = (signal: keyof typeof exitCodes): void => {
    stop()
    exitCode = exitCodes[signal]
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
    get exitCode() {
      return exitCode
    },
    async breathe() {
      if (performance.now() - last < everyMs) return
      await setImmediate()
      last = performance.now()
    },
    stop,
  }
}
