import type { Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Case } from '../../src/format/case.ts'
import { defaultJudgement, kappa } from '../../src/verify/compare.ts'
import { diagnose } from '../../src/diagnose.ts'
import { engine, type Engine } from '../../src/engine/run.ts'
import { faulted, faults } from '../../src/edits/faults.ts'
import { detailOf, explainedBy } from '../../src/report/detail.ts'
import { caseOfResults, closeResults, openResults } from '../../src/report/json.ts'
import { Results } from '../../src/report/results.ts'
import { requestOf, verify } from '../../src/verify.ts'
import { cellCase, layerCase } from '../sample.ts'
import { findChromium } from './chromium.ts'
import { opener } from './opened.ts'
import { causes, matching, mismatching, results } from './saved.ts'

const transposed = faulted(faults.find(({ name }) => name === 'weight_hh transposed')!)

async function judged(recorded: Case, by: Engine, file: string): Promise<string> {
  const outputs = await by.run(requestOf(recorded))
  const verdict = await verify(recorded, by)
  const why = verdict.outcome === 'mismatch' ? diagnose(recorded, outputs) : undefined
  return caseOfResults(
    file,
    verdict,
    false,
    explainedBy(detailOf(recorded, outputs, verdict, defaultJudgement), why),
  ).slice(2)
}

/** 150 matching cells and one layer that is off. */
async function sampleResults(): Promise<Results> {
  const cells = await Promise.all(
    Array.from({ length: 150 }, (_, i) => judged(cellCase({ id: `cell-${i}` }), engine, 'cells.msgpack')),
  )
  const off = await judged({ ...layerCase({ bidirectional: true }), id: 'off' }, transposed, 'layers.msgpack')
  const summary = { cases: 151, matched: 150, mismatched: 1, undecided: 0, unsupported: 0, conduct: {} }
  const text =
    openResults({ engine: 'mine', tolerance: { kind: 'budget', kappa }, equalNan: true }) +
    [...cells, off].join(',') +
    closeResults({ errors: [], summary, exitCode: 1, fixtures: [], engineFile: 'my port.mjs' })
  return Results.parse(JSON.parse(text))
}

let sample: Results
beforeAll(async () => {
  sample = await sampleResults()
})

const attacks = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '</script><script>alert(2)</script>',
  '<!--<script>',
  'line\u2028end\u2029',
]

const opened = opener()
const ids = (page: Page): Promise<string[]> => page.locator('.case .id').allTextContents()

