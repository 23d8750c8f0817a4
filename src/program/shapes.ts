// Operations that only move numbers: forward to another place, and gradients back.
import { elementCount } from '../format/tensor.ts'
import type { Attributes } from './operation.ts'
import { addTo, around, type Computed, dimOf, gradOf, type Value } from './value.ts'

export function reshape([x]: readonly Value[], { shape }: Attributes['reshape']): Computed {
  if (elementCount(shape) !== x!.data.length) {
    throw new RangeError(`expected ${elementCount(shape)} numbers for (${shape.join(', ')}), got ${x!.data.length}`)
  }
  return { shape, data: x!.data, back: (d) => addTo(x!, d) }
}

/** A part of a tensor along one of its dims, from start on. */
function part(x: Value, dim: number, start: number, length: number, shape: readonly number[]): Computed {
  const { outer, size, inner } = around(x.shape, dim)
  if (start < 0 || start + length > size) {
    throw new RangeError(`expected a part of ${size} along dim ${dim}, got ${start} to ${start + length}`)
  }
  const block = length * inner
  const from = (i: number): number => i * size * inner + start * inner
  // Nothing is written to what is given on, so that a part in one piece need not be copied.
  const data = outer === 1 ? x.data.subarray(from(0), from(0) + block) : new Float64Array(outer * block)
  if (outer !== 1) for (let i = 0; i < outer; i++) data.set(x.data.subarray(from(i), from(i) + block), i * block)
  return {
    shape,
    data,
    back(d) {
      const grad = gradOf(x)!
      for (let i = 0; i < outer; i++) for (let j = 0; j < block; j++) grad[from(i) + j]! += d[i * block + j]!
    },
  }
}

export function select([x]: readonly Value[], { dim, index }: Attributes['select']): Computed {
  const own = dimOf(x!.shape, dim)
  return part(x!, own, index, 1, x!.shape.toSpliced(own, 1))
}

export function narrow([x]: readonly Value[], { dim, start, length }: Attributes['narrow']): Computed {
  const own = dimOf(x!.shape, dim)
  return part(x!, own, start, length, x!.shape.with(own, length))
}

export function chunk([x]: readonly Value[], { dim, chunks, index }: Attributes['chunk']): Computed {
  const own = dimOf(x!.shape, dim)
  const length = x!.shape[own]! / chunks
  return part(x!, own, index * length, length, x!.shape.with(own, length))
}

export function cat(operands: readonly Value[], { dim }: Attributes['cat']): Computed {
  const [{ shape }] = operands as readonly [Value]
  const own = dimOf(shape, dim)
  const size = operands.reduce((sum, value) => sum + value.shape[own]!, 0)
  return joined(operands, own, shape.with(own, size))
}

export function stack(operands: readonly Value[], { dim }: Attributes['stack']): Computed {
  const [{ shape }] = operands as readonly [Value]
  const own = dim < 0 ? shape.length + 1 + dim : dim
  return joined(operands, own, shape.toSpliced(own, 0, operands.length))
}

function joined(operands: readonly Value[], dim: number, shape: readonly number[]): Computed {
  const { outer } = around(shape, dim)
  const data = new Float64Array(elementCount(shape))
  const width = data.length / Math.max(1, outer)
  const visit = (each: (x: Value, from: number, to: number, size: number) => void): void => {
    let at = 0
    for (const x of operands) {
      const size = x.data.length / Math.max(1, outer)
      for (let i = 0; i < outer; i++) each(x, i * size, i * width + at, size)
      at += size
    }
  }
  visit((x, from, to, size) => data.set(x.data.subarray(from, from + size), to))
  return {
    shape,
    data,
    back(d) {
      visit((x, from, to, size) => {
        const grad = gradOf(x)
        if (grad !== undefined) for (let i = 0; i < size; i++) grad[from + i]! += d[to + i]!
      })
    },
  }
}

