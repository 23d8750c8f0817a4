import { describe, expect, it } from 'vitest'
import type { Comparison } from '../../src/verify/compare.ts'
import {
  type Colors,
  percent,
  plural,
  RatioTotals,
  renderFile,
  renderMismatch,
  renderRow,
  renderSummary,
  scientific,
  shareOf,
} from '../../src/report/text.ts'
import type { Verdict } from '../../src/verify.ts'
import { sampleHeader } from '../sample.ts'

const matching: Comparison = {
  tensor: 'output',
  outcome: 'match',
  elements: 24,
  nonFinite: 0,
  differing: 0,
  share: 0.25,
  rtol: 1.2e-7,
  atol: 3e-8,
}
const worst = {
  index: [17, 2, 104],
  place: { layer: 1, direction: 'reverse', t: 17, batch: 2, unit: 40 },
  actual: 0.5,
  expected: 0.25,
  error: 0.25,
  allowed: 0.001,
} as const
const differing: Comparison = {
  ...matching,
  outcome: 'mismatch',
  differing: 6,
  share: 250,
  worst,
  firstStep: { forward: 3, reverse: 17 },
}
const verdict: Verdict = { id: 'deep', module: 'RNN', outcome: 'mismatch', comparisons: [differing] }

/** The lines below the title of a mismatch of one tensor. */
function below(comparison: Comparison): string[] {
  return renderMismatch('a.msgpack', { ...verdict, comparisons: [comparison] })
    .split('\n')
    .slice(1)
}

function worstLine(changes: Partial<typeof worst> | object): string | undefined {
  return below({ ...differing, worst: { ...worst, ...changes } })[1]
}

describe('renderMismatch', () => {
  it('names file, case, module, tensor, share, first steps, worst element, values, error and allowed', () => {
    expect(renderMismatch('a.msgpack', verdict)).toBe(
      'mismatch a.msgpack: case deep (RNN)\n' +
        '  output: 6 of 24 elements differ (25.0 %), the first at t 3 and t 17 of the reverse direction\n' +
        '    worst: layer 1, reverse, t 17, batch 2, unit 40 [17, 2, 104]: actual 0.5, expected 0.25, ' +
        'error 2.5e-1, allowed 1.0e-3 (250 times)',
    )
  })

  it('names one first step when one direction differs, and none where there is no time', () => {
    expect(below({ ...differing, firstStep: { reverse: 4 } })[0]).toBe(
      '  output: 6 of 24 elements differ (25.0 %), the first at t 4 of the reverse direction',
    )
    const { firstStep: _, ...timeless } = differing
    expect(below(timeless)[0]).toBe('  output: 6 of 24 elements differ (25.0 %)')
  })

  it('says of a tensor that matches how much of the allowed error it used', () => {
    expect(below(matching)).toStrictEqual(['  output: matches, 25.0 % of the allowed error used'])
  })

  it('prints a problem in place of values, on one line', () => {
    const problem = 'expected dtype float32, got two\nlines\u001b[31m'
    expect(below({ ...differing, problem })).toStrictEqual(['  output: expected dtype float32, got two lines [31m'])
  })

  it('says which tensors differ when each step is judged alone', () => {
    const steps = { decided: 2, of: 9, comparisons: [matching, { ...differing, tensor: 'h_t' }] }
    const lines = renderMismatch('a.msgpack', { ...verdict, comparisons: [matching], steps }).split('\n')
    expect(lines.slice(1, 3)).toStrictEqual([
      '  output: matches, 25.0 % of the allowed error used',
      '  h_t (each step alone): 6 of 24 elements differ (25.0 %), the first at t 3 and t 17 of the reverse direction',
    ])
    expect(lines).toHaveLength(4)
  })

  it('says of single steps of several layers and directions in one line what is off in a tensor', () => {
    const h_t = { ...differing, tensor: 'h_t' }
    const reverse = {
      ...h_t,
      elements: 12,
      differing: 5,
      share: 900,
      firstStep: { forward: 1 },
      worst: { ...differing.worst!, error: 0.9 },
    }
    const steps = {
      decided: 2,
      of: 9,
      comparisons: [h_t, { ...h_t, tensor: 'c_t' }, reverse, { ...matching, tensor: 'h_t' }],
    }
    const lines = renderMismatch('a.msgpack', { ...verdict, comparisons: [matching], steps }).split('\n')
    expect(lines.filter((line) => line.includes('each step alone'))).toStrictEqual([
      '  h_t (each step alone): 11 of 36 elements differ (30.6 %), the first at t 1 and t 17 of the reverse direction',
      '  c_t (each step alone): 6 of 24 elements differ (25.0 %), the first at t 3 and t 17 of the reverse direction',
    ])
    expect(lines[3]).toContain('error 9.0e-1')
  })

  it.each<[string, object, string]>([
    ['NaN for a number', { actual: Number.NaN, error: Number.NaN }, 'actual NaN, expected 0.25: another kind of value'],
    [
      'NaN for NaN',
      { actual: Number.NaN, expected: Number.NaN, error: Number.NaN },
      'actual NaN, expected NaN: NaN was asked to match nothing',
    ],
    [
      'an infinity for the other',
      { actual: Infinity, expected: -Infinity, error: Number.NaN },
      'actual Infinity, expected -Infinity: another kind of value',
    ],
    [
      'an error where none is allowed',
      { actual: -0, expected: 1e-5, error: 1e-5, allowed: 0 },
      'actual -0, expected 0.00001, error 1.0e-5, allowed 0',
    ],
    [
      'neighbours in float32',
      { actual: Math.fround(0.1), expected: Math.fround(0.1) + 2 ** -27, error: 2 ** -27, allowed: 2 ** -28 },
      'actual 0.100000001, expected 0.100000009, error 7.5e-9, allowed 3.7e-9 (2 times)',
    ],
    [
      'neighbours in float64',
      { actual: 0.1, expected: 0.1 + 2 ** -56, error: 2 ** -56, allowed: 2 ** -57 },
      'actual 0.1, expected 0.10000000000000002, error 1.4e-17, allowed 6.9e-18 (2 times)',
    ],
  ])('tells %s', (_, changes, words) => {
    expect(worstLine(changes)).toBe(`    worst: layer 1, reverse, t 17, batch 2, unit 40 [17, 2, 104]: ${words}`)
  })
})

