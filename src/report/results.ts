import * as z from 'zod'
import type { Edit } from '../edits/edit.ts'
import { conducts } from '../verify/conduct.ts'
import { Producer } from '../format/fixture/header.ts'
import { outcomes } from '../verify.ts'

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
  unjudged: count.optional(),
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
  sampled: z
    .strictObject({
      of: count,
      sum: z
        .strictObject({
          from: z.array(count).readonly(),
          to: z.array(count).readonly(),
          error: number,
          allowed: number,
          off: count,
          blocks: count,
        })
        .optional(),
    })
    .optional(),
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

/** The largest error and what was allowed, by step; many steps are merged by their largest. */
const Profile = z.strictObject({
  tensor: z.string(),
  along: z.string(),
  steps: count,
  error: z.array(number),
  allowed: z.array(number),
})

/** Shares of the allowed error as base64 of one byte a cell, unit by unit; heat.ts says which byte is which. */
const Heatmap = z.strictObject({
  tensor: z.string(),
  along: z.string(),
  steps: count,
  units: count,
  columns: count,
  rows: count,
  cells: z.string(),
})

/** Of one tensor, and one row of its batch, or one layer and direction: a map with the numbers of each cell, of those that are merged the farthest off. */
const SlicedMap = z.strictObject({
  ...Heatmap.shape,
  slice: z.string().optional(),
  across: z.string(),
  actual: z.array(number),
  expected: z.array(number),
})

/**
 * What is known of layers and directions, in bytes as a heat map has them. output: direction by direction, `columns` each, of the last
 * layer; last: the last state of each, layer by layer.
 */
const Layers = z.strictObject({
  layers: count,
  directions: count,
  steps: count,
  columns: count,
  output: z.string(),
  last: z.string(),
})

/** In how many of the other requests that a port was asked it gives what an explanation says. */
const Confirmation = z.strictObject({ confirmed: count, of: count, against: z.string().optional() })

const Explanation = z.strictObject({
  faults: z.array(z.string()),
  /** None in results of before there were any. */
  edits: z.custom<readonly Edit[]>((value) => Array.isArray(value)).default([]),
  sentence: z.string(),
  explained: number,
  complete: z.boolean(),
  outputsAlone: z.boolean().optional(),
  advice: z.array(z.strictObject({ term: z.string(), change: z.string() })).optional(),
  confirmation: Confirmation.optional(),
})

const places = z.array(z.strictObject({ file: z.string(), id: z.string() })).readonly()

/** What the mismatches of a run come from, the most frequent cause first. */
const Causes = z.strictObject({
  groups: z
    .array(
      z.strictObject({
        faults: Explanation.shape.faults.readonly(),
        edits: Explanation.shape.edits,
        sentence: z.string(),
        advice: Explanation.shape.advice.readonly(),
        alike: z.array(z.string()).readonly().optional(),
        confirmed: z.strictObject({ cases: count, of: count }),
        asked: Confirmation.optional(),
        cases: places,
      }),
    )
    .readonly(),
  unexplained: z.strictObject({ cases: places, searched: count }),
})

/** What `--report` adds to a case. */
const Detail = z.strictObject({
  config: z.record(z.string(), z.unknown()).optional(),
  dtype: z.string().optional(),
  traits: z.array(z.string()).optional(),
  profile: Profile.optional(),
  heatmap: Heatmap.optional(),
  /** Of a mismatch. */
  maps: z.array(SlicedMap).optional(),
  layers: Layers.optional(),
  explanation: z
    .strictObject({
      ownDeparture: z.string().optional(),
      where: z.array(z.string()),
      explanations: z.array(Explanation),
      stopped: z.boolean().optional(),
      when: z.array(z.string()).optional(),
      telling: z.string().optional(),
    })
    .optional(),
})

