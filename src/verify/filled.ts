// Taps of which samples are kept, as our own engine computes them: from samples nothing else can be computed.
import { type Case, type ExportedRequest, isExported } from '../format/case.ts'
import { run, supports } from '../engine/run.ts'
import { defaultJudgement } from './compare.ts'
import { compareSampled } from './samples.ts'

type ExportedCase = Case & ExportedRequest

/** A case, and which of its tensors are ours instead of PyTorch's. */
export interface Filled {
  readonly recorded: ExportedCase
  readonly ours: ReadonlySet<string>
  /** By tap that is still not whole: why. */
  readonly missing: Readonly<Record<string, string>>
}

const known = new WeakMap<Case, Filled>()

/** The same case with whole taps, as far as our engine computes them and agrees with all that is known of PyTorch's. */
export function filled(recorded: ExportedCase): Filled {
  const before = known.get(recorded)
  if (before !== undefined) return before
  const own = fill(recorded)
  known.set(recorded, own)
  return own
}

/** What is to be explained is compared number by number. */
export function asWhole(recorded: Case): Case {
  return isExported(recorded) ? filled(recorded).recorded : recorded
}

function fill(recorded: ExportedCase): Filled {
  const { module, config, dtype, params, inputs, samples } = recorded
  if (samples === undefined) return { recorded, ours: new Set(), missing: {} }
  const request: ExportedRequest = { module, config, dtype, params, inputs }
  const names = Object.keys(samples)
  const supported = supports(request)
  if (supported !== true) {
    const why = `our engine ${supported}`
    return { recorded, ours: new Set(), missing: Object.fromEntries(names.map((name) => [name, why])) }
  }
  const outputs = run(request)
  const expected = { ...recorded.expected }
  const budget = { ...recorded.budget }
  const alone = { ...recorded.alone }
  const left: Record<string, NonNullable<Case['samples']>[string]> = {}
  const missing: Record<string, string> = {}
  const ours = new Set<string>()
  for (const [name, sampled] of Object.entries(samples)) {
    const own = outputs[name]
    const { whole } = sampled
    const isRight = compareSampled(name, own, sampled, dtype, defaultJudgement).outcome === 'match'
    if (own === undefined || whole === undefined || !isRight) {
      left[name] = sampled
      missing[name] = isRight
        ? 'its budget is kept for samples alone'
        : 'our engine gives other numbers than PyTorch’s samples'
      continue
    }
    ours.add(name)
    expected[name] = own
    budget[name] = whole.budget
    alone[name] = whole.alone
  }
  const { samples: _, ...rest } = recorded
  const isLeft = Object.keys(left).length > 0
  return {
    recorded: { ...rest, expected, budget, ...(recorded.alone && { alone }), ...(isLeft && { samples: left }) },
    ours,
    missing,
  }
}
