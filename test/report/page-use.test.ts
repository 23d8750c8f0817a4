// What a reader does with the page of a report.
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { opener } from './opened.ts'
import { causes, matching, mismatching, results } from './saved.ts'

const opened = opener()
const ids = (page: Page): Promise<string[]> => page.locator('.case .id').allTextContents()
const hash = (page: Page): string => decodeURIComponent(new URL(page.url()).hash.replaceAll('+', ' '))
const phone = { viewport: { width: 390, height: 844 } }

const { explanation: _, ...bare } = mismatching
const far = { ...bare, id: 'far', comparisons: [{ ...bare.comparisons[0]!, share: 8.04e39 }] }
const near = { ...bare, id: 'near', comparisons: [{ ...bare.comparisons[0]!, share: 3 }] }
const right = { ...matching, id: 'right', traits: ['relu'] }
const failure = (id: string, what: string): object => {
  const message = `b.msgpack: case ${id}: engine mine.mjs: expected an answer, got an error: ${what}`
  return { file: 'b.msgpack', code: 'ENGINE_FAILED', message }
}
const errors = [
  failure('one', 'no lengths'),
  ...Array.from({ length: 200 }, (__, i) => failure(`shape-${i}`, `shape ${i} x 2`)),
  { code: 'FILE_MISSING', message: 'c.msgpack: expected a file, got none' },
]
const sample = results([near, right, far], { errors, exitCode: 2 })

describe('the page of a report', () => {
  it('writes the worst first, and how far off it is in a few letters', () =>
    opened(sample, async (page) => {
      expect(await ids(page)).toEqual(['far', 'near'])
      expect(await page.locator('.case .number').allTextContents()).toEqual(['8e39 ×', '300.0 %'])
    }))

  it('groups errors by what they say but for numbers, and shows those of a group', () =>
    opened(
      sample,
      async (page) => {
        expect(await page.locator('#failures button').allTextContents()).toEqual([
          '200 errors: shape 0 x 2',
          '1 error: no lengths',
          '1 error: c.msgpack: expected a file, got none',
        ])
        expect(await page.evaluate('document.documentElement.scrollHeight')).toBeLessThan(2000)
        await page.click('#failures button >> nth=1')
        expect(await ids(page)).toEqual(['one'])
        expect(await page.textContent('#count')).toBe('1 of 3 cases and 202 errors of one group')
        await page.click('.case')
        expect(await page.textContent('#detail pre')).toBe(
          'engine mine.mjs: expected an answer, got an error: no lengths',
        )
        expect(await page.textContent('.copied pre')).toBe('torch-parity explain b.msgpack --case one')
        await page.click('#close')
        await page.click('#clear')
        await page.selectOption('#outcome', 'error')
        await page.fill('#search', 'shape 199')
        expect(await ids(page)).toEqual(['shape-199'])
      },
      phone,
    ))

  it('has what is looked at in its address, and goes back and forward', () =>
    opened(sample, async (page) => {
      expect(hash(page)).toBe('')
      await page.selectOption('#outcome', 'all')
      await page.click('.matrix button[aria-label^="RNNCell, relu"]')
      expect(hash(page)).toBe('#outcome=all&module=RNNCell&trait=relu')
      await page.click('.case')
      expect(hash(page)).toBe('#outcome=all&module=RNNCell&trait=relu&open=["a.msgpack","right"]')
      await page.goBack()
      expect(await page.isVisible('#panel')).toBe(false)
      expect(await ids(page)).toEqual(['right'])
      await page.goBack()
      expect(await page.locator('.matrix [aria-pressed=true]').count()).toBe(0)
      await page.goBack()
      expect(await ids(page)).toEqual(['far', 'near'])
      await page.goForward()
      await page.goForward()
      await page.goForward()
      expect(await page.textContent('#detail h2')).toBe('right')
    }))

  it('opens where an address says', () =>
    opened(
      sample,
      async (page) => {
        expect(await page.textContent('#detail h2')).toBe('near')
        expect(await page.inputValue('#search')).toBe('rnncell')
        expect(await page.locator('.case[aria-current=true] .id').textContent()).toBe('near')
        expect(await ids(page)).toEqual(['far', 'near'])
      },
      { hash: `#text=rnncell&open=${encodeURIComponent('["a.msgpack","near"]')}` },
    ))

  it('shows everything where an address names nothing that there is', () =>
    opened(
      sample,
      async (page) => {
        expect(await page.isVisible('#panel')).toBe(false)
        expect(await ids(page)).toEqual(['far', 'near'])
      },
      { hash: '#group=cause+9&open=x&what=%E0' },
    ))

  it('opens a group of an address', () =>
    opened(
      results([{ ...bare, id: 'lstm-1' }, { ...bare, id: 'else' }, right], { causes }),
      async (page) => expect(await ids(page)).toEqual(['lstm-1']),
      { hash: '#group=cause+1' },
    ))

  it('copies the command of a case', () =>
    opened(
      sample,
      async (page) => {
        await page.click('.case')
        await page.click('.copy')
        await page.locator('.copied [role=status]').filter({ hasText: 'copied' }).waitFor()
        expect(await page.evaluate('navigator.clipboard.readText()')).toBe('torch-parity explain a.msgpack --case far')
      },
      { permissions: ['clipboard-read', 'clipboard-write'] },
    ))

  it('says of a table that is cut that there is more, and no more at its end', () =>
    opened(
      sample,
      async (page) => {
        await page.click('.case')
        const table = page.locator('#detail .scroll')
        const isCut = (): Promise<boolean> => table.evaluate((own) => own.classList.contains('more'))
        expect(await isCut()).toBe(true)
        expect(await page.isVisible('#detail .hint')).toBe(true)
        expect(await table.getAttribute('tabindex')).toBe('0')
        await table.evaluate((own) => own.scrollTo(10_000, 0))
        await expect.poll(isCut).toBe(false)
      },
      phone,
    ))

  it('compares with other results, of which each group shows its cases', () =>
    opened(
      results([near, right, far]),
      async (page) => {
        expect(await page.textContent('#than')).toBe('Compared with older')
        expect(await page.locator('#against button').allTextContents()).toEqual([
          '1 case: worse: not off before, and off, undecided or an error now',
          '1 case: better: they match now',
          '1 case: not judged before',
          '1 case: not judged any more',
        ])
        await page.click('#against [data-group=fixed]')
        expect(await ids(page)).toEqual(['right'])
        await page.click('.case')
        expect(await page.textContent('#detail')).toContain('older: mismatch, 12 × of the allowed error. Now better.')
        expect(await page.textContent('#against details')).toContain('left · a.msgpack')
      },
      {
        before: results(
          [
            { ...far, id: 'right', comparisons: [{ ...far.comparisons[0]!, share: 12 }] },
            { ...right, id: 'near' },
            { ...right, id: 'left' },
          ],
          { engine: 'older' },
        ),
      },
    ))

  it('shows what fails now among what is worse', () =>
    opened(
      sample,
      async (page) => {
        await page.click('#against [data-group=broken]')
        expect(await ids(page)).toEqual(['one'])
        await page.click('.case.error')
        expect(await page.textContent('#detail')).toContain('older: match. Now worse.')
      },
      { before: results([near, right, far, { ...right, file: 'b.msgpack', id: 'one' }], { engine: 'older' }) },
    ))

  it('says where two runs came to the same', () =>
    opened(sample, async (page) => expect(await page.isVisible('#same')).toBe(true), { before: sample }))
})
