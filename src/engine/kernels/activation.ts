// tanh and sigmoid of a vector, each within 1 ULP: e^y = 2^k e^r by a polynomial whose rounding errors are kept beside it, and a
// quotient that is corrected by its own remainder. The same in both precisions, but for the constants.
import { add, all, at, mul, sub } from './vector'

/** 1/2!, 1/3!, … : as many as e^r needs for |r| ≤ ln 2 / 2. */
const factorials = memory.data<Real>([
  5.0e-1, 1.6666666666666666e-1, 4.1666666666666664e-2, 8.333333333333333e-3, 1.388888888888889e-3,
  1.984126984126984e-4, 2.48015873015873e-5, 2.7557319223985893e-6, 2.755731922398589e-7, 2.505210838544172e-8,
  2.08767569878681e-9, 1.6059043836821613e-10, 1.1470745597729725e-11,
])

/** Adding it and taking it away again rounds to a whole number, which then stands in the lowest bits. */
const ROUNDER: Real = sizeof<Real>() == 8 ? 6755399441055744 : 12582912

/** ln 2 in two parts, the first with so few digits that its products with whole numbers are exact. */
const LN2: Real = sizeof<Real>() == 8 ? 6.9314718036912382e-1 : 0.693359375
const LN2_REST: Real = sizeof<Real>() == 8 ? 1.9082149292705877e-10 : -2.1219444e-4

/** The digits of the upper half of a number: products of such halves are exact. */
function upper(x: v128): v128 {
  return v128.and(x, sizeof<Real>() == 8 ? i64x2.splat(0xfffffffff8000000) : i32x4.splat(0xfffff000))
}

/** 2^k for whole numbers k, so long as it is a normal number. */
function power(k: v128): v128 {
  return sizeof<Real>() == 8
    ? i64x2.shl(i64x2.add(k, i64x2.splat(1023)), 52)
    : i32x4.shl(i32x4.add(k, i32x4.splat(127)), 23)
}

function factor(i: i32): v128 {
  return v128.load_splat<Real>(at(factorials, i))
}

/** What both have in common: a class, since its members alone can be compiled into both. */
class Part {
  /** e^r − 1 − r, for |r| ≤ ln 2 / 2; by fours, so that the sums need not wait for each other. */
  @inline
  static tail(r: v128): v128 {
    const r2 = mul(r, r)
    const r4 = mul(r2, r2)
    const low = add(add(factor(0), mul(factor(1), r)), mul(r2, add(factor(2), mul(factor(3), r))))
    if (sizeof<Real>() == 4) return mul(r2, add(low, mul(r4, add(factor(4), mul(factor(5), r)))))
    const middle = add(add(factor(4), mul(factor(5), r)), mul(r2, add(factor(6), mul(factor(7), r))))
    const high = add(add(factor(8), mul(factor(9), r)), mul(r2, add(factor(10), mul(factor(11), r))))
    return mul(r2, add(low, mul(r4, add(middle, mul(r4, add(high, mul(r4, factor(12))))))))
  }

  /** (x + xRest) / (y + yRest), where the rests are what rounding has left of x and y. */
  @inline
  static quotient(x: v128, xRest: v128, y: v128, yRest: v128): v128 {
    const reciprocal = v128.div<Real>(all(1), y)
    const first = mul(x, reciprocal)
    const f = upper(first)
    const fRest = sub(first, f)
    const d = upper(y)
    const dRest = sub(y, d)
    // x − first · y, exact but for the last term.
    const remainder = sub(sub(sub(sub(x, mul(f, d)), mul(f, dRest)), mul(fRest, d)), mul(fRest, dRest))
    return add(first, mul(reciprocal, add(remainder, sub(xRest, mul(first, yRest)))))
  }
}

