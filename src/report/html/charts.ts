/// <reference lib="dom" />
import type { Profile } from '../results.ts'
import type { Elements } from './elements.ts'

export type Charts = ReturnType<typeof charts>

/** The error of a case along time, as SVG. Its source goes into the page. */
export function charts({ svg, scientific }: Elements) {
  const left = 52
  const bottom = 34

  /** The largest error of each step on a logarithmic axis; what is allowed is a band below its limit. */
  function profile({ tensor, along, steps, error, allowed }: Profile, width: number): SVGElement {
    const height = 220
    const errors = error.map(Number)
    const limits = allowed.map(Number)
    const drawn = [...errors, ...limits].filter((x) => x > 0 && x < Infinity)
    const top = Math.ceil(Math.log10(Math.max(1e-300, ...drawn)) + 0.2)
    const floor = Math.max(Math.floor(Math.log10(Math.min(1e300, ...drawn))), top - 24)
    const low = Math.min(floor, top - 1)
    const n = errors.length
    const x = (i: number): number => left + (n === 1 ? 0.5 : i / (n - 1)) * (width - left - 10)
    const y = (value: number): number => {
      const level = value === Infinity ? top : value > 0 ? Math.max(low, Math.log10(value)) : low
      return 8 + ((top - level) / (top - low)) * (height - 8 - bottom)
    }
    const base = y(0)
    const label = `largest error of ${tensor} against ${along}, ${steps} steps: at most ${scientific(Math.max(...errors))}`
    const chart = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label, class: 'profile' })
    const every = Math.max(1, Math.ceil((top - low) / 6))
    for (let power = top; power >= low; power -= every) {
      const at = y(10 ** power)
      chart.append(svg('line', { x1: left, x2: width - 10, y1: at, y2: at, class: 'grid' }))
      chart.append(svg('text', { x: left - 6, y: at + 4, 'text-anchor': 'end' }, `1e${power}`))
    }
    const line = (values: readonly number[]): string => values.map((value, i) => `${x(i)},${y(value)}`).join(' ')
    const wide = n === 1 ? `${left},${y(limits[0] ?? 0)} ${width - 10},${y(limits[0] ?? 0)}` : line(limits)
    const ends = n === 1 ? [width - 10, left] : [x(n - 1), x(0)]
    chart.append(svg('polygon', { points: `${wide} ${ends[0]},${base} ${ends[1]},${base}`, class: 'band' }))
    chart.append(svg('polyline', { points: wide, class: 'limit' }))
    chart.append(svg('polyline', { points: line(errors), class: 'error' }))
    for (const [i, value] of errors.entries()) {
      const over = !(value <= (limits[i] ?? 0))
      if (over || n <= 16) {
        chart.append(svg('circle', { cx: x(i), cy: y(value), r: over ? 3.5 : 2.5, class: over ? 'over' : 'under' }))
      }
    }
    chart.append(svg('text', { x: x(0), y: height - 14, 'text-anchor': n === 1 ? 'middle' : 'start' }, `${along} 0`))
    if (n > 1) chart.append(svg('text', { x: x(n - 1), y: height - 14, 'text-anchor': 'end' }, `${along} ${steps - 1}`))
    return chart
  }

  return { profile }
}
