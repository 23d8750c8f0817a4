// The only matrix product: x · w, of rows of x that are packed by fours and columns of w that are packed by panels of two vectors. A
// tile of 4 rows and one panel is 8 vectors of sums, which is what 16 registers hold beside what they are made of. Each sum runs over the
// inputs in order, one by one. The loops are not unrolled: some compilers would move all loads of a block before its sums, and spill.
import { packColumns, packRows, packTransposed, PANEL } from './pack'
import { add, at, mulAdd } from './vector'

/** Rows that are packed at a time: so many fit the cache beside a panel. */
export const BLOCK: i32 = 128

/** Sums of a tile that has less than a panel's columns, before they are put where they belong. */
const scratch = memory.data(4 * 32, 16)
const zeros = memory.data(32, 16)

/** A class, since its members alone can be compiled apart for each number of rows. */
class Tile {
  /** One panel of so many rows: out = start + x · w, where the rows of start and out stand so many bytes apart. */
  @inline
  static of(
    rows: i32,
    out: usize,
    outStep: usize,
    start: usize,
    startStep: usize,
    x: usize,
    w: usize,
    end: usize,
  ): void {
    let s00 = i64x2.splat(0)
    let s01 = i64x2.splat(0)
    let s10 = i64x2.splat(0)
    let s11 = i64x2.splat(0)
    let s20 = i64x2.splat(0)
    let s21 = i64x2.splat(0)
    let s30 = i64x2.splat(0)
    let s31 = i64x2.splat(0)
    for (; w != end; w += 32, x += rows * sizeof<Real>()) {
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      const x0 = v128.load_splat<Real>(x)
      s00 = mulAdd(x0, w0, s00)
      s01 = mulAdd(x0, w1, s01)
      if (rows > 1) {
        const x1 = v128.load_splat<Real>(x, sizeof<Real>())
        s10 = mulAdd(x1, w0, s10)
        s11 = mulAdd(x1, w1, s11)
      }
      if (rows > 2) {
        const x2 = v128.load_splat<Real>(x, 2 * sizeof<Real>())
        s20 = mulAdd(x2, w0, s20)
        s21 = mulAdd(x2, w1, s21)
      }
      if (rows > 3) {
        const x3 = v128.load_splat<Real>(x, 3 * sizeof<Real>())
        s30 = mulAdd(x3, w0, s30)
        s31 = mulAdd(x3, w1, s31)
      }
    }
    v128.store(out, add(v128.load(start), s00))
    v128.store(out, add(v128.load(start, 16), s01), 16)
    if (rows == 1) return
    out += outStep
    start += startStep
    v128.store(out, add(v128.load(start), s10))
    v128.store(out, add(v128.load(start, 16), s11), 16)
    if (rows == 2) return
    out += outStep
    start += startStep
    v128.store(out, add(v128.load(start), s20))
    v128.store(out, add(v128.load(start, 16), s21), 16)
    if (rows == 3) return
    out += outStep
    start += startStep
    v128.store(out, add(v128.load(start), s30))
    v128.store(out, add(v128.load(start, 16), s31), 16)
  }
}

function tile4(out: usize, outStep: usize, start: usize, startStep: usize, x: usize, w: usize, end: usize): void {
  Tile.of(4, out, outStep, start, startStep, x, w, end)
}

function tileOf(
  rows: i32,
  out: usize,
  outStep: usize,
  start: usize,
  startStep: usize,
  x: usize,
  w: usize,
  end: usize,
): void {
  if (rows == 4) tile4(out, outStep, start, startStep, x, w, end)
  else if (rows == 3) Tile.of(3, out, outStep, start, startStep, x, w, end)
  else if (rows == 2) Tile.of(2, out, outStep, start, startStep, x, w, end)
  else Tile.of(1, out, outStep, start, startStep, x, w, end)
}

/** Four panels of one row, whose sums would else wait for each other. */
function row4(out: usize, start: usize, x: usize, w: usize, end: usize, panel: usize): void {
  let s0 = i64x2.splat(0)
  let s1 = i64x2.splat(0)
  let s2 = i64x2.splat(0)
  let s3 = i64x2.splat(0)
  let s4 = i64x2.splat(0)
  let s5 = i64x2.splat(0)
  let s6 = i64x2.splat(0)
  let s7 = i64x2.splat(0)
  let v = w + 2 * panel
  for (; w != end; w += 32, v += 32, x += sizeof<Real>()) {
    const x0 = v128.load_splat<Real>(x)
    s0 = mulAdd(x0, v128.load(w), s0)
    s1 = mulAdd(x0, v128.load(w, 16), s1)
    s2 = mulAdd(x0, v128.load(w + panel), s2)
    s3 = mulAdd(x0, v128.load(w + panel, 16), s3)
    s4 = mulAdd(x0, v128.load(v), s4)
    s5 = mulAdd(x0, v128.load(v, 16), s5)
    s6 = mulAdd(x0, v128.load(v + panel), s6)
    s7 = mulAdd(x0, v128.load(v + panel, 16), s7)
  }
  v128.store(out, add(v128.load(start), s0))
  v128.store(out, add(v128.load(start, 16), s1), 16)
  v128.store(out, add(v128.load(start, 32), s2), 32)
  v128.store(out, add(v128.load(start, 48), s3), 48)
  v128.store(out, add(v128.load(start, 64), s4), 64)
  v128.store(out, add(v128.load(start, 80), s5), 80)
  v128.store(out, add(v128.load(start, 96), s6), 96)
  v128.store(out, add(v128.load(start, 112), s7), 112)
}

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
    for (; column + 4 * PANEL <= columns; column += 4 * PANEL, w += 4 * panel) {
      row4(at(out, column), at(start, column), x, w, w + panel, panel)
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
    tileOf(rows, to, outStep, from, startStep, own, w, end)
    return
  }
  tileOf(rows, scratch, 32, zeros, 0, own, w, end)
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
