// Vectors of Real, which is f64 or f32: each binary is compiled from these files for one of the two, and with FUSED for engines that
// multiply and add with one rounding.

/** Numbers in a vector. */
export const LANES: i32 = 16 / sizeof<Real>()

export function add(x: v128, y: v128): v128 {
  return v128.add<Real>(x, y)
}

export function sub(x: v128, y: v128): v128 {
  return v128.sub<Real>(x, y)
}

export function mul(x: v128, y: v128): v128 {
  return v128.mul<Real>(x, y)
}

/** x · y + z: with one rounding where the engine can. */
export function mulAdd(x: v128, y: v128, z: v128): v128 {
  return FUSED ? v128.relaxed_madd<Real>(x, y, z) : v128.add<Real>(z, v128.mul<Real>(x, y))
}

export function all(x: Real): v128 {
  return v128.splat<Real>(x)
}

/** The address of a number so many numbers further on. */
export function at(start: usize, count: i32): usize {
  return start + ((<usize>count) << alignof<Real>())
}

/** The next multiple of a power of two. */
export function roundUp(x: i32, multiple: i32): i32 {
  return (x + multiple - 1) & -multiple
}

/** Copies so many numbers. */
export function copy(to: usize, from: usize, count: i32): void {
  const end = at(from, count)
  for (; from + 16 <= end; from += 16, to += 16) v128.store(to, v128.load(from))
  for (; from < end; from += sizeof<Real>(), to += sizeof<Real>()) store<Real>(to, load<Real>(from))
}

/** Sets so many numbers to 0. */
export function clear(to: usize, count: i32): void {
  const end = at(to, count)
  for (; to + 16 <= end; to += 16) v128.store(to, i64x2.splat(0))
  for (; to < end; to += sizeof<Real>()) store<Real>(to, 0)
}
