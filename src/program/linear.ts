import { roundToBfloat16, roundToFloat16 } from '../format/precision.ts'
import type { FloatDType } from '../format/tensor.ts'
import type { Attributes } from './operation.ts'
import { type Computed, gradOf, type Value } from './value.ts'

/**
 * x · weightᵀ. x: (…, inputs), weight: (outputs, inputs) → (…, outputs)
 * Source: torch.nn.functional.linear, without a bias.
 */
export function linear([x, weight]: readonly Value[], { sums }: Attributes['linear'] = {}): Computed {
  const [outputs = 0, inputs = 0] = weight!.shape
  if (weight!.shape.length !== 2 || x!.shape.at(-1) !== inputs) {
    throw new RangeError(
      `expected a weight of (outputs, inputs) and as many inputs, got (${weight!.shape.join(', ')}) and (${x!.shape.join(', ')})`,
    )
  }
  const outer = x!.shape.slice(0, -1)
  const rows = outer.reduce((product, size) => product * size, 1)
  const data = new Float64Array(rows * outputs)
  if (sums === undefined || sums === 'float64') addProducts(data, x!.data, weight!.data, rows, inputs, outputs)
  else addRounded(data, x!.data, weight!.data, inputs, outputs, roundings[sums])
  return {
    shape: [...outer, outputs],
    data,
    back(d) {
      const [dx, dweight] = [gradOf(x!), gradOf(weight!)]
      if (dx !== undefined) addRows(dx, d, weight!.data, rows, inputs, outputs)
      if (dweight !== undefined) addOuter(dweight, d, x!.data, rows, inputs, outputs)
    },
  }
}

const roundings: Readonly<Record<Exclude<FloatDType, 'float64'>, (x: number) => number>> = {
  float16: roundToFloat16,
  bfloat16: roundToBfloat16,
  float32: Math.fround,
}

/** y = x · weightᵀ, every product and every sum rounded, one after the other. */
function addRounded(
  y: Float64Array,
  x: Float64Array,
  weight: Float64Array,
  inputs: number,
  outputs: number,
  round: (x: number) => number,
): void {
  for (let to = 0; to < y.length; to++) {
    const row = Math.floor(to / outputs) * inputs
    const own = (to % outputs) * inputs
    let sum = 0
    for (let i = 0; i < inputs; i++) sum = round(sum + round(x[row + i]! * weight[own + i]!))
    y[to] = sum
  }
}

/** y += x · weightᵀ, four outputs at a time; each sum runs over the inputs in order. */
function addProducts(
  y: Float64Array,
  x: Float64Array,
  weight: Float64Array,
  rows: number,
  inputs: number,
  outputs: number,
): void {
  const four = outputs - (outputs % 4)
  for (let row = 0; row < rows; row++) {
    const at = row * inputs
    const to = row * outputs
    for (let o = 0; o < four; o += 4) {
      const [w0, w1, w2, w3] = [o * inputs, (o + 1) * inputs, (o + 2) * inputs, (o + 3) * inputs]
      let [s0, s1, s2, s3] = [0, 0, 0, 0]
      for (let i = 0; i < inputs; i++) {
        const own = x[at + i]!
        s0 += own * weight[w0 + i]!
        s1 += own * weight[w1 + i]!
        s2 += own * weight[w2 + i]!
        s3 += own * weight[w3 + i]!
      }
      y[to + o]! += s0
      y[to + o + 1]! += s1
      y[to + o + 2]! += s2
      y[to + o + 3]! += s3
    }
    for (let o = four; o < outputs; o++) {
      let sum = 0
      for (let i = 0; i < inputs; i++) sum += x[at + i]! * weight[o * inputs + i]!
      y[to + o]! += sum
    }
  }
}

/** dx += d · weight, four outputs at a time. */
function addRows(
  dx: Float64Array,
  d: Float64Array,
  weight: Float64Array,
  rows: number,
  inputs: number,
  outputs: number,
): void {
  const four = outputs - (outputs % 4)
  for (let row = 0; row < rows; row++) {
    const to = row * inputs
    const at = row * outputs
    for (let o = 0; o < four; o += 4) {
      const [w0, w1, w2, w3] = [o * inputs, (o + 1) * inputs, (o + 2) * inputs, (o + 3) * inputs]
      const [d0, d1, d2, d3] = [d[at + o]!, d[at + o + 1]!, d[at + o + 2]!, d[at + o + 3]!]
      for (let i = 0; i < inputs; i++) {
        dx[to + i]! += d0 * weight[w0 + i]! + d1 * weight[w1 + i]! + d2 * weight[w2 + i]! + d3 * weight[w3 + i]!
      }
    }
    for (let o = four; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) dx[to + i]! += d[at + o]! * weight[o * inputs + i]!
    }
  }
}

/** dweight += dᵀ · x, four rows at a time. */
function addOuter(
  dweight: Float64Array,
  d: Float64Array,
  x: Float64Array,
  rows: number,
  inputs: number,
  outputs: number,
): void {
  const four = rows - (rows % 4)
  for (let row = 0; row < four; row += 4) {
    const [x0, x1, x2, x3] = [row * inputs, (row + 1) * inputs, (row + 2) * inputs, (row + 3) * inputs]
    const at = row * outputs
    for (let o = 0; o < outputs; o++) {
      const to = o * inputs
      const d0 = d[at + o]!
      const d1 = d[at + outputs + o]!
      const d2 = d[at + 2 * outputs + o]!
      const d3 = d[at + 3 * outputs + o]!
      for (let i = 0; i < inputs; i++) {
        dweight[to + i]! += d0 * x[x0 + i]! + d1 * x[x1 + i]! + d2 * x[x2 + i]! + d3 * x[x3 + i]!
      }
    }
  }
  for (let row = four; row < rows; row++) {
    for (let o = 0; o < outputs; o++) {
      const by = d[row * outputs + o]!
      for (let i = 0; i < inputs; i++) dweight[o * inputs + i]! += by * x[row * inputs + i]!
    }
  }
}
