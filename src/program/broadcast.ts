// Broadcasting: the shape to which several broadcast, and where each element stands.
import { broadcastStrides, elementCount } from '../format/tensor.ts'
import type { Value } from './value.ts'

/** The shape to which all broadcast. Source: torch's broadcasting semantics. */
export function broadcast(values: readonly Value[]): readonly number[] {
  const [first, ...others] = values.map(({ shape }) => shape)
  let shape = first!
  for (const other of others) {
    if (isSame(shape, other)) continue
    const rank = Math.max(shape.length, other.length)
    const one = shape
    shape = Array.from({ length: rank }, (_, i) => {
      const [a, b] = [one[i - rank + one.length] ?? 1, other[i - rank + other.length] ?? 1]
      if (a !== b && a !== 1 && b !== 1) {
        throw new RangeError(`expected shapes that broadcast, got (${one.join(', ')}) and (${other.join(', ')})`)
      }
      return a === 1 ? b : a
    })
  }
  return shape
}

/** Whether a tensor stands beside each part of another one, whose last dims are its own. */
export function isRepeated(own: readonly number[], other: readonly number[]): boolean {
  const more = other.length - own.length
  if (more < 0) return false
  for (let i = 0; i < own.length; i++) if (own[i] !== other[more + i]) return false
  return true
}

export function isSame(one: readonly number[], other: readonly number[]): boolean {
  if (one.length !== other.length) return false
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false
  return true
}

/** So many are remembered: the shapes of a program are few, and asked for at every step. */
const mostKnown = 256

const known = new Map<string, Int32Array>()

/** Where each element of a shape stands in a tensor that broadcasts to it; undefined where it is of that shape. */
export function placesOf(from: readonly number[], shape: readonly number[]): Int32Array | undefined {
  if (isSame(from, shape)) return undefined
  const key = `${from.join()}|${shape.join()}`
  const places = known.get(key) ?? newPlaces(from, shape)
  if (known.size >= mostKnown) known.clear()
  known.set(key, places)
  return places
}

function newPlaces(from: readonly number[], shape: readonly number[]): Int32Array {
  const strides = broadcastStrides(from, shape)!
  const places = new Int32Array(elementCount(shape))
  const index = shape.map(() => 0)
  let place = 0
  for (let i = 0; i < places.length; i++) {
    places[i] = place
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      place -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return places
}
