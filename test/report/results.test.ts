import { describe, expect, it } from 'vitest'
import type { Tolerance } from '../../src/verify/compare.ts'
import { kappa } from '../../src/verify/compare.ts'
import { engine, type Engine, run } from '../../src/engine/run.ts'
import { caseOfResults, closeResults, openResults, toJSON } from '../../src/report/json.ts'
import { Results } from '../../src/report/results.ts'
import { verify, type Verdict } from '../../src/verify.ts'
import { cellCase, layerCase } from '../sample.ts'

const summary = { cases: 0, matched: 0, mismatched: 0, undecided: 0, unsupported: 0, conduct: {} }

function written(verdicts: readonly Verdict[], tolerance: Results['tolerance'] = { kind: 'budget', kappa }): unknown {
  const text =
    openResults({ engine: 'mine', tolerance, equalNan: true }) +
    verdicts.map((verdict, i) => caseOfResults('a.msgpack', verdict, i === 0)).join('') +
    closeResults({ errors: [{ code: 'FILE_MISSING', message: 'nope' }], summary, exitCode: 2 })
  return JSON.parse(text)
}

describe('results', () => {
  it.each([0, 1, 2])('of %d cases are what their schema says', async (count) => {
    const verdict = await verify(cellCase(), engine)
    const results = Results.parse(written(Array.from({ length: count }, () => verdict)))
    expect(results.cases.map(({ file, id, outcome }) => [file, id, outcome])).toStrictEqual(
      Array.from({ length: count }, () => ['a.msgpack', 'cell', 'match']),
    )
    expect(results).toMatchObject({ engine: 'mine', equalNan: true, summary, exitCode: 2 })
    expect(results.errors).toStrictEqual([{ code: 'FILE_MISSING', message: 'nope' }])
  })

  it.each<Results['tolerance'] & Tolerance>([
    { kind: 'budget', kappa },
    { kind: 'torch' },
    { kind: 'explicit', rtol: 1e-5, atol: 0 },
  ])('state the tolerance %j', (tolerance) => {
    expect(Results.parse(written([], tolerance)).tolerance).toStrictEqual(tolerance)
  })

  it('hold every part of a verdict: places, first steps, steps alone, problems and reasons', async () => {
    const off: Engine = {
      name: 'off',
      run(request) {
        const outputs = run(request)
        // `output` of the whole run alone: h_n, and each step alone, stay right.
        if (request.inputs.input?.shape[0] === 4) outputs['output']?.data.fill(Number.NaN, 0, 1).fill(2, 18, 24)
        return outputs
      },
    }
    const whole = await verify(layerCase({ bidirectional: true, decided: 2 }), off)
    const missing = await verify(layerCase(), { name: 'none', run: () => ({}) })
    const unsupported = await verify(layerCase(), { ...engine, supports: () => 'no layers' })
    const { cases } = Results.parse(written([whole, missing, unsupported]))
    expect(cases.map(({ outcome }) => outcome)).toStrictEqual(['mismatch', 'mismatch', 'unsupported'])
    expect(cases[0]?.comparisons[0]).toMatchObject({
      tensor: 'output',
      differing: 7,
      share: 'Infinity',
      firstStep: { forward: 0, reverse: 1 },
      worst: {
        index: [0, 0, 0],
        place: { direction: 'forward', t: 0, batch: 0, unit: 0 },
        actual: 'NaN',
        error: 'NaN',
      },
    })
    expect(cases[0]?.steps).toMatchObject({ decided: 2, of: 4 })
    expect(cases[1]?.comparisons.map(({ problem }) => problem)).toStrictEqual([
      'expected a tensor, got none',
      'expected a tensor, got none',
    ])
    expect(cases[2]?.reason).toBe('no layers')
  })

  it('are refused with a key that the schema does not have', () => {
    const results = written([]) as object
    expect(Results.safeParse(results).success).toBe(true)
    expect(Results.safeParse({ ...results, more: 1 }).success).toBe(false)
  })
})

describe('toJSON', () => {
  it.each([
    [Number.NaN, '"NaN"'],
    [Infinity, '"Infinity"'],
    [-Infinity, '"-Infinity"'],
    [0.1, '0.1'],
  ])('writes %d as %s', (value, text) => {
    expect(toJSON(value)).toBe(text)
  })
})
