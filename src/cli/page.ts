import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { renderHtml } from '../report/html.ts'
import { Results } from '../report/results.ts'
import { writeAside } from './files.ts'

/** Makes index.html of a folder's results.json. */
export async function writePage(folder: string): Promise<void> {
  const results = Results.parse(JSON.parse(await readFile(join(folder, 'results.json'), 'utf8')))
  await writeAside(join(folder, 'index.html'), renderHtml(results))
}