/** (1 − e) / (1 + e), e = e^(−2|x|), by e − 1, which loses no digits near 0. */
export function tanh(x: v128): v128 {
  const sign = v128.and(x, all(-0.0))
  const size = v128.xor(x, sign)
  // NaN is not less, so it stays. Beyond this tanh is 1.
  const y = mul(all(-2), v128.pmin<Real>(size, all(sizeof<Real>() == 8 ? 22 : 10)))
  const shifted = add(mul(y, all(1.4426950408889634)), all(ROUNDER))
  const k = sub(shifted, all(ROUNDER))
  const scale = power(sizeof<Real>() == 8 ? i64x2.sub(shifted, all(ROUNDER)) : i32x4.sub(shifted, all(ROUNDER)))
  const r0 = sub(y, mul(k, all(LN2)))
  const rest = mul(k, all(LN2_REST))
  const r = sub(r0, rest)
  const c = add(Part.tail(r), sub(sub(r0, r), rest))
  // e^r − 1, and what its rounding leaves.
  const q = add(r, c)
  const qRest = add(sub(r, q), c)
  // 1 − e = (1 − 2^k) − 2^k (e^r − 1)
  const whole = sub(all(1), scale)
  const part = mul(scale, q)
  const over = sub(whole, part)
  const wholeRest = sub(sub(all(1), whole), scale)
  const overRest = sub(add(sub(sub(whole, over), part), wholeRest), mul(scale, qRest))
  // 1 + e = 2 − (1 − e)
  const under = sub(all(2), over)
  const underRest = sub(sub(sub(all(2), under), over), overRest)
  const value = Part.quotient(over, overRest, under, underRest)
  // So near 0 it is x; the products above would be subnormal.
  const small = v128.lt<Real>(size, all(sizeof<Real>() == 8 ? 3.7252902984619140625e-9 : 1.220703125e-4))
  return v128.or(sign, v128.bitselect(size, value, small))
}

/** 1 / (1 + e), or e / (1 + e) below 0, e = e^(−|x|). */
export function sigmoid(x: v128): v128 {
  const isNegative = v128.lt<Real>(x, all(0))
  // NaN is not less, so it stays. Beyond this e is 0.
  const y = v128.neg<Real>(v128.pmin<Real>(v128.abs<Real>(x), all(sizeof<Real>() == 8 ? 746 : 105)))
  const shifted = add(mul(y, all(1.4426950408889634)), all(ROUNDER))
  const k = sub(shifted, all(ROUNDER))
  // 2^k by two factors, since it may be less than what is normal.
  let half: v128
  let otherHalf: v128
  if (sizeof<Real>() == 8) {
    const whole = i64x2.sub(shifted, all(ROUNDER))
    half = i64x2.sub(i64x2.shr_u(i64x2.add(whole, i64x2.splat(2048)), 1), i64x2.splat(1024))
    otherHalf = power(i64x2.sub(whole, half))
  } else {
    const whole = i32x4.sub(shifted, all(ROUNDER))
    half = i32x4.shr_s(whole, 1)
    otherHalf = power(i32x4.sub(whole, half))
  }
  half = power(half)
  const r0 = sub(y, mul(k, all(LN2)))
  const rest = mul(k, all(LN2_REST))
  const r = sub(r0, rest)
  const c = add(Part.tail(r), sub(sub(r0, r), rest))
  const q = add(r, c)
  const qRest = add(sub(r, q), c)
  // e^r, and what its rounding leaves.
  const m = add(all(1), q)
  const mRest = add(add(sub(all(1), m), q), qRest)
  const e = mul(mul(m, half), otherHalf)
  const eRest = mul(mul(mRest, half), otherHalf)
  const under = add(all(1), e)
  const underRest = add(add(sub(all(1), under), e), eRest)
  const over = v128.bitselect(m, all(1), isNegative)
  const value = Part.quotient(over, v128.and(mRest, isNegative), under, underRest)
  // The smallest are rounded once, here.
  return v128.bitselect(mul(mul(value, half), otherHalf), value, isNegative)
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
