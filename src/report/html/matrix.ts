/// <reference lib="dom" />
import type { Results } from '../results.ts'
import type { Elements } from './elements.ts'

type Case = Results['cases'][number]

export type Matrix = ReturnType<typeof matrix>

/** Modules × traits, by the largest share of the allowed error that a case uses. Its source goes into the page. */
export function matrix({ html, percent }: Elements) {
  function shareOf({ comparisons, steps, chain }: Case): number {
    const all = [...comparisons, ...(steps?.comparisons ?? []), ...(chain?.comparisons ?? [])]
    return Math.max(0, ...all.map(({ share }) => Number(share)))
  }

  function cell(cases: readonly Case[], module: string, trait: string, choose: () => void): HTMLElement {
    if (cases.length === 0) return html('td', { class: 'empty' }, '·')
    const judged = cases.filter(({ outcome }) => outcome === 'match' || outcome === 'mismatch')
    const off = cases.filter(({ outcome }) => outcome === 'mismatch').length
    const share = judged.reduce((most, each) => Math.max(most, shareOf(each)), 0)
    const count = `${cases.length} ${cases.length === 1 ? 'case' : 'cases'}`
    const used = judged.length === 0 ? (cases[0]?.outcome ?? '') : off > 0 ? `✗ ${off} off` : percent(share)
    const said = judged.length === 0 || off > 0 ? used : `${used} of the allowed error used at most`
    const button = html(
      'button',
      {
        type: 'button',
        class: judged.length === 0 ? 'none' : off > 0 ? 'over' : 'under',
        style: `--level: ${Math.min(1, share)}`,
        'aria-pressed': 'false',
        'aria-label': `${module}, ${trait}: ${count}, ${said}`,
      },
      html('span', { class: 'used' }, used),
      html('span', { class: 'count' }, count),
    )
    button.addEventListener('click', choose)
    return html('td', {}, button)
  }

  /** choose: is told which cell was pressed. */
  function draw(
    cases: readonly Case[],
    choose: (module: string, trait: string, cell: HTMLElement) => void,
  ): HTMLElement {
    const modules = [...new Set(cases.map(({ module }) => module))]
    const traits = [...new Set(cases.flatMap(({ traits = [] }) => traits))]
    const counted = (trait: string): number => cases.filter(({ traits = [] }) => traits.includes(trait)).length
    const titles = ['any', ...traits.toSorted((one, other) => counted(other) - counted(one))]
    const head = html('tr', {}, html('td'), ...titles.map((title) => html('th', { scope: 'col' }, title)))
    const rows = modules.map((module) => {
      const own = cases.filter((each) => each.module === module)
      const cells = titles.map((trait) => {
        const chosen = trait === 'any' ? own : own.filter(({ traits = [] }) => traits.includes(trait))
        const made: HTMLElement = cell(chosen, module, trait, () => choose(module, trait, made))
        return made
      })
      return html('tr', {}, html('th', { scope: 'row' }, module), ...cells)
    })
    return html('table', { class: 'matrix' }, html('thead', {}, head), html('tbody', {}, ...rows))
  }

  return { draw, shareOf }
}
