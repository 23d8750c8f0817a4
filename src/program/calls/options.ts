// What a call is told, as its lowering has written it.
import type { CallOptions } from '../operation.ts'
import type { Computed, Value } from '../value.ts'

export type Call = (operands: readonly Value[], options: CallOptions) => Computed

export function numberOf(options: CallOptions, name: string): number {
  return options[name] as number
}

export function numbersOf(options: CallOptions, name: string): readonly number[] {
  return options[name] as readonly number[]
}

export function flagOf(options: CallOptions, name: string): boolean {
  return options[name] === true
}

/** More numbers than this are of a file that somebody made to take all memory. */
const mostNumbers = 2 ** 27

/** A shape that can be made. @throws RangeError for one that is too large, or none. */
export function sized(shape: readonly number[]): readonly number[] {
  const count = shape.reduce((product, size) => product * size, 1)
  if (shape.every((size) => Number.isInteger(size) && size >= 0) && count <= mostNumbers) return shape
  throw new RangeError(`expected a shape of at most ${mostNumbers} numbers, got (${shape.join(', ')})`)
}

/** Steps between neighbours along each axis, in C order. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1)
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!
  return strides
}

/** Calls `visit` with every index of a shape, in C order: the same array each time. */
export function forIndices(shape: readonly number[], visit: (index: readonly number[], offset: number) => void): void {
  const count = shape.reduce((product, size) => product * size, 1)
  const index = shape.map(() => 0)
  for (let offset = 0; offset < count; offset++) {
    visit(index, offset)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < shape[axis]!) break
      index[axis] = 0
    }
  }
}
