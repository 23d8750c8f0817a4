import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { logLines } from '../report/log.ts'

/** Kills a process that leads its process group, and all of the group. */
export function killProcessGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    // Windows has no process groups; there the process itself is all there is.
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

/** A process of somebody else's that leads its process group. */
export interface Group {
  /** Kills it, and what it has started. */
  readonly kill: () => void
  /** Resolves when it is gone and what it has said is heard: how it ended, in words. */
  readonly gone: Promise<string>
  /** Which of its standard error were its last lines, each after a line break. */
  readonly lastWords: () => string
}

/** Of those that are there: Node warns of many listeners. */
const running = new Set<() => void>()

function killRunning(): void {
  for (const kill of running) kill()
}

/** How long what a process has said may take to arrive once it is gone: others may hold its standard output. */
const lastWordsMs = 500
/** So much says what has ended a process. */
const lastLines = 5
const longestLine = 500

/**
 * Minds a process that has just been started: it is killed when this process exits, and what it prints goes to standard error.
 * prints: the streams in which nothing stands but what it prints.
 */
export function minded(child: ChildProcess, prints: readonly (Readable | null)[]): Group {
  let words: string[] = []
  const kill = (): void => killProcessGroup(child.pid)
  const printed = prints.flatMap((stream) =>
    stream === null
      ? []
      : [
          printing(stream, (text) => {
            const lines = text.split('\n').filter((line) => line.trim() !== '')
            if (stream === child.stderr) words = [...words, ...lines].slice(-lastLines)
          }),
        ],
  )
  if (running.size === 0) process.on('exit', killRunning)
  running.add(kill)
  const gone = new Promise<string>((ended) => {
    child.on('error', (error) => ended(error.message))
    child.on('exit', (code, killer) => {
      const how =
        killer === null ? `its process ended with code ${code}${asSignal(code)}` : `its process was ended by ${killer}`
      // With its leader gone it is over, and what is left of it would hold the pipes.
      kill()
      // What it sent before its end may still be on its way: `close` comes after it, if nobody else holds the pipes.
      const timer = setTimeout(ended, lastWordsMs, how)
      child.on('close', () => {
        clearTimeout(timer)
        ended(how)
      })
    })
  }).finally(() => {
    kill()
    running.delete(kill)
    if (running.size === 0) process.off('exit', killRunning)
    for (const end of printed) end()
    for (const stream of child.stdio) stream?.destroy()
  })
  return { kill, gone, lastWords: () => words.map((line) => `\n  ${line.slice(0, longestLine)}`).join('') }
}

/** A shell says by its own code which signal has ended a command. */
function asSignal(code: number | null): string {
  const [name] = Object.entries(constants.signals).find(([, signal]) => code === 128 + signal) ?? []
  return name === undefined ? '' : ` (${name})`
}

/** What an engine prints must not stand in the report, and goes to standard error. → what ends it */
function printing(stream: Readable, heard: (text: string) => void): () => void {
  const lines = logLines()
  const print = (text: string): void => {
    if (text === '') return
    process.stderr.write(text)
    heard(text)
  }
  stream.setEncoding('utf8').on('data', (text: string) => print(lines.add(text)))
  stream.on('error', () => {})
  return () => print(lines.end())
}
