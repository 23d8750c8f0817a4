import { appendFile } from 'node:fs/promises'
import { logLine, ParityError } from '../format/errors.ts'
import { renderAnnotations, renderStepSummary } from '../report/github.ts'
import { renderHtml } from '../report/html.ts'
import { renderJSONL } from '../report/jsonl.ts'
import { renderJUnit } from '../report/junit.ts'
import type { SavedFuzz } from '../report/fuzzed.ts'
import { mergeResults, type Saved } from '../report/merge.ts'
import { renderText } from '../report/plain.ts'
import { toJSON } from '../report/json.ts'
import { writeAside } from './files.ts'
import { readResults, readSaved } from './results.ts'
import { write } from './terminal.ts'

interface ReportOptions {
  readonly junit?: string
  readonly html?: string
  /** Earlier results, or another engine's, which the page compares with. */
  readonly against?: string
  readonly jsonl?: string
  readonly json?: string
  readonly text?: string
  readonly summary?: string
  readonly github: boolean
}

/** Makes other reports of what `verify --json` has written. → the exit code of all of it */
export async function report(files: readonly string[], options: ReportOptions): Promise<number> {
  if (options.against !== undefined && options.html === undefined) {
    throw new ParityError('USAGE', '--against: expected --html, got none\nthe page is what shows two runs side by side')
  }
  const saved: Saved[] = []
  const fuzzed: SavedFuzz[] = []
  const unread: ParityError[] = []
  for (const name of files) {
    try {
      const results = await readSaved(name)
      if (results.format === 'torch-parity-fuzz') fuzzed.push({ name, results })
      else saved.push({ name, results })
    } catch (error) {
      if (!(error instanceof ParityError)) throw error
      unread.push(error)
    }
  }
  for (const { message } of unread) process.stderr.write(`error ${message}\n`)
  if (fuzzed.length > 0) return await reportFuzzed(fuzzed, [...saved, ...unread], options)
  const { runs, notes } = mergeResults(saved)
  const { junit, html, jsonl, json, text, summary, github } = options
  const whole = json === undefined ? '--html' : '--json'
  if ((json !== undefined || html !== undefined) && runs.length > 1) {
    const engines = runs.map(({ engine }) => engine).join(', ')
    throw new ParityError('USAGE', `${whole}: expected results of one engine, judged in one way, got ${engines}`)
  }
  for (const note of notes) process.stderr.write(`note: ${logLine(note)}\n`)
  if (junit !== undefined) await writeAside(junit, renderJUnit(runs))
  const [first] = runs
  if (html !== undefined && first !== undefined) {
    const before = options.against === undefined ? undefined : await readResults(options.against)
    await writeAside(html, renderHtml(first, before))
  }
  if (jsonl !== undefined) await writeAside(jsonl, renderJSONL(runs))
  if (json !== undefined)
    await writeAside(
      json,
      runs.map((results) => `${toJSON(results)}\n`),
    )
  if (text !== undefined) await writeAside(text, [renderText(runs)])
  if (summary !== undefined) await writeAside(summary, [renderStepSummary(runs)])
  if (github) {
    write(renderAnnotations(runs))
    const path = process.env['GITHUB_STEP_SUMMARY']
    if (path !== undefined && path !== '') await appendFile(path, renderStepSummary(runs))
  }
  if ([junit, html, jsonl, json, text, summary].every((path) => path === undefined) && !github) write(renderText(runs))
  if (unread.length > 0 || runs.length === 0) return 2
  const codes = new Set(runs.map(({ exitCode }) => exitCode))
  return [2, 143, 130, 1].find((code) => codes.has(code)) ?? 0
}

/** Parts of `fuzz` make a text, and nothing else. */
async function reportFuzzed(
  fuzzed: readonly SavedFuzz[],
  others: readonly unknown[],
  options: ReportOptions,
): Promise<number> {
  const { text, github: _, ...elsewhere } = options
  if (others.length > 0 || Object.values(elsewhere).some((path) => path !== undefined)) {
    throw new ParityError('USAGE', 'report: expected results of `fuzz` by themselves, and --text alone, got others too')
  }
  const { mergeFuzzed } = await import('../report/fuzzed.ts')
  const whole = mergeFuzzed(fuzzed)
  if (text === undefined) write(whole.text)
  else await writeAside(text, [whole.text])
  return whole.exitCode
}
