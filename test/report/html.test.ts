import { describe, expect, it } from 'vitest'
import { columnsOf, itemsOf } from '../../src/report/html/columns.ts'
import { packed, unpacked } from '../../src/report/html/packed.ts'
import { renderHtml } from '../../src/report/html.ts'
import { heldIn } from './held.ts'
import { matching, odd, oddResults, results } from './saved.ts'

const htmlOf = (judged: Parameters<typeof renderHtml>[0]): string => [...renderHtml(judged)].join('')

describe('renderHtml', () => {
  it('holds the results as they are shown, whatever text is in them', async () => {
    const strange = oddResults()
    const html = htmlOf(strange)
    const { columns, ...rest } = await heldIn(html)
    const { cases, errors: _, ...others } = strange
    expect(rest).toEqual(others)
    const shown = itemsOf(columns) as { comparisons: object[] }[]
    for (const [i, { comparisons, ratios: __, ...own }] of cases.entries()) {
      expect(shown[i]).toMatchObject(own)
      expect(comparisons).toMatchObject(shown[i]!.comparisons)
    }
    expect(shown.slice(cases.length)).toEqual([
      {
        file: `c.msgpack${odd}`,
        module: `FIXTURE_INVALID${odd}`,
        outcome: 'error',
        comparisons: [],
        id: `FIXTURE_INVALID${odd}`,
        reason: `expected more, got less\nand a second line${odd}`,
      },
    ])
    // Two scripts are begun and ended: the data and the page's own.
    expect(html.match(/<script/g)).toHaveLength(2)
    expect(html.match(/<\/script/g)).toHaveLength(2)
  })

  it('lets no script run but its own, and asks no network', () => {
    const html = htmlOf(results([matching]))
    expect(html).toMatch(/content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[\w+/]{43}='; /)
    expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/\b(src|href)=|https?:|url\(|@import/)
  })
})

describe('columnsOf', () => {
  const lists: readonly (readonly unknown[])[] = [
    [],
    [1, 1, 1],
    [null, 'a', 2, true, [1], { a: 1 }],
    [[], [1, 2], [], [[3]]],
    [{ a: 1 }, { b: [1, { c: 'x' }] }, {}, { a: null, b: [] }],
    [{ a: { b: 1 } }, { a: { b: 1 } }, { a: {} }],
    [[{ a: 1 }], [{ a: 2 }, { b: 3 }]],
    [JSON.parse('{"__proto__": 1}'), { a: 1 }],
    [{}, {}],
  ]
  it.each(lists.map((list) => [list]))('gives %j again', (list) => {
    expect(JSON.stringify(itemsOf(columnsOf(list)))).toBe(JSON.stringify(list))
  })
})

describe('packed', () => {
  it('gives any text again, but for what turns its direction, and numbers that JSON has no words for', async () => {
    const content = { a: odd, b: '</script>', c: 1 / 3, d: NaN, e: 'x\u202Ey' }
    expect(await unpacked(packed(content))).toEqual({ ...content, d: 'NaN', e: String.raw`x\u202ey` })
  })
})
