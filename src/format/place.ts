import type { Axis } from './module.ts'

/** Where an element stands, by the names of its axes; what a tensor does not have is absent. */
export interface Place {
  readonly layer?: number
  readonly direction?: 'forward' | 'reverse'
  readonly t?: number
  readonly batch?: number
  readonly unit?: number
  /** Of an optimizer, from 0. */
  readonly step?: number
  /** Of a parameter or its gradient. */
  readonly row?: number
  readonly column?: number
  /** Of what an encoder has read. */
  readonly source?: number
}

const directionNames = ['forward', 'reverse'] as const

/** Names an element by its axes. A direction is only named where there are two. */
export function placeOf(axes: readonly Axis[], index: readonly number[]): Place {
  const place: { -readonly [K in keyof Place]: Place[K] } = {}
  const setDirection = (direction: number, of: number): void => {
    if (of > 1) place.direction = directionNames[direction === 0 ? 0 : 1]
  }
  for (const [i, { name, size, num_directions }] of axes.entries()) {
    const at = index[i] ?? 0
    if (name === 'seq_len') place.t = at
    if (name === 'batch' || name === 'step' || name === 'row' || name === 'column' || name === 'source')
      place[name] = at
    if (name === 'state') {
      place.layer = Math.floor(at / num_directions)
      setDirection(at % num_directions, num_directions)
    }
    if (name === 'unit') {
      const units = size / num_directions
      setDirection(Math.floor(at / units), num_directions)
      place.unit = at % units
    }
  }
  return place
}

/** `layer 1, reverse, t 17, batch 2, unit 40` */
export function formatPlace(place: Place): string {
  const { layer, direction, t, batch, unit, step, row, column, source } = place
  return [
    step === undefined ? '' : `step ${step}`,
    layer === undefined ? '' : `layer ${layer}`,
    direction ?? '',
    t === undefined ? '' : `t ${t}`,
    batch === undefined ? '' : `batch ${batch}`,
    unit === undefined ? '' : `unit ${unit}`,
    row === undefined ? '' : `row ${row}`,
    column === undefined ? '' : `column ${column}`,
    source === undefined ? '' : `source ${source}`,
  ]
    .filter((part) => part !== '')
    .join(', ')
}