export function flip([x]: readonly Value[], { dim }: Attributes['flip']): Computed {
  const { outer, size, inner } = around(x!.shape, dimOf(x!.shape, dim))
  const turned = (from: Float64Array): Float64Array => {
    const to = new Float64Array(from.length)
    for (let i = 0; i < outer; i++) {
      for (let j = 0; j < size; j++) {
        const at = (i * size + j) * inner
        to.set(from.subarray(at, at + inner), (i * size + size - 1 - j) * inner)
      }
    }
    return to
  }
  return { shape: x!.shape, data: turned(x!.data), back: (d) => addTo(x!, turned(d)) }
}

export function index_select([x]: readonly Value[], { dim, index }: Attributes['index_select']): Computed {
  const own = dimOf(x!.shape, dim)
  const { outer, size, inner } = around(x!.shape, own)
  const shape = x!.shape.with(own, index.length)
  const data = new Float64Array(outer * index.length * inner)
  const visit = (each: (from: number, to: number) => void): void => {
    for (let o = 0; o < outer; o++) {
      for (const [to, from] of index.entries()) {
        if (from >= 0) each((o * size + from) * inner, (o * index.length + to) * inner)
      }
    }
  }
  visit((from, to) => data.set(x!.data.subarray(from, from + inner), to))
  return {
    shape,
    data,
    back(d) {
      const grad = gradOf(x!)!
      visit((from, to) => {
        for (let i = 0; i < inner; i++) grad[from + i]! += d[to + i]!
      })
    },
  }
}

export function transpose([x]: readonly Value[], { dim0, dim1 }: Attributes['transpose']): Computed {
  const { shape } = x!
  const [low, high] = [dimOf(shape, dim0), dimOf(shape, dim1)].toSorted((a, b) => a - b) as [number, number]
  const turned = shape.with(low, shape[high]!).with(high, shape[low]!)
  return { shape: turned, data: exchanged(x!.data, shape), back: (d) => addTo(x!, exchanged(d, turned)) }

  function exchanged(from: Float64Array, own: readonly number[]): Float64Array {
    const to = new Float64Array(from.length)
    const { outer, size, inner: rest } = around(own, low)
    const { size: other, inner } = around(own, high)
    const middle = rest / Math.max(1, other * inner)
    let at = 0
    for (let o = 0; o < outer; o++) {
      for (let j = 0; j < other; j++) {
        for (let m = 0; m < middle; m++) {
          for (let i = 0; i < size; i++) {
            const start = (((o * size + i) * middle + m) * other + j) * inner
            for (let k = 0; k < inner; k++) to[at++] = from[start + k]!
          }
        }
      }
    }
    return to
  }
}

/** The given rows alone. rows: of the first axis */
export function rowsOf(x: Value, rows: readonly number[]): Computed {
  const size = x.data.length / Math.max(1, x.shape[0]!)
  const data = new Float64Array(rows.length * size)
  for (const [to, row] of rows.entries()) data.set(x.data.subarray(row * size, (row + 1) * size), to * size)
  return {
    shape: x.shape.with(0, rows.length),
    data,
    back(d) {
      const grad = gradOf(x)!
      for (const [from, row] of rows.entries()) {
        for (let i = 0; i < size; i++) grad[row * size + i]! += d[from * size + i]!
      }
    },
  }
}

/** x with others in the place of the given rows. */
export function withRows(x: Value, rows: readonly number[], others: Value): Computed {
  const size = x.data.length / Math.max(1, x.shape[0]!)
  const data = x.data.slice()
  for (const [from, row] of rows.entries()) data.set(others.data.subarray(from * size, (from + 1) * size), row * size)
  return {
    shape: x.shape,
    data,
    back(d) {
      const own = d.slice()
      const grad = gradOf(others)
      for (const [from, row] of rows.entries()) {
        for (let i = 0; i < size; i++) {
          if (grad !== undefined) grad[from * size + i]! += d[row * size + i]!
          own[row * size + i] = 0
        }
      }
      addTo(x, own)
    },
  }
}
