// What is said of a captured model that is off: where it begins, and what follows from that.
import { oneLine } from '../format/errors.ts'
import type { Comparison } from '../verify/compare.ts'
import type { Blame } from '../verify/parts.ts'
import type { Verdict } from '../verify.ts'
import { renderComparison } from './comparison.ts'

/** Of a captured model: what is wrong first, what is wrong by itself, and the rest in a line each. */
export function renderBlame(
  comparisons: readonly Comparison[],
  blame: readonly Blame[],
  parts: readonly Comparison[] = [],
  unasked: NonNullable<Verdict['unasked']> = [],
): string[] {
  const byName = new Map(comparisons.map((each) => [each.tensor, each]))
  const names = (of: readonly Comparison[]): string => of.map(({ tensor }) => oneLine(tensor)).join(', ')
  const lines = blame.flatMap((each) => [
    `  first wrong: ${oneLine(each.tap)}${renderMaking(each)}`,
    ...renderComparison(byName.get(each.tap)!).map((line) => `  ${line}`),
  ])
  const isBlamed = (name: string): boolean => blame.some(({ tap }) => tap === name)
  const wrong = parts.filter(({ outcome }) => outcome === 'mismatch')
  for (const part of wrong.filter(({ tensor }) => !isBlamed(tensor))) {
    lines.push(
      `  wrong by itself, too, from PyTorch’s own tensors before it:`,
      ...renderComparison(part).map((line) => `  ${line}`),
    )
  }
  const right = wrong.length > 0 ? parts.filter(({ outcome }) => outcome === 'match') : []
  if (right.length > 0) lines.push(`  right by themselves, from PyTorch’s own tensors before them: ${names(right)}`)
  for (const { tap, why } of unasked) lines.push(`  not asked for by itself: ${oneLine(tap)}, ${oneLine(why)}`)
  const after = comparisons.filter(({ tensor, outcome }) => outcome === 'mismatch' && !isBlamed(tensor))
  if (after.length > 0) lines.push(`  off after that: ${names(after)}`)
  const matched = comparisons.filter(({ outcome }) => outcome === 'match')
  if (matched.length > 0) lines.push(`  right: ${names(matched)}`)
  return lines
}

/** ` (aten.conv2d.default in conv.0, model.py:12), from input, which is right` */
function renderMaking({ operations, module, line, from }: Blame): string {
  const few = 3
  const made = operations.length > few ? [...operations.slice(0, few), '…'] : operations
  const where = [module === '' ? '' : ` in ${oneLine(module)}`, line === '' ? '' : `, ${oneLine(line)}`].join('')
  const before = from.length === 0 ? '' : `, from ${from.map((each) => oneLine(each)).join(', ')}`
  return ` (${oneLine(made.join(', '))}${where})${before}`
}
