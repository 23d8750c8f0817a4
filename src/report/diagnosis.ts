import type { Diagnosis } from '../diagnose.ts'
import { type Colors, noColors, percent } from './text.ts'

/** Where a departure starts, and what explains it, as indented lines. */
export function renderDiagnosis({ where, explanations }: Diagnosis, colors: Colors = noColors): string {
  const lines = where.map((sentence) => `  where: ${sentence}`)
  if (explanations.length === 0) lines.push('  why: no known fault, nor two together, explain it')
  for (const { sentence, explained, complete, outputsAlone = false } of explanations) {
    const part = outputsAlone
      ? 'explains every output; its gradients are others'
      : `explains ${percent(explained)} of it`
    const how = complete ? 'explains everything' : part
    lines.push(`  ${colors.bold('why')}: the engine ${sentence} (${how})`)
  }
  if (explanations.length > 1 && explanations[1]!.complete) lines.push('  this case cannot tell these apart')
  return lines.join('\n')
}
