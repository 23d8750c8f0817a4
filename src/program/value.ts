/** A tensor in float64, C order, and the gradient by it on the way back. */
export interface Value {
  readonly shape: readonly number[]
  readonly data: Float64Array
  readonly requires_grad: boolean
  /** undefined until some of it has come. */
  grad: Float64Array | undefined
}

/** What an operation gives; back: adds to the gradients of its operands, from the gradient by what it gave. */
export interface Computed {
  readonly shape: readonly number[]
  readonly data: Float64Array
  readonly back?: (d: Float64Array) => void
}

/** Where the gradient by a value is added up; undefined where nobody asks for it. */
export function gradOf(value: Value): Float64Array | undefined {
  if (!value.requires_grad) return undefined
  return (value.grad ??= new Float64Array(value.data.length))
}

/** Adds to the gradient by a value. d: is not read afterwards, so that where it is the first it may be kept. */
export function addTo(value: Value, d: Float64Array): void {
  if (!value.requires_grad) return
  if (value.grad === undefined) {
    value.grad = d
    return
  }
  const { grad } = value
  for (let i = 0; i < d.length; i++) grad[i]! += d[i]!
}

/** A dim from 0, of one that may count from the end. */
export function dimOf(shape: readonly number[], dim: number): number {
  const own = dim < 0 ? shape.length + dim : dim
  if (own < 0 || own >= shape.length) throw new RangeError(`expected a dim of (${shape.join(', ')}), got ${dim}`)
  return own
}

/** How a dim divides a tensor: so many blocks of so many parts of so many numbers. */
export function around(shape: readonly number[], dim: number): { outer: number; size: number; inner: number } {
  let outer = 1
  let inner = 1
  for (let i = 0; i < dim; i++) outer *= shape[i]!
  for (let i = dim + 1; i < shape.length; i++) inner *= shape[i]!
  return { outer, size: shape[dim] ?? 1, inner }
}
