/**
 * The only matrix product: out += x · weightᵀ, all float64, C order.
 * out: (rows, outputs) from outStart, x: (rows, inputs) from xStart, weight: (outputs, inputs).
 *
 * Two rows and four outputs at a time, which reads each number of x and weight half and a quarter as often; each sum runs
 * over the inputs in order, one by one.
 */
export function addProduct(
  out: Float64Array,
  outStart: number,
  x: Float64Array,
  xStart: number,
  weight: Float64Array,
  rows: number,
  inputs: number,
  outputs: number,
): void {
  const wholeRows = rows - (rows % 2)
  const wholeOutputs = outputs - (outputs % 4)
  for (let row = 0; row < wholeRows; row += 2) {
    const x0 = xStart + row * inputs
    const x1 = x0 + inputs
    const out0 = outStart + row * outputs
    const out1 = out0 + outputs
    for (let o = 0; o < wholeOutputs; o += 4) {
      const w0 = o * inputs
      const w1 = w0 + inputs
      const w2 = w1 + inputs
      const w3 = w2 + inputs
      let s00 = 0
      let s01 = 0
      let s02 = 0
      let s03 = 0
      let s10 = 0
      let s11 = 0
      let s12 = 0
      let s13 = 0
      for (let i = 0; i < inputs; i++) {
        const a = x[x0 + i]!
        const b = x[x1 + i]!
        const v0 = weight[w0 + i]!
        const v1 = weight[w1 + i]!
        const v2 = weight[w2 + i]!
        const v3 = weight[w3 + i]!
        s00 += a * v0
        s01 += a * v1
        s02 += a * v2
        s03 += a * v3
        s10 += b * v0
        s11 += b * v1
        s12 += b * v2
        s13 += b * v3
      }
      out[out0 + o]! += s00
      out[out0 + o + 1]! += s01
      out[out0 + o + 2]! += s02
      out[out0 + o + 3]! += s03
      out[out1 + o]! += s10
      out[out1 + o + 1]! += s11
      out[out1 + o + 2]! += s12
      out[out1 + o + 3]! += s13
    }
    addDots(out, outStart, x, xStart, weight, inputs, outputs, row, row + 2, wholeOutputs)
  }
  addDots(out, outStart, x, xStart, weight, inputs, outputs, wholeRows, rows, 0)
}

/** What the blocks leave over: rows firstRow … lastRow − 1, outputs from firstOutput on, one dot product each. */
function addDots(
  out: Float64Array,
  outStart: number,
  x: Float64Array,
  xStart: number,
  weight: Float64Array,
  inputs: number,
  outputs: number,
  firstRow: number,
  lastRow: number,
  firstOutput: number,
): void {
  for (let row = firstRow; row < lastRow; row++) {
    const x0 = xStart + row * inputs
    const out0 = outStart + row * outputs
    for (let o = firstOutput; o < outputs; o++) {
      const w0 = o * inputs
      let sum = 0
      for (let i = 0; i < inputs; i++) sum += x[x0 + i]! * weight[w0 + i]!
      out[out0 + o]! += sum
    }
  }
}

/** How a matrix product is computed: as `addProduct` does, or less exactly. */
export type Product = typeof addProduct

/**
 * torch.nn.functional.linear: x · weightᵀ + bias.
 * x: (rows, inputs), weight: (outputs, inputs), bias: (outputs) or undefined → (rows, outputs)
 */
export function linear(
  x: Float64Array,
  weight: Float64Array,
  bias: Float64Array | undefined,
  rows: number,
  inputs: number,
  outputs: number,
  product: Product = addProduct,
): Float64Array {
  const out = new Float64Array(rows * outputs)
  fillRows(out, bias, rows, outputs)
  product(out, 0, x, 0, weight, rows, inputs, outputs)
  return out
}

/** Starts a linear layer's output: each row is the bias, or zero. */
export function fillRows(out: Float64Array, bias: Float64Array | undefined, rows: number, outputs: number): void {
  if (bias === undefined) out.fill(0)
  else for (let row = 0; row < rows; row++) out.set(bias, row * outputs)
}

/** x: (rows, columns) → (columns, rows) */
export function transpose(x: Float64Array, rows: number, columns: number): Float64Array {
  const turned = new Float64Array(x.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = x[row * columns + column]!
  }
  return turned
}

/**
 * yᵀ · x, the gradient by the weight of a linear layer when y is the gradient by its output.
 * y: (rows, outputs), x: (rows, inputs), both may hold more rows → (outputs, inputs)
 */
export function productOfColumns(
  y: Float64Array,
  x: Float64Array,
  rows: number,
  outputs: number,
  inputs: number,
  product: Product = addProduct,
): Float64Array {
  return linear(transpose(y, rows, outputs), transpose(x, rows, inputs), undefined, outputs, rows, inputs, product)
}

/** The gradient by the bias of a linear layer: x: (rows, outputs) → (outputs) */
export function sumRows(x: Float64Array, rows: number, outputs: number, product: Product = addProduct): Float64Array {
  // A sum that is computed less exactly is a product with ones.
  if (product !== addProduct) return productOfColumns(x, new Float64Array(rows).fill(1), rows, outputs, 1, product)
  const sums = new Float64Array(outputs)
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < outputs; o++) sums[o]! += x[row * outputs + o]!
  }
  return sums
}
