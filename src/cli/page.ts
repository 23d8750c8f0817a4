import { join } from 'node:path'
import { renderHtml } from '../report/html.ts'
import { toJSON } from '../report/json.ts'
import type { Audit, Results } from '../report/results.ts'
import { writeAside } from './files.ts'
import { readResults } from './results.ts'

const fileOf = (folder: string): string => join(folder, 'results.json')

/**
 * The results behind a folder's page.
 * @throws ParityError FILE_UNREADABLE when there are none, RESULTS_INVALID when they are something else.
 */
export async function readPage(folder: string): Promise<Results> {
  return await readResults(fileOf(folder), `\`torch-parity verify --report ${folder}\` writes it`)
}

/** Makes index.html of a folder's results.json. */
export async function writePage(folder: string): Promise<void> {
  await writeAside(join(folder, 'index.html'), renderHtml(await readPage(folder)))
}

/** Adds an audit to a folder's page, and to the results behind it. */
export async function addToPage(folder: string, before: Results, audit: Audit): Promise<void> {
  const results = { ...before, audit }
  await writeAside(fileOf(folder), [`${toJSON(results)}\n`])
  await writeAside(join(folder, 'index.html'), renderHtml(results))
}
