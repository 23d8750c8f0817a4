import { setImmediate } from 'node:timers/promises'

/** A signal that ends the command, noticed by what is under way, so that what was judged is still reported. */
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

/** Those who have something to say before the command ends. */
const listeners = new Set<(exitCode: number) => void>()
let isSignalled = false

/** From now on SIGINT and SIGTERM end the process: at once where nobody listens, and at the second signal in any case. */
export function endOnSignals(): void {
  for (const [signal, exitCode] of Object.entries(exitCodes)) {
    process.on(signal, () => {
      // Not by the signal itself: what listens to `exit` ends the processes that were started.
      if (listeners.size === 0 || isSignalled) process.exit(exitCode)
      isSignalled = true
      for (const listener of listeners) listener(exitCode)
    })
  }
}

/** The first SIGINT or SIGTERM aborts the signal, until `stop`. */
export function onInterrupt(): Interruption {
  const controller = new AbortController()
  let last = performance.now()
  let exitCode = exitCodes.SIGINT
  const abort = (code: number): void => {
    exitCode = code
    controller.abort()
  }
  listeners.add(abort)
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
    stop: () => void listeners.delete(abort),
  }
}
