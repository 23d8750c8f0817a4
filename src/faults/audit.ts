import type { Case } from '../format/case.ts'
import type { Fault } from '../faults.ts'
import { faulted } from '../faults.ts'
import { verify } from '../verify.ts'

/** What one fault does to one case. */
export interface Finding {
  readonly fault: string
  /** `revealed`: the case fails; `hidden`: it passes all the same; `inapplicable`: the case has nothing the fault is about. */
  readonly outcome: 'revealed' | 'hidden' | 'inapplicable'
  /** What the tensors that fail are part of. */
  readonly parts: readonly Part[]
}

/** Where a tensor comes from: out of `forward`, as a gradient, or out of a training. */
export const everyPart = ['forward', 'gradients', 'training'] as const
export type Part = (typeof everyPart)[number]

/** What is known of one fault after some cases. */
export interface FaultTally {
  readonly fault: Fault
  applicable: number
  revealed: number
  /** How many cases reveal it by each part of what they hold. */
  readonly parts: Map<Part, number>
  /** In how many cases of each file it could be revealed, and in how many it is. */
  readonly files: Map<string, { readonly applicable: number; readonly revealed: number }>
}

/**
 * Plants every fault in our engine, one at a time, and looks whether the case then fails.
 * The engine without a fault must match the case, or else the case would reveal anything.
 * pause: awaited before each fault; true ends it there.
 */
export async function auditCase(
  recorded: Case,
  faults: readonly Fault[],
  pause: () => Promise<boolean> = () => Promise.resolve(false),
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const fault of faults) {
    if (await pause()) return findings
    if (!fault.appliesTo(recorded)) {
      findings.push({ fault: fault.name, outcome: 'inapplicable', parts: [] })
      continue
    }
    const { outcome, comparisons, steps } = await verify(recorded, faulted(fault))
    const failing = [...comparisons, ...(steps?.comparisons ?? [])].filter((each) => each.outcome === 'mismatch')
    findings.push({
      fault: fault.name,
      outcome: outcome === 'mismatch' ? 'revealed' : 'hidden',
      parts: [...new Set(failing.map(({ tensor }) => partOf(recorded, tensor)))],
    })
  }
  return findings
}

function partOf({ training }: Case, tensor: string): Part {
  if (training !== undefined) return 'training'
  return tensor.startsWith('grad_') ? 'gradients' : 'forward'
}

export function newTallies(faults: readonly Fault[]): FaultTally[] {
  return faults.map((fault) => ({ fault, applicable: 0, revealed: 0, parts: new Map(), files: new Map() }))
}

/** Adds what one case of a file has shown; findings and tallies stand in the order of the same faults. */
export function tally(tallies: readonly FaultTally[], file: string, findings: readonly Finding[]): void {
  for (const [i, { outcome, parts }] of findings.entries()) {
    const own = tallies[i]
    if (own === undefined || outcome === 'inapplicable') continue
    own.applicable++
    const { applicable, revealed } = own.files.get(file) ?? { applicable: 0, revealed: 0 }
    const isRevealed = outcome === 'revealed'
    own.files.set(file, { applicable: applicable + 1, revealed: revealed + Number(isRevealed) })
    if (!isRevealed) continue
    own.revealed++
    for (const part of parts) own.parts.set(part, (own.parts.get(part) ?? 0) + 1)
  }
}

/** How many files reveal it. */
export function revealingFiles({ files }: FaultTally): number {
  return [...files.values()].filter(({ revealed }) => revealed > 0).length
}

export type Status = 'seen' | 'unseen' | 'inapplicable' | 'equivalent' | 'not equivalent'

/** `not equivalent` means that a case reveals a fault which was said to change nothing: the proof is wrong. */
export function statusOf({ fault, applicable, revealed }: FaultTally): Status {
  if (fault.equivalent !== undefined) return revealed === 0 ? 'equivalent' : 'not equivalent'
  if (applicable === 0) return 'inapplicable'
  return revealed > 0 ? 'seen' : 'unseen'
}
