// The page of all committed fixtures: how large it is, and that it opens.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { opener } from './opened.ts'

const opened = opener()
const mostBytes = 1e6
const root = join(import.meta.dirname, '..', '..')
const made: string[] = []
afterAll(() => Promise.all(made.map((folder) => rm(folder, { recursive: true }))))

/** The folder that ci/test.sh has made, or one that is made now. */
async function report(): Promise<string> {
  const given = process.env['TORCH_PARITY_REPORT']
  if (given !== undefined) return given
  const folder = await mkdtemp(join(tmpdir(), 'torch-parity-report-'))
  made.push(folder)
  const command = [join(root, 'dist', 'cli.js'), 'verify', 'fixtures', '--quiet', '--report', folder]
  await promisify(execFile)(process.execPath, command, { cwd: root })
  return folder
}

describe('the page of all committed fixtures', () => {
  it('has at most 1 MB, opens, and has every case', async () => {
    const folder = await report()
    const html = await readFile(join(folder, 'index.html'), 'utf8')
    const { cases } = JSON.parse(await readFile(join(folder, 'results.json'), 'utf8')) as { readonly cases: unknown[] }
    expect(cases.length).toBeGreaterThan(3000)
    expect(Buffer.byteLength(html)).toBeLessThan(mostBytes)
    await opened([html], async (page) => {
      expect(await page.textContent('#count')).toBe(`${cases.length} of ${cases.length} cases`)
      await page.click('.case')
      expect(await page.locator('.heat rect').count()).toBeGreaterThan(0)
    })
  }, 120_000)
})
