import pc from 'picocolors'
import { messageOf, ParityError } from '../format/errors.ts'
import { endOnSignals } from './interrupt.ts'

/** What keeps us from judging, or from saying what was judged. */
export const couldNotJudge = 2

/**
 * Sees to it that the process ends with a code that means what README.md says, whatever happens: Node's own for an error that
 * nobody has caught is 1, which is a mismatch here.
 */
export function watchEnding(): void {
  let isLost = false
  for (const [stream, name] of [
    [process.stdout, 'standard output'],
    [process.stderr, 'standard error'],
  ] as const) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // A reader that has seen enough, such as `head`, changes nothing about the verdict or the exit code.
      if (error.code === 'EPIPE') return
      isLost = true
      if (stream === process.stdout)
        printError(new Error(`${name}: expected to be written to, got ${messageOf(error)}`), false)
    })
  }
  process.on('exit', (code) => {
    if (isLost && code < 128) process.exitCode = couldNotJudge
  })
  process.on('uncaughtException', (error) => {
    printError(error)
    process.exit(couldNotJudge)
  })
  endOnSignals()
}

/** isBug: whether it is worth a stack. */
export function printError(error: unknown, isBug = error instanceof Error && !(error instanceof ParityError)): void {
  const text = isBug && error instanceof Error ? (error.stack ?? error.message) : messageOf(error)
  process.stderr.write(`${pc.red('error')} ${text}\n`)
}

/** Ends the process when what was printed is on its way, whatever else is still open. */
export async function end(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writable) await new Promise<void>((resolve) => stream.write('', () => resolve()))
  }
  process.exit()
}
