import { describe, expect, it } from 'vitest'
import { mergeResults } from '../../src/report/merge.ts'
import type { Results } from '../../src/report/results.ts'
import { causes, matching, mismatching, results, undecided, unsupported } from './saved.ts'

const named = (...all: readonly Results[]): { name: string; results: Results }[] =>
  all.map((each, i) => ({ name: `${i}.json`, results: each }))

describe('mergeResults', () => {
  it('puts the cases of one engine together and counts them', () => {
    const { runs, notes } = mergeResults(named(results([matching]), results([mismatching, unsupported])))
    expect(runs).toEqual([results([matching, mismatching, unsupported])])
    expect(notes).toEqual([])
  })

  it.each([
    ['engines', { engine: 'other' }],
    ['tolerances', { tolerance: { kind: 'torch' } }],
    ['kinds of NaN', { equalNan: false }],
  ])('keeps other %s apart', (_, rest) => {
    const { runs } = mergeResults(named(results([matching]), results([mismatching], rest)))
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 1])
  })

  it('puts causes together', () => {
    const { runs } = mergeResults(named(results([mismatching], { causes }), results([matching], { causes })))
    expect(runs[0]?.causes).toEqual(causes)
    expect(mergeResults(named(results([mismatching]))).runs[0]).not.toHaveProperty('causes')
  })

  it('takes a case that comes twice once', () => {
    const { runs, notes } = mergeResults(named(results([matching]), results([matching, unsupported])))
    expect(runs[0]?.summary).toEqual({ cases: 2, matched: 1, mismatched: 0, undecided: 0, unsupported: 1, conduct: {} })
    expect(notes).toEqual(['1 of the cases come more than once, with the same outcome'])
  })

  it.each([[0, 1] as const, [1, 0] as const])(
    'takes the worse of two verdicts, whichever comes first',
    (one, other) => {
      const both = [results([matching]), results([{ ...mismatching, id: 'right' }])]
      const { runs, notes } = mergeResults(named(both[one]!, both[other]!))
      expect(runs[0]?.summary).toEqual({
        cases: 1,
        matched: 0,
        mismatched: 1,
        undecided: 0,
        unsupported: 0,
        conduct: {},
      })
      expect(runs[0]?.exitCode).toBe(1)
      expect(notes[0]).toMatch(
        /^a\.msgpack: case right: (mismatch|match) in 0\.json, .+ in 1\.json; the worse one counts$/,
      )
    },
  )

  it.each([
    [2, [results([matching]), results([], { errors: [{ code: 'X', message: 'broken' }] })]],
    [2, [results([unsupported])]],
    [2, [results([undecided])]],
    [130, [results([matching]), results([], { exitCode: 130 })]],
    [0, [results([matching]), results([])]],
  ])('comes to exit code %i', (exitCode, all) => {
    expect(mergeResults(named(...all)).runs[0]?.exitCode).toBe(exitCode)
  })
})
