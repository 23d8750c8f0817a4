/// <reference lib="dom" />
import type { Heatmap, SlicedMap } from '../results.ts'
import type { Elements } from './elements.ts'

/** A map, with the numbers of its cells where they are known. */
export type Shown = Heatmap & Partial<Pick<SlicedMap, 'slice' | 'across' | 'actual' | 'expected'>>

export type Heat = ReturnType<typeof heat>

/** Maps of where a tensor is off, of which one is shown. Its source goes into the page. */
export function heat({ html, svg, percent }: Elements) {
  const left = 52
  const bottom = 34

  /** As many digits as it takes to tell the value from its neighbours. */
  function value(x: number | string | undefined): string {
    const number = Number(x)
    return String(Math.fround(number) === number ? Number(number.toPrecision(9)) : number)
  }

  /** heat.ts of reports: byte 1 is a share of 1e-4, 127 is 1, 254 is 1e4. */
  function shareOf(byte: number): number {
    return byte === 0 ? 0 : byte === 255 ? Infinity : 10 ** (((byte - 1) / 253) * 8 - 4)
  }

  function colour(byte: number): { readonly class: string; readonly style: string } {
    const over = byte >= 128
    const level = over ? Math.min(1, 0.35 + (byte - 128) / 126) : Math.max(0, (byte - 1) / 126)
    return { class: over ? 'over' : 'under', style: `--level: ${level}` }
  }

  /** `4`, or `4–7` of what is merged */
  function span(at: number, parts: number, size: number): string {
    const [from, to] = [Math.ceil((at * size) / parts), Math.ceil(((at + 1) * size) / parts) - 1]
    return from >= to ? `${from}` : `${from}–${to}`
  }

  function sayOf(map: Shown, i: number): string {
    const { along, across = 'unit', steps, units, columns, rows, cells, actual, expected } = map
    const byte = atob(cells).charCodeAt(i)
    const used = byte === 0 ? 'no error' : `about ${percent(shareOf(byte))} of the allowed error`
    const column = `${along} ${span(i % columns, columns, steps)}`
    const row = units === 1 ? '' : `, ${across} ${span(Math.floor(i / columns), rows, units)}`
    const numbers = actual === undefined ? '' : `: actual ${value(actual[i])}, expected ${value(expected?.[i])}`
    return `${column}${row}${numbers}; ${used}`
  }

  /** Time to the right, units downwards. say: is told what the cell that is pointed at is. */
  function drawn(map: Shown, width: number, say: (text: string) => void): SVGElement {
    const { tensor, along, across = 'unit', steps, units, columns, rows, cells } = map
    const bytes = atob(cells)
    const cellWidth = Math.min(28, (width - left - 10) / columns)
    const cellHeight = Math.max(5, Math.min(16, 260 / rows, cellWidth))
    const height = rows * cellHeight + bottom
    const label = `share of the allowed error in ${tensor}: ${steps} of ${along} by ${units} of ${across}; arrows go from cell to cell`
    const chart = svg('svg', {
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      tabindex: 0,
      'aria-label': label,
      class: 'heat',
    })
    const rects = Array.from({ length: rows * columns }, (_, i) => {
      const [x, y] = [left + (i % columns) * cellWidth, Math.floor(i / columns) * cellHeight]
      const size = { x, y, width: cellWidth + 0.3, height: cellHeight + 0.3, 'data-cell': i }
      return svg('rect', { ...size, ...colour(bytes.charCodeAt(i)) })
    })
    const mark = svg('rect', { width: cellWidth, height: cellHeight, class: 'mark', visibility: 'hidden' })
    let at = 0
    const point = (i: number): void => {
      at = i
      mark.setAttribute('x', `${left + (i % columns) * cellWidth}`)
      mark.setAttribute('y', `${Math.floor(i / columns) * cellHeight}`)
      mark.setAttribute('visibility', 'visible')
      say(sayOf(map, i))
    }
    for (const kind of ['pointermove', 'click']) {
      chart.addEventListener(kind, ({ target }) => {
        const cell = target instanceof SVGElement ? target.dataset['cell'] : undefined
        if (cell !== undefined) point(Number(cell))
      })
    }
    chart.addEventListener('focus', () => point(at))
    chart.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key]
      if (step === undefined) return
      event.preventDefault()
      event.stopPropagation()
      const isSideways = Math.abs(step) === 1 && columns > 1
      const next = at + step
      if (next < 0 || next >= rows * columns) return
      if (!isSideways || Math.floor(next / columns) === Math.floor(at / columns)) point(next)
    })
    chart.append(...rects, mark)
    chart.append(svg('text', { x: left - 6, y: 11, 'text-anchor': 'end' }, `${across} 0`))
    if (rows > 2) chart.append(svg('text', { x: left - 6, y: rows * cellHeight, 'text-anchor': 'end' }, `${units - 1}`))
    const under = height - 14
    chart.append(svg('text', { x: left, y: under }, `${along} 0`))
    const end = left + columns * cellWidth
    if (columns > 4) chart.append(svg('text', { x: end, y: under, 'text-anchor': 'end' }, `${along} ${steps - 1}`))
    return chart
  }

  /** Where there are several maps, with a switch between them; of the first tensor's, the one with numbers that is farthest off is shown. */
  function figure(maps: readonly Shown[], width: number): HTMLElement {
    const readout = html('p', { class: 'readout', role: 'status' })
    const place = html('div')
    const nameOf = ({ slice, actual }: Shown): string => slice ?? (actual === undefined ? 'all of it' : 'each number')
    const show = (map: Shown): void => {
      readout.textContent = 'point at a cell, or use the arrows, to read it'
      place.replaceChildren(drawn(map, width, (text) => (readout.textContent = text)))
    }
    const caption = html('figcaption', {}, 'Share of the allowed error; red is too much')
    const select = html('select', { 'aria-label': 'which part is shown' })
    for (const tensor of new Set(maps.map((map) => map.tensor))) {
      const own = maps.flatMap((map, i) => (map.tensor === tensor ? [{ map, i }] : []))
      const options = own.map(({ map, i }) => html('option', { value: i }, `${tensor}: ${nameOf(map)}`))
      select.append(html('optgroup', { label: tensor }, ...options))
    }
    select.addEventListener('change', () => show(maps[Number(select.value)]!))
    const worst = (map: Shown): number => Math.max(...Array.from(atob(map.cells), (byte) => byte.charCodeAt(0)))
    const numbered = maps.filter((map) => map.actual !== undefined && map.tensor === maps[0]!.tensor)
    const [first = maps[0]!] = numbered.toSorted((one, other) => worst(other) - worst(one))
    select.value = String(maps.indexOf(first))
    show(first)
    return html('figure', {}, caption, ...(maps.length > 1 ? [select] : []), place, readout)
  }

  return { figure, colour, shareOf }
}
