/// <reference lib="dom" />
import type { Change } from '../against.ts'
import type { Results } from '../results.ts'
import type { Elements } from './elements.ts'
import type { Content, Shown } from './shown.ts'

type Causes = NonNullable<Results['causes']>
type Place = Pick<Shown, 'file' | 'id'> & Partial<Pick<Shown, 'outcome'>>

/** Cases that have something in common, which can be looked at alone. */
export interface Group {
  readonly name: string
  readonly keys: ReadonlySet<string>
  readonly count: string
  readonly what: string
  readonly more: readonly Node[]
}

export type Groups = ReturnType<typeof groups>

/** Cases by what they come from, by what keeps them from being judged, and by what became of them. Its source goes into the page. */
export function groups({ html, byId }: Elements) {
  function keyOf({ file, id, outcome }: Place): string {
    return JSON.stringify(outcome === 'error' ? [file, id, outcome] : [file, id])
  }

  function counted(count: number, noun: string): string {
    return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
  }

  function group(
    name: string,
    cases: readonly Place[],
    what: string,
    more: readonly Node[] = [],
    noun = 'case',
  ): Group {
    return { name, keys: new Set(cases.map((place) => keyOf(place))), count: counted(cases.length, noun), what, more }
  }

  function ofCauses({ groups: all, unexplained }: Causes): Group[] {
    const found = all.map(({ cases, sentence, confirmed, asked, alike = [], advice = [] }, i) => {
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
      return group(`cause ${i + 1}`, cases, `the engine ${sentence}${on}`, [...not, ...or, ...changes])
    })
    const { cases, searched } = unexplained
    const looked = searched === cases.length ? '' : `, a cause was looked for in ${searched} of them`
    return cases.length === 0 ? found : [...found, group('unexplained', cases, `nothing found yet${looked}`)]
  }

  /** What is said alike but for its numbers is one thing. */
  function ofErrors(cases: readonly Shown[]): Group[] {
    const alike = new Map<string, Shown[]>()
    for (const each of cases) {
      if (each.outcome !== 'error') continue
      const key = `${each.module} ${(each.reason ?? '').replaceAll(/\d+/g, '0')}`
      alike.set(key, [...(alike.get(key) ?? []), each])
    }
    const sorted = [...alike.values()].toSorted((one, other) => other.length - one.length)
    return sorted.map((own, i) => {
      const differ = own.some(({ reason }) => reason !== own[0]?.reason)
      const more = differ ? [html('p', {}, 'and the same with other numbers')] : []
      const what = (own[0]?.reason ?? '').replace(/^engine [^]*?: expected an answer, got an error: /, '')
      return group(`error ${i + 1}`, own, what, more, 'error')
    })
  }

  function ofChanges(against: NonNullable<Content['against']>): Group[] {
    const said: Readonly<Record<Change['change'], string>> = {
      broken: 'worse: not off before, and off, undecided or an error now',
      worse: 'worse: off before, and at least twice as far off now',
      fixed: 'better: they match now',
      better: 'better: off before, and at most half as far off now',
      other: 'came to something else: undecided, unsupported or an error',
      new: 'not judged before',
      gone: 'not judged any more',
    }
    const names = ['broken', 'worse', 'fixed', 'better', 'other', 'new', 'gone'] as const
    return names.flatMap((name) => {
      const own = against.cases.filter(({ change }) => change === name)
      if (own.length === 0) return []
      const few = 50
      const listed = own.slice(0, few).map(({ file, id }) => html('li', {}, `${id} · ${file}`))
      if (own.length > few) listed.push(html('li', {}, `and ${own.length - few} more`))
      const more = name === 'gone' ? [html('details', {}, html('summary', {}, 'which'), html('ul', {}, ...listed))] : []
      return [group(name, own, said[name], more)]
    })
  }

  function draw(all: readonly Group[], into: HTMLElement, choose: (name: string) => void): void {
    for (const { name, count, what, more } of all) {
      const attributes = { type: 'button', 'aria-pressed': 'false', 'data-group': name }
      const button = html('button', attributes, html('b', {}, count), `: ${what}`)
      button.addEventListener('click', () => choose(name))
      into.append(html('li', {}, button, ...more))
    }
  }

  /** Shows every group there is, and says which there are. */
  function show(content: Content, cases: readonly Shown[], choose: (name: string) => void): ReadonlyMap<string, Group> {
    const { causes, against } = content
    // One mismatch says it itself.
    const several = causes !== undefined && content.summary.mismatched > 1
    const lists = {
      causes: several ? ofCauses(causes) : [],
      failures: ofErrors(cases),
      against: against === undefined ? [] : ofChanges(against),
    }
    for (const [id, own] of Object.entries(lists)) {
      byId(id).hidden = own.length === 0
      draw(own, byId(id).querySelector('ol')!, choose)
    }
    if (against !== undefined) {
      byId('against').hidden = false
      byId('other').textContent = against.engine
      byId('same').hidden = against.cases.length > 0
    }
    return new Map(Object.values(lists).flatMap((own) => own.map((each) => [each.name, each])))
  }

  /** What explains each case, in a few words. */
  function sentences({ causes }: Content): ReadonlyMap<string, string> {
    return new Map(
      (causes?.groups ?? []).flatMap(({ cases, sentence }) => {
        const others = counted(cases.length - 1, 'other case')
        return cases.map((place) => [keyOf(place), `The engine ${sentence} (explains everything, as in ${others})`])
      }),
    )
  }

  return { show, sentences, keyOf }
}
