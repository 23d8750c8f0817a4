// Why what agrees may say nothing.
import type { Case, Outputs } from '../format/case.ts'
import type { Comparison, Tolerance } from '../verify/compare.ts'
import { decide } from '../verify/decide.ts'
import { largest } from '../format/tensor.ts'

/** Why a case that agrees is no match; undefined when it is one. */
export function reasonToDoubt(
  recorded: Case,
  comparisons: readonly Comparison[],
  { decided, wide }: ReturnType<typeof decisionOf>,
  tolerance: Tolerance,
  isStepped: boolean,
): string | undefined {
  if (decided === 0 && wide.length === 0) {
    if (comparisons.every(({ elements }) => elements === 0)) return 'shapes agree, 0 numbers to judge'
    const { target } = recorded
    return `${target === undefined ? 'the budget' : `target ${target.name}`} lets every number be anything`
  }
  const doubtful = isStepped ? undecidedBesideSteps(recorded, wide, tolerance) : wide
  return doubtful.length > 0 ? doubt(doubtful, tolerance) : undefined
}

/** How many numbers of some tensors of a case are decided, and which tensors hold any that is not. */
export function decisionOf(
  { budget, target }: Case,
  tensors: Outputs,
  tolerance: Tolerance,
): { readonly decided: number; readonly wide: readonly string[] } {
  let decided = 0
  const wide: string[] = []
  for (const [name, tensor] of Object.entries(tensors)) {
    const decision = decide(tensor, budget[name]!, tolerance, target)
    decided += decision.decided
    if (decision.undecided > 0) wide.push(name)
  }
  return { decided, wide }
}

/** Chaos takes two runs no farther apart than so many times the largest value. */
const mostSpread = 4

/**
 * The states after every step are all that a forward run computes; gradients and the rest have none, and states have budgets too. What
 * the steps make up for is chaos, which has its bounds: a budget beyond them was not measured.
 */
function undecidedBesideSteps(recorded: Case, wide: readonly string[], tolerance: Tolerance): string[] {
  const isChaos = (name: string): boolean => {
    const most = largest(recorded.expected[name]!.data)
    return recorded.budget[name]!.data.every((own) => own <= mostSpread * most || own === Infinity)
  }
  const left = wide.filter((name) => !forwardTensors.has(name) || !isChaos(name))
  return [...left, ...decisionOf(recorded, recorded.states ?? {}, tolerance).wide]
}

function doubt(names: readonly string[], { kind }: Tolerance): string {
  return kind === 'budget'
    ? `the budget of ${names.join(', ')} is so large that a match says little`
    : `the tolerance is so large that zeros would match ${names.join(', ')}`
}

const forwardTensors: ReadonlySet<string> = new Set(['output', 'h_n', 'c_n'])
