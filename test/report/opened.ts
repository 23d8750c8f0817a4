// Pages as a reader has them: opened from disk in Chromium.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { renderHtml } from '../../src/report/html.ts'
import type { Results } from '../../src/report/results.ts'
import { launch } from './chromium.ts'

interface Options extends BrowserContextOptions {
  /** What stands behind # in the address. */
  readonly hash?: string
  /** Other results, to compare with. */
  readonly before?: Results
}

/** What is opened: results as their page, or the text of a page. */
type Opened = Results | Iterable<string>

/**
 * Opens what it is given from disk, lets `use` do something, and expects no word on the console and no request but the page itself.
 * To be called once in a file, outside its tests: the browser ends with them.
 */
export function opener(): (what: Opened, use: (page: Page) => Promise<void>, options?: Options) => Promise<void> {
  let browser: Browser
  let folder: string
  let pages = 0
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'torch-parity-page-'))
    browser = await launch()
  })
  afterAll(async () => {
    await browser?.close()
    await rm(folder, { recursive: true, force: true })
  })
  return async (what, use, { hash = '', before, ...options } = {}) => {
    const file = join(folder, `${pages++}.html`)
    await writeFile(file, Symbol.iterator in what ? what : renderHtml(what, before))
    const context = await browser.newContext(options)
    try {
      const page = await context.newPage()
      const said: string[] = []
      const asked: string[] = []
      page.setDefaultTimeout(10_000)
      page.on('console', (message) => said.push(message.text()))
      page.on('pageerror', ({ message }) => said.push(message))
      page.on('dialog', (dialog) => {
        said.push(`dialog ${dialog.message()}`)
        void dialog.dismiss()
      })
      page.on('request', (request) => asked.push(request.url()))
      const address = pathToFileURL(file).href
      await page.goto(`${address}${hash}`)
      await page.waitForSelector('main:not([aria-busy])')
      await use(page)
      expect(said).toStrictEqual([])
      expect(asked.map((each) => each.split('#')[0])).toStrictEqual([address])
    } finally {
      await context.close()
    }
  }
}
