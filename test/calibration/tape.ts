// A tape of operations on vectors, played back for the gradients, so that a module's equations are written once, forward.
// Every operation on an element is rounded, and so is every addition of two gradients.

const { fround } = Math

/** How an implementation calculates. */
export interface Arithmetic {
  /** To the dtype, after every operation. */
  readonly round: (x: number) => number
  readonly dot: Dot
  /**
   * Whether gradients of parameters are summed at each time step, rounded, and then added up, as autograd does it for a cell
   * in a loop; else they are one sum over time and batch, rounded at its end.
   */
  readonly stepwise: boolean
  /** Of the loss, which is no matrix product; `dot` where it is absent. */
  readonly dotOfLoss?: Dot
  /** What stands for functions that are not computed as exactly as here. */
  readonly functions?: Functions
}

export interface Functions {
  readonly tanh: (x: number) => number
  readonly sigmoid: (x: number) => number
  readonly sqrt: (x: number) => number
  readonly quotient: (x: number, y: number) => number
}

/** A dot product with float32 sums. */
export type Dot = (x: Float32Array, xStart: number, weight: Float32Array, weightStart: number, length: number) => number

/** One sum from left to right, rounded to float32 after every operation. */
export const sequential: Dot = (x, xStart, weight, weightStart, length) => {
  let sum = 0
  for (let i = 0; i < length; i++) sum = fround(sum + fround(x[xStart + i]! * weight[weightStart + i]!))
  return sum
}

const lanes = new Float32Array(8)

/** Eight sums side by side, as vector units do, added up in pairs at the end. */
export const blocked: Dot = (x, xStart, weight, weightStart, length) => {
  lanes.fill(0)
  for (let i = 0; i < length; i++) lanes[i % 8] = lanes[i % 8]! + fround(x[xStart + i]! * weight[weightStart + i]!)
  for (let half = 4; half >= 1; half /= 2) for (let i = 0; i < half; i++) lanes[i] = lanes[i]! + lanes[i + half]!
  return lanes[0]!
}

/** Numbers, and the gradient by each of them; no gradients where none are asked for. */
export interface Vector {
  readonly data: Float32Array
  readonly grad: Float32Array
}

/** A weight: (outputs, inputs), its bias, and where on the tape they are used. */
export interface Linear {
  readonly weight: Float32Array
  readonly bias: Float32Array | undefined
  readonly outputs: number
  readonly inputs: number
  /** (inputs, outputs) */
  readonly transposed: Float32Array
  readonly uses: { readonly x: Float32Array; readonly dy: Float32Array; readonly t: number }[]
}

export interface Tape {
  /** Of so many numbers: those given, or zeros. */
  readonly vector: (size: number, data?: Float32Array | Float64Array) => Vector
  /** Where x starts on the last axis, and how many it takes. */
  readonly part: (x: Vector, start: number, length: number) => Vector
  readonly concat: (parts: readonly Vector[]) => Vector
  readonly add: (a: Vector, b: Vector) => Vector
  readonly subtract: (a: Vector, b: Vector) => Vector
  readonly multiply: (a: Vector, b: Vector) => Vector
  /** 1 − x */
  readonly complement: (x: Vector) => Vector
  readonly tanh: (x: Vector) => Vector
  readonly relu: (x: Vector) => Vector
  readonly sigmoid: (x: Vector) => Vector
  /** x Wᵀ + b at time step t. */
  readonly linear: (x: Vector, linear: Linear, t: number) => Vector
  /** Adds a gradient that comes from outside. */
  readonly seed: (x: Vector, gradient: Float32Array) => void
  readonly backward: () => void
}

