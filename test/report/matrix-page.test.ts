import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Asked, Came, Matrix } from '../../src/report/matrix.ts'
import { renderMatrixPage } from '../../src/report/matrix/html.ts'
import { opener } from './opened.ts'

const attack = '</script><img src=x onerror=alert(1)>\u2028'
const asked = (id: string, module: string, traits: string[], special = false): Asked => ({
  file: 'fixtures/a.msgpack',
  id,
  module,
  traits,
  special,
})
const match: Came = { outcome: 'match', share: 0.25 }
const sample: Matrix = {
  cases: [
    asked('one', 'RNNCell', ['default']),
    asked('two', 'RNNCell', ['relu']),
    asked('three', 'RNNCell', ['relu'], true),
    asked(attack, 'GRU', ['default']),
    asked('five', 'LSTM', ['default']),
  ],
  rows: [
    { engine: 'good', asked: 'good', came: [match, match, match, match, match], speeds: [] },
    {
      engine: attack,
      asked: 'bad',
      came: [
        match,
        match,
        { outcome: 'mismatch', why: 'NaN for a number' },
        { outcome: 'unsupported', why: `no GRU ${attack}` },
        { outcome: 'failed', why: 'died' },
      ],
      speeds: [{ module: 'RNNCell', file: 'fixtures/a.msgpack', id: 'one', ms: 1.234, oursMs: 0.5 }],
    },
  ],
  missing: ['tfjs'],
  broken: [{ asked: 'keras', error: attack }],
}

const openedPage = opener()
const opened = (use: (page: Page) => Promise<void>): Promise<void> => openedPage(renderMatrixPage(sample), use)

const cells = (page: Page): Promise<string[]> => page.locator('.matrix td button').allInnerTexts()
const ids = (page: Page): Promise<string[]> => page.locator('.case .id').allTextContents()

describe('the page of a matrix', () => {
  it('shows engines by modules, and what could not be asked', () =>
    opened(async (page) => {
      expect(await cells(page)).toEqual([
        '25.0 %\n5 of 5',
        '25.0 %\n3 of 3',
        '25.0 %\n1 of 1',
        '25.0 %\n1 of 1',
        '✗ 1 off\n2 of 4\n✗ 1 special',
        '25.0 %\n2 of 3\n✗ 1 special',
        'not supported\n1',
        '✗ 1 off\n0 of 1',
      ])
      expect(await page.locator('.matrix th[scope=row]').allTextContents()).toEqual(['good', attack])
      expect(await page.locator('#errors li').allTextContents()).toEqual([
        `keras could not be asked: ${attack}`,
        'Not installed: tfjs',
      ])
      expect(await page.isVisible('#cases')).toBe(false)
    }))

  it('opens the cases of a cell, what is off first, with why and the time', () =>
    opened(async (page) => {
      await page.locator('.matrix tbody tr').nth(1).locator('button').first().click()
      expect(await ids(page)).toEqual(['five', 'three', 'one', 'two', attack])
      expect(await page.textContent('#chosen')).toBe(`${attack}: all modules`)
      expect(await page.locator('#groups li').allTextContents()).toEqual([
        '1 × off: NaN for a number',
        '1 × failed: died',
        `1 × not supported: no GRU ${attack}`,
      ])
      expect(await page.textContent('#speed')).toBe('RNNCell: one answer to one 1.2 ms, ours 0.5 ms')
      expect(await page.locator('.case .file').nth(1).textContent()).toBe(
        'RNNCell · fixtures/a.msgpack · special values · NaN for a number',
      )
      await page.click('#groups button >> nth=1')
      expect(await ids(page)).toEqual(['five'])
      expect(await page.evaluate('document.activeElement.textContent')).toBe('1 × failed: died')
      await page.click('#groups button >> nth=1')
      await page.selectOption('#outcome', 'unsupported')
      expect(await ids(page)).toEqual([attack])
      await page.goBack()
      expect(await ids(page)).toHaveLength(5)
      expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('engine')).toBe(attack)
    }))

  it('counts one trait, and special values apart', () =>
    opened(async (page) => {
      await page.selectOption('#trait', 'relu')
      expect(await cells(page)).toEqual([
        '25.0 %\n2 of 2',
        '25.0 %\n2 of 2',
        '25.0 %\n1 of 2\n✗ 1 special',
        '25.0 %\n1 of 2\n✗ 1 special',
      ])
      await page.selectOption('#values', 'ordinary')
      expect(await cells(page)).toEqual(['25.0 %\n1 of 1', '25.0 %\n1 of 1', '25.0 %\n1 of 1', '25.0 %\n1 of 1'])
      await page.locator('.matrix tbody tr').nth(1).locator('button').last().click()
      expect(await ids(page)).toEqual(['two'])
    }))
})
