/// <reference lib="dom" />
import type { Address, View } from './address.ts'
import type { AuditTable } from './audit.ts'
import type { CaseDetail } from './detail.ts'
import type { Elements } from './elements.ts'
import type { Groups } from './groups.ts'
import type { CaseList } from './list.ts'
import type { Matrix } from './matrix.ts'
import type { Scrolling } from './scrolling.ts'
import type { Content, Shown } from './shown.ts'

/** What the page is made of, by name. */
interface Pieces {
  readonly elements: Elements
  readonly matrix: Matrix
  readonly detail: CaseDetail
  readonly audit: AuditTable
  readonly groups: Groups
  readonly list: CaseList
  readonly scrolling: Scrolling
  readonly addressOf: (first: View) => Address<View>
}

/** Fills the page and listens to who uses it. Its source goes into the page. */
export function page(pieces: Pieces, content: Content, cases: readonly Shown[]): void {
  const { elements, matrix, detail, audit, groups, list, scrolling, addressOf } = pieces
  const { html, byId, percent } = elements
  const { summary, against } = content
  const search = byId('search') as HTMLInputElement
  const outcome = byId('outcome') as HTMLSelectElement
  const order = byId('order') as HTMLSelectElement
  const errors = cases.filter((each) => each.outcome === 'error').length
  const isOff = summary.mismatched + errors > 0
  const worst = summary.mismatched > 0 ? 'mismatch' : errors > 0 ? 'error' : 'all'
  const first = {
    text: '',
    outcome: worst,
    order: isOff ? 'share' : 'file',
    module: '',
    trait: '',
    group: '',
    open: '',
  }
  const { read, write } = addressOf(first)
  let view = first
  let filtered = ''

  const byKey = new Map(cases.map((each) => [groups.keyOf(each), each]))
  const earlier = new Map((against?.cases ?? []).map((each) => [groups.keyOf(each), each]))
  const sentences = groups.sentences(content)
  /** What else there may be between a reader and what is asked for. */
  const within = { text: '', module: '', trait: '', group: '' }
  const grouped = groups.show(content, cases, (group) =>
    go(group === view.group ? { group: '', outcome: worst } : { ...within, group, outcome: 'all' }),
  )
  const { filter, more, mark, step, most } = list.listed(cases, grouped, (each) => go({ open: groups.keyOf(each) }))
  const isNarrow = (): boolean => matchMedia('(max-width: 900px)').matches

  /** isStep: whether going back leads to what is shown now. */
  function go(next: Partial<View>, isStep = true): void {
    view = { ...view, ...next }
    write(view, isStep)
    draw()
  }

  function draw(): void {
    const { open, ...rest } = view
    if (search.value !== view.text) search.value = view.text
    outcome.value = view.outcome
    order.value = view.order
    for (const cell of byId('matrix').querySelectorAll<HTMLElement>('button')) {
      const { module, trait } = cell.dataset
      cell.setAttribute('aria-pressed', String(module === view.module && trait === view.trait))
    }
    for (const button of document.querySelectorAll<HTMLElement>('[data-group]')) {
      button.setAttribute('aria-pressed', String(button.dataset['group'] === view.group))
    }
    const isPlain = view.text === '' && view.module === '' && view.group === '' && view.outcome === 'all'
    byId('clear').hidden = isPlain
    if (filtered !== JSON.stringify(rest)) filter(rest as View)
    filtered = JSON.stringify(rest)
    show(byKey.get(open))
  }

  let shown: Shown | undefined
  function show(each: Shown | undefined): void {
    const before = shown
    const button = mark(each)
    if (each === before) return
    shown = each
    document.body.classList.toggle('opened', each !== undefined)
    byId('panel').hidden = each === undefined
    if (each === undefined) {
      if (before !== undefined) mark(before)?.focus()
      mark(undefined)
      return
    }
    button?.scrollIntoView({ block: 'nearest' })
    const width = Math.max(240, Math.min(720, byId('detail').clientWidth))
    const key = groups.keyOf(each)
    const more = { cause: sentences.get(key), change: earlier.get(key), engine: against?.engine }
    byId('detail').replaceChildren(...detail.show(each, content, width, more))
    for (const region of byId('detail').querySelectorAll<HTMLElement>('.scroll')) scrolling.cue(region)
    // Where the panel stands in the place of the list, a reader has to be taken there.
    if (!isNarrow()) return
    byId('panel').scrollIntoView()
    byId('detail').querySelector<HTMLElement>('h2')?.focus({ preventScroll: true })
  }

  function clear(): void {
    go({ ...within, outcome: 'all' })
  }

  function choose(module: string, trait: string): void {
    const isAgain = module === view.module && trait === view.trait
    go(isAgain ? { module: '', trait: '' } : { module, trait })
  }

  function move(by: number): void {
    const target = step(by)
    target?.focus()
    if (target !== undefined && view.open !== '' && !isNarrow()) target.click()
  }

  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const { target, key } = event
    const typing = target instanceof HTMLInputElement || target instanceof HTMLSelectElement
    const scrolls = target instanceof HTMLElement && target.classList.contains('scroll')
    if (key === '/' && !typing) search.focus()
    else if ((key === 'ArrowDown' || key === 'ArrowUp') && !(target instanceof HTMLSelectElement) && !scrolls) {
      move(key === 'ArrowDown' ? 1 : -1)
    } else if (key === 'Escape' && view.open !== '') go({ open: '' })
    else if (key === 'Escape') clear()
    else return
    event.preventDefault()
  }

  function summarise(): void {
    const { engine, tolerance, target, exitCode } = content
    const said = { 0: 'all match', 1: 'some mismatch', 2: 'could not judge everything' }[exitCode] ?? 'interrupted'
    document.title = `${engine}: ${said} · torch-parity`
    byId('engine').textContent = engine
    const how = Object.entries(tolerance).map(([name, value]) => (name === 'kind' ? String(value) : `${name} ${value}`))
    byId('how').textContent =
      `${said} (exit code ${exitCode}); tolerance: ${how.join(', ')}${target === undefined ? '' : `; target: ${target}`}`
    const tiles: [string, number, string, Partial<View>][] = [
      [summary.cases === 1 ? 'case' : 'cases', summary.cases, '', { outcome: 'all' }],
      ['✓ matched', summary.matched, 'match', { outcome: 'match' }],
      ['✗ mismatched', summary.mismatched, summary.mismatched > 0 ? 'mismatch' : '', { outcome: 'mismatch' }],
      ['? undecided', summary.undecided, '', { outcome: 'undecided' }],
      ['– unsupported', summary.unsupported, '', { outcome: 'unsupported' }],
      ...Object.entries(summary.conduct).map(([kind, count]): [string, number, string, Partial<View>] => {
        return [kind, count, 'mismatch', { text: kind, outcome: 'all' }]
      }),
      [errors === 1 ? 'error' : 'errors', errors, errors > 0 ? 'mismatch' : '', { outcome: 'error' }],
    ]
    for (const [name, value, kind, next] of tiles) {
      const button = html('button', { type: 'button' }, html('b', {}, value.toLocaleString('en')), ` ${name}`)
      button.addEventListener('click', () => go({ ...within, ...next }))
      byId('tiles').append(html('li', { class: kind }, button))
    }
    byId('most').textContent =
      summary.matched === 0 ? '' : `A match uses ${percent(most)} of the allowed error at most.`
    const rows = (content.fixtures ?? []).map(({ file, name, seed, cases: count, producer }) => {
      const by = Object.entries(producer).map(([key, value]) => `${key} ${value}`)
      return html('tr', {}, ...[file, name, count, seed, by.join(', ')].map((text) => html('td', {}, String(text))))
    })
    byId('provenance').append(...rows)
    byId('recorded').hidden = rows.length === 0
  }

  summarise()
  audit.show(content.audit)
  byId('matrix').append(matrix.draw(cases, choose))
  for (const region of document.querySelectorAll<HTMLElement>('main > * .scroll')) scrolling.cue(region)
  search.addEventListener('input', () => go({ text: search.value }, false))
  outcome.addEventListener('change', () => go({ outcome: outcome.value }))
  order.addEventListener('change', () => go({ order: order.value }))
  const acts = { clear, close: () => go({ open: '' }), theme: elements.toggleTheme, more }
  for (const [id, act] of Object.entries(acts)) byId(id).addEventListener('click', act)
  document.addEventListener('keydown', onKey)
  addEventListener('popstate', () => {
    view = read()
    draw()
  })
  view = read()
  draw()
  document.querySelector('main')?.removeAttribute('aria-busy')
}