describe('the page of a report', () => {
  it('says of explanations what the text says of them', () => {
    const why = (more: object): Results => {
      const explanation = {
        where: ['output is off'],
        explanations: [{ faults: ['a'], sentence: 'does a', explained: 0.75, complete: false, ...more }],
      }
      return Results.parse({
        ...JSON.parse(JSON.stringify(sample)),
        cases: [{ ...JSON.parse(JSON.stringify(sample.cases.at(-1))), explanation }],
      })
    }
    const whyOf = async (results: Results, said: string): Promise<void> =>
      opened(results, async (page) => {
        await page.click('.case')
        expect(await page.textContent('.why')).toBe(said)
      })
    return Promise.all([
      whyOf(why({}), 'The engine does a (explains 75.0 % of it)'),
      whyOf(why({ outputsAlone: true }), 'The engine does a (explains every output; its gradients are others)'),
    ])
  })

  it('shows the counts, the mismatches first, and modules by traits', () =>
    opened(sample, async (page) => {
      expect(await page.locator('#tiles li').allTextContents()).toEqual(
        expect.arrayContaining(['151 cases', '150 ✓ matched', '1 ✗ mismatched']),
      )
      expect(await page.title()).toBe('mine: some mismatch · torch-parity')
      expect(await ids(page)).toStrictEqual(['off'])
      expect(await page.locator('.matrix button.over .used').first().textContent()).toBe('✗ 1 off')
    }))

  it('filters by outcome, by words and by a cell of the matrix', () =>
    opened(sample, async (page) => {
      await page.selectOption('#outcome', 'all')
      expect(await page.textContent('#count')).toBe('151 of 151 cases')
      expect(await ids(page)).toHaveLength(100)
      await page.click('#more')
      expect(await ids(page)).toHaveLength(151)
      await page.fill('#search', 'CELLS cell-14')
      expect(await ids(page)).toStrictEqual(['cell-14', ...Array.from({ length: 10 }, (_, i) => `cell-14${i}`)])
      await page.fill('#search', '')
      const module = sample.cases.at(-1)!.module
      await page.click(`.matrix button[aria-label^="${module}, bidirectional"]`)
      expect(await page.textContent('#count')).toBe(`1 of 151 cases (${module}, bidirectional)`)
      await page.click('#clear')
      expect(await page.textContent('#count')).toBe('151 of 151 cases')
    }))

  it('shows tensors, both charts, why, and the command of a case', () =>
    opened(sample, async (page) => {
      await page.click('.case')
      expect(await page.textContent('#detail h2')).toBe('off')
      expect(await page.textContent('.why')).toMatch(/The engine reads weight_hh transposed.*? \(explains everything\)/)
      expect(await page.textContent('.advice')).toMatch(/^Change: .+weight_hh.* \(torch\.nn\.RNN, .+\)$/)
      expect(await page.locator('tr.mismatch th').first().textContent()).toBe('✗ output')
      expect(await page.textContent('pre')).toBe(
        "torch-parity explain layers.msgpack --case off --engine 'my port.mjs'",
      )
      const { profile, heatmap, maps } = sample.cases.at(-1)!
      expect(await page.locator('.profile polyline.error').getAttribute('points')).toMatch(/^(-?[\d.]+,-?[\d.]+ ?)+$/)
      const over = profile!.error.filter((error, i) => Number(error) > Number(profile!.allowed[i])).length
      expect(over).toBeGreaterThan(0)
      expect(await page.locator('.profile circle.over').count()).toBe(over)
      const rects = page.locator('.heat [data-cell]')
      const [map] = maps!
      expect(await rects.count()).toBe(map!.rows * map!.columns)
      await page.selectOption('figure select', { label: 'output: all of it' })
      expect(await rects.count()).toBe(heatmap!.rows * heatmap!.columns)
    }))

  it('has what the mismatches come from, of which each shows its cases', () => {
    const { explanation: _, ...bare } = mismatching
    const all = [...causes.groups[0]!.cases, ...causes.unexplained.cases].map((place) => ({ ...bare, ...place }))
    return opened(results([matching, ...all], { causes }), async (page) => {
      expect(await page.locator('#causes button').allTextContents()).toStrictEqual([
        '3 cases: the engine takes the blocks of rows for i g f o, where torch has i f g o (confirmed on 2 of 4 other cases)',
        '2 cases: nothing found yet, a cause was looked for in 1 of them',
      ])
      expect(await page.textContent('#causes')).toContain(
        'or it takes the blocks of weight_ih for i g f o: no case of this run tells these apart',
      )
      expect(await page.textContent('#causes .advice')).toContain('Change: order the gates as torch does')
      await page.click('#causes button')
      expect(await ids(page)).toStrictEqual(['wrong', 'lstm-1', 'lstm-2'])
      expect(await page.textContent('#count')).toBe('3 of 6 cases of one cause')
      await page.click('.case')
      expect(await page.textContent('.why')).toBe(
        'The engine takes the blocks of rows for i g f o, where torch has i f g o (explains everything, as in 2 other cases)',
      )
      await page.click('#causes li:nth-child(2) button')
      expect(await ids(page)).toStrictEqual(['odd-0', 'odd-1'])
      await page.click('#clear')
      expect(await page.locator('#causes [aria-pressed="true"]').count()).toBe(0)
      expect(await ids(page)).toHaveLength(6)
    })
  })

  it('has no list of causes for one mismatch, and none in results of before there was any', () =>
    Promise.all(
      [
        results([mismatching]),
        results([mismatching], {
          causes: { groups: [], unexplained: { cases: [{ file: 'a.msgpack', id: 'wrong' }], searched: 1 } },
        }),
      ].map((own) =>
        opened(own, async (page) => {
          expect(await ids(page)).toStrictEqual(['wrong'])
          expect(await page.isVisible('#causes')).toBe(false)
        }),
      ),
    ))

  it('is used by keyboard: / searches, arrows move, Enter opens, Escape closes and clears', () =>
    opened(sample, async (page) => {
      await page.keyboard.press('/')
      await page.keyboard.type('cell-7')
      await page.selectOption('#outcome', 'all')
      expect(await page.inputValue('#search')).toBe('cell-7')
      await page.focus('#search')
      await page.keyboard.press('ArrowDown')
      await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Enter')
      expect(await page.textContent('#detail h2')).toBe('cell-70')
      await page.keyboard.press('ArrowUp')
      expect(await page.textContent('#detail h2')).toBe('cell-7')
      await page.keyboard.press('Escape')
      expect(await page.isVisible('#panel')).toBe(false)
      await page.keyboard.press('Escape')
      expect(await page.textContent('#count')).toBe('151 of 151 cases')
    }))

  it('fits a phone of 360 px, before and after a case is opened', () =>
    opened(
      sample,
      async (page) => {
        const width = (): Promise<number> => page.evaluate('document.documentElement.scrollWidth')
        expect(await width()).toBe(360)
        await page.click('.case')
        expect(await width()).toBe(360)
        expect(await page.isVisible('#list')).toBe(false)
        await page.click('#close')
        expect(await page.isVisible('#list')).toBe(true)
      },
      { viewport: { width: 360, height: 740 } },
    ))

  it('is light or dark as the reader has it, and turns on request', () =>
    opened(
      sample,
      async (page) => {
        const background = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor')
        expect(await background()).toBe('rgb(21, 22, 26)')
        await page.click('#theme')
        expect(await background()).toBe('rgb(250, 250, 248)')
      },
      { colorScheme: 'dark' },
    ))

  it.each(attacks)('shows %j as it is, in every string', (attack) => {
    // What the schema gives a choice for stays; everything else that is text is the attack.
    const kept = new Set(['format', 'kind', 'outcome', 'direction', 'cells', 'output', 'last'])
    const attacked: unknown = JSON.parse(JSON.stringify({ ...sample, cases: sample.cases.slice(-1) }), (key, value) =>
      typeof value === 'string' && !kept.has(key) && value !== 'Infinity' ? attack : (value as unknown),
    )
    const fixtures = [{ file: attack, name: attack, seed: 1, cases: 1, producer: producerOf(attack) }]
    const errors = [{ file: attack, code: attack, message: attack }]
    return opened(Results.parse({ ...(attacked as Results), fixtures, errors }), async (page) => {
      await page.click('.case.mismatch')
      for (const place of ['#engine', '#detail h2', '.traits li', 'dd', '#provenance td']) {
        expect(await page.locator(place).first().textContent()).toBe(attack)
      }
      await page.click('#failures button')
      expect(await page.textContent('#failures button')).toBe(`1 error: ${attack}`)
      await page.click('.case.error')
      expect(await page.textContent('#detail pre')).toBe(attack)
      expect(await page.locator('img, script').count()).toBe(2)
    })
  })
})

