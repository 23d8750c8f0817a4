// Results as a file holds them, with odd text in every field.
import { Results } from '../../src/report/results.ts'

/** Characters that reports must show, and must not take for their own. */
export const odd = `<b>&"'|*_[x](y)]]></failure><!-- %0A::error::\u0001\u2028 é\n👍`

const comparison = {
  tensor: 'h_1',
  outcome: 'match',
  elements: 2,
  nonFinite: 0,
  differing: 0,
  share: 0.25,
  rtol: 1e-7,
  atol: 1e-8,
}

export const matching = {
  file: 'a.msgpack',
  id: 'right',
  module: 'RNNCell',
  outcome: 'match',
  comparisons: [comparison],
}

export const mismatching = {
  file: 'a.msgpack',
  id: 'wrong',
  module: 'RNNCell',
  outcome: 'mismatch',
  comparisons: [
    {
      ...comparison,
      outcome: 'mismatch',
      differing: 1,
      share: 'Infinity',
      rtol: 'Infinity',
      atol: 'Infinity',
      worst: { index: [0, 1], place: { batch: 0, unit: 1 }, actual: 'NaN', expected: 1, error: 'NaN', allowed: 1e-7 },
    },
  ],
  explanation: {
    where: ['h_1 is the first tensor that is off'],
    explanations: [{ faults: ['f'], sentence: 'reads weight_hh transposed', explained: 1, complete: true }],
  },
}

export const unsupported = {
  file: 'b.msgpack',
  id: 'left',
  module: 'GRU',
  outcome: 'unsupported',
  reason: 'no GRU',
  comparisons: [],
}

export const undecided = {
  file: 'b.msgpack',
  id: 'empty',
  module: 'GRU',
  outcome: 'undecided',
  reason: 'shapes agree, 0 numbers to judge',
  comparisons: [],
}

/** What the mismatches of a run come from. */
export const causes = {
  groups: [
    {
      faults: ['gates'],
      edits: [{ operator: 'gates', operand: { op: 'chunk' as const }, value: { order: 'igfo' } }],
      sentence: 'takes the blocks of rows for i g f o, where torch has i f g o',
      advice: [{ term: 'torch.nn.LSTM, weight_ih_l[k]', change: 'order the gates as torch does' }],
      alike: ['takes the blocks of weight_ih for i g f o'],
      confirmed: { cases: 2, of: 4 },
      cases: ['wrong', 'lstm-1', 'lstm-2'].map((id) => ({ file: 'a.msgpack', id })),
    },
  ],
  unexplained: { cases: ['odd-0', 'odd-1'].map((id) => ({ file: 'b.msgpack', id })), searched: 1 },
}

/** Results with the counts of their cases, checked by their schema. */
export function results(
  cases: readonly { readonly outcome: string; readonly [name: string]: unknown }[],
  rest: Partial<Record<keyof Results, unknown>> = {},
): Results {
  const count = (outcome: string): number => cases.filter((each) => each.outcome === outcome).length
  const summary = {
    cases: cases.length,
    matched: count('match'),
    mismatched: count('mismatch'),
    undecided: count('undecided'),
    unsupported: count('unsupported'),
  }
  return Results.parse({
    format: 'torch-parity-results',
    version: 1,
    engine: 'port',
    tolerance: { kind: 'budget', kappa: 4 },
    equalNan: true,
    cases,
    errors: [],
    summary,
    exitCode: summary.mismatched > 0 ? 1 : summary.matched > 0 ? 0 : 2,
    ...rest,
  })
}

/** The same, with odd text wherever there is text. */
export function oddResults(): Results {
  const strange = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map((each) => strange(each))
    if (typeof value !== 'object' || value === null) return value
    const free = new Set([
      'file',
      'id',
      'module',
      'tensor',
      'reason',
      'engine',
      'message',
      'code',
      'sentence',
      'problem',
    ])
    return Object.fromEntries(
      Object.entries(value).map(([name, own]) => [
        name,
        free.has(name) && typeof own === 'string' ? `${own}${odd}` : name === 'where' ? [odd] : strange(own),
      ]),
    )
  }
  const error = { file: 'c.msgpack', code: 'FIXTURE_INVALID', message: 'expected more, got less\nand a second line' }
  return Results.parse(strange(results([matching, mismatching, unsupported], { causes, errors: [error], exitCode: 2 })))
}
