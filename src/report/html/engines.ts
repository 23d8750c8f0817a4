/// <reference lib="dom" />
import type { Asked, Came, Matrix, Row } from '../matrix.ts'
import type { Address } from './address.ts'
import type { Elements } from './elements.ts'
import type { Scrolling } from './scrolling.ts'

/** What is looked at: a cell of the table, and which of its cases. */
interface View {
  readonly trait: string
  readonly values: string
  readonly outcome: string
  readonly engine: string
  readonly module: string
  readonly why: string
}

/** Fills the page of a matrix and listens to who uses it. Its source goes into the page. */
export function engines(
  { html, byId, percent, toggleTheme }: Elements,
  { cue }: Scrolling,
  addressOf: (first: View) => Address<View>,
  matrix: Matrix,
): void {
  const { cases, rows, missing, broken } = matrix
  const chunk = 100
  const signs = { match: '✓', mismatch: '✗', undecided: '?', unsupported: '–', failed: '✗' }
  const trait = byId('trait') as HTMLSelectElement
  const values = byId('values') as HTMLSelectElement
  const outcome = byId('outcome') as HTMLSelectElement
  const first = { trait: 'any', values: 'all', outcome: 'all', engine: '', module: '', why: '' }
  const { read, write } = addressOf(first)
  let view: View = first
  let shown: { asked: Asked; came: Came }[] = []
  let drawn = 0

  function isIn({ module, traits, special }: Asked, of: string): boolean {
    if (of !== 'all' && module !== of) return false
    if (view.trait !== 'any' && !traits.includes(view.trait)) return false
    return view.values === 'all' || special === (view.values === 'special')
  }

  function casesOf({ came }: Row, module: string): { asked: Asked; came: Came }[] {
    return came.flatMap((own, i) => {
      const asked = cases[i]
      return asked !== undefined && isIn(asked, module) ? [{ asked, came: own }] : []
    })
  }

  function cell(row: Row, module: string): HTMLElement {
    const own = casesOf(row, module)
    const count = (...of: readonly string[]): number => own.filter(({ came }) => of.includes(came.outcome)).length
    const isOff = ({ outcome }: Came): boolean => outcome === 'mismatch' || outcome === 'failed'
    const off = own.filter(({ asked, came }) => !asked.special && isOff(came)).length
    const specialOff = own.filter(({ asked, came }) => asked.special && isOff(came)).length
    const supported = own.length - count('unsupported')
    if (own.length === 0) return html('td', { class: 'empty' }, '·')
    const share = Math.max(0, ...own.flatMap(({ asked, came }) => (asked.special ? [] : [came.share ?? 0])))
    const used = supported === 0 ? 'not supported' : off > 0 ? `✗ ${off} off` : percent(share)
    const of = supported === 0 ? `${own.length}` : `${count('match')} of ${supported}`
    const apart = specialOff === 0 ? '' : `✗ ${specialOff} special`
    const button = html(
      'button',
      {
        type: 'button',
        class: supported === 0 ? 'none' : off > 0 ? 'over' : 'under',
        style: `--level: ${Math.min(1, share)}`,
        'aria-pressed': String(row.engine === view.engine && module === view.module),
        'aria-label': `${row.engine}, ${module}: ${used} ${of} ${apart}: ${own.length} cases, ${supported} supported, ${count('match')} matched, ${off} off, and ${specialOff} of special values`,
      },
      html('span', { class: 'used' }, used),
      ' ',
      html('span', { class: 'count' }, of),
      ...(apart === '' ? [] : [' ', html('span', { class: 'apart' }, apart)]),
    )
    button.addEventListener('click', () => go({ engine: row.engine, module, why: '' }))
    return html('td', {}, button)
  }

  function go(next: Partial<View>): void {
    view = { ...view, ...next }
    write(view, true)
    draw()
  }

  /** What went wrong, but for its numbers; nothing of a match. */
  function sayOf({ why, outcome: own }: Came): string {
    if (why === undefined || own === 'undecided' || own === 'match') return ''
    const said = { mismatch: 'off', failed: 'failed', unsupported: 'not supported' }[own]
    return `${said}: ${why.replaceAll(/\d+/g, '0')}`
  }

  function draw(): void {
    trait.value = view.trait
    values.value = view.values
    outcome.value = view.outcome
    const nameOf = (own: Element | null): string => own?.getAttribute('aria-label') ?? own?.textContent ?? ''
    const focused = nameOf(document.activeElement)
    const modules = ['all', ...new Set(cases.map(({ module }) => module))]
    const head = html('tr', {}, html('td'), ...modules.map((title) => html('th', { scope: 'col' }, title)))
    const lines = rows.map((row) =>
      html('tr', {}, html('th', { scope: 'row' }, row.engine), ...modules.map((module) => cell(row, module))),
    )
    byId('matrix').replaceChildren(
      html('table', { class: 'matrix' }, html('thead', {}, head), html('tbody', {}, ...lines)),
    )
    list()
    // What was pressed has been drawn anew.
    for (const button of document.querySelectorAll<HTMLElement>('#matrix button, #groups button')) {
      if (nameOf(button) === focused) button.focus()
    }
  }

  function list(): void {
    const { module } = view
    const row = rows.find(({ engine }) => engine === view.engine)
    byId('cases').hidden = row === undefined
    if (row === undefined) return
    const own = casesOf(row, module)
    const order = ['failed', 'mismatch', 'undecided', 'match', 'unsupported']
    shown = own
      .filter(({ came }) => view.outcome === 'all' || came.outcome === view.outcome)
      .filter(({ came }) => view.why === '' || sayOf(came) === view.why)
      .toSorted((one, other) => order.indexOf(one.came.outcome) - order.indexOf(other.came.outcome))
    drawn = 0
    byId('chosen').textContent = `${row.engine}: ${module === 'all' ? 'all modules' : module}`
    const speeds = row.speeds.filter((speed) => module === 'all' || speed.module === module)
    const ms = (x: number): string => `${Number(x.toPrecision(2))} ms`
    byId('speed').textContent = speeds
      .map((speed) => `${speed.module}: one answer to ${speed.id} ${ms(speed.ms)}, ours ${ms(speed.oursMs)}`)
      .join('; ')
    const groups = new Map<string, Came[]>()
    for (const { came } of own) {
      const said = sayOf(came)
      if (said !== '') groups.set(said, [...(groups.get(said) ?? []), came])
    }
    const isRefusal = (said: string): number => Number(said.startsWith('not supported'))
    const sorted = [...groups].toSorted(
      ([one, ones], [other, others]) => isRefusal(one) - isRefusal(other) || others.length - ones.length,
    )
    const items = sorted.map(([said, alike]) => {
      const why = alike[0]?.why?.replace(/^engine [^]*?: expected an answer, got an error: /, '')
      const text = `${said.slice(0, said.indexOf(':'))}: ${why}`
      const attributes = { type: 'button', 'aria-pressed': String(said === view.why) }
      const button = html('button', attributes, html('b', {}, String(alike.length)), ` × ${text}`)
      button.addEventListener('click', () => go({ why: said === view.why ? '' : said, outcome: 'all' }))
      return html('li', {}, button)
    })
    byId('groups')
      .querySelector('ol')
      ?.replaceChildren(...items)
    byId('count').textContent = `${shown.length} of ${own.length} cases`
    byId('list').replaceChildren()
    more()
  }

  function more(): void {
    const items = shown
      .slice(drawn, drawn + chunk)
      .map(({ asked, came }) =>
        html(
          'li',
          {},
          html(
            'div',
            { class: `case ${came.outcome === 'failed' ? 'mismatch' : came.outcome}` },
            html('span', { class: 'sign', 'aria-label': came.outcome }, signs[came.outcome]),
            html('span', { class: 'id' }, asked.id),
            html('span', { class: 'number' }, came.share === undefined ? '' : percent(came.share)),
            html(
              'span',
              { class: 'file' },
              [`${asked.module} · ${asked.file}`, ...(asked.special ? ['special values'] : []), came.why ?? ''].join(
                ' · ',
              ),
            ),
          ),
        ),
      )
    drawn += items.length
    byId('list').append(...items)
    byId('more').hidden = drawn >= shown.length
  }

  for (const name of [...new Set(cases.flatMap(({ traits }) => traits))].toSorted()) {
    trait.append(html('option', { value: name }, name))
  }
  const notes = [
    ...broken.map(({ asked, error }) => `${asked} could not be asked: ${error}`),
    ...(missing.length === 0 ? [] : [`Not installed: ${missing.join(', ')}`]),
  ]
  byId('errors').append(...notes.map((note) => html('li', {}, note)))
  trait.addEventListener('change', () => go({ trait: trait.value }))
  values.addEventListener('change', () => go({ values: values.value }))
  outcome.addEventListener('change', () => go({ outcome: outcome.value }))
  byId('more').addEventListener('click', more)
  byId('theme').addEventListener('click', toggleTheme)
  addEventListener('popstate', () => {
    view = read()
    draw()
  })
  view = read()
  draw()
  cue(byId('matrix'))
  byId('how').textContent = ''
  document.querySelector('main')?.removeAttribute('aria-busy')
}
