import { type Diagnosis, type Explanation, leastConfirming } from '../diagnose.ts'
import { type Colors, noColors, percent } from './text.ts'

/** What is said where nothing departs from step to step. */
const onlyAlone = 'the run as a whole agrees as far as it can be judged; single steps from PyTorch’s own states do not'
/** What is said where no edit explains a departure. */
const nothing = 'nothing that was tried explains it'
/** What is said where the search came to no end. */
const untried =
  'time was up before everything had been tried: `torch-parity explain FILE --case ID --search SECONDS` looks longer'

/** Where a departure starts, and what explains it, as indented lines. */
export function renderDiagnosis(diagnosis: Diagnosis, colors: Colors = noColors): string {
  const { ownDeparture, where, explanations, stopped, when = [], telling } = diagnosis
  if (where.length === 0) return `  where: ${onlyAlone}`
  const lines = where.map((sentence) => `  where: ${sentence}`)
  if (ownDeparture !== undefined) return [`  ${colors.bold(colors.red(ownDeparture))}`, ...lines].join('\n')
  if (explanations.length === 0) lines.push(`  why: ${nothing}`)
  const told = distinct(explanations)
  const changes = new Set<string>()
  for (const each of told) {
    const { sentence, advice = [], confirmation } = each
    lines.push(`  ${colors.bold('why')}: the engine ${sentence} (${howMuch(each)})`)
    if (confirmation?.against !== undefined) lines.push(`    but not: ${confirmation.against}`)
    for (const { change, term } of advice) {
      if (!changes.has(change)) lines.push(`    change: ${change} ${colors.dim(`(${term})`)}`)
      changes.add(change)
    }
  }
  if (stopped) lines.push(`  ${untried}`)
  if (told[1]?.complete === true) lines.push(`  ${aliveText(told[1], telling)}`)
  return [...lines, ...when.map((sentence) => `  ${sentence}`)].join('\n')
}

/** How much an explanation explains, and of how many other requests. */
export function howMuch({ explained, complete, outputsAlone = false, confirmation }: Explanation): string {
  const part = outputsAlone ? 'explains every output; its gradients are others' : `explains ${percent(explained)} of it`
  const how = complete ? 'explains everything' : part
  if (confirmation === undefined) return how
  const { confirmed, of } = confirmation
  if (confirmed === of && of < leastConfirming)
    return `${how}, and gives the same on the ${of} other cases that were asked`
  return confirmed === of
    ? `${how}, confirmed on ${confirmed} of ${of} other cases`
    : `${how} here, but gives the same on ${confirmed} of ${of} other cases alone`
}

/** What is said of explanations of which each explains everything. */
export function aliveText({ confirmation }: Explanation, telling?: string): string {
  if (confirmation !== undefined) return 'no case that was tried tells these apart'
  return telling === undefined
    ? 'this case cannot tell these apart'
    : `this case cannot tell these apart; this one would: ${telling}`
}

/** Different edits may be said in the same words: the best of them is enough. */
function distinct(explanations: Diagnosis['explanations']): Diagnosis['explanations'] {
  const sentences = new Set<string>()
  return explanations.filter(({ sentence }) => !sentences.has(sentence) && sentences.add(sentence))
}
