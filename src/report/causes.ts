import type { CauseGroup, Causes } from '../diagnose/causes.ts'
import { logLine, oneLine } from '../format/errors.ts'
import { type Colors, noColors, plural } from './text.ts'

/** What the mismatches of a run come from, the most frequent cause first, and of how many nothing is known. */
export function renderCauses({ groups, unexplained }: Causes, colors: Colors = noColors): string {
  const lines = groups.flatMap((group) => {
    const { cases, sentence, alike = [], advice = [] } = group
    return [
      `${colors.bold(plural(cases.length, 'case'))}: the engine ${oneLine(sentence)}${confirmedOf(group)}`,
      ...alike.map((other) => `  or it ${oneLine(other)}: no case of this run tells these apart`),
      ...advice.map(({ change, term }) => `  change: ${oneLine(change)} ${colors.dim(`(${oneLine(term)})`)}`),
      `  first: ${placeOf(cases)}`,
    ]
  })
  if (unexplained.cases.length > 0) {
    lines.push(
      `${colors.bold(plural(unexplained.cases.length, 'case'))}: ${nothingYet(unexplained)}`,
      `  first: ${placeOf(unexplained.cases)}`,
    )
  }
  return lines.join('\n')
}

function placeOf([first]: CauseGroup['cases']): string {
  return first === undefined ? 'none' : logLine(`${first.file}: case ${first.id}`)
}

/** ` (confirmed on 3 of 4 other cases)`; nothing where it could be tried on no other. */
export function confirmedOf({ confirmed }: Pick<CauseGroup, 'confirmed'>): string {
  return confirmed.of === 0 ? '' : ` (confirmed on ${confirmed.cases} of ${plural(confirmed.of, 'other case')})`
}

export function nothingYet({ cases, searched }: Causes['unexplained']): string {
  const looked = searched === cases.length ? '' : `, a cause was looked for in ${searched} of them`
  return `nothing yet${looked}; \`torch-parity explain FILE --case ID --search SECONDS\` looks longer in one`
}

/** Which cause explains a case of a run. */
export function causeOfEach(causes: Causes | undefined): (file: string, id: string) => CauseGroup | undefined {
  const byPlace = new Map<string, CauseGroup>()
  const keyOf = (file: string, id: string): string => JSON.stringify([file, id])
  for (const group of causes?.groups ?? []) for (const { file, id } of group.cases) byPlace.set(keyOf(file, id), group)
  return (file, id) => byPlace.get(keyOf(file, id))
}
