// What cases see of the known faults.
import type { Case } from '../format/case.ts'
import type { Context } from '../edits/context.ts'
import { isInside, runEdited } from '../edits.ts'
import type { Engine } from '../engine/run.ts'
import type { Edit } from '../edits/edit.ts'
import { editsOf, type Fault, faulted, sentenceOfAll } from '../edits/faults.ts'
import { requestOf, verify } from '../verify.ts'
import { questionOf } from './question.ts'
import { type Start, startOf } from './trials.ts'

/** What one fault does to one case. */
export interface Finding {
  readonly fault: string
  /** `revealed`: the case fails; `hidden`: it passes all the same; `inapplicable`: the case has nothing the fault is about. */
  readonly outcome: 'revealed' | 'hidden' | 'inapplicable'
  /** What a port does there that has it; absent where it is inapplicable. */
  readonly sentence?: string
  /** What the tensors that fail are part of: the first of it, where what follows was not asked. */
  readonly parts: readonly Part[]
}

/** Where a tensor comes from: out of `forward`, as a gradient, or out of a training. */
export const everyPart = ['forward', 'gradients', 'training'] as const
export type Part = (typeof everyPart)[number]

/** What is known of one fault after some cases. */
export interface FaultTally {
  readonly fault: Fault
  /** What a port does that has it, in the first case that it is about; empty where there is none. */
  sentence: string
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
  const request = requestOf(recorded)
  // A right port gives what PyTorch gave.
  const start = startOf(questionOf(recorded, recorded.expected))
  const first = partOf(recorded, '')
  const findings: Finding[] = []
  for (const fault of faults) {
    if (await pause()) return findings
    const edits = editsOf(fault, request, start.context)
    if (edits === undefined) {
      findings.push({ fault: fault.name, outcome: 'inapplicable', parts: [] })
      continue
    }
    const found = { fault: fault.name, sentence: sentenceOfAll(edits, start.context) }
    if (isRefuted(start, edits)) findings.push({ ...found, outcome: 'revealed', parts: [first] })
    else {
      const { outcome, comparisons, steps } = await verify(recorded, planted(fault, edits, start.context))
      const failing = [...comparisons, ...(steps?.comparisons ?? [])].filter((each) => each.outcome === 'mismatch')
      findings.push({
        ...found,
        outcome: outcome === 'mismatch' ? 'revealed' : 'hidden',
        parts: [...new Set(failing.map(({ tensor }) => partOf(recorded, tensor)))],
      })
    }
  }
  return findings
}

/** Whether what edits give is surely not what a right port gives, before the gradients. What is chosen may be another choice. */
function isRefuted({ run, first }: Start, edits: readonly Edit[]): boolean {
  if (!isInside(edits) || 'symbols' in first.recorded.expected) return false
  const begun = run(edits)
  return begun !== undefined && begun.others === undefined
}

/** Our engine with a fault, for a case that is known: its steps are others. */
function planted(fault: Fault, edits: readonly Edit[], context: Context): Engine {
  const own = faulted(fault)
  const { request } = context
  return {
    name: fault.name,
    run: (asked) => (asked.inputs === request.inputs ? runEdited(edits, request, context) : own.run(asked)),
  }
}

function partOf({ training }: Case, tensor: string): Part {
  if (training !== undefined) return 'training'
  return tensor.startsWith('grad_') ? 'gradients' : 'forward'
}

export function newTallies(faults: readonly Fault[]): FaultTally[] {
  return faults.map((fault) => ({
    fault,
    sentence: '',
    applicable: 0,
    revealed: 0,
    parts: new Map(),
    files: new Map(),
  }))
}

/** Adds what one case of a file has shown; findings and tallies stand in the order of the same faults. */
export function tally(tallies: readonly FaultTally[], file: string, findings: readonly Finding[]): void {
  for (const [i, { outcome, parts, sentence = '' }] of findings.entries()) {
    const own = tallies[i]
    if (own === undefined || outcome === 'inapplicable') continue
    own.sentence ||= sentence
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
