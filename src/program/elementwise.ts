// Operations on each element alone: an equation, and beside it its derivative.
import { roundToBfloat16, roundToFloat16 } from '../format/precision.ts'
import { broadcastStrides, elementCount, largest } from '../format/tensor.ts'
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

/** A TensorFloat-32 keeps 11 of a float64's 53 digits. */
const tf32Digits = 2 ** 42

function roundToTf32(x: number): number {
  const own = Math.fround(x)
  // Its last digits go when it is added to a number so much larger.
  const shift = own * (tf32Digits + 1)
  const rounded = shift - (shift - own)
  return Number.isFinite(rounded) ? rounded : own
}

const roundings: Readonly<Record<Exclude<Attributes['round']['dtype'], 'int8'>, (x: number) => number>> = {
  float16: roundToFloat16,
  bfloat16: roundToBfloat16,
  float32: Math.fround,
  float64: (x) => x,
  tf32: roundToTf32,
}

/** The gradient goes through as it is. */
export function round([x]: readonly Value[], { dtype, toward }: Attributes['round']): Computed {
  if (dtype === 'int8') return map(x!, inSteps(largest(x!.data) / 127), (d) => d)
  const nearest = roundings[dtype]
  return map(x!, toward === 'zero' ? towardZero(nearest) : nearest, (d) => d)
}

/** Whole numbers times a scale. */
function inSteps(scale: number): (x: number) => number {
  return (x) => (scale > 0 ? Math.round(x / scale) * scale : x)
}

function towardZero(nearest: (x: number) => number): (x: number) => number {
  return (x) => {
    const rounded = nearest(x)
    if (!(Math.abs(rounded) > Math.abs(x))) return rounded
    // The neighbour below is where half of the way to it, and a little more, is rounded to.
    const step = Math.abs(rounded - x)
    let by = step
    for (let i = 0; i < 60 && nearest(x - Math.sign(x) * by) === rounded; i++) by *= 2
    return nearest(x - Math.sign(x) * by)
  }
}

function map(x: Value, of: (x: number) => number, back: (d: number, x: number, y: number) => number): Computed {
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

/** The shape to which all broadcast. Source: torch's broadcasting semantics. */
function broadcast(values: readonly Value[]): readonly number[] {
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
function isRepeated(own: readonly number[], other: readonly number[]): boolean {
  const more = other.length - own.length
  if (more < 0) return false
  for (let i = 0; i < own.length; i++) if (own[i] !== other[more + i]) return false
  return true
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  if (one.length !== other.length) return false
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false
  return true
}

/** So many are remembered: the shapes of a program are few, and asked for at every step. */
const mostKnown = 256
const known = new Map<string, Int32Array>()

/** Where each element of a shape stands in a tensor that broadcasts to it; undefined where it is of that shape. */
function placesOf(from: readonly number[], shape: readonly number[]): Int32Array | undefined {
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
