/// <reference lib="dom" />
import type { Layers } from '../results.ts'
import type { Elements } from './elements.ts'
import type { Heat } from './heat.ts'
import type { Shown, Tap } from './shown.ts'

export type Drawing = ReturnType<typeof drawing>

/** Where a mismatch begins: among layers, directions and steps, or among the tensors of a captured model. Its source goes into the page. */
export function drawing({ html, svg, percent }: Elements, { colour, shareOf }: Heat) {
  const tooMuch = 128

  function figure(caption: string, chart: SVGElement): HTMLElement {
    return html('figure', {}, html('figcaption', {}, caption), chart)
  }

  /** Layers upwards, directions in each, time to the right. Of layers below the last nothing is known but their last states. */
  function ofLayers({ layers, directions, steps, columns, output, last }: Layers, width: number): HTMLElement {
    const left = 96
    const [cell, gap] = [Math.min(28, (width - left - 10) / columns), 4]
    const [high, rows] = [18, layers * directions]
    const height = rows * (high + gap) + layers * 6 + 26
    const [outputs, lasts] = [atob(output), atob(last)]
    const at = (layer: number, direction: number): number => {
      const fromTop = (layers - 1 - layer) * directions + direction
      return fromTop * (high + gap) + (layers - 1 - layer) * 6
    }
    /** The step at which a direction ends. */
    const endOf = (direction: number): number => (direction === 0 ? columns - 1 : 0)
    const byteOf = (layer: number, direction: number, column: number): number | undefined => {
      const state = column === endOf(direction) ? lasts.charCodeAt(layer * directions + direction) : undefined
      if (layer < layers - 1) return state
      return Math.max(outputs.charCodeAt(direction * columns + column), state ?? 0)
    }
    const every = Array.from({ length: rows * columns }, (_, i) => {
      const [row, step] = [Math.floor(i / columns), i % columns]
      const direction = row % directions
      // In the order in which each direction goes.
      const column = direction === 0 ? step : columns - 1 - step
      return { layer: Math.floor(row / directions), direction, column }
    })
    const first = every.find(({ layer, direction, column }) => (byteOf(layer, direction, column) ?? 0) >= tooMuch)
    const nameOf = (layer: number, direction: number): string =>
      `layer ${layer}${directions === 1 ? '' : direction === 0 ? ' →' : ' ←'}`
    const wordOf = (direction: number): string => (directions === 1 ? '' : direction === 0 ? ', forward' : ', reverse')
    const whenOf = (layer: number, column: number): string =>
      layer < layers - 1 ? 'seen in its last state' : `t ${Math.ceil((column * steps) / columns)}`
    const said =
      first === undefined
        ? 'nothing of it is off'
        : `the first that is off is layer ${first.layer}${wordOf(first.direction)}, ${whenOf(first.layer, first.column)}`
    const chart = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': said, class: 'layers' })
    for (const { layer, direction, column } of every) {
      const byte = byteOf(layer, direction, column)
      const size = { x: left + column * cell, y: at(layer, direction), width: cell - 1, height: high }
      const look = byte === undefined ? { class: 'unseen' } : colour(byte)
      const share = byte === undefined ? 'not known' : `about ${percent(shareOf(byte))} of the allowed error`
      chart.append(svg('rect', { ...size, ...look }, svg('title', {}, `${nameOf(layer, direction)}: ${share}`)))
    }
    for (let row = 0; row < rows; row++) {
      const [layer, direction] = [Math.floor(row / directions), row % directions]
      const y = at(layer, direction) + high - 5
      chart.append(svg('text', { x: left - 8, y, 'text-anchor': 'end' }, nameOf(layer, direction)))
    }
    if (first !== undefined) {
      const { layer, direction, column } = first
      const size = { x: left + column * cell - 1, y: at(layer, direction) - 1, width: cell + 1, height: high + 2 }
      chart.append(svg('rect', { ...size, class: 'first' }))
    }
    chart.append(svg('text', { x: left, y: height - 8 }, 't 0'))
    const end = { x: left + columns * cell, y: height - 8, 'text-anchor': 'end' }
    if (columns > 3) chart.append(svg('text', end, `t ${steps - 1}`))
    const known = layers === 1 ? '' : '; of the layers below the last their last states are known'
    return figure(`Layers, directions, time: ${said}${known}`, chart)
  }

  /** So far from what goes in a tensor is. */
  function depthsOf(taps: readonly Tap[]): ReadonlyMap<string, number> {
    const depths = new Map<string, number>()
    for (const name of taps.flatMap(({ from }) => from)) if (!taps.some((tap) => tap.name === name)) depths.set(name, 0)
    for (const { name, from } of taps) {
      depths.set(name, 1 + from.reduce((most, each) => Math.max(most, depths.get(each) ?? 0), 0))
    }
    return depths
  }

  /** The tensors of a captured model, in order of computation downwards, with what each is made of. */
  function ofModel(taps: readonly Tap[], { comparisons, blame = [] }: Shown, width: number): HTMLElement {
    const depths = depthsOf(taps)
    const ranks = new Map<number, string[]>()
    for (const [name, depth] of depths) ranks.set(depth, [...(ranks.get(depth) ?? []), name])
    const levels = [...ranks.keys()].toSorted((one, other) => one - other)
    const [high, gap] = [30, 22]
    const height = levels.length * (high + gap) - gap + 4
    const places = new Map<string, { x: number; y: number; wide: number }>()
    for (const [level, depth] of levels.entries()) {
      const names = ranks.get(depth)!
      const slot = width / names.length
      for (const [i, name] of names.entries()) {
        const wide = Math.min(230, slot - 10)
        places.set(name, { x: slot * (i + 0.5) - wide / 2, y: 2 + level * (high + gap), wide })
      }
    }
    const firsts = blame.map(({ tap }) => tap)
    const said = firsts.length === 0 ? 'nothing of it is wrong first' : `first wrong: ${firsts.join(', ')}`
    const chart = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': said, class: 'graph' })
    for (const { name, from } of taps) {
      const to = places.get(name)!
      for (const each of from) {
        const start = places.get(each)!
        const [x1, y1, x2, y2] = [start.x + start.wide / 2, start.y + high, to.x + to.wide / 2, to.y]
        const bend = y2 - y1 > gap ? 26 : 0
        const path = `M${x1} ${y1} C${x1 + bend} ${y1 + gap / 2} ${x2 + bend} ${y2 - gap / 2} ${x2} ${y2}`
        chart.append(svg('path', { d: path, class: 'edge' }))
      }
    }
    for (const [name, { x, y, wide }] of places) {
      const tap = taps.find((each) => each.name === name)
      const compared = comparisons.find(({ tensor }) => tensor === name)
      const isFirst = firsts.includes(name)
      const kind = tap === undefined ? 'input' : compared === undefined ? 'unseen' : compared.outcome
      const letters = Math.floor((wide - 16) / 7)
      const sign = isFirst ? '✗ first: ' : kind === 'mismatch' ? '✗ ' : kind === 'match' ? '✓ ' : ''
      const text = `${sign}${name}`
      const short = text.length > letters ? `${text.slice(0, Math.max(1, letters - 1))}…` : text
      const made = tap === undefined ? 'goes in' : `${tap.operations.join(', ')} ${tap.line}`
      const used = compared === undefined ? 'not given' : `${percent(Number(compared.share))} of the allowed error`
      const title = svg('title', {}, tap === undefined ? `${name}: ${made}` : `${name}: ${used}; ${made}`)
      const box = svg('rect', { x, y, width: wide, height: high, rx: 6 })
      const middle = { x: x + wide / 2, y: y + 20, 'text-anchor': 'middle' }
      const node = { class: `node ${kind}${isFirst ? ' lit' : ''}` }
      chart.append(svg('g', node, box, svg('text', middle, short), title))
    }
    return figure(`The model’s tensors, from what goes in downwards; ${said}`, chart)
  }

  return { ofLayers, ofModel }
}