describe('renderRow', () => {
  const cells = (row: string): string => row.trim().replace(/ +/g, ' ')

  it('shows the largest share, rtol and atol of all tensors and steps', () => {
    const steps = { decided: 2, of: 9, comparisons: [{ ...matching, share: 0.5, atol: 2e-6 }] }
    expect(cells(renderRow({ ...verdict, outcome: 'match', comparisons: [matching], steps }))).toBe(
      'match deep 50.0 % - 1.2e-7 2.0e-6 decided: 2 of 9 steps, the rest by steps',
    )
  })

  it('shows no numbers of a case that the engine does not support, and why on one line', () => {
    const reason = 'no cells\nat all'
    const row = renderRow({ id: 'deep', module: 'RNN', outcome: 'unsupported', reason, comparisons: [] })
    expect(cells(row)).toBe('unsupported deep - - - - no cells at all')
  })

  it.each([
    [1.06, '1.1 1.2e-7 3.0e-8'],
    [42, '42 1.2e-7 3.0e-8 errs 42 times as much as PyTorch, within the budget'],
    [0.01, '0.01 1.2e-7 3.0e-8 errs far less than PyTorch, as if computed in more precision than the dtype has'],
  ])('shows the largest R of a match, and a word where it is %d', (ratio, words) => {
    const ratios = { output: 0.001, h_n: ratio }
    const row = renderRow({ ...verdict, outcome: 'match', comparisons: [matching], ratios })
    expect(cells(row).split(' % ')[1]).toBe(words)
  })

  it('says of which tensors zeros would match most numbers', () => {
    const row = renderRow({ ...verdict, outcome: 'match', comparisons: [matching], faint: ['h_n', 'c_n'] })
    expect(row).toMatch(/ {2}zeros would match most numbers of h_n, c_n$/)
  })

  it('says of a tensor that is missing that no rtol or atol would pass', () => {
    const missing = { ...matching, outcome: 'mismatch', share: Infinity, rtol: Infinity, atol: Infinity } as const
    expect(cells(renderRow({ ...verdict, comparisons: [missing] }))).toBe('mismatch deep no limit - none none')
  })

  it('stands in the columns of its titles', () => {
    const [, titles = ''] = renderFile('a.msgpack', { ...sampleHeader, format: 'torch-parity', version: 1 }, 1).split(
      '\n',
    )
    const row = renderRow(verdict)
    expect(titles.indexOf('case')).toBe(row.indexOf('deep'))
    expect(titles).toHaveLength(row.length)
  })

  it.each([
    ['match', 'green'],
    ['mismatch', 'red'],
    ['undecided', 'yellow'],
    ['unsupported', 'yellow'],
  ] as const)('paints %s %s', (outcome, color) => {
    const paint = (name: string) => (text: string) => `<${name}>${text}</${name}>`
    const colors: Colors = {
      green: paint('green'),
      red: paint('red'),
      yellow: paint('yellow'),
      dim: paint('dim'),
      bold: paint('bold'),
    }
    expect(renderRow({ ...verdict, outcome }, colors)).toMatch(
      new RegExp(`^<${color}> {2}${outcome} *</${color}> *deep`),
    )
  })
})

