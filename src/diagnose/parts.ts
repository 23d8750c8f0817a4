// A captured model is explained where it goes wrong: what makes the first wrong tensor of what is right, and nothing else.
import type { Case, ExportedRequest, Outputs } from '../format/case.ts'
import type { Comparison } from '../verify/compare.ts'
import type { At } from '../edits/edit.ts'
import { run } from '../engine/run.ts'
import { sameShape } from '../format/tensor.ts'
import { blameOf, partOfTaps } from '../verify/parts.ts'
import { requestOf } from '../verify.ts'
import { questionOf, scaled } from './question.ts'
import { matches } from './trials.ts'

/** What is to be explained: a part of a model as a case of its own, and what the port gave for it. */
export interface PartOff {
  readonly tap: string
  readonly at: At
  readonly recorded: Case & ExportedRequest
  readonly outputs: Outputs
}

/**
 * The first wrong tensors of a captured model, each with what makes it of what is right. What goes in is PyTorch's own: the port's is that
 * within its budget, which the budget of the whole allows for. What is made of wrong tensors is explained where it is wrong in itself.
 */
export function partsOff(
  recorded: Case & ExportedRequest,
  outputs: Outputs,
  comparisons: readonly Comparison[],
): PartOff[] {
  const { config } = recorded
  const given = new Set(comparisons.map(({ tensor }) => tensor))
  const wrong = new Set(comparisons.flatMap(({ tensor, outcome }) => (outcome === 'mismatch' ? [tensor] : [])))
  const blamed = new Set(blameOf(recorded, comparisons).map(({ tap }) => tap))
  const among = given.size < config.taps.length ? { among: [...given] } : {}
  // What one operation gives is explained together.
  const groups = new Map<string, string[]>()
  for (const { name, value } of config.taps) {
    if (!wrong.has(name)) continue
    const node = 'node' in value ? value.node : name
    groups.set(node, [...(groups.get(node) ?? []), name])
  }
  return [...groups.values()].flatMap((taps) => {
    const isFirst = taps.some((tap) => blamed.has(tap))
    const mine = isFirst ? taps.filter((tap) => blamed.has(tap)) : taps
    const part = partOfTaps(recorded, mine, (name) => given.has(name), recorded.budget)
    if (part === undefined) return []
    const own = Object.fromEntries(mine.map((tap) => [tap, outputs[tap]!]))
    const asked = isFirst ? part : fromItsOwn(recorded, part, outputs)
    if (asked === undefined || (!isFirst && matches(questionOf(asked, own), asked.expected))) return []
    const { op, module, line } = part.config.nodes.at(-1)!
    const at = { op, module, line, from: Object.keys(part.inputs), ...among }
    return [{ tap: mine.join(', '), at, recorded: asked, outputs: own }]
  })
}

/** The same from what the port itself has handed on: what it gives then is no matter of those before. undefined where nothing is to be said. */
function fromItsOwn(
  recorded: Case & ExportedRequest,
  part: Case & ExportedRequest,
  outputs: Outputs,
): (Case & ExportedRequest) | undefined {
  const names = new Map(recorded.config.taps.map(({ name }) => [name, name]))
  const inputs = Object.fromEntries(
    Object.entries(part.inputs).map(([name, own]) => {
      const tap = Object.hasOwn(recorded.inputs, name) ? undefined : names.get(name.replace(/^tap /, ''))
      return [name, (tap !== undefined && outputs[tap]) || own]
    }),
  )
  const isAlike = Object.entries(part.inputs).every(([name, { shape }]) => sameShape(inputs[name]!.shape, shape))
  if (!isAlike) return undefined
  const asked = { ...part, inputs }
  try {
    const expected = run(requestOf(asked))
    const budget = Object.fromEntries(
      Object.entries(part.budget).map(([tap, own]) => [tap, scaled(own, part.expected[tap]!, expected[tap]!)]),
    )
    return { ...asked, expected, budget }
  } catch {
    return undefined
  }
}
