// Operands of a product in the order in which it reads them.
import { at, LANES, roundUp } from './vector'

/** Columns of a panel: two vectors. */
export const PANEL: i32 = 2 * LANES

/** Numbers that packed columns take. */
export function packedColumns(columns: i32, inputs: i32): i32 {
  return roundUp(columns, PANEL) * inputs
}

/**
 * Packs rows by fours, one input after the other. A row has blocks of inputs, which stand apart.
 * x: (rows, blocks * inputs), strides in numbers.
 */
export function packRows(to: usize, x: usize, rows: i32, stride: i32, blocks: i32, inputs: i32, apart: i32): void {
  let row = 0
  for (; row + 4 <= rows; row += 4) {
    for (let block = 0; block < blocks; block++) {
      let x0 = at(x, row * stride + block * apart)
      const end = at(x0, inputs)
      for (; x0 < end; x0 += sizeof<Real>(), to += 4 * sizeof<Real>()) {
        store<Real>(to, load<Real>(x0))
        store<Real>(to, load<Real>(at(x0, stride)), sizeof<Real>())
        store<Real>(to, load<Real>(at(x0, 2 * stride)), 2 * sizeof<Real>())
        store<Real>(to, load<Real>(at(x0, 3 * stride)), 3 * sizeof<Real>())
      }
    }
  }
  const left = rows - row
  if (left == 0) return
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < inputs; i++) {
      for (let r = 0; r < left; r++, to += sizeof<Real>()) {
        store<Real>(to, load<Real>(at(x, (row + r) * stride + block * apart + i)))
      }
    }
  }
}

/** The same of columns as rows: xᵀ for x: (inputs, rows), whose rows stand so many numbers apart. */
export function packTransposed(to: usize, x: usize, rows: i32, inputs: i32, stride: i32): void {
  for (let row = 0; row < rows; row += 4) {
    const size = min(4, rows - row)
    let from = at(x, row)
    for (let i = 0; i < inputs; i++, from = at(from, stride)) {
      for (let r = 0; r < size; r++, to += sizeof<Real>()) store<Real>(to, load<Real>(at(from, r)))
    }
  }
}

/** Packs w: (inputs, columns), whose rows stand so many numbers apart. What a last panel lacks is 0. */
export function packColumns(to: usize, w: usize, inputs: i32, columns: i32, stride: i32): void {
  for (let column = 0; column < columns; column += PANEL) {
    const size = min(PANEL, columns - column)
    let from = at(w, column)
    for (let i = 0; i < inputs; i++, from = at(from, stride), to += 32) {
      if (size == PANEL) {
        v128.store(to, v128.load(from))
        v128.store(to, v128.load(from, 16), 16)
      } else {
        for (let c = 0; c < PANEL; c++) store<Real>(at(to, c), c < size ? load<Real>(at(from, c)) : 0)
      }
    }
  }
}

/** Packs a weight of torch, w: (columns, inputs), as columns from `first` on of what has been cleared. */
export function packWeight(to: usize, w: usize, columns: i32, inputs: i32, first: i32): void {
  for (let column = first; column < first + columns; column++) {
    let place = at(to, (column & -PANEL) * inputs + (column & (PANEL - 1)))
    for (const end = at(w, inputs); w < end; w += sizeof<Real>(), place += 32) store<Real>(place, load<Real>(w))
  }
}
