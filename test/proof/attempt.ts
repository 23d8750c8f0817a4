import { type Case, expectedAxes, type Outputs } from '../../src/format/case.ts'
import { compare } from '../../src/verify/compare.ts'
import { diagnose } from '../../src/diagnose.ts'
import { messageOf } from '../../src/format/errors.ts'
import { settleTies } from '../../src/verify/ties.ts'
import { judge } from '../../src/verify.ts'
import { type Bug, isBug } from './bugs.ts'
import type { Recorded } from './cases.ts'
import type { Planting } from './plantings.ts'
import { runPort } from './port.ts'

/** One planted port, explained. */
export interface Attempt {
  readonly planting: string
  readonly kind: Planting['kind']
  readonly file: string
  readonly id: string
  readonly truth: readonly string[]
  /** The explanations, the best first, each by its faults. */
  readonly ranked: readonly (readonly string[])[]
  /** Where the true cause stands, from 1, or what cannot be told from it in this case; absent when it is not there. */
  readonly rank?: number
  /** What stands there, when that is another name for what gives the same numbers. */
  readonly sameAs?: string
  readonly ms: number
  /** What `diagnose` threw. */
  readonly failure?: string
}

export function isSeen(recorded: Case, outputs: Outputs): boolean {
  return judge(recorded, settleTies(recorded, outputs).outputs).some(({ outcome }) => outcome === 'mismatch')
}

/** Whether two ports give the same within the budget of a case, both in float64: then nothing in it tells them apart. */
function cannotBeToldApart(recorded: Case, one: readonly Bug[], other: readonly Bug[], seed: number): boolean {
  const axes = expectedAxes(recorded)
  const ours = runPort(recorded, { bugs: one, arithmetic: 'float64', seed })
  const theirs = runPort(recorded, { bugs: other, arithmetic: 'float64', seed })
  return Object.keys(recorded.expected).every((name) => {
    const expected = theirs[name]
    const budget = recorded.budget[name]!
    return expected !== undefined && compare(name, ours[name], expected, budget, axes[name]!).outcome === 'match'
  })
}

/**
 * seed: of what a bug draws.
 * → undefined where the planting is not about the case, or does not show in it, as a whole or in its parts
 */
export function attempt(planting: Planting, { file, case: recorded }: Recorded, seed: number): Attempt | undefined {
  const truth = planting.bugsIn(recorded)
  if (truth === undefined) return undefined
  const outputs = runPort(recorded, { bugs: truth, seed })
  if (!isSeen(recorded, outputs)) return undefined
  if (planting.kind === 'pair' && truth.some((bug) => cannotBeToldApart(recorded, truth, [bug], seed))) {
    return undefined
  }
  const began = performance.now()
  let ranked: readonly (readonly string[])[] = []
  let failure: string | undefined
  try {
    ranked = diagnose(recorded, outputs).explanations.map(({ faults }) => faults)
  } catch (error) {
    failure = messageOf(error)
  }
  const ms = performance.now() - began
  const found = rankOf(recorded, truth, ranked, seed)
  return {
    planting: planting.name,
    kind: planting.kind,
    file,
    id: recorded.id,
    truth,
    ranked,
    ...found,
    ms,
    ...(failure === undefined ? {} : { failure }),
  }
}

function rankOf(
  recorded: Case,
  truth: readonly Bug[],
  ranked: readonly (readonly string[])[],
  seed: number,
): Pick<Attempt, 'rank' | 'sameAs'> {
  for (const [i, faults] of ranked.entries()) {
    if (faults.toSorted().join() === truth.toSorted().join()) return { rank: i + 1 }
    if (faults.every(isBug) && cannotBeToldApart(recorded, truth, faults, seed)) {
      return { rank: i + 1, sameAs: faults.join(' + ') }
    }
  }
  return {}
}
