// Operations on each element alone: an equation, and beside it its derivative.
import { elementCount } from '../format/tensor.ts'
import { broadcast, isRepeated, isSame, placesOf } from './broadcast.ts'
import type { Activation, Attributes, Function1 } from './operation.ts'
import { addTo, type Computed, gradOf, type Value } from './value.ts'

const functions: Readonly<Record<Activation, Omit<Function1, 'name'>>> = {
  identity: { of: (x) => x, slope: () => 1 },
  neg: { of: (x) => -x, slope: () => -1 },
  // Not 1 − y²: rounding y² would be all that is left of it where y is near 1.
  tanh: { of: Math.tanh, slope: (_, y) => (1 - y) * (1 + y) },
  sigmoid: { of: (x) => 1 / (1 + Math.exp(-x)), slope: (_, y) => y * (1 - y) },
  // relu(NaN) is NaN in torch, so the condition is the one that zeroes.
  relu: { of: (x) => (x < 0 ? 0 : x), slope: (_, y) => (y <= 0 ? 0 : 1), selects: true },
  sqrt: { of: Math.sqrt, slope: (_, y) => 0.5 / y },
}

/** The derivative of a function, from its argument and its value. */
export function slopeOf(name: Activation): Function1['slope'] {
  return functions[name].slope
}

export function activation([x]: readonly Value[], { function: own, derivative }: Attributes['activation']): Computed {
  const { of, slope, selects = false } = typeof own === 'string' ? functions[own] : own
  return map(x!, of, (d, x, y) => {
    const by = (derivative ?? slope)(x, y)
    return selects && by === 0 ? 0 : d * by
  })
}

export function clamp([x]: readonly Value[], { min, max }: Attributes['clamp']): Computed {
  const of = (x: number): number => (x < min ? min : x > max ? max : x)
  return map(x!, of, (d, x) => (x < min || x > max ? 0 : d))
}

export function map(x: Value, of: (x: number) => number, back: (d: number, x: number, y: number) => number): Computed {
  const { data } = x
  const y = new Float64Array(data.length)
  for (let i = 0; i < y.length; i++) y[i] = of(data[i]!)
  return {
    shape: x.shape,
    data: y,
    back(d) {
      const grad = gradOf(x)!
      for (let i = 0; i < y.length; i++) grad[i]! += back(d[i]!, data[i]!, y[i]!)
    },
  }
}

export function detach([x]: readonly Value[]): Computed {
  return { shape: x!.shape, data: x!.data }
}

export function straight_through([value, x]: readonly Value[]): Computed {
  return { shape: value!.shape, data: value!.data, back: (d) => addTo(x!, d) }
}

export function full_like([x]: readonly Value[], { value }: Attributes['full_like']): Computed {
  return { shape: x!.shape, data: new Float64Array(x!.data.length).fill(value) }
}

type Binary = (operands: readonly Value[]) => Computed

/** An operation on two tensors that broadcast against each other. by: its derivatives. */
function binary(
  of: (x: number, y: number) => number,
  byX?: (d: number, x: number, y: number) => number,
  byY?: (d: number, x: number, y: number) => number,
): Binary {
  return ([x, y]) => {
    const shape = broadcast([x!, y!])
    const [a, b] = [x!.data, y!.data]
    const [atX, atY] = [placesOf(x!.shape, shape), placesOf(y!.shape, shape)]
    const data = new Float64Array(elementCount(shape))
    if (atX === undefined && atY === undefined) for (let i = 0; i < data.length; i++) data[i] = of(a[i]!, b[i]!)
    else for (let i = 0; i < data.length; i++) data[i] = of(a[atX?.[i] ?? i]!, b[atY?.[i] ?? i]!)
    if (byX === undefined || byY === undefined) return { shape, data }
    return {
      shape,
      data,
      back(d) {
        const [dx, dy] = [gradOf(x!), gradOf(y!)]
        for (let i = 0; i < d.length; i++) {
          const own = atX?.[i] ?? i
          const other = atY?.[i] ?? i
          if (dx !== undefined) dx[own]! += byX(d[i]!, a[own]!, b[other]!)
          if (dy !== undefined) dy[other]! += byY(d[i]!, a[own]!, b[other]!)
        }
      },
    }
  }
}

const whole = (d: number): number => d

