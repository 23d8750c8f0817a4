// A captured model is explained where it goes wrong: what makes the first wrong tensor of what is right, and nothing else.
import type { Case, ExportedRequest, Outputs } from '../format/case.ts'
import type { Comparison } from '../verify/compare.ts'
import type { At } from '../edits/edit.ts'
import { blameOf, partOfTaps } from '../verify/parts.ts'

/** What is to be explained: a part of a model as a case of its own, and what the port gave for it. */
export interface PartOff {
  readonly tap: string
  readonly at: At
  readonly recorded: Case & ExportedRequest
  readonly outputs: Outputs
}

/**
 * The first wrong tensors of a captured model, each with what makes it of what is right. What goes in is PyTorch's own: the port's is that
 * within its budget, which the budget of the whole allows for.
 */
export function partsOff(
  recorded: Case & ExportedRequest,
  outputs: Outputs,
  comparisons: readonly Comparison[],
): PartOff[] {
  const given = new Set(comparisons.map(({ tensor }) => tensor))
  const blamed = blameOf(recorded, comparisons).map(({ tap }) => tap)
  const nodeOf = (name: string): string => {
    const { value } = recorded.config.taps.find((tap) => tap.name === name)!
    return 'node' in value ? value.node : name
  }
  // What one operation gives is explained together.
  const groups = new Map<string, string[]>()
  for (const tap of blamed) groups.set(nodeOf(tap), [...(groups.get(nodeOf(tap)) ?? []), tap])
  return [...groups.values()].flatMap((taps) => {
    const part = partOfTaps(recorded, taps, (name) => given.has(name), recorded.budget)
    const own = Object.fromEntries(taps.map((tap) => [tap, outputs[tap]!]))
    if (part === undefined) return []
    const { op, module, line } = part.config.nodes.at(-1)!
    const among = given.size < recorded.config.taps.length ? { among: [...given] } : {}
    return [{ tap: taps.join(', '), at: { op, module, line, ...among }, recorded: part, outputs: own }]
  })
}
