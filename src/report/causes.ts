import type { CauseGroup, Causes } from '../diagnose/causes.ts'
import { logLine, oneLine } from '../format/errors.ts'
import { type Colors, noColors, plural } from './text.ts'

/** What the mismatches of a run come from, the most frequent cause first, and of how many nothing is known. */
export function renderCauses({ groups, unexplained }: Causes, colors: Colors = noColors): string {
  const lines = groups.flatMap((group) => {
    const { cases, sentence, alike = [], advice = [] } = group
    return [
      `${colors.bold(plural(cases.length, 'case'))}: the engine ${oneLine(sentence)}${confirmedOf(group)}`,
      ...refutedOf(group),
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

/** ` (confirmed on 3 of 4 other cases, and 12 of 12 other requests)`; nothing where it could be tried on no other. */
export function confirmedOf({ confirmed, asked }: Pick<CauseGroup, 'confirmed' | 'asked'>): string {
  const on = [
    ...(confirmed.of === 0 ? [] : [`${confirmed.cases} of ${plural(confirmed.of, 'other case')}`]),
    ...(asked === undefined ? [] : [`${asked.confirmed} of ${plural(asked.of, 'other request')}`]),
  ]
  return on.length === 0 ? '' : ` (confirmed on ${on.join(', and ')})`
}

function refutedOf({ asked }: Pick<CauseGroup, 'asked'>): string[] {
  return asked?.against === undefined ? [] : [`  but not: ${oneLine(asked.against)}`]
}

export function nothingYet({ cases, searched }: Causes['unexplained']): string {
  const looked = searched === cases.length ? '' : `, a cause was looked for in ${searched} of them`
  return `nothing yet${looked}; \`torch-parity explain FILE --case ID --search SECONDS\` looks longer in one`
}

/** What is said of it in one of its cases. */
export function asElsewhere({ cases }: Pick<CauseGroup, 'cases'>): string {
  return `explains everything, as in ${plural(cases.length - 1, 'other case')}`
}

/** Which cause explains a case of a run. */
export function causeOfEach(
  causes: Causes | undefined,
): (place: CauseGroup['cases'][number]) => CauseGroup | undefined {
  const keyOf = ({ file, id }: CauseGroup['cases'][number]): string => JSON.stringify([file, id])
  const byPlace = new Map((causes?.groups ?? []).flatMap((group) => group.cases.map((own) => [keyOf(own), group])))
  return (place) => byPlace.get(keyOf(place))
}

/** The causes of several runs as those of one: the same edits are the same cause, and a case that came twice counts once. */
export function mergeCauses(all: readonly Causes[]): Causes | undefined {
  if (all.length === 0) return undefined
  const groups = new Map<string, CauseGroup>()
  for (const group of all.flatMap((causes) => causes.groups)) {
    const key = JSON.stringify([group.edits, group.sentence])
    const before = groups.get(key)
    const cases = distinct([...(before?.cases ?? []), ...group.cases])
    const isNew = cases.length === (before?.cases.length ?? 0) + group.cases.length
    const [own, others] = [group.confirmed.of, before?.confirmed.of ?? -1]
    // Of cases that come twice, nobody has noted in which it explains nothing.
    const of = isNew ? others + 1 + own : Math.max(others, own, cases.length - 1)
    groups.set(key, { ...group, ...before, confirmed: { cases: cases.length - 1, of }, cases })
  }
  const unexplained = all.map((causes) => causes.unexplained)
  const cases = distinct(unexplained.flatMap((own) => own.cases))
  const searched = unexplained.map((own) => own.searched)
  const repeated = unexplained.reduce((sum, own) => sum + own.cases.length, 0) - cases.length
  const allSearched = searched.reduce((sum, count) => sum + count, 0)
  return {
    groups: [...groups.values()].toSorted((one, other) => other.cases.length - one.cases.length),
    unexplained: { cases, searched: Math.max(...searched, allSearched - repeated) },
  }
}

function distinct(places: CauseGroup['cases']): CauseGroup['cases'] {
  return [...new Map(places.map((place) => [JSON.stringify([place.file, place.id]), place])).values()]
}

/** What there is to say of causes at all: nothing where there is one mismatch, which says it itself. */
export function severalCauses(causes: Causes | undefined): Causes | undefined {
  const { groups = [], unexplained } = causes ?? {}
  const count = groups.reduce((sum, { cases }) => sum + cases.length, unexplained?.cases.length ?? 0)
  return count > 1 ? causes : undefined
}
