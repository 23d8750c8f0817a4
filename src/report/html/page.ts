/// <reference lib="dom" />
import type { Results } from '../results.ts'
import type { AuditTable } from './audit.ts'
import type { CausesList } from './causes.ts'
import type { CaseDetail } from './detail.ts'
import type { Elements } from './elements.ts'
import type { Matrix } from './matrix.ts'

type Case = Results['cases'][number]

/** Fills the page and listens to who uses it. Its source goes into the page. */
export function page(
  { html, byId, percent }: Elements,
  matrix: Matrix,
  detail: CaseDetail,
  auditTable: AuditTable,
  causesList: CausesList,
): void {
  const results = JSON.parse(byId('data').textContent) as Results
  const { cases } = results
  const shares = new Map(cases.map((each) => [each, matrix.shareOf(each)]))
  const texts = new Map(cases.map((each) => [each, textOf(each)]))
  const chunk = 100
  const search = byId('search') as HTMLInputElement
  const outcome = byId('outcome') as HTMLSelectElement
  const order = byId('order') as HTMLSelectElement
  let chosen: { module: string; trait: string; cell: HTMLElement } | undefined
  let cause: { keys: ReadonlySet<string>; button: HTMLElement } | undefined
  const causes = results.causes === undefined ? new Map<string, string>() : causesList.sentences(results.causes)
  let shown: Case[] = []
  let drawn = 0
  let open: Case | undefined

  function textOf({ file, id, module, traits = [], reason = '', explanation, conduct = [] }: Case): string {
    const why = (explanation?.explanations ?? []).map(({ sentence }) => sentence)
    const seen = conduct.map(({ kind }) => kind)
    return [file, id, module, ...traits, reason, ...why, ...seen].join(' ').toLowerCase()
  }

  function filter(): void {
    const words = search.value.toLowerCase().split(/\s+/)
    shown = cases.filter((each) => {
      if (outcome.value !== 'all' && each.outcome !== outcome.value) return false
      if (chosen !== undefined && each.module !== chosen.module) return false
      if (chosen !== undefined && chosen.trait !== 'any' && each.traits?.includes(chosen.trait) !== true) return false
      if (cause !== undefined && !cause.keys.has(causesList.keyOf(each))) return false
      const text = texts.get(each) ?? ''
      return words.every((word) => text.includes(word))
    })
    if (order.value === 'share') shown = shown.toSorted((a, b) => (shares.get(b) ?? 0) - (shares.get(a) ?? 0))
    drawn = 0
    byId('list').replaceChildren()
    draw()
    const within = chosen === undefined ? '' : ` (${chosen.module}, ${chosen.trait})`
    const caused = cause === undefined ? '' : ' of one cause'
    byId('count').textContent = `${shown.length} of ${cases.length} cases${within}${caused}`
    byId('clear').hidden = chosen === undefined && cause === undefined && search.value === '' && outcome.value === 'all'
  }

  function draw(): void {
    const items = shown.slice(drawn, drawn + chunk).map((each) => {
      const share = shares.get(each) ?? 0
      const sign = { match: '✓', mismatch: '✗', undecided: '?', unsupported: '–' }[each.outcome]
      const button = html(
        'button',
        { type: 'button', class: `case ${each.outcome}`, 'aria-current': each === open ? 'true' : 'false' },
        html('span', { class: 'sign', 'aria-label': each.outcome }, sign),
        html('span', { class: 'id' }, each.id),
        html(
          'span',
          { class: 'number' },
          each.outcome === 'match' || each.outcome === 'mismatch' ? percent(share) : '',
        ),
        html('span', { class: 'file' }, `${each.module} · ${each.file}`),
      )
      button.addEventListener('click', () => show(each, button))
      return html('li', {}, button)
    })
    drawn += items.length
    byId('list').append(...items)
    byId('more').hidden = drawn >= shown.length
  }

  function show(each: Case, button: HTMLElement): void {
    open = each
    for (const other of byId('list').querySelectorAll('[aria-current="true"]'))
      other.setAttribute('aria-current', 'false')
    button.setAttribute('aria-current', 'true')
    document.body.classList.add('opened')
    const panel = byId('panel')
    panel.hidden = false
    const width = Math.max(240, Math.min(720, byId('detail').clientWidth))
    byId('detail').replaceChildren(...detail.show(each, results, width, causes.get(causesList.keyOf(each))))
    // Where the panel stands in the place of the list, a reader has to be taken there.
    if (getComputedStyle(byId('close')).display !== 'none' && matchMedia('(max-width: 900px)').matches) {
      panel.scrollIntoView()
      byId('detail').querySelector<HTMLElement>('h2')?.focus({ preventScroll: true })
    }
  }

  function close(): void {
    open = undefined
    document.body.classList.remove('opened')
    byId('panel').hidden = true
    const current = byId('list').querySelector<HTMLElement>('[aria-current="true"]')
    current?.setAttribute('aria-current', 'false')
    current?.focus()
  }

  function choose(module: string, trait: string, cell: HTMLElement): void {
    chosen?.cell.querySelector('button')?.setAttribute('aria-pressed', 'false')
    chosen = chosen?.cell === cell ? undefined : { module, trait, cell }
    chosen?.cell.querySelector('button')?.setAttribute('aria-pressed', 'true')
    filter()
  }

  function chooseCause(keys: ReadonlySet<string>, button: HTMLElement): void {
    cause?.button.setAttribute('aria-pressed', 'false')
    cause = cause?.button === button ? undefined : { keys, button }
    cause?.button.setAttribute('aria-pressed', 'true')
    filter()
  }

  function clear(): void {
    if (cause !== undefined) chooseCause(cause.keys, cause.button)
    if (chosen !== undefined) choose(chosen.module, chosen.trait, chosen.cell)
    search.value = ''
    outcome.value = 'all'
    filter()
  }

  function move(by: number): void {
    const buttons = [...byId('list').querySelectorAll<HTMLElement>('button')]
    const at = buttons.findIndex((button) => button === document.activeElement)
    const current = buttons.findIndex((button) => button.getAttribute('aria-current') === 'true')
    const next = at >= 0 ? at + by : current >= 0 ? current + by : 0
    if (next >= buttons.length && drawn < shown.length) draw()
    const target = byId('list').querySelectorAll<HTMLElement>('button')[next]
    target?.focus()
    if (target !== undefined && open !== undefined && !matchMedia('(max-width: 900px)').matches) target.click()
  }

  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const { target, key } = event
    const typing = target instanceof HTMLInputElement || target instanceof HTMLSelectElement
    const scrolls = target instanceof HTMLElement && target.classList.contains('scroll')
    if (key === '/' && !typing) search.focus()
    else if ((key === 'ArrowDown' || key === 'ArrowUp') && !(target instanceof HTMLSelectElement) && !scrolls) {
      move(key === 'ArrowDown' ? 1 : -1)
    } else if (key === 'Escape' && open !== undefined) close()
    else if (key === 'Escape') clear()
    else return
    event.preventDefault()
  }

  function summarise(): void {
    const { summary, errors, engine, tolerance, target, exitCode } = results
    const said = { 0: 'all match', 1: 'some mismatch', 2: 'could not judge everything' }[exitCode] ?? 'interrupted'
    document.title = `${engine}: ${said} · torch-parity`
    byId('engine').textContent = engine
    const how = Object.entries(tolerance).map(([name, value]) => (name === 'kind' ? String(value) : `${name} ${value}`))
    byId('how').textContent =
      `${said} (exit code ${exitCode}); tolerance: ${how.join(', ')}${target === undefined ? '' : `; target: ${target}`}`
    const matching = cases.filter((each) => each.outcome === 'match')
    const most = matching.reduce((share, each) => Math.max(share, shares.get(each) ?? 0), 0)
    const tiles: [string, string | number, string][] = [
      ['cases', summary.cases, ''],
      ['✓ matched', summary.matched, 'match'],
      ['✗ mismatched', summary.mismatched, summary.mismatched > 0 ? 'mismatch' : ''],
      ['? undecided', summary.undecided, ''],
      ['– unsupported', summary.unsupported, ''],
      ...Object.entries(summary.conduct).map(([kind, count]): [string, number, string] => [kind, count, 'mismatch']),
      ['errors', errors.length, errors.length > 0 ? 'mismatch' : ''],
      ['of the allowed error used by a match, at most', percent(most), ''],
    ]
    for (const [name, value, kind] of tiles) {
      byId('tiles').append(html('li', { class: kind }, html('b', {}, value.toLocaleString('en')), ` ${name}`))
    }
    byId('errors').append(...errors.map(({ message }) => html('li', {}, message)))
    const rows = (results.fixtures ?? []).map(({ file, name, seed, cases: count, producer }) => {
      const by = Object.entries(producer).map(([key, value]) => `${key} ${value}`)
      return html('tr', {}, ...[file, name, count, seed, by.join(', ')].map((text) => html('td', {}, String(text))))
    })
    byId('provenance').append(...rows)
    byId('recorded').hidden = rows.length === 0
  }

  function showAudit(): void {
    const { audit } = results
    if (audit === undefined) return
    const count = (status: string): number => audit.faults.filter((fault) => fault.status === status).length
    const statuses = ['seen', 'equivalent', 'unseen', 'inapplicable', 'not equivalent'].filter(
      (status) => count(status) > 0,
    )
    const counts = statuses.map((status) => `${count(status)} ${status}`).join(', ')
    byId('faults').textContent = `${audit.faults.length} faults, ${audit.files.length} files: ${counts}`
    byId('audit').hidden = false
    auditTable.draw(audit, byId('reveals'))
  }

  function showCauses(): void {
    if (results.causes === undefined) return
    // One mismatch says it itself.
    byId('causes').hidden = causesList.draw(results.causes, byId('groups'), chooseCause) < 2
  }

  function toggleTheme(): void {
    const root = document.documentElement
    const dark = root.dataset['theme'] ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')
    root.dataset['theme'] = dark === 'dark' ? 'light' : 'dark'
  }

  summarise()
  showAudit()
  showCauses()
  byId('matrix').append(matrix.draw(cases, choose))
  search.addEventListener('input', filter)
  outcome.addEventListener('change', filter)
  order.addEventListener('change', filter)
  for (const [id, act] of Object.entries({ clear, close, theme: toggleTheme, more: draw })) {
    byId(id).addEventListener('click', act)
  }
  document.addEventListener('keydown', onKey)
  if (results.summary.mismatched > 0) outcome.value = 'mismatch'
  filter()
}