const Case = z.strictObject({
  ...Detail.shape,
  id: z.string(),
  module: z.string(),
  outcome: z.enum(outcomes),
  reason: z.string().optional(),
  comparisons: z.array(Comparison),
  ties: z.array(Tie).optional(),
  blame: z
    .array(
      z.strictObject({
        tap: z.string(),
        operations: z.array(z.string()).readonly(),
        module: z.string(),
        line: z.string(),
        from: z.array(z.string()).readonly(),
      }),
    )
    .optional(),
  parts: z.array(Comparison).optional(),
  unasked: z
    .array(z.strictObject({ tap: z.string(), why: z.string() }))
    .readonly()
    .optional(),
  correspondences: z
    .array(z.strictObject({ tensor: z.string(), tap: z.string(), order: z.array(count).readonly().optional() }))
    .readonly()
    .optional(),
  taps: z.strictObject({ given: count, of: count }).optional(),
  steps: z.strictObject({ decided: count, of: count, comparisons: z.array(Comparison) }).optional(),
  chain: z.strictObject({ sizes: z.array(count), comparisons: z.array(Comparison) }).optional(),
  conduct: z.array(z.strictObject({ kind: z.enum(conducts), text: z.string() })).optional(),
  faint: z.array(z.string()).optional(),
  ratios: z.record(z.string(), number).optional(),
})

const Failure = z.strictObject({ file: z.string().optional(), code: z.string(), message: z.string() })

/** Where the cases of a file come from. */
const Provenance = z.strictObject({
  file: z.string(),
  name: z.string(),
  seed: count,
  cases: count,
  producer: Producer,
})

/** What `audit --report` adds: which file reveals which fault, in how many of the cases that it is about, in the order of `files`. */
const Audit = z.strictObject({
  files: z.array(z.string()),
  faults: z.array(
    z.strictObject({
      name: z.string(),
      sentence: z.string(),
      status: z.enum(['seen', 'unseen', 'inapplicable', 'equivalent', 'not equivalent']),
      applicable: z.array(count),
      revealed: z.array(count),
    }),
  ),
})

/** What a part of a run says of the whole, so that parts can be proved to make one. */
const Shard = z.strictObject({
  index: count,
  of: count,
  /** Cases that were dealt to this part: judged, left out by a filter, or not judged for an error. */
  dealt: count,
  filtered: count,
  failed: count,
  /** All files of the run, in order. */
  files: z.array(z.strictObject({ name: z.string(), sha256: z.string(), cases: count })),
  /** What was asked for beside the judgement, and by which version of torch-parity. */
  asked: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
})

const Summary = z.strictObject({
  cases: count,
  matched: count,
  mismatched: count,
  undecided: count.default(0),
  unsupported: count,
  /** In how many cases the engine did something beside computing, by what it did. */
  conduct: z.partialRecord(z.enum(conducts), count).default({}),
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
  /** What engines may do otherwise than a CPU, by the name of the target; absent for a CPU. */
  target: z.string().optional(),
  equalNan: z.boolean(),
  /** The engine's file, where `--report` was asked for and it is not ours. */
  engineFile: z.string().optional(),
  /** The same of a command that has started it. */
  engineCommand: z.string().optional(),
  /** The same of a page that has it. */
  enginePage: z.string().optional(),
  fixtures: z.array(Provenance).optional(),
  audit: Audit.optional(),
  cases: z.array(Case.extend({ file: z.string() })),
  causes: Causes.optional(),
  /** Where `--shard` judged a part of a run. */
  shard: Shard.optional(),
  errors: z.array(Failure),
  summary: Summary,
  exitCode: z.int(),
})

export type Results = z.infer<typeof Results>
export type Audit = z.infer<typeof Audit>
export type Detail = z.infer<typeof Detail>
export type Profile = z.infer<typeof Profile>
export type Heatmap = z.infer<typeof Heatmap>
export type SlicedMap = z.infer<typeof SlicedMap>
export type Layers = z.infer<typeof Layers>
export type Provenance = z.infer<typeof Provenance>
export type Failure = z.infer<typeof Failure>
export type Shard = z.infer<typeof Shard>
export type Summary = z.infer<typeof Summary>
