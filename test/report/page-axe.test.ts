// What a screen reader and a keyboard need of the pages, as far as axe-core knows it.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { renderMatrixPage } from '../../src/report/matrix/html.ts'
import { opener } from './opened.ts'
import { causes, matching, mismatching, results, undecided, unsupported } from './saved.ts'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const opened = opener()

/** What axe has to say against a page by WCAG 2.0 and 2.1, A and AA. */
async function violations(page: Page): Promise<string[]> {
  // What is wider than the window can be scrolled to by itself.
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(page.viewportSize()?.width)
  const only = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']
  // As a part of the page it would need a hash of its own: a debugger runs it in spite of that.
  const found = await page.evaluate<AxeResults>(
    `${axe}; axe.run(document, { runOnly: ${JSON.stringify(only)}, resultTypes: ['violations'] })`,
  )
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html, any }) => `${id}: ${html} ${any[0]?.message}`))
}

const along = { tensor: 'output', along: 't', steps: 4 }
const off = {
  ...mismatching,
  traits: ['relu', 'lengths'],
  config: { input_size: 2 },
  profile: { ...along, error: [0, 1e-3, 1e-2, 1], allowed: [1e-6, 1e-6, 1e-6, 1e-6] },
  heatmap: { ...along, units: 2, columns: 4, rows: 2, cells: btoa('\0\x20\x60\x7f\x80\xa0\xf0\xff') },
}
const cells = btoa('\0\x20\x7f\xf0')
const drawn = {
  ...off,
  id: 'drawn',
  maps: ['batch 0', 'batch 1'].map((slice) => {
    const size = { steps: 2, units: 2, columns: 2, rows: 2 }
    return {
      tensor: 'output',
      slice,
      along: 't',
      across: 'unit',
      ...size,
      cells,
      actual: [1, 2, 3, 4],
      expected: [1, 2, 3, 5],
    }
  }),
  layers: { layers: 2, directions: 1, steps: 4, columns: 4, output: cells, last: btoa('\0\xf0') },
  module: 'ExportedProgram',
  config: {
    name: 'model',
    nodes: [
      {
        name: 'conv',
        op: 'aten.conv',
        args: { input: { input: 'x' } },
        shapes: [[1]],
        dtypes: ['float32'],
        module: '',
        line: '',
      },
    ],
    taps: [{ name: 'h_1', value: { node: 'conv' }, output: true }],
    params: {},
    inputs: { x: { shape: [1], dtype: 'float32' } },
  },
  blame: [{ tap: 'h_1', operations: [], module: '', line: '', from: ['x'] }],
}
const { explanation: _, ...bare } = mismatching
const traits = ['bidirectional', 'batch_first', 'no bias', 'lengths', 'gradients', 'training', 'dropout', 'unbatched']
const producer = {
  torch: '2.13',
  numpy: '2',
  python: '3.11',
  platform: 'linux',
  cpu_capability: 'AVX2',
  num_threads: 1,
}
const audit = {
  files: ['a/a.msgpack', 'b/b.msgpack'],
  faults: [
    { name: 'f', sentence: 'does f', status: 'seen' as const, applicable: [4, 0], revealed: [2, 0] },
    { name: 'g', sentence: 'does g', status: 'unseen' as const, applicable: [0, 3], revealed: [0, 0] },
  ],
}
const everything = results(
  [
    off,
    drawn,
    ...['lstm-1', 'lstm-2', 'x'].map((id) => ({ ...bare, id })),
    ...traits.map((own) => ({ ...matching, id: own, traits: [own] })),
    unsupported,
    undecided,
  ],
  {
    causes,
    audit,
    fixtures: [{ file: 'a.msgpack', name: 'a', seed: 1, cases: 1, producer }],
    errors: [{ code: 'ENGINE_FAILED', file: 'a.msgpack', message: 'a.msgpack: case y: engine e: died' }],
    exitCode: 2,
  },
)
const schemes = ['light', 'dark'] as const
const widths = [1300, 390]
const looks = schemes.flatMap((colorScheme) =>
  widths.map((width) => ({ colorScheme, viewport: { width, height: 900 } })),
)

describe('axe-core has nothing against', () => {
  it.each(looks)('the page of a report, $colorScheme, $viewport.width px wide', (look) =>
    opened(
      everything,
      async (page) => {
        await page.click('#clear')
        await page.click('#audit summary')
        await page.click('#reveals button')
        await page.click('#recorded summary')
        await page.click('#causes button')
        expect(await violations(page)).toEqual([])
        await page.click('.case.mismatch >> nth=0')
        expect(await violations(page)).toEqual([])
        await page.evaluate('history.back()')
        await page.click('#clear')
        await page.fill('#search', 'drawn')
        await page.click('.case.mismatch')
        await page.focus('.heat')
        expect(await page.locator('.graph, .layers, figure select').count()).toBe(3)
        expect(await violations(page)).toEqual([])
        await page.click('#close')
        await page.click('#failures button')
        await page.click('.case.error')
        expect(await violations(page)).toEqual([])
      },
      { ...look, before: results([matching], { engine: 'older' }) },
    ),
  )

  it.each(looks)('the page of a matrix, $colorScheme, $viewport.width px wide', (look) => {
    const asked = { file: 'a.msgpack', id: 'a', module: 'RNN', traits: ['default'], special: false }
    const came = [
      { outcome: 'match' as const, share: 0.9 },
      { outcome: 'mismatch' as const, why: 'off' },
    ]
    const matrix = {
      cases: [asked, { ...asked, id: 'b', module: 'GRU', special: true }],
      rows: ['one', 'two'].map((engine, i) => ({
        engine,
        asked: engine,
        came: i === 0 ? came : came.toReversed(),
        speeds: [],
      })),
      missing: ['keras'],
      broken: [{ asked: 'flax', error: 'no jax' }],
    }
    return opened(
      renderMatrixPage(matrix),
      async (page) => {
        expect(await violations(page)).toEqual([])
        await page.click('#matrix tbody tr:nth-child(2) button')
        expect(await violations(page)).toEqual([])
      },
      look,
    )
  })
})
