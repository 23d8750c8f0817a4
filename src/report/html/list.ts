/// <reference lib="dom" />
import type { View } from './address.ts'
import type { Elements } from './elements.ts'
import type { Group, Groups } from './groups.ts'
import type { Matrix } from './matrix.ts'
import type { Shown } from './shown.ts'

export type CaseList = ReturnType<typeof caseList>

/** The cases that a view shows, as a list of which more is drawn when it is asked for. Its source goes into the page. */
export function caseList({ html, byId, percent }: Elements, { shareOf }: Matrix, { keyOf }: Groups) {
  const chunk = 100
  const signs = { match: '✓', mismatch: '✗', undecided: '?', unsupported: '–', error: '!' }
  const badness = { error: 4, mismatch: 3, undecided: 2, unsupported: 1, match: 0 }

  function textOf({ file, id, module, outcome, traits = [], reason = '', explanation, conduct = [] }: Shown): string {
    const why = (explanation?.explanations ?? []).map(({ sentence }) => sentence)
    const seen = conduct.map(({ kind }) => kind)
    return [file, id, module, outcome, ...traits, reason, ...why, ...seen].join(' ').toLowerCase()
  }

  /** open: is told which case was chosen. */
  function listed(cases: readonly Shown[], groups: ReadonlyMap<string, Group>, open: (each: Shown) => void) {
    const shares = new Map(cases.map((each) => [each, shareOf(each)]))
    const texts = new Map(cases.map((each) => [each, textOf(each)]))
    const errors = cases.filter(({ outcome }) => outcome === 'error').length
    let shown: readonly Shown[] = []
    let current: Shown | undefined

    const items = (): HTMLElement[] => [...byId('list').querySelectorAll<HTMLElement>('button')]

    function worse(one: Shown, other: Shown): number {
      return badness[other.outcome] - badness[one.outcome] || (shares.get(other) ?? 0) - (shares.get(one) ?? 0) || 0
    }

    function filter({ text, outcome, order, module, trait, group }: View): void {
      const words = text.toLowerCase().split(/\s+/)
      const keys = groups.get(group)?.keys
      shown = cases.filter((each) => {
        if (outcome !== 'all' && each.outcome !== outcome) return false
        if (module !== '' && (each.module !== module || each.outcome === 'error')) return false
        if (module !== '' && trait !== 'any' && each.traits?.includes(trait) !== true) return false
        if (keys !== undefined && !keys.has(keyOf(each))) return false
        return words.every((word) => texts.get(each)?.includes(word) === true)
      })
      if (order === 'share') shown = shown.toSorted(worse)
      byId('list').replaceChildren()
      more()
      const within = module === '' ? '' : ` (${module}, ${trait})`
      const grouped = keys === undefined ? '' : group.startsWith('cause') ? ' of one cause' : ' of one group'
      const all = `${cases.length - errors} cases${errors === 0 ? '' : ` and ${errors} error${errors === 1 ? '' : 's'}`}`
      byId('count').textContent = `${shown.length} of ${all}${within}${grouped}`
    }

    function more(): void {
      const drawn = items().length
      const added = shown.slice(drawn, drawn + chunk).map((each) => {
        const isJudged = each.outcome === 'match' || each.outcome === 'mismatch'
        const button = html(
          'button',
          { type: 'button', class: `case ${each.outcome}`, 'aria-current': each === current ? 'true' : 'false' },
          html('span', { class: 'sign', role: 'img', 'aria-label': each.outcome }, signs[each.outcome]),
          html('span', { class: 'id' }, each.id),
          html('span', { class: 'number' }, isJudged ? percent(shares.get(each) ?? 0) : ''),
          html('span', { class: 'file' }, each.file === '' ? each.module : `${each.module} · ${each.file}`),
        )
        button.addEventListener('click', () => open(each))
        return html('li', {}, button)
      })
      byId('list').append(...added)
      byId('more').hidden = drawn + added.length >= shown.length
    }

    /** Marks the case that is open, and draws as far as it. → its button, where it is among those that are shown */
    function mark(each: Shown | undefined): HTMLElement | undefined {
      current = each
      const at = each === undefined ? -1 : shown.indexOf(each)
      while (items().length <= at) more()
      for (const [i, button] of items().entries()) button.setAttribute('aria-current', String(i === at))
      return at < 0 ? undefined : items()[at]
    }

    /** → the item that is so far after the one that has the focus, or that is open */
    function step(by: number): HTMLElement | undefined {
      const buttons = items()
      const at = buttons.findIndex((button) => button === document.activeElement)
      const marked = buttons.findIndex((button) => button.getAttribute('aria-current') === 'true')
      const next = at >= 0 ? at + by : marked >= 0 ? marked + by : 0
      if (next >= buttons.length && buttons.length < shown.length) more()
      return items()[next]
    }

    const most = cases.reduce(
      (share, each) => (each.outcome === 'match' ? Math.max(share, shares.get(each) ?? 0) : share),
      0,
    )
    return { filter, more, mark, step, most }
  }

  return { listed }
}
