// tanh and sigmoid of a vector, each within 1 ULP. With R = r coth r, which is even in r and so has few terms, e^2r = (R + r) / (R − r):
// both functions are one quotient of sums of R and r. It is divided to few digits, q; what q leaves is then known almost exactly,
// since products of numbers with few digits are. The same in both precisions, but for the constants.
import { add, all, at, mul, sub } from './vector'

/** What stands in `table`: a load takes less than making a constant does. */
const SIGN: i32 = 0
const ONE: i32 = 1
const HALF: i32 = 2
/** Adding it and taking it away again rounds to a whole number, which then stands in the lowest bits. */
const ROUNDER: i32 = 3
/** The same for so few digits of r that products with a q are exact. */
const SHORTENER: i32 = 4
/** 2 / ln 2 */
const PER_R: i32 = 5
/** ln 2 / 2 in two parts, the first with so few digits that its products with whole numbers are exact. */
const LN2: i32 = 6
const LN2_REST: i32 = 7
/** Of −|x| and −|x| / 2: past it tanh is 1, and the sigmoid 1 or 0. */
const MOST_OF_TANH: i32 = 8
const MOST_OF_SIGMOID: i32 = 9
/** Of −|x|: nearer to 0 tanh x is x. */
const LEAST: i32 = 10
/** R = 1 + a r² + b r⁴ + …. Source: e_exp.c of fdlibm, whose r is twice ours. */
const TERMS: i32 = 11

const table = memory.data<Real>([
  -0.0,
  1,
  0.5,
  sizeof<Real>() == 8 ? 6755399441055744 : 12582912,
  sizeof<Real>() == 8 ? 50331648 : 1536,
  2.8853900817779268,
  sizeof<Real>() == 8 ? 3.4657359018456191e-1 : 0.3466796875,
  sizeof<Real>() == 8 ? 9.541074646352939e-11 : -1.0609722e-4,
  sizeof<Real>() == 8 ? -22 : -10,
  sizeof<Real>() == 8 ? -373 : -52.5,
  sizeof<Real>() == 8 ? -3.7252902984619140625e-9 : -1.220703125e-4,
  3.3333333333333204e-1,
  -2.2222222221612475e-2,
  2.116402022860139e-3,
  -2.1163394822995522e-4,
  2.118726040093306e-5,
])

function constant(i: i32): v128 {
  return v128.load_splat<Real>(at(table, i))
}

/** The first digits of a number: 21 or 9. */
function firstDigits(x: v128): v128 {
  return v128.and(x, sizeof<Real>() == 8 ? i64x2.splat(0xffffffff00000000) : i32x4.splat(0xffff8000))
}

/** 2^k for whole numbers k, so long as it is a normal number. */
function power(k: v128): v128 {
  return sizeof<Real>() == 8
    ? i64x2.shl(i64x2.add(k, i64x2.splat(1023)), 52)
    : i32x4.shl(i32x4.add(k, i32x4.splat(127)), 23)
}

/** What both have in common: a class, since its members alone can be compiled into both. */
class Part {
  /** R − 1, for |r| ≤ ln 2 / 4 */
  @inline
  static evenRest(r: v128): v128 {
    const z = mul(r, r)
    const low = add(constant(TERMS), mul(z, constant(TERMS + 1)))
    const z2 = mul(z, z)
    if (sizeof<Real>() == 4) return mul(z, add(low, mul(z2, constant(TERMS + 2))))
    const high = add(add(constant(TERMS + 2), mul(z, constant(TERMS + 3))), mul(z2, constant(TERMS + 4)))
    return mul(z, add(low, mul(z2, high)))
  }
}

