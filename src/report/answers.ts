import { logLine } from '../format/errors.ts'
import type { Tally } from '../ports/answers.ts'
import { plural } from './text.ts'

/** What is to be said of a folder of answers besides what was judged, a line for each thing. */
export function renderTally(folder: string, tally: Tally): string[] {
  const { answered, unanswered, missing = '', rounded, surplus, firstSurplus = '' } = tally
  const where = logLine(folder)
  const lines: string[] = []
  if (unanswered > 0) {
    const all = plural(answered + unanswered, 'case')
    lines.push(`${where}: no answer to ${unanswered} of ${all}, the first looked for at ${logLine(missing)}`)
  }
  for (const [how, count] of rounded) lines.push(`${where}: ${plural(count, 'tensor')} rounded from ${how}`)
  if (surplus > 0) {
    lines.push(`${where}: ${plural(surplus, 'answer')} to no case that was judged, the first ${logLine(firstSurplus)}`)
  }
  return lines
}
