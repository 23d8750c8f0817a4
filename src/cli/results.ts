import { PassThrough } from 'node:stream'
import { kappa, type Tolerance } from '../compare.ts'
import { caseOfResults, closeResults, type Detail, openResults } from '../report/results.ts'
import type { Verdict } from '../verify.ts'
import { writeAside } from './files.ts'

function drained(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.on('drain', done)
    stream.on('close', done)
  })
}

/** Takes the results of a run. */
export interface Writer {
  add(file: string, verdict: Verdict, detail?: Detail): Promise<void>
  end(end: Parameters<typeof closeResults>[0]): Promise<void>
}

/** Writes the results while they come, so that they need not be held, and renames the file at the end. */
export function writeResults(
  path: string,
  engine: string,
  { tolerance, equalNan }: { readonly tolerance: Tolerance; readonly equalNan: boolean },
): Writer {
  const stream = new PassThrough({ encoding: 'utf8' })
  const written = writeAside(path, stream)
  // A failure to write is thrown at the end, after everything has been judged and printed.
  written.catch(() => stream.resume())
  let first = true
  const write = async (text: string): Promise<void> => {
    // A stream whose file has failed takes nothing more, and never drains.
    if (!stream.write(text) && !stream.destroyed) await drained(stream)
  }
  const stated = tolerance.kind === 'budget' ? { ...tolerance, kappa } : tolerance
  stream.write(openResults({ engine, tolerance: stated, equalNan }))
  return {
    async add(file, verdict, detail) {
      await write(caseOfResults(file, verdict, first, detail))
      first = false
    },
    async end(end) {
      stream.end(closeResults(end))
      await written
    },
  }
}
