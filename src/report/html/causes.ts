/// <reference lib="dom" />
import type { Results } from '../results.ts'
import type { Elements } from './elements.ts'

type Causes = NonNullable<Results['causes']>
type Place = Causes['unexplained']['cases'][number]

export type CausesList = ReturnType<typeof causesList>

/** What the mismatches come from, as a list of buttons. Its source goes into the page. */
export function causesList({ html }: Elements) {
  function keyOf({ file, id }: Place): string {
    return JSON.stringify([file, id])
  }

  function counted(count: number, noun: string): string {
    return `${count} ${noun}${count === 1 ? '' : 's'}`
  }

  /** choose: is told which cases are to be shown. → as many as there are mismatches in it */
  function draw(
    { groups, unexplained }: Causes,
    into: HTMLElement,
    choose: (keys: ReadonlySet<string>, button: HTMLElement) => void,
  ): number {
    const item = (cases: readonly Place[], why: string, more: readonly Node[]): HTMLElement => {
      const button = html(
        'button',
        { type: 'button', 'aria-pressed': 'false' },
        html('b', {}, counted(cases.length, 'case')),
        `: ${why}`,
      )
      const keys = new Set(cases.map((place) => keyOf(place)))
      button.addEventListener('click', () => choose(keys, button))
      return html('li', {}, button, ...more)
    }
    for (const { cases, sentence, confirmed, asked, alike = [], advice = [] } of groups) {
      const held = [
        ...(confirmed.of === 0 ? [] : [`${confirmed.cases} of ${counted(confirmed.of, 'other case')}`]),
        ...(asked === undefined ? [] : [`${asked.confirmed} of ${counted(asked.of, 'other request')}`]),
      ]
      const on = held.length === 0 ? '' : ` (confirmed on ${held.join(', and ')})`
      const not = asked?.against === undefined ? [] : [html('p', {}, `but not: ${asked.against}`)]
      const or = alike.map((other) => html('p', {}, `or it ${other}: no case of this run tells these apart`))
      const changes = advice.map(({ change, term }) =>
        html('p', { class: 'advice' }, `Change: ${change} `, html('span', { class: 'term' }, `(${term})`)),
      )
      into.append(item(cases, `the engine ${sentence}${on}`, [...not, ...or, ...changes]))
    }
    const { cases, searched } = unexplained
    const looked = searched === cases.length ? '' : `, a cause was looked for in ${searched} of them`
    if (cases.length > 0) into.append(item(cases, `nothing yet${looked}`, []))
    return groups.reduce((sum, group) => sum + group.cases.length, cases.length)
  }

  /** What explains each case, in a few words. */
  function sentences({ groups }: Causes): ReadonlyMap<string, string> {
    return new Map(
      groups.flatMap(({ cases, sentence }) => {
        const others = counted(cases.length - 1, 'other case')
        return cases.map((place) => [keyOf(place), `The engine ${sentence} (explains everything, as in ${others})`])
      }),
    )
  }

  return { draw, sentences, keyOf }
}