function producerOf(text: string): NonNullable<Results['fixtures']>[number]['producer'] {
  const strings = { torch: text, numpy: text, python: text, platform: text, cpu_capability: text }
  // Line ends are refused in a producer.
  const plain = Object.entries(strings).map(([key, value]) => [key, value.replaceAll(/[\u2028\u2029]/g, '')])
  return { ...(Object.fromEntries(plain) as typeof strings), num_threads: 1 }
}

describe('the table of an audit', () => {
  const files = ['fixtures/rnn/a.msgpack', 'fixtures/rnn/b.msgpack', 'fixtures/lstm/c.msgpack']
  const audit = {
    files,
    faults: [
      {
        name: 'weight_hh transposed',
        sentence: 'reads weight_hh transposed',
        status: 'seen',
        applicable: [4, 2, 0],
        revealed: [4, 1, 0],
      },
      {
        name: 'no tanh on c',
        sentence: 'takes o ∘ c for h',
        status: 'unseen',
        applicable: [0, 0, 3],
        revealed: [0, 0, 0],
      },
      { name: 'biases swapped', sentence: 'swaps', status: 'equivalent', applicable: [0, 0, 3], revealed: [0, 0, 0] },
    ],
  } as const
  const audited = (): Results => Results.parse({ ...JSON.parse(JSON.stringify(sample)), audit })
  const texts = (page: Page): Promise<string[][]> =>
    page
      .locator('#reveals tr')
      .evaluateAll((rows) => rows.map((row) => Array.from(row.children, (cell) => cell.textContent)))

  it('is not there without one', () =>
    opened(sample, async (page) => {
      expect(await page.isVisible('#audit')).toBe(false)
    }))

  it('counts by folder, and by file where one is opened', () =>
    opened(audited(), async (page) => {
      expect(await page.textContent('#audit summary')).toBe(
        'Which file reveals which fault: 3 faults, 3 files: 1 seen, 1 equivalent, 1 unseen',
      )
      await page.click('#audit summary')
      expect(await texts(page)).toStrictEqual([
        ['fault', 'status', 'all', '▸ rnn (2)', '▸ lstm (1)'],
        ['weight_hh transposed', 'seen', '5/6', '5/6', '·'],
        ['no tanh on c', 'unseen', '✗ 0/3', '·', '✗ 0/3'],
        ['biases swapped', 'equivalent', '0/3', '·', '0/3'],
      ])
      await page.focus('#reveals button')
      await page.keyboard.press('Enter')
      expect((await texts(page)).slice(0, 2)).toStrictEqual([
        ['fault', 'status', 'all', '▾ rnn (2)', 'a.msgpack', 'b.msgpack', '▸ lstm (1)'],
        ['weight_hh transposed', 'seen', '5/6', '5/6', '4/4', '1/2', '·'],
      ])
      await page.keyboard.press('Enter')
      expect((await texts(page))[0]).toHaveLength(5)
    }))

  it('scrolls by itself on a phone', () =>
    opened(
      audited(),
      async (page) => {
        await page.click('#audit summary')
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
      },
      { viewport: { width: 360, height: 740 } },
    ))

  it.each(attacks)('shows %j as it is', (attack) => {
    const faults = audit.faults.map((fault) => ({ ...fault, name: attack, sentence: attack }))
    const strange = {
      ...JSON.parse(JSON.stringify(sample)),
      audit: { files: files.map(() => `${attack}/${attack}`), faults },
    }
    return opened(Results.parse(strange), async (page) => {
      await page.click('#audit summary')
      await page.click('#reveals button')
      expect(await page.locator('#reveals th[scope=row]').first().textContent()).toBe(attack)
      expect(await page.locator('#reveals th[scope=row]').first().getAttribute('title')).toBe(`a port that ${attack}`)
      expect(await page.locator('img, script').count()).toBe(2)
    })
  })
})

describe('findChromium', () => {
  it('takes the one that is named', () => {
    expect(findChromium({ TORCH_PARITY_CHROMIUM: '/opt/chromium', PATH: '' })).toBe('/opt/chromium')
  })

  it('says what to do when there is none', () => {
    expect(() => findChromium({ PATH: '/nowhere' })).toThrow(
      'expected one of chromium, chromium-browser, google-chrome on the path, got none\nset TORCH_PARITY_CHROMIUM to a Chromium, or install one',
    )
  })
})
