import { z } from 'zod'
import type { Diagnosis } from '../diagnose.ts'
import type { Verdict } from '../verify.ts'

/** A number as JSON has none for it: NaN and infinities are strings. */
const number = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])])
const count = z.int().min(0)

const Place = z.strictObject({
  layer: count.optional(),
  direction: z.enum(['forward', 'reverse']).optional(),
  t: count.optional(),
  batch: count.optional(),
  unit: count.optional(),
  step: count.optional(),
  row: count.optional(),
  column: count.optional(),
  source: count.optional(),
})

const Comparison = z.strictObject({
  tensor: z.string(),
  outcome: z.enum(['match', 'mismatch']),
  problem: z.string().optional(),
  elements: count,
  nonFinite: count,
  differing: count,
  worst: z
    .strictObject({
      index: z.array(count),
      place: Place,
      actual: number,
      expected: number,
      error: number,
      allowed: number,
    })
    .optional(),
  share: number,
  firstStep: z.strictObject({ forward: count.optional(), reverse: count.optional() }).optional(),
  rtol: number,
  atol: number,
})

const Tie = z.strictObject({
  batch: count,
  t: count,
  actual: count,
  expected: count,
  margin: number,
  allowed: number,
})

/** Of the first mismatches of a run: see src/diagnose.ts. */
const Explanation = z.strictObject({
  where: z.array(z.string()),
  explanations: z.array(
    z.strictObject({
      faults: z.array(z.string()),
      sentence: z.string(),
      explained: number,
      complete: z.boolean(),
      outputsAlone: z.boolean().optional(),
    }),
  ),
})

const Case = z.strictObject({
  id: z.string(),
  module: z.string(),
  outcome: z.enum(['match', 'mismatch', 'unsupported']),
  reason: z.string().optional(),
  comparisons: z.array(Comparison),
  ties: z.array(Tie).optional(),
  steps: z.strictObject({ decided: count, of: count, comparisons: z.array(Comparison) }).optional(),
  explanation: Explanation.optional(),
})

const Failure = z.strictObject({ file: z.string().optional(), code: z.string(), message: z.string() })

const Summary = z.strictObject({
  cases: count,
  matched: count,
  mismatched: count,
  unsupported: count,
})

/** What `torch-parity verify --json` writes. README.md, "Results as JSON", describes it. */
export const Results = z.strictObject({
  format: z.literal('torch-parity-results'),
  version: z.literal(1),
  engine: z.string(),
  tolerance: z.union([
    z.strictObject({ kind: z.literal('budget'), kappa: z.number() }),
    z.strictObject({ kind: z.literal('torch') }),
    z.strictObject({ kind: z.literal('explicit'), rtol: z.number(), atol: z.number() }),
  ]),
  equalNan: z.boolean(),
  cases: z.array(Case.extend({ file: z.string() })),
  errors: z.array(Failure),
  summary: Summary,
  exitCode: z.int(),
})

/** A verdict, and why the engine departs where that was asked. */
export type Explained = Verdict & { readonly explanation?: Diagnosis }

export type Results = z.infer<typeof Results>
export type Failure = z.infer<typeof Failure>
export type Summary = z.infer<typeof Summary>

/** JSON of a verdict or of any other part of the results, with NaN and infinities as strings. */
export function toJSON(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'number' && !Number.isFinite(item) ? String(item) : item,
  )
}

/** What the results begin with, before their cases. */
export function openResults(run: Pick<Results, 'engine' | 'tolerance' | 'equalNan'>): string {
  const { engine, tolerance, equalNan } = run
  const head = toJSON({ format: 'torch-parity-results', version: 1, engine, tolerance, equalNan })
  return `${head.slice(0, -1)},\n"cases":[`
}

/** One case of the results. */
export function caseOfResults(file: string, verdict: Explained, first: boolean): string {
  return `${first ? '' : ','}\n${toJSON({ file, ...verdict })}`
}

/** What the results end with, after their cases. */
export function closeResults(end: Pick<Results, 'errors' | 'summary' | 'exitCode'>): string {
  return `\n],\n${toJSON(end).slice(1)}\n`
}