describe('renderFile', () => {
  it('names the file, its cases and what recorded it', () => {
    const header = { ...sampleHeader, format: 'torch-parity', version: 1 } as const
    expect(renderFile('a.msgpack', header, 1).split('\n')[0]).toBe('a.msgpack: 1 case, recorded by torch 2.13.0')
  })

  it.each([
    [true, 'on'],
    [false, 'off'],
  ])('says that torch computed on a GPU, with TF32 %s', (tf32, word) => {
    const producer = { ...sampleHeader.producer, device: 'cuda:0: A GPU', cudnn: '91002', tf32 }
    const header = { ...sampleHeader, producer, format: 'torch-parity', version: 1 } as const
    expect(renderFile('a.msgpack', header, 1).split('\n')[0]).toBe(
      `a.msgpack: 1 case, recorded by torch 2.13.0 on cuda:0: A GPU, TF32 ${word}`,
    )
  })
})

describe('renderSummary', () => {
  const summary = { cases: 8, matched: 2, mismatched: 1, undecided: 3, unsupported: 2, conduct: {} }

  it('counts, and says where a match came closest to its limit', () => {
    expect(renderSummary(summary, [], { share: 0.5, where: 'a.msgpack: case deep' })).toBe(
      '8 cases: 2 matched, 1 mismatched, 3 undecided, 2 unsupported\n' +
        'largest share of the allowed error in a match: 50.0 % (a.msgpack: case deep)',
    )
  })

  it('counts errors only where there are some', () => {
    const errors = [{ code: 'FILE_MISSING', message: 'nope: expected a file, got nothing' }]
    expect(renderSummary(summary, errors, undefined)).toBe(
      '8 cases: 2 matched, 1 mismatched, 3 undecided, 2 unsupported, 1 error',
    )
  })
})

describe('RatioTotals', () => {
  const totals = (...ratios: readonly number[]): string[] => {
    const all = new RatioTotals()
    for (const [i, output] of ratios.entries()) all.add({ ...verdict, id: `c${i}`, ratios: { output } }, 'a.msgpack')
    return all.render()
  }

  it('says the median and the largest, and where', () => {
    expect(totals(1, 9, 2)).toStrictEqual([
      "R, the error in shares of PyTorch's own: median 2, largest 9 (a.msgpack: case c1)",
    ])
    expect(totals()).toStrictEqual([])
  })

  it('says of many cases that err as rounding alone does that they were computed in more precision', () => {
    expect(totals(...Array.from({ length: 20 }, () => 0.4))[0]).toMatch(/: computed in more precision than the dtypes/)
    expect(totals(...Array.from({ length: 19 }, () => 0.4))[0]).toMatch(/case c0\)$/)
    expect(totals(...Array.from({ length: 20 }, () => 0.9))[0]).toMatch(/case c0\)$/)
  })
})

describe('numbers in a report', () => {
  it('shareOf takes the steps into account', () => {
    expect(shareOf({ ...verdict, steps: { decided: 0, of: 1, comparisons: [{ ...matching, share: 300 }] } })).toBe(300)
    expect(shareOf({ ...verdict, comparisons: [] })).toBe(0)
  })

  it.each([
    [0, '0.0 %'],
    [1e-5, '< 0.1 %'],
    [0.125, '12.5 %'],
    [1.5, '150.0 %'],
    [250, '250 times'],
    [Infinity, 'no limit'],
  ])('percent(%d) is %s', (share, text) => {
    expect(percent(share)).toBe(text)
  })

  it.each([
    [0, '0'],
    [1.26e-7, '1.3e-7'],
    [Infinity, 'none'],
  ])('scientific(%d) is %s', (size, text) => {
    expect(scientific(size)).toBe(text)
  })

  it.each([
    [0, '0 cases'],
    [1, '1 case'],
    [2, '2 cases'],
  ])('plural(%d) is %s', (count, text) => {
    expect(plural(count, 'case')).toBe(text)
  })
})
