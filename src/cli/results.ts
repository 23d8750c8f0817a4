import { readFile, stat } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import { parse } from '../format/case/wording.ts'
import { kappa, type Tolerance } from '../verify/compare.ts'
import { messageOf, ParityError } from '../format/errors.ts'
import { caseOfResults, closeResults, openResults } from '../report/json.ts'
import type { FuzzResults } from '../report/fuzzed.ts'
import type { Detail, Results } from '../report/results.ts'
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
  {
    tolerance,
    target,
    equalNan,
  }: { readonly tolerance: Tolerance; readonly target?: string | undefined; readonly equalNan: boolean },
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
  stream.write(openResults({ engine, tolerance: stated, target, equalNan }))
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

/**
 * Reads what `verify --json` has written. advice: what to do where there is nothing.
 * @throws ParityError FILE_UNREADABLE, or RESULTS_INVALID when it is no results.
 */
export async function readResults(name: string, advice?: string): Promise<Results> {
  const results = await readSaved(name, advice)
  if (results.format === 'torch-parity-results') return results
  const got = 'those of `torch-parity fuzz --json`'
  throw new ParityError('RESULTS_INVALID', `${name}: expected results of \`torch-parity verify --json\`, got ${got}`)
}

/**
 * Reads what `verify --json` or `fuzz --json` has written.
 * @throws ParityError as `readResults` does.
 */
export async function readSaved(name: string, advice?: string): Promise<Results | FuzzResults> {
  let text: string
  try {
    // Nothing ends a process that waits for somebody to write into a pipe; those of a shell have a writer.
    if (!name.startsWith('/dev/') && (await stat(name)).isFIFO()) throw new Error('a pipe')
    text = await readFile(name, 'utf8')
  } catch (cause) {
    const next = advice === undefined ? '' : `\n${advice}`
    const got = messageOf(cause)
    throw new ParityError('FILE_UNREADABLE', `${name}: expected a readable file, got ${got}${next}`, { cause })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new ParityError(
      'RESULTS_INVALID',
      `${name}: expected results of \`torch-parity verify --json\`, got ${messageOf(cause)}`,
      { cause },
    )
  }
  if (typeof value === 'object' && value !== null && 'format' in value && value.format === 'torch-parity-fuzz') {
    const { FuzzResults: fuzzed } = await import('../report/fuzzed.ts')
    return parse(fuzzed, value, name, 'RESULTS_INVALID')
  }
  const { Results: schema } = await import('../report/results.ts')
  return parse(schema, value, name, 'RESULTS_INVALID')
}