/** recording: whether gradients will be asked for. */
export function createTape({ round, dot, functions }: Arithmetic, recording: boolean): Tape {
  const operations: (() => void)[] = []
  let chunk = new Float32Array(0)
  let used = 0

  /** Parts of a large array: hundreds of thousands of small ones would cost more than all calculation. */
  function zeros(size: number): Float32Array {
    if (used + size > chunk.length) {
      chunk = new Float32Array(Math.max(size, 2 ** 16))
      used = 0
    }
    used += size
    return chunk.subarray(used - size, used)
  }

  function vector(size: number, given?: Float32Array | Float64Array): Vector {
    const data = zeros(size)
    if (given !== undefined) data.set(given)
    return { data, grad: zeros(recording ? size : 0) }
  }

  function addTo(grad: Float32Array, i: number, gradient: number): void {
    grad[i] = round(grad[i]! + round(gradient))
  }

  /** f by x, and the gradient by x, by that of y and y itself. */
  function unary(x: Vector, f: (x: number) => number, backward: (dy: number, y: number) => number): Vector {
    const y = vector(x.data.length)
    for (let i = 0; i < y.data.length; i++) y.data[i] = round(f(x.data[i]!))
    if (recording) {
      operations.push(() => {
        for (let i = 0; i < y.data.length; i++) addTo(x.grad, i, backward(y.grad[i]!, y.data[i]!))
      })
    }
    return y
  }

  /** f by a and b, and the gradients by a and by b, by that of y, a and b. */
  function binary(
    a: Vector,
    b: Vector,
    f: (a: number, b: number) => number,
    backwardA: (dy: number, a: number, b: number) => number,
    backwardB: (dy: number, a: number, b: number) => number,
  ): Vector {
    const y = vector(a.data.length)
    for (let i = 0; i < y.data.length; i++) y.data[i] = round(f(a.data[i]!, b.data[i]!))
    if (recording) {
      operations.push(() => {
        for (let i = 0; i < y.data.length; i++) {
          addTo(a.grad, i, backwardA(y.grad[i]!, a.data[i]!, b.data[i]!))
          addTo(b.grad, i, backwardB(y.grad[i]!, a.data[i]!, b.data[i]!))
        }
      })
    }
    return y
  }

  return {
    vector,
    part: ({ data, grad }, start, length) => ({
      data: data.subarray(start, start + length),
      grad: grad.subarray(start, start + length),
    }),
    concat(parts) {
      const data = joined(parts.map(({ data }) => data))
      const y = vector(data.length, data)
      if (recording) {
        operations.push(() => {
          let at = 0
          for (const { grad } of parts) for (let i = 0; i < grad.length; i++) addTo(grad, i, y.grad[at++]!)
        })
      }
      return y
    },
    add: (a, b) =>
      binary(
        ...([a, b] as const),
        (a, b) => a + b,
        (dy) => dy,
        (dy) => dy,
      ),
    subtract: (a, b) =>
      binary(
        ...([a, b] as const),
        (a, b) => a - b,
        (dy) => dy,
        (dy) => -dy,
      ),
    multiply: (a, b) =>
      binary(
        ...([a, b] as const),
        (a, b) => a * b,
        (dy, _, b) => dy * b,
        (dy, a) => dy * a,
      ),
    complement: (x) =>
      unary(
        x,
        (x) => 1 - x,
        (dy) => -dy,
      ),
    // Half kernels too compute an activation and its derivative in float32, and round once.
    tanh: (x) => unary(x, functions?.tanh ?? Math.tanh, (dy, y) => fround(dy * fround(1 - fround(y * y)))),
    relu: (x) =>
      unary(
        x,
        (x) => (x < 0 ? 0 : x),
        (dy, y) => (y <= 0 ? 0 : dy),
      ),
    sigmoid: (x) =>
      unary(x, functions?.sigmoid ?? ((x) => fround(1 / fround(1 + fround(Math.exp(-x))))), (dy, y) =>
        fround(fround(dy * fround(1 - y)) * y),
      ),
    linear(x, { weight, bias, outputs, inputs, transposed, uses }, t) {
      const y = vector(outputs)
      for (let o = 0; o < outputs; o++) {
        const product = round(dot(x.data, 0, weight, o * inputs, inputs))
        y.data[o] = bias === undefined ? product : round(product + bias[o]!)
      }
      if (recording) {
        operations.push(() => {
          for (let i = 0; i < inputs; i++) addTo(x.grad, i, dot(y.grad, 0, transposed, i * outputs, outputs))
          uses.push({ x: x.data, dy: y.grad, t })
        })
      }
      return y
    },
    seed(x, gradient) {
      for (let i = 0; i < gradient.length; i++) addTo(x.grad, i, gradient[i]!)
    },
    backward() {
      for (const operation of operations.toReversed()) operation()
    },
  }
}

export function linearOf(
  weight: Float32Array,
  bias: Float32Array | undefined,
  outputs: number,
  inputs: number,
): Linear {
  return { weight, bias, outputs, inputs, transposed: transpose(weight, outputs, inputs), uses: [] }
}

/** The gradients by a weight and its bias, once the tape has been played back. */
export function gradientsOf(
  { outputs, inputs, uses }: Linear,
  { round, dot, stepwise }: Arithmetic,
): { readonly weight: Float32Array; readonly bias: Float32Array } {
  const weight = new Float32Array(outputs * inputs)
  const bias = new Float32Array(outputs)
  const times = [...new Set(uses.map(({ t }) => t))]
  const sums = stepwise ? times.map((time) => uses.filter(({ t }) => t === time)) : [uses]
  for (const terms of sums) {
    const n = terms.length
    const dy = transpose(joined(terms.map(({ dy }) => dy)), n, outputs)
    const x = transpose(joined(terms.map(({ x }) => x)), n, inputs)
    const ones = new Float32Array(n).fill(1)
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) {
        const at = o * inputs + i
        weight[at] = round(weight[at]! + round(dot(dy, o * n, x, i * n, n)))
      }
      bias[o] = round(bias[o]! + round(dot(dy, o * n, ones, 0, n)))
    }
  }
  return { weight, bias }
}

/** One after the other. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** x: (rows, columns) → (columns, rows) */
function transpose(x: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(x.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = x[row * columns + column]!
  }
  return turned
}
