import { appendFile, readFile } from 'node:fs/promises'
import { messageOf, ParityError } from '../errors.ts'
import { parse } from '../case.ts'
import { renderAnnotations, renderStepSummary } from '../report/github.ts'
import { renderJSONL } from '../report/jsonl.ts'
import { renderJUnit } from '../report/junit.ts'
import { mergeResults, type Saved } from '../report/merge.ts'
import { renderText } from '../report/plain.ts'
import { Results, toJSON } from '../report/results.ts'
import { writeAside } from './files.ts'

export interface ReportOptions {
  readonly junit?: string
  readonly jsonl?: string
  readonly json?: string
  readonly text?: string
  readonly summary?: string
  readonly github: boolean
}

/** Makes other reports of what `verify --json` has written. → the exit code of all of it */
export async function report(files: readonly string[], options: ReportOptions): Promise<number> {
  const saved: Saved[] = []
  const unread: ParityError[] = []
  for (const name of files) {
    try {
      saved.push({ name, results: await readResults(name) })
    } catch (error) {
      if (!(error instanceof ParityError)) throw error
      unread.push(error)
    }
  }
  const { runs, notes } = mergeResults(saved)
  const { junit, jsonl, json, text, summary, github } = options
  if (json !== undefined && runs.length > 1) {
    const engines = runs.map(({ engine }) => engine).join(', ')
    throw new ParityError('USAGE', `--json: expected results of one engine, judged in one way, got ${engines}`)
  }
  for (const { message } of unread) process.stderr.write(`error ${message}\n`)
  for (const note of notes) process.stderr.write(`note: ${note}\n`)
  if (junit !== undefined) await writeAside(junit, renderJUnit(runs))
  if (jsonl !== undefined) await writeAside(jsonl, renderJSONL(runs))
  if (json !== undefined)
    await writeAside(
      json,
      runs.map((results) => `${toJSON(results)}\n`),
    )
  if (text !== undefined) await writeAside(text, [renderText(runs)])
  if (summary !== undefined) await writeAside(summary, [renderStepSummary(runs)])
  if (github) {
    process.stdout.write(renderAnnotations(runs))
    const path = process.env['GITHUB_STEP_SUMMARY']
    if (path !== undefined && path !== '') await appendFile(path, renderStepSummary(runs))
  }
  if ([junit, jsonl, json, text, summary].every((path) => path === undefined) && !github)
    process.stdout.write(renderText(runs))
  if (unread.length > 0 || runs.length === 0) return 2
  const codes = new Set(runs.map(({ exitCode }) => exitCode))
  return [2, 130, 1].find((code) => codes.has(code)) ?? 0
}

/** @throws ParityError FILE_UNREADABLE, or RESULTS_INVALID when it is no results. */
async function readResults(name: string): Promise<Results> {
  let text: string
  try {
    text = await readFile(name, 'utf8')
  } catch (cause) {
    throw new ParityError('FILE_UNREADABLE', `${name}: expected a readable file, got ${messageOf(cause)}`, { cause })
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
  return parse(Results, value, name, 'RESULTS_INVALID')
}
