// Tiles of a product: so many sums at a time as there are registers for. Each runs over the inputs in order, one by one. Compilers of
// Node 20 move all loads of a block before its sums, and a loop begins with a look at the stack, which takes as long as a sum: so a
// loop has two inputs, and an end between them that parts them into blocks.
import { add, mulAdd } from './vector'

/** A class, since its members alone can be compiled apart for each number of rows. */
class Tile {
  /** One panel of so many rows: out = start + x · w, where the rows of start and out stand so many bytes apart; w ends at `end`. */
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
    if (w != end)
      do {
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
        w += 32
        x += rows * sizeof<Real>()
        if (w == end) break
        const v0 = v128.load(w)
        const v1 = v128.load(w, 16)
        const y0 = v128.load_splat<Real>(x)
        s00 = mulAdd(y0, v0, s00)
        s01 = mulAdd(y0, v1, s01)
        if (rows > 1) {
          const y1 = v128.load_splat<Real>(x, sizeof<Real>())
          s10 = mulAdd(y1, v0, s10)
          s11 = mulAdd(y1, v1, s11)
        }
        if (rows > 2) {
          const y2 = v128.load_splat<Real>(x, 2 * sizeof<Real>())
          s20 = mulAdd(y2, v0, s20)
          s21 = mulAdd(y2, v1, s21)
        }
        if (rows > 3) {
          const y3 = v128.load_splat<Real>(x, 3 * sizeof<Real>())
          s30 = mulAdd(y3, v0, s30)
          s31 = mulAdd(y3, v1, s31)
        }
        w += 32
        x += rows * sizeof<Real>()
      } while (w != end)
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

/** One panel of one to four rows. */
export function tile(
  rows: i32,
  out: usize,
  outStep: usize,
  start: usize,
  startStep: usize,
  x: usize,
  w: usize,
  end: usize,
): void {
  if (rows == 4) Tile.of(4, out, outStep, start, startStep, x, w, end)
  else if (rows == 3) Tile.of(3, out, outStep, start, startStep, x, w, end)
  else if (rows == 2) Tile.of(2, out, outStep, start, startStep, x, w, end)
  else Tile.of(1, out, outStep, start, startStep, x, w, end)
}

/** Panels of one row that are taken together, since the sums of one would wait for each other. */
export const TOGETHER: i32 = 3

/** So many panels of one row. panel: bytes from one to the next */
export function tiles(out: usize, start: usize, x: usize, w: usize, panel: usize): void {
  let s0 = i64x2.splat(0)
  let s1 = i64x2.splat(0)
  let s2 = i64x2.splat(0)
  let s3 = i64x2.splat(0)
  let s4 = i64x2.splat(0)
  let s5 = i64x2.splat(0)
  const end = w + panel
  let v = w + 2 * panel
  if (w != end)
    do {
      const x0 = v128.load_splat<Real>(x)
      s0 = mulAdd(x0, v128.load(w), s0)
      s1 = mulAdd(x0, v128.load(w, 16), s1)
      s2 = mulAdd(x0, v128.load(w + panel), s2)
      s3 = mulAdd(x0, v128.load(w + panel, 16), s3)
      s4 = mulAdd(x0, v128.load(v), s4)
      s5 = mulAdd(x0, v128.load(v, 16), s5)
      w += 32
      v += 32
      x += sizeof<Real>()
      if (w == end) break
      const y0 = v128.load_splat<Real>(x)
      s0 = mulAdd(y0, v128.load(w), s0)
      s1 = mulAdd(y0, v128.load(w, 16), s1)
      s2 = mulAdd(y0, v128.load(w + panel), s2)
      s3 = mulAdd(y0, v128.load(w + panel, 16), s3)
      s4 = mulAdd(y0, v128.load(v), s4)
      s5 = mulAdd(y0, v128.load(v, 16), s5)
      w += 32
      v += 32
      x += sizeof<Real>()
    } while (w != end)
  v128.store(out, add(v128.load(start), s0))
  v128.store(out, add(v128.load(start, 16), s1), 16)
  v128.store(out, add(v128.load(start, 32), s2), 32)
  v128.store(out, add(v128.load(start, 48), s3), 48)
  v128.store(out, add(v128.load(start, 64), s4), 64)
  v128.store(out, add(v128.load(start, 80), s5), 80)
}
