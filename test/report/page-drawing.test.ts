// Where a case is off, as the page draws it.
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { byteOf } from '../../src/report/heat.ts'
import { opener } from './opened.ts'
import { mismatching, results } from './saved.ts'

const opened = opener()
const cells = (...shares: readonly number[]): string =>
  btoa(String.fromCharCode(...shares.map((share) => byteOf(share))))
const map = { tensor: 'output', along: 't', across: 'unit', steps: 4, units: 2, columns: 2, rows: 2 }
const off = {
  ...mismatching,
  heatmap: {
    tensor: 'output',
    along: 't',
    steps: 4,
    units: 2,
    columns: 4,
    rows: 2,
    cells: cells(0, 0, 0, 9, 0, 0, 0, 0.5),
  },
  maps: [
    { ...map, slice: 'batch 0', cells: cells(0, 0, 0, 0), actual: [1, 2, 3, 4], expected: [1, 2, 3, 4] },
    { ...map, slice: 'batch 1', cells: cells(0, 0.5, 0, 9), actual: [1, 2, 3, 'NaN'], expected: [1, 2, 3, 0.1] },
  ],
  layers: {
    layers: 2,
    directions: 2,
    steps: 4,
    columns: 4,
    output: cells(9, 9, 9, 9, 0, 0, 0, 0),
    last: cells(0, 9, 9, 0),
  },
}
const readout = (page: Page): Promise<string | null> => page.textContent('.readout')

describe('the map of a case', () => {
  it('shows what is farthest off first, and both numbers of the cell that is pointed at', () =>
    opened(results([off]), async (page) => {
      await page.click('.case')
      expect(await page.locator('figure option').allTextContents()).toEqual([
        'output: batch 0',
        'output: batch 1',
        'output: all of it',
      ])
      expect(await page.locator('figure select').evaluate((own) => (own as HTMLSelectElement).value)).toBe('1')
      await page.hover('.heat [data-cell="3"]')
      expect(await readout(page)).toMatch(
        /^t 2–3, unit 1: actual NaN, expected 0\.1; about 92\d\.\d % of the allowed error$/,
      )
      await page.selectOption('figure select', '2')
      await page.click('.heat [data-cell="0"]')
      expect(await readout(page)).toBe('t 0, unit 0; no error')
    }))

  it('is read by keyboard', () =>
    opened(results([off, { ...off, id: 'next' }]), async (page) => {
      await page.click('.case')
      await page.focus('.heat')
      for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowDown']) await page.keyboard.press(key)
      expect(await readout(page)).toMatch(/^t 2–3, unit 1: actual NaN/)
      await page.keyboard.press('ArrowLeft')
      await page.keyboard.press('ArrowLeft')
      expect(await readout(page)).toBe('t 0–1, unit 1: actual 3, expected 3; no error')
      // The list is not gone through meanwhile.
      expect(await page.textContent('#detail h2')).toBe('wrong')
    }))
})

describe('the drawing of layers', () => {
  it('lights the first that is off: the lower layer before the last, though that is off earlier', () =>
    opened(results([off]), async (page) => {
      await page.click('.case')
      const label = 'the first that is off is layer 0, reverse, seen in its last state'
      expect(await page.getAttribute('.layers', 'aria-label')).toBe(label)
      const [lit, cell] = await Promise.all(
        ['.layers .first', '.layers rect.over >> nth=0'].map((place) => page.locator(place).boundingBox()),
      )
      expect(Math.abs(lit!.x - cell!.x)).toBeLessThan(3)
      expect(Math.abs(lit!.y - cell!.y)).toBeLessThan(3)
      expect(await page.locator('.layers .unseen').count()).toBe(6)
    }))

  it('takes the steps of the reverse direction from the end', () => {
    const layers = { ...off.layers, output: cells(0, 0, 0, 0, 9, 9, 0, 0), last: cells(0, 0, 0, 0) }
    return opened(results([{ ...off, layers }]), async (page) => {
      await page.click('.case')
      expect(await page.getAttribute('.layers', 'aria-label')).toBe('the first that is off is layer 1, reverse, t 1')
    })
  })
})

describe('the drawing of a captured model', () => {
  const node = (name: string, input: object): object => ({
    name,
    op: `aten.${name}.default`,
    args: { input },
    shapes: [[1]],
    dtypes: ['float32'],
    module: name,
    line: `model.py:${name.length}`,
  })
  const tap = (name: string, output = false): object => ({ name, value: { node: name }, output })
  const config = {
    name: 'model',
    nodes: [
      node('conv', { input: 'x' }),
      node('norm', { node: 'conv' }),
      node('lstm', { node: 'norm' }),
      node('linear', { node: 'lstm' }),
    ],
    taps: [tap('conv'), tap('lstm'), tap('linear', true)],
    params: {},
    inputs: { x: { shape: [1], dtype: 'float32' } },
  }
  const [comparison] = mismatching.comparisons
  const compared = (tensor: string, outcome: string): object => ({ ...comparison, tensor, outcome, share: 20 })
  const captured = {
    ...mismatching,
    module: 'ExportedProgram',
    config,
    comparisons: [compared('conv', 'match'), compared('lstm', 'mismatch'), compared('linear', 'mismatch')],
    blame: [{ tap: 'lstm', operations: [], module: 'lstm', line: '', from: ['conv'] }],
  }

  it('has its tensors in order, and the first wrong one lit', () =>
    opened(results([captured]), async (page) => {
      await page.click('.case')
      expect(await page.locator('.graph text').allTextContents()).toEqual(['x', '✓ conv', '✗ first: lstm', '✗ linear'])
      expect(await page.locator('.graph .lit title').textContent()).toBe(
        'lstm: 20 × of the allowed error; aten.norm.default, aten.lstm.default model.py:4',
      )
      expect(await page.locator('.graph .edge').count()).toBe(3)
      expect(await page.textContent('dl')).not.toContain('aten')
    }))
})