/** (1 − e) / (1 + e), e = e^(−2|x|) = 2^k (R + r) / (R − r). */
export function tanh(x: v128): v128 {
  const one = constant(ONE)
  const minus = v128.or(x, constant(SIGN))
  // NaN is not less, so it stays.
  const y = v128.pmax<Real>(minus, constant(MOST_OF_TANH))
  const shifted = add(mul(y, constant(PER_R)), constant(ROUNDER))
  const k = sub(shifted, constant(ROUNDER))
  const s = power(shifted)
  const r0 = sub(y, mul(k, constant(LN2)))
  const rest = mul(k, constant(LN2_REST))
  const r = sub(r0, rest)
  const rFirst = sub(add(r, constant(SHORTENER)), constant(SHORTENER))
  const rRest = sub(sub(r0, rFirst), rest)
  const w = Part.evenRest(r)
  const R = add(one, w)
  const above = mul(s, add(R, r))
  const below = sub(R, r)
  const reciprocal = v128.div<Real>(one, add(below, above))
  const q = firstDigits(mul(sub(below, above), reciprocal))
  // What q leaves: (R − r) (1 − q) − 2^k (R + r) (1 + q), by powers of r.
  const a = sub(one, q)
  const b = mul(s, add(one, q))
  const byR = sub(a, b)
  const byr = add(a, b)
  const left = add(sub(byR, mul(rFirst, byr)), sub(mul(w, byR), mul(rRest, byr)))
  const value = v128.or(add(q, mul(left, reciprocal)), v128.and(x, constant(SIGN)))
  return v128.bitselect(value, x, v128.lt<Real>(minus, constant(LEAST)))
}

/** 1 / (1 + e) = 1 − 2^k v, or 2^k v below 0, where e = e^(−|x|) and v = (R + r) / (R − r + 2^k (R + r)). */
export function sigmoid(x: v128): v128 {
  const one = constant(ONE)
  // NaN is not less, so it stays.
  const y = v128.pmax<Real>(mul(v128.or(x, constant(SIGN)), constant(HALF)), constant(MOST_OF_SIGMOID))
  const shifted = add(mul(y, constant(PER_R)), constant(ROUNDER))
  const k = sub(shifted, constant(ROUNDER))
  // 2^k by two factors, since it may be less than what is normal.
  let half: v128
  let otherHalf: v128
  if (sizeof<Real>() == 8) {
    const whole = i64x2.sub(shifted, constant(ROUNDER))
    half = i64x2.sub(i64x2.shr_u(i64x2.add(whole, i64x2.splat(2048)), 1), i64x2.splat(1024))
    otherHalf = power(i64x2.sub(whole, half))
  } else {
    const whole = i32x4.sub(shifted, constant(ROUNDER))
    half = i32x4.shr_s(whole, 1)
    otherHalf = power(i32x4.sub(whole, half))
  }
  half = power(half)
  const s = mul(half, otherHalf)
  const r0 = sub(y, mul(k, constant(LN2)))
  const rest = mul(k, constant(LN2_REST))
  const r = sub(r0, rest)
  const rFirst = sub(add(r, constant(SHORTENER)), constant(SHORTENER))
  const rRest = sub(sub(r0, rFirst), rest)
  const w = Part.evenRest(r)
  const R = add(one, w)
  const above = add(R, r)
  const reciprocal = v128.div<Real>(one, add(sub(R, r), mul(s, above)))
  const q = firstDigits(mul(above, reciprocal))
  // What q leaves: (R + r) (1 − 2^k q) − (R − r) q, by powers of r.
  const a = sub(one, q)
  const b = add(one, q)
  const sq = mul(s, q)
  const first = sub(add(a, mul(rFirst, b)), mul(sq, add(one, rFirst)))
  const left = add(first, add(mul(w, sub(a, sq)), mul(rRest, sub(b, sq))))
  const correction = mul(left, reciprocal)
  const near1 = sub(one, sq)
  const near1Rest = sub(sub(sub(one, near1), sq), mul(s, correction))
  // The smallest are rounded once, here.
  const near0 = mul(mul(add(q, correction), half), otherHalf)
  return v128.bitselect(near0, add(near1, near1Rest), v128.lt<Real>(x, i64x2.splat(0)))
}

/** NaN is not below 0, so it stays NaN, as in torch. */
export function relu(x: v128): v128 {
  return v128.pmax<Real>(x, all(0))
}

/** Derivatives by the value of a function. Not 1 − y²: rounding y² would be all that is left of it where y is near 1. */
export function slopeOfTanh(y: v128): v128 {
  return mul(sub(all(1), y), add(all(1), y))
}

export function slopeOfSigmoid(y: v128): v128 {
  return mul(y, sub(all(1), y))
}

/** f of every number of a row of whole vectors, in place: f is 0 for tanh, 1 for sigmoid, 2 for relu. */
export function activate(f: i32, x: usize, count: i32): void {
  for (const end = at(x, count); x < end; x += 16) {
    const value = v128.load(x)
    v128.store(x, f == 0 ? tanh(value) : f == 1 ? sigmoid(value) : relu(value))
  }
}
