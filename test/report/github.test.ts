import { describe, expect, it } from 'vitest'
import { renderAnnotations, renderStepSummary } from '../../src/report/github.ts'
import { matching, mismatching, oddResults, results, unsupported } from './saved.ts'

describe('renderAnnotations', () => {
  it('has a command for each mismatch and each error, in one line', () => {
    const error = { file: 'x,y:z.msgpack', code: 'FIXTURE_INVALID', message: '100 %\nbroken' }
    const [first, second, ...rest] = renderAnnotations([results([matching, mismatching], { errors: [error] })]).split(
      '\n',
    )
    expect(first).toBe('::error file=x%2Cy%3Az.msgpack,title=port could not be judged::100 %25%0Abroken')
    expect(second).toMatch(
      /^::error file=a\.msgpack,title=port departs from PyTorch::mismatch a\.msgpack: case wrong \(RNNCell\)%0A {2}h_1: 1 of 2/,
    )
    expect(second).toContain('%0A  why: the engine reads weight_hh transposed (explains everything)')
    expect(rest).toEqual([''])
  })

  it('starts no command from any text', () => {
    for (const line of renderAnnotations([oddResults()]).split('\n')) expect(line).toMatch(/^(::error |$)/)
  })

  it('says how many more there are', () => {
    const many = Array.from({ length: 14 }, (_, i) => ({ ...mismatching, id: `wrong ${i}` }))
    const lines = renderAnnotations([results(many)])
      .trimEnd()
      .split('\n')
    expect(lines).toHaveLength(10)
    expect(lines[9]).toBe('::error title=torch-parity::5 more')
    expect(
      renderAnnotations([results(many.slice(0, 10))])
        .trimEnd()
        .split('\n')[9],
    ).toContain('wrong 9')
  })
})

describe('renderStepSummary', () => {
  it('has the counts, a table by module, and the mismatches', () => {
    const text = renderStepSummary([results([matching, mismatching, unsupported])])
    expect(text).toContain(
      '## ❌ torch-parity: port\n\n3 cases: 1 matched, 1 mismatched, 0 undecided, 1 unsupported, 0 errors\n',
    )
    expect(text).toContain('\n| RNNCell | 2 | 2 | 0 | 25.0 % |\n')
    expect(text).toContain('<details><summary>a&#46;msgpack: wrong</summary>\n\n<pre>mismatch a.msgpack: case wrong')
  })

  it.each([
    ['✅', results([matching])],
    ['⚠️', results([])],
    ['⚠️', results([matching], { errors: [{ code: 'X', message: 'broken' }] })],
  ])('begins with %s', (sign, judged) => {
    expect(renderStepSummary([judged])).toMatch(new RegExp(`^## ${sign} `))
  })

  it('takes no text for Markdown or HTML', () => {
    const text = renderStepSummary([oddResults()])
    expect(text).not.toContain('<b>')
    expect(text).not.toContain('<!--')
    expect(text.replace(/<pre>[^]*?<\/pre>/g, '')).not.toMatch(/\*_|\[x\]\(y\)/)
    // No line that stands in a table ends it early.
    const row = text.split('\n').find((line) => line.startsWith('| RNNCell'))
    expect(row?.split('|')).toHaveLength(7)
  })

  it('leaves out what has no room', () => {
    const long = { ...mismatching, id: 'x'.repeat(300_000) }
    const text = renderStepSummary([results([1, 2, 3, 4].map((i) => ({ ...long, id: `${i}${long.id}` })))])
    expect(text.length).toBeLessThan(1_000_000)
    expect(text).toMatch(/\n3 more mismatches have no room here\n$/)
  })
})
