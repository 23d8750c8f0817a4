import { describe, expect, it } from 'vitest'
import { renderAnnotations, renderStepSummary } from '../../src/report/github.ts'
import { renderHtml } from '../../src/report/html.ts'
import { renderJUnit } from '../../src/report/junit.ts'
import { renderText } from '../../src/report/plain.ts'
import type { Results } from '../../src/report/results.ts'
import { heldIn } from './held.ts'
import { matching, mismatching, results as resultsOf, unsupported } from './saved.ts'

const evil = 'x\u001B[2J\n::error::y\u202E\u2066##[error]z'

/** Results in which everything that may be anybody's text is hostile. */
function hostile(): Results {
  const results = resultsOf([matching, mismatching, unsupported])
  return {
    ...results,
    engine: evil,
    cases: results.cases.map((judged) => ({ ...judged, id: evil, file: evil, module: evil, outcome: 'mismatch' })),
    errors: [{ code: 'ENGINE_FAILED', file: evil, message: evil }],
  }
}

/** Nothing in it acts on a terminal, turns text round, or is a command of a job. */
function expectHarmless(text: string): void {
  // oxlint-disable-next-line no-control-regex -- those are what is looked for
  expect(text).not.toMatch(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/)
  expect(text).not.toMatch(/^\s*::/m)
}

describe('hostile text is harmless', () => {
  it('as text', () => {
    const text = renderText([hostile()])
    expectHarmless(text)
    expect(text).not.toContain('##[')
    expect(text).toContain('\\x1b[2J')
  })

  it('in annotations, of which there is one a line, each of ours', () => {
    const text = renderAnnotations([hostile()])
    expectHarmless(text.replaceAll(/^::error (?:file=[^:,]*,)?title=[^:,]*::/gm, ''))
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^::error (?:file=[^:,]*,)?title=[^:,]*::/)
  })

  it('in a step summary', () => expectHarmless(renderStepSummary([hostile()]).replaceAll('::', '')))
  it('in JUnit XML', () => expectHarmless([...renderJUnit([hostile()])].join('').replaceAll('::', '')))
  it('in a page', async () => {
    const page = [...renderHtml(hostile())].join('')
    const content = JSON.stringify(await heldIn(page))
    expect(page + content).not.toMatch(/[\u202A-\u202E\u2066-\u2069]/)
    expect(content).toContain(String.raw`\\u202e`)
  })
})
