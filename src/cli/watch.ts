import { once } from 'node:events'
import { watch } from 'node:fs'
import { dirname, sep } from 'node:path'
import { logLine, messageOf, ParityError } from '../format/errors.ts'
import { onInterrupt } from './interrupt.ts'
import { say } from './terminal.ts'
import { verifyFiles } from './verify.ts'
import type { VerifyOptions } from './verify/run.ts'

/** What is written in one go comes as several changes. */
const quietMs = 200

/** What others write beside an engine: none of it is the engine. */
const others = /(?:^|[\\/])(?:node_modules|\.git)(?:[\\/]|$)|\.partial$/

/**
 * Judges, and again whenever a file changes in the folder of the engine or below it, until it is interrupted. → 0
 * @throws ParityError USAGE where there is no engine's file to watch.
 */
export async function watchFiles(paths: readonly string[], options: VerifyOptions): Promise<number> {
  const file = options.engine ?? options.enginePage
  if (file === undefined || !(file.includes('.') || file.includes(sep)) || /^https?:/.test(file)) {
    throw new ParityError(
      'USAGE',
      '--watch: expected --engine FILE or --engine-page FILE, whose folder is watched, got none',
    )
  }
  const folder = dirname(file)
  const written = [options.json, options.knownFailures].flatMap((path) => (path === undefined ? [] : [path]))
  const interruption = onInterrupt()
  let running = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  // From now on: what changes while the first run judges counts.
  const watcher = watch(folder, { recursive: true }, (_, name) => {
    if (name === null || others.test(name) || written.some((path) => path.endsWith(name))) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      running = running.then(async () => {
        if (interruption.signal.aborted) return
        say(`\n${logLine(name)} has changed`)
        await judge(paths, options)
      })
    }, quietMs)
  })
  try {
    running = judge(paths, options)
    await running
    if (!interruption.signal.aborted) {
      say(`watching ${logLine(folder)}; Ctrl-C ends`)
      await once(interruption.signal, 'abort')
    }
    clearTimeout(timer)
    await running
  } finally {
    watcher.close()
    interruption.stop()
  }
  return 0
}

/** An engine that cannot be loaded is one to be mended. */
async function judge(paths: readonly string[], options: VerifyOptions): Promise<void> {
  try {
    await verifyFiles(paths, options)
  } catch (error) {
    if (!(error instanceof ParityError)) throw error
    process.stderr.write(`error ${messageOf(error)}\n`)
  }
}
