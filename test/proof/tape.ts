/** Float32Array, where a port calculates in float32. */
export type Numbers = Float32Array | Float64Array

/** Numbers that were calculated, and the gradient by each of them. */
export interface Vector {
  readonly value: Numbers
  readonly grad: Numbers
}

/** f and f' by x and f(x). */
export type Activation = readonly [f: (x: number) => number, derivative: (x: number, y: number) => number]

export interface Tape {
  readonly vector: (values: ArrayLike<number>) => Vector
  readonly zeros: (size: number) => Vector
  /** The same numbers, through which no gradient passes. */
  readonly detach: (x: Vector) => Vector
  readonly part: (x: Vector, start: number, size: number) => Vector
  readonly concatenate: (parts: readonly Vector[]) => Vector
  readonly add: (a: Vector, b: Vector) => Vector
  readonly subtract: (a: Vector, b: Vector) => Vector
  readonly multiply: (a: Vector, b: Vector) => Vector
  readonly apply: (x: Vector, activation: Activation) => Vector
  /** y[row] = Σ weight[index(row, column)] · x[column] */
  readonly product: (weight: Vector, x: Vector, rows: number, index: (row: number, column: number) => number) => Vector
  /** Calculates y by itself, and by the gradient of y those of what it was made of. */
  readonly custom: (size: number, forward: (y: Numbers) => void, backward: (y: Numbers, dy: Numbers) => void) => Vector
  /** Rounds a number as every one is that a port calculates. */
  readonly round: (x: number) => number
  /** From the gradients of what came out to those of what went in. */
  readonly backward: () => void
}

/**
 * Writes down what is calculated, so that the gradients are those of a faulty port too: of what it computes, not of what it should.
 * recording: whether `backward` will be called.
 */
export function newTape(arithmetic: 'float32' | 'float64', recording: boolean): Tape {
  const numbers = arithmetic === 'float32' ? Float32Array : Float64Array
  const round = arithmetic === 'float32' ? Math.fround : (x: number): number => x
  const none = new numbers(0)
  const played: (() => void)[] = []

  function vector(values: ArrayLike<number>): Vector {
    return { value: numbers.from(values), grad: recording ? new numbers(values.length) : none }
  }
  function zeros(size: number): Vector {
    return { value: new numbers(size), grad: recording ? new numbers(size) : none }
  }
  function custom(size: number, forward: (y: Numbers) => void, backward: (y: Numbers, dy: Numbers) => void): Vector {
    const y = zeros(size)
    forward(y.value)
    if (recording) played.push(() => backward(y.value, y.grad))
    return y
  }
  /** One number of y by one of a and one of b, and the gradients by these two. */
  function pairwise(
    a: Vector,
    b: Vector,
    f: (a: number, b: number) => number,
    byA: (a: number, b: number) => number,
    byB: (a: number, b: number) => number,
  ): Vector {
    return custom(
      a.value.length,
      (y) => y.forEach((_, i) => (y[i] = f(a.value[i]!, b.value[i]!))),
      (_, dy) =>
        dy.forEach((d, i) => {
          a.grad[i] = a.grad[i]! + round(d * byA(a.value[i]!, b.value[i]!))
          b.grad[i] = b.grad[i]! + round(d * byB(a.value[i]!, b.value[i]!))
        }),
    )
  }

  return {
    vector,
    zeros,
    custom,
    round,
    detach: (x) => vector(x.value),
    part: ({ value, grad }, start, size) => ({
      value: value.subarray(start, start + size),
      grad: grad.subarray(start, start + size),
    }),
    concatenate(parts) {
      const starts = parts.map((_, i) => parts.slice(0, i).reduce((sum, { value }) => sum + value.length, 0))
      const size = parts.reduce((sum, { value }) => sum + value.length, 0)
      return custom(
        size,
        (y) => parts.forEach(({ value }, i) => y.set(value, starts[i])),
        (_, dy) => parts.forEach(({ grad }, i) => grad.forEach((d, j) => (grad[j] = d + dy[starts[i]! + j]!))),
      )
    },
    add: (a, b) =>
      pairwise(
        ...([a, b] as const),
        (a, b) => a + b,
        () => 1,
        () => 1,
      ),
    subtract: (a, b) =>
      pairwise(
        ...([a, b] as const),
        (a, b) => a - b,
        () => 1,
        () => -1,
      ),
    multiply: (a, b) =>
      pairwise(
        ...([a, b] as const),
        (a, b) => a * b,
        (_, b) => b,
        (a) => a,
      ),
    apply: (x, [f, derivative]) =>
      custom(
        x.value.length,
        (y) => x.value.forEach((own, i) => (y[i] = f(own))),
        (y, dy) => dy.forEach((d, i) => (x.grad[i] = x.grad[i]! + round(d * derivative(x.value[i]!, y[i]!)))),
      ),
    product: (weight, x, rows, index) =>
      custom(
        rows,
        (y) => {
          for (let row = 0; row < rows; row++) {
            let sum = 0
            for (let column = 0; column < x.value.length; column++) {
              sum = round(sum + round(weight.value[index(row, column)]! * x.value[column]!))
            }
            y[row] = sum
          }
        },
        (_, dy) => {
          for (let row = 0; row < rows; row++) {
            for (let column = 0; column < x.value.length; column++) {
              const at = index(row, column)
              weight.grad[at] = weight.grad[at]! + round(dy[row]! * x.value[column]!)
              x.grad[column] = x.grad[column]! + round(dy[row]! * weight.value[at]!)
            }
          }
        },
      ),
    backward() {
      for (const operation of played.toReversed()) operation()
    },
  }
}

/** One after the other. */
export function joined(parts: readonly Numbers[]): number[] {
  return parts.flatMap((part) => Array.from(part))
}

export function sumOf(numbers: Numbers): number {
  let sum = 0
  for (const x of numbers) sum += x
  return sum
}
