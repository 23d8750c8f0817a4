import { describe, expect, it } from 'vitest'
import { renderJSONL } from '../../src/report/jsonl.ts'
import { mismatching, oddResults, results } from './saved.ts'

describe('renderJSONL', () => {
  it('has one object a line: the run, its cases, its errors, its end', () => {
    const lines = [...renderJSONL([oddResults()])].join('').split('\n')
    expect(lines.pop()).toBe('')
    const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(objects.map(({ kind }) => kind)).toEqual(['run', 'case', 'case', 'case', 'error', 'end'])
    const { cases, errors, summary, exitCode, ...head } = oddResults()
    expect(objects[0]).toEqual({ kind: 'run', ...head })
    expect(objects.slice(1, 4)).toEqual(cases.map((judged) => ({ kind: 'case', ...judged })))
    expect(objects[4]).toEqual({ kind: 'error', ...errors[0] })
    expect(objects[5]).toEqual({ kind: 'end', summary, exitCode })
  })

  it('keeps what JSON has no number for', () => {
    const [, line = ''] = [...renderJSONL([results([mismatching])])]
    expect(JSON.parse(line)).toMatchObject({ comparisons: [{ share: 'Infinity', worst: { actual: 'NaN' } }] })
  })
})
