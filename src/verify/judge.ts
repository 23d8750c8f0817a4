// What an engine gave against what PyTorch gave, tensor by tensor.
import { type Case, expectedAxes, type Outputs } from '../format/case.ts'
import { compare, type Comparison, defaultJudgement, type Judgement, surplus } from './compare.ts'
import { isOptional } from './parts.ts'
import { compareSampled } from './samples.ts'

/** Judges outputs, which may be anything, tensor by tensor; a missing or surplus one is a mismatch. */
export function judge(recorded: Case, outputs: unknown, judgement: Judgement = defaultJudgement): Comparison[] {
  const given = typeof outputs === 'object' && outputs !== null ? (outputs as Partial<Outputs>) : {}
  const { dtype, expected, budget, samples } = recorded
  const axes = expectedAxes(recorded)
  const isAsked = (name: string): boolean => Object.hasOwn(given, name) || !isOptional(recorded, name)
  const comparisons = Object.keys(samples === undefined ? expected : axes)
    .filter((name) => isAsked(name))
    .map((name) => {
      const actual = Object.hasOwn(given, name) ? given[name] : undefined
      const sampled = samples !== undefined && Object.hasOwn(samples, name) ? samples[name] : undefined
      if (sampled !== undefined) return compareSampled(name, actual, sampled, dtype, judgement)
      // Reading the case has checked that every expected tensor has its budget and its axes.
      return compare(name, actual, expected[name]!, budget[name]!, axes[name]!, judgement)
    })
  // What others have published may be a part of what torch returns.
  const known = recorded.source === undefined && samples === undefined ? expected : axes
  for (const name of Object.keys(given)) if (!Object.hasOwn(known, name)) comparisons.push(surplus(name))
  return comparisons
}
