/// <reference lib="dom" />
import type { Elements } from './elements.ts'
import type { Shown } from './shown.ts'

export type Matrix = ReturnType<typeof matrix>

/** Modules × traits, by the largest share of the allowed error that a case uses. Its source goes into the page. */
export function matrix({ html, percent }: Elements) {
  function shareOf({ comparisons, steps, chain }: Shown): number {
    const all = [...comparisons, ...(steps?.comparisons ?? []), ...(chain?.comparisons ?? [])]
    return all.reduce((most, { share }) => Math.max(most, Number.isNaN(Number(share)) ? Infinity : Number(share)), 0)
  }

  function cell(cases: readonly Shown[], module: string, trait: string, choose: () => void): HTMLElement {
    if (cases.length === 0) return html('td', { class: 'empty' }, '·')
    const judged = cases.filter(({ outcome }) => outcome === 'match' || outcome === 'mismatch')
    const off = cases.filter(({ outcome }) => outcome === 'mismatch').length
    const share = judged.reduce((most, each) => Math.max(most, shareOf(each)), 0)
    const count = `${cases.length} ${cases.length === 1 ? 'case' : 'cases'}`
    const used = judged.length === 0 ? (cases[0]?.outcome ?? '') : off > 0 ? `✗ ${off} off` : percent(share)
    const said = judged.length === 0 || off > 0 ? '' : ': so much of the allowed error is used at most'
    const button = html(
      'button',
      {
        type: 'button',
        class: judged.length === 0 ? 'none' : off > 0 ? 'over' : 'under',
        style: `--level: ${Math.min(1, share)}`,
        'aria-pressed': 'false',
        'data-module': module,
        'data-trait': trait,
        // What is seen of it comes first, as it is seen.
        'aria-label': `${module}, ${trait}: ${used} ${count}${said}`,
      },
      html('span', { class: 'used' }, used),
      ' ',
      html('span', { class: 'count' }, count),
    )
    button.addEventListener('click', choose)
    return html('td', {}, button)
  }

  /** choose: is told which cell was pressed. */
  function draw(all: readonly Shown[], choose: (module: string, trait: string) => void): HTMLElement {
    const cases = all.filter(({ outcome }) => outcome !== 'error')
    const modules = [...new Set(cases.map(({ module }) => module))]
    const traits = [...new Set(cases.flatMap(({ traits = [] }) => traits))]
    const counted = (trait: string): number => cases.filter(({ traits = [] }) => traits.includes(trait)).length
    const titles = ['any', ...traits.toSorted((one, other) => counted(other) - counted(one))]
    const head = html('tr', {}, html('td'), ...titles.map((title) => html('th', { scope: 'col' }, title)))
    const rows = modules.map((module) => {
      const own = cases.filter((each) => each.module === module)
      const cells = titles.map((trait) => {
        const chosen = trait === 'any' ? own : own.filter(({ traits = [] }) => traits.includes(trait))
        return cell(chosen, module, trait, () => choose(module, trait))
      })
      return html('tr', {}, html('th', { scope: 'row' }, module), ...cells)
    })
    return html('table', { class: 'matrix' }, html('thead', {}, head), html('tbody', {}, ...rows))
  }

  return { draw, shareOf }
}
