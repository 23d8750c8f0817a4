import type { Diagnosis } from '../diagnose.ts'
import { type Colors, noColors, percent } from './text.ts'

/** What is said where nothing departs from step to step. */
const onlyAlone = 'the run as a whole agrees as far as it can be judged; single steps from PyTorch’s own states do not'
/** What is said where no fault explains a departure. */
const nothing = 'no known fault, nor some together, explain it'
/** What is said where the search came to no end. */
const untried =
  'time was up before everything had been tried: `torch-parity explain FILE --case ID --search SECONDS` looks longer'

/** Where a departure starts, and what explains it, as indented lines. */
export function renderDiagnosis(diagnosis: Diagnosis, colors: Colors = noColors): string {
  const { ownDeparture, where, explanations, stopped } = diagnosis
  if (where.length === 0) return `  where: ${onlyAlone}`
  const lines = where.map((sentence) => `  where: ${sentence}`)
  if (ownDeparture !== undefined) return [`  ${colors.bold(colors.red(ownDeparture))}`, ...lines].join('\n')
  if (explanations.length === 0) lines.push(`  why: ${nothing}`)
  const told = distinct(explanations)
  const changes = new Set<string>()
  for (const { sentence, explained, complete, outputsAlone = false, advice = [] } of told) {
    const part = outputsAlone
      ? 'explains every output; its gradients are others'
      : `explains ${percent(explained)} of it`
    const how = complete ? 'explains everything' : part
    lines.push(`  ${colors.bold('why')}: the engine ${sentence} (${how})`)
    for (const { change, term } of advice) {
      if (!changes.has(change)) lines.push(`    change: ${change} ${colors.dim(`(${term})`)}`)
      changes.add(change)
    }
  }
  if (stopped) lines.push(`  ${untried}`)
  if (told[1]?.complete === true) lines.push('  this case cannot tell these apart')
  return lines.join('\n')
}

/** Different edits may be said in the same words: the best of them is enough. */
function distinct(explanations: Diagnosis['explanations']): Diagnosis['explanations'] {
  const sentences = new Set<string>()
  return explanations.filter(({ sentence }) => !sentences.has(sentence) && sentences.add(sentence))
}
