// The only matrix product: x · w, of rows of x that are packed by fours and columns of w that are packed by panels of two vectors. A
// tile of 4 rows and one panel is 8 vectors of sums, which is what 16 registers hold beside what they are made of.
import { packColumns, packRows, packTransposed, PANEL } from './pack'
import { tile, tiles, TOGETHER } from './tile'
import { at } from './vector'

/** Rows that are packed at a time: so many fit the cache beside a panel. */
export const BLOCK: i32 = 128

/** Sums of a tile that has less than a panel's columns, before they are put where they belong. */
const scratch = memory.data(4 * 32, 16)
const zeros = memory.data(32, 16)

/**
 * out = start + x · w. x: packed rows, w: packed columns. out: (rows, columns), outStride numbers apart; start likewise, where a stride
 * of 0 repeats one row; start may be out.
 */
export function product(
  out: usize,
  outStride: i32,
  start: usize,
  startStride: i32,
  x: usize,
  w: usize,
  rows: i32,
  columns: i32,
  inputs: i32,
): void {
  const panel = (<usize>inputs) << 5
  const outStep = at(0, outStride)
  const startStep = at(0, startStride)
  let column = 0
  if (rows == 1) {
    for (; column + TOGETHER * PANEL <= columns; column += TOGETHER * PANEL, w += <usize>TOGETHER * panel) {
      tiles(at(out, column), at(start, column), x, w, panel)
    }
  }
  // What is less stays near while what is more goes by.
  if (rows < columns || rows < 8) {
    for (; column < columns; column += PANEL, w += panel) {
      for (let row = 0; row < rows; row += 4) {
        oneTile(out, outStep, start, startStep, x, w, row, min(4, rows - row), column, columns, inputs)
      }
    }
  } else {
    for (let row = 0; row < rows; row += 4) {
      let own = w
      for (let column = 0; column < columns; column += PANEL, own += panel) {
        oneTile(out, outStep, start, startStep, x, own, row, min(4, rows - row), column, columns, inputs)
      }
    }
  }
}

function oneTile(
  out: usize,
  outStep: usize,
  start: usize,
  startStep: usize,
  x: usize,
  w: usize,
  row: i32,
  rows: i32,
  column: i32,
  columns: i32,
  inputs: i32,
): void {
  const to = at(out, column) + <usize>row * outStep
  const from = at(start, column) + <usize>row * startStep
  const own = at(x, row * inputs)
  const end = w + ((<usize>inputs) << 5)
  if (column + PANEL <= columns) {
    tile(rows, to, outStep, from, startStep, own, w, end)
    return
  }
  tile(rows, scratch, 32, zeros, 0, own, w, end)
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns - column; c++) {
      store<Real>(
        at(to, c) + <usize>r * outStep,
        load<Real>(at(from, c) + <usize>r * startStep) + load<Real>(at(scratch, r * PANEL + c)),
      )
    }
  }
}

/** The same of rows that are not packed yet, by blocks; packed: room for so many rows of a block. See packRows for x. */
export function linear(
  out: usize,
  outStride: i32,
  start: usize,
  startStride: i32,
  x: usize,
  xStride: i32,
  blocks: i32,
  inputs: i32,
  apart: i32,
  w: usize,
  rows: i32,
  columns: i32,
  packed: usize,
): void {
  if (rows == 1 && blocks == 1) {
    product(out, outStride, start, startStride, x, w, 1, columns, inputs)
    return
  }
  for (let row = 0; row < rows; row += BLOCK) {
    const size = min(BLOCK, rows - row)
    packRows(packed, at(x, row * xStride), size, xStride, blocks, inputs, apart)
    product(
      at(out, row * outStride),
      outStride,
      at(start, row * startStride),
      startStride,
      packed,
      w,
      size,
      columns,
      blocks * inputs,
    )
  }
}

/** out += yᵀ · x over rows. y: (rows, outputs), x: (rows, inputs), out: (outputs, inputs). packedY, packedX: room for a block. */
export function addOuter(
  out: usize,
  y: usize,
  yStride: i32,
  outputs: i32,
  x: usize,
  xStride: i32,
  inputs: i32,
  rows: i32,
  packedY: usize,
  packedX: usize,
): void {
  for (let row = 0; row < rows; row += BLOCK) {
    const size = min(BLOCK, rows - row)
    packTransposed(packedY, at(y, row * yStride), outputs, size, yStride)
    packColumns(packedX, at(x, row * xStride), size, inputs, xStride)
    product(out, inputs, out, inputs, packedY, packedX, outputs, inputs, size)
  }
}
