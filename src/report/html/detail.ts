/// <reference lib="dom" />
import type { Results } from '../results.ts'
import type { Charts } from './charts.ts'
import type { Change } from '../against.ts'
import type { Copying } from './copying.ts'
import type { Drawing } from './drawing.ts'
import type { Elements } from './elements.ts'
import type { Heat } from './heat.ts'
import type { Shown, ShownComparison } from './shown.ts'

type Case = Shown
type Comparison = ShownComparison
/** What engine was asked for. */
type Asked = Pick<Results, 'engineFile' | 'engineCommand' | 'enginePage'>
/** What else there is to say of a case: what explains it, where that was found in another case, and what it came to before. */
interface More {
  readonly cause: string | undefined
  readonly change: Change | undefined
  readonly engine: string | undefined
}

export type CaseDetail = ReturnType<typeof caseDetail>

/** Everything about one case. Its source goes into the page. */
export function caseDetail(
  { html, percent, scientific }: Elements,
  { charts, heat, drawing, copied }: { charts: Charts; heat: Heat; drawing: Drawing } & Copying,
) {
  function place({ worst }: Comparison): string {
    if (worst === undefined) return ''
    const named = Object.entries(worst.place).map(([name, at]) => (name === 'direction' ? String(at) : `${name} ${at}`))
    return named.length > 0 ? named.join(', ') : `[${worst.index.join(', ')}]`
  }

  /** As many digits as it takes to tell the value from its neighbours. */
  function value(x: number | string): string {
    const number = Number(x)
    return String(Math.fround(number) === number ? Number(number.toPrecision(9)) : number)
  }

  function row(comparison: Comparison, how: string): HTMLElement {
    const { tensor, outcome, problem, differing, elements, worst, share } = comparison
    const off = outcome === 'mismatch'
    const name = `${off ? '✗ ' : ''}${tensor}${how}`
    const cells = [
      html('th', { scope: 'row' }, name),
      html('td', { class: 'number' }, percent(Number(share))),
      html('td', { class: 'number' }, `${differing} of ${elements}`),
      html('td', {}, problem ?? place(comparison)),
      html('td', { class: 'number' }, worst === undefined ? '' : value(worst.actual)),
      html('td', { class: 'number' }, worst === undefined ? '' : value(worst.expected)),
      html('td', { class: 'number' }, worst === undefined ? '' : scientific(Number(worst.error))),
      html('td', { class: 'number' }, worst === undefined ? '' : scientific(Number(worst.allowed))),
    ]
    return html('tr', off ? { class: 'mismatch' } : {}, ...cells)
  }

  function table({ comparisons, steps, chain }: Case): HTMLElement {
    const titles = ['tensor', 'allowed error used', 'off', 'worst at', 'actual', 'expected', 'error', 'allowed']
    const body = [
      ...comparisons.map((comparison) => row(comparison, '')),
      ...(chain?.comparisons ?? []).map((comparison) => row(comparison, ` (in parts of ${chain?.sizes.join(' + ')})`)),
      ...(steps?.comparisons ?? []).map((comparison) => row(comparison, ' (each step alone)')),
    ]
    const head = html('thead', {}, html('tr', {}, ...titles.map((title) => html('th', { scope: 'col' }, title))))
    const region = { class: 'scroll', role: 'region', 'aria-label': 'tensors' }
    return html('div', region, html('table', {}, head, html('tbody', {}, ...body)))
  }

  function explained({ explanation }: Case, cause: string | undefined): Node[] {
    if (explanation === undefined && cause !== undefined) {
      return [html('h3', {}, 'Why'), html('ul', { class: 'why' }, html('li', {}, html('strong', {}, cause)))]
    }
    if (explanation === undefined || explanation.where.length === 0) return []
    const where = explanation.where.map((sentence) => html('li', {}, sentence))
    const told = explanation.explanations.filter(
      ({ sentence }, i, all) => all.findIndex((other) => other.sentence === sentence) === i,
    )
    const why = told.map(({ sentence, complete, explained, outputsAlone, confirmation, advice = [] }) => {
      const part =
        outputsAlone === true
          ? 'explains every output; its gradients are others'
          : `explains ${percent(Number(explained))} of it`
      const others =
        confirmation === undefined
          ? ''
          : `; the same in ${confirmation.confirmed} of ${confirmation.of} other cases${confirmation.against === undefined ? '' : `, not in ${confirmation.against}`}`
      const how = `${complete ? 'explains everything' : part}${others}`
      const changes = advice.map(({ change, term }) =>
        html('p', { class: 'advice' }, `Change: ${change} `, html('span', { class: 'term' }, `(${term})`)),
      )
      return html('li', {}, html('strong', {}, `The engine ${sentence}`), ` (${how})`, ...changes)
    })
    const { ownDeparture } = explanation
    if (ownDeparture !== undefined) why.push(html('li', {}, html('strong', {}, ownDeparture)))
    if (why.length === 0) why.push(html('li', {}, 'nothing that was tried explains it'))
    const [, second] = told
    if (second?.complete === true) why.push(html('li', {}, 'this case cannot tell these apart'))
    if (explanation.stopped === true)
      why.push(html('li', {}, 'time was up before everything had been tried: --search looks longer'))
    for (const sentence of explanation.when ?? []) why.push(html('li', {}, sentence))
    const list = html('ul', { class: 'why' }, ...why)
    return [html('h3', {}, 'Why'), list, html('h3', {}, 'Where'), html('ul', {}, ...where)]
  }

  function earlier({ change, before }: Change, engine = ''): string {
    if (before === undefined) return `${engine}: not judged`
    const off = before.outcome === 'mismatch' ? `, ${percent(Number(before.share))} of the allowed error` : ''
    const said = { broken: ' Now worse.', worse: ' Now worse.', fixed: ' Now better.', better: ' Now better.' }
    return `${engine}: ${before.outcome}${off}.${change in said ? said[change as keyof typeof said] : ''}`
  }

  function reproduce({ file, id }: Case, { engineFile, engineCommand, enginePage }: Asked): Node[] {
    const quoted = (text: string): string =>
      /^[\w./@:+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
    const named = (flag: string, value: string | undefined): string =>
      value === undefined ? '' : ` ${flag} ${quoted(value)}`
    const way = named('--engine-command', engineCommand) + named('--engine-page', enginePage)
    const engine = named('--engine', engineFile) + way
    const command = `torch-parity explain ${quoted(file)} --case ${quoted(id)}${engine}`
    return [html('h3', {}, 'Reproduce'), copied(command)]
  }

  function figure(chart: SVGElement, caption: string): HTMLElement {
    return html('figure', {}, html('figcaption', {}, caption), chart)
  }

  /** width: what there is for a chart, in pixels. */
  function show(each: Case, asked: Asked, width: number, { cause, change, engine }: More): Node[] {
    const { id, file, module, outcome, reason, ties = [], steps, config, dtype, traits = [] } = each
    const sign = { match: '✓', mismatch: '✗', undecided: '?', unsupported: '–', error: '!' }[outcome]
    const nodes: Node[] = [
      html('h2', { tabindex: -1 }, id),
      html(
        'p',
        { class: 'meta' },
        html('span', { class: `badge ${outcome}` }, `${sign} ${outcome}`),
        ` ${module} · ${file}`,
      ),
    ]
    if (traits.length > 0) {
      nodes.push(html('ul', { class: 'traits' }, ...traits.map((trait) => html('li', {}, trait))))
    }
    if (change !== undefined) nodes.push(html('p', {}, earlier(change, engine)))
    if (reason !== undefined) nodes.push(outcome === 'error' ? html('pre', {}, reason) : html('p', {}, reason))
    if (outcome === 'error') return [...nodes, ...(file === '' ? [] : reproduce(each, asked))]
    for (const { kind, text } of each.conduct ?? []) {
      nodes.push(html('p', { class: 'mismatch' }, html('strong', {}, kind), `: ${text}`))
    }
    if (steps !== undefined) {
      const text = `The free run decides ${steps.decided} of ${steps.of} steps; each step was also judged alone.`
      nodes.push(html('p', {}, text))
    }
    for (const { batch, t, actual, expected } of ties) {
      nodes.push(html('p', {}, `Tie at t ${t} of batch ${batch}: ${actual} for ${expected}; not judged after it.`))
    }
    nodes.push(...explained(each, cause))
    if (each.graph !== undefined && outcome === 'mismatch') nodes.push(drawing.ofModel(each.graph, each, width))
    if (each.layers !== undefined) nodes.push(drawing.ofLayers(each.layers, width))
    nodes.push(html('h3', {}, 'Tensors'), table(each))
    if (each.profile !== undefined) {
      const { tensor, along } = each.profile
      const by = along === 't' ? 'time' : along
      nodes.push(
        figure(charts.profile(each.profile, width), `Largest error of ${tensor} by ${by}; the band is allowed`),
      )
    }
    const whole = each.heatmap === undefined ? [] : [each.heatmap]
    const maps = [...(each.maps ?? []), ...whole]
    if (maps.length > 0) nodes.push(heat.figure(maps, width))
    nodes.push(...reproduce(each, asked))
    if (config !== undefined) {
      const terms = Object.entries({ dtype, ...config }).flatMap(([name, value]) => [
        html('dt', {}, name),
        html('dd', {}, typeof value === 'string' ? value : JSON.stringify(value)),
      ])
      nodes.push(html('h3', {}, 'Configuration'), html('dl', {}, ...terms))
    }
    return nodes
  }

  return { show }
}
