import type { Case } from '../format/case.ts'
import type { Tolerance } from '../verify/compare.ts'
import { ParityError } from '../format/errors.ts'
import { type Target, targeted, targetNames, targetOf } from '../verify/targets.ts'

/** How cases are judged where a target was asked for. */
export interface Judged {
  /** undefined for a CPU. */
  readonly target: Target | undefined
  /** The case as it is judged. */
  readonly as: (recorded: Case) => Case
}

/**
 * What `--target` says. name: of a target, or several joined by +; where: what stands before the message.
 * @throws ParityError USAGE for another name, or where something else than the budget is to judge.
 */
export function judgedFor(name: string | undefined, tolerance: Tolerance, where = '--target'): Judged {
  const target = name === undefined ? undefined : targetOf(name)
  if (name !== undefined && target === undefined) {
    throw new ParityError(
      'USAGE',
      `${where}: expected ${targetNames.join(', ')}, or several such as wgsl+tf32, got ${name}`,
    )
  }
  if (target === undefined || target.name === 'cpu') return { target: undefined, as: (recorded) => recorded }
  if (tolerance.kind !== 'budget') {
    throw new ParityError(
      'USAGE',
      `${where}: expected the budget as tolerance, got ${tolerance.kind} with ${target.name}`,
    )
  }
  return { target, as: (recorded) => targeted(recorded, target) }
}