const anyAdd: Binary = binary((x, y) => x + y, whole, whole)

const anySub: Binary = binary(
  (x, y) => x - y,
  whole,
  (d) => -d,
)

const anyMul: Binary = binary(
  (x, y) => x * y,
  (d, _, y) => d * y,
  (d, x) => d * x,
)

// These three are most of what is computed, and mostly of one shape: loops of their own are several times as fast.

export function add(operands: readonly Value[]): Computed {
  const [x, y] = operands as [Value, Value]
  // A bias is added to each row.
  if (!isRepeated(y.shape, x.shape)) return anyAdd(operands)
  const [a, b] = [x.data, y.data]
  const width = b.length
  const data = new Float64Array(a.length)
  for (let row = 0; row < data.length; row += width) for (let i = 0; i < width; i++) data[row + i] = a[row + i]! + b[i]!
  return {
    shape: x.shape,
    data,
    back(d) {
      const dy = gradOf(y)
      if (dy !== undefined) {
        for (let row = 0; row < d.length; row += width) for (let i = 0; i < width; i++) dy[i]! += d[row + i]!
      }
      addTo(x, d)
    },
  }
}

export function sub(operands: readonly Value[]): Computed {
  const [x, y] = operands as [Value, Value]
  if (!isSame(x.shape, y.shape)) return anySub(operands)
  const [a, b] = [x.data, y.data]
  const data = new Float64Array(a.length)
  for (let i = 0; i < data.length; i++) data[i] = a[i]! - b[i]!
  return {
    shape: x.shape,
    data,
    back(d) {
      const dy = gradOf(y)
      if (dy !== undefined) for (let i = 0; i < d.length; i++) dy[i]! -= d[i]!
      addTo(x, d)
    },
  }
}

export function mul(operands: readonly Value[]): Computed {
  const [x, y] = operands as [Value, Value]
  if (!isSame(x.shape, y.shape)) return anyMul(operands)
  const [a, b] = [x.data, y.data]
  const data = new Float64Array(a.length)
  for (let i = 0; i < data.length; i++) data[i] = a[i]! * b[i]!
  return {
    shape: x.shape,
    data,
    back(d) {
      const [dx, dy] = [gradOf(x), gradOf(y)]
      if (dx !== undefined) for (let i = 0; i < d.length; i++) dx[i]! += d[i]! * b[i]!
      if (dy !== undefined) for (let i = 0; i < d.length; i++) dy[i]! += d[i]! * a[i]!
    },
  }
}

export const div: Binary = binary(
  (x, y) => x / y,
  (d, _, y) => d / y,
  (d, x, y) => (-d * (x / y)) / y,
)

export const pow: Binary = binary(
  (x, y) => x ** y,
  (d, x, y) => (y === 0 ? 0 : d * y * x ** (y - 1)),
  (d, x, y) => d * x ** y * Math.log(x),
)

/** Math.max would take 0 for larger than −0. */
export const maximum: Binary = binary(
  (x, y) => (x >= y || Number.isNaN(x) ? x : y),
  (d, x, y) => (x > y ? d : x === y ? d / 2 : 0),
  (d, x, y) => (y > x ? d : x === y ? d / 2 : 0),
)

export const lt: Binary = binary((x, y) => (x < y ? 1 : 0))

export const eq: Binary = binary((x, y) => (x === y ? 1 : 0))

export function where(operands: readonly Value[]): Computed {
  const [condition, x, y] = operands as [Value, Value, Value]
  const shape = broadcast(operands)
  const data = new Float64Array(elementCount(shape))
  const [at, atX, atY] = operands.map((value) => placesOf(value.shape, shape))
  const isTaken = (i: number): boolean => condition.data[at?.[i] ?? i]! !== 0
  for (let i = 0; i < data.length; i++) data[i] = isTaken(i) ? x.data[atX?.[i] ?? i]! : y.data[atY?.[i] ?? i]!
  return {
    shape,
    data,
    back(d) {
      const [dx, dy] = [gradOf(x), gradOf(y)]
      for (let i = 0; i < d.length; i++) {
        if (isTaken(i)) {
          if (dx !== undefined) dx[atX?.[i] ?? i]! += d[i]!
        } else if (dy !== undefined) dy[atY?.[i] ?? i]! += d[i]!
      }
    },
  }
}
