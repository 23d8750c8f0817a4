import { describe, expect, it } from 'vitest'
import { renderHtml } from '../../src/report/html.ts'
import { matching, oddResults, results } from './saved.ts'

const htmlOf = (judged: Parameters<typeof renderHtml>[0]): string => [...renderHtml(judged)].join('')
const dataOf = (html: string): string =>
  /<script type="application\/json" id="data">([^]*?)<\/script>/.exec(html)?.[1] ?? ''

describe('renderHtml', () => {
  it('holds the results as they are, whatever text is in them', () => {
    const strange = oddResults()
    const html = htmlOf(strange)
    expect(JSON.parse(dataOf(html))).toEqual(strange)
    // Two scripts are begun and ended: the data and the page's own.
    expect(html.match(/<script/g)).toHaveLength(2)
    expect(html.match(/<\/script/g)).toHaveLength(2)
    expect(html).not.toContain('</failure>')
    expect(dataOf(html)).not.toMatch(/[<\u2028\u2029]/)
  })

  it('lets no script run but its own, and asks no network', () => {
    const html = htmlOf(results([matching]))
    expect(html).toMatch(/content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[\w+/]{43}='; /)
    expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/\b(src|href)=|https?:|url\(|@import/)
  })
})
