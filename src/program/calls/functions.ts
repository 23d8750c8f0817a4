// Functions of each number alone, and of two numbers, that only captured models have. Source: torch's documentation of each.
import { elementCount } from '../../format/tensor.ts'
import { broadcast, placesOf } from '../broadcast.ts'
import { erf, erfc } from './erf.ts'
import { type Call, numberOf } from './options.ts'

type Of = (x: number, option: (name: string) => number) => number

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

/** Ties go to the even one. */
function round(x: number): number {
  const near = Math.round(x)
  return Math.abs(x - Math.trunc(x)) === 0.5 && near % 2 !== 0 ? near - 1 : near
}

const ofOne: Readonly<Record<string, Of>> = {
  abs: (x) => Math.abs(x),
  exp: (x) => Math.exp(x),
  exp2: (x) => 2 ** x,
  expm1: (x) => Math.expm1(x),
  log: (x) => Math.log(x),
  log2: (x) => Math.log2(x),
  log10: (x) => Math.log10(x),
  log1p: (x) => Math.log1p(x),
  rsqrt: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,
  square: (x) => x * x,
  sin: (x) => Math.sin(x),
  cos: (x) => Math.cos(x),
  tan: (x) => Math.tan(x),
  asin: (x) => Math.asin(x),
  acos: (x) => Math.acos(x),
  atan: (x) => Math.atan(x),
  sinh: (x) => Math.sinh(x),
  cosh: (x) => Math.cosh(x),
  asinh: (x) => Math.asinh(x),
  acosh: (x) => Math.acosh(x),
  atanh: (x) => Math.atanh(x),
  erf,
  erfc,
  floor: (x) => Math.floor(x),
  ceil: (x) => Math.ceil(x),
  trunc: (x) => Math.trunc(x),
  frac: (x) => x - Math.trunc(x),
  round: (x, option) => {
    const by = 10 ** option('decimals')
    return by === 1 ? round(x) : round(x * by) / by
  },
  sign: (x) => (Number.isNaN(x) ? 0 : Math.sign(x)),
  isnan: (x) => (Number.isNaN(x) ? 1 : 0),
  isinf: (x) => (Math.abs(x) === Infinity ? 1 : 0),
  isfinite: (x) => (Number.isFinite(x) ? 1 : 0),
  logical_not: (x) => (x === 0 ? 1 : 0),
  bitwise_not: (x) => -x - 1,
  nonzero: (x) => (x === 0 ? 0 : 1),
  gelu: (x) => (x * erfc(-x * Math.SQRT1_2)) / 2,
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => x * sigmoid(x),
  sigmoid,
  relu: (x) => (x > 0 || Number.isNaN(x) ? x : 0),
  mish: (x) => x * Math.tanh(softplus(x)),
  elu: (x, option) => {
    const [alpha, scale] = [option('alpha'), option('scale')]
    return x > 0 ? scale * x : alpha * scale * Math.expm1(option('input_scale') * x)
  },
  leaky_relu: (x, option) => (x > 0 ? x : option('negative_slope') * x),
  log_sigmoid: (x) => -softplus(-x),
  softplus: (x, option) => {
    const [beta, threshold] = [option('beta'), option('threshold')]
    return x * beta > threshold ? x : softplus(x * beta) / beta
  },
  softsign: (x) => x / (1 + Math.abs(x)),
  hardsigmoid: (x) => clamped(x + 3, 0, 6) / 6,
  hardswish: (x) => (x * clamped(x + 3, 0, 6)) / 6,
  hardshrink: (x, option) => (Math.abs(x) <= option('lambd') ? 0 : x),
  softshrink: (x, option) => {
    const lambd = option('lambd')
    return x > lambd ? x - lambd : x < -lambd ? x + lambd : Number.isNaN(x) ? x : 0
  },
  tanhshrink: (x) => x - Math.tanh(x),
  threshold: (x, option) => (x <= option('threshold') ? option('value') : x),
  // NaN stays.
  clamp: (x, option) => clamped(x, option('min'), option('max')),
  nan_to_num: (x, option) => {
    if (Number.isNaN(x)) return option('nan')
    return x === Infinity ? option('posinf') : x === -Infinity ? option('neginf') : x
  },
  // A whole number of 64 bits has no infinities, and wraps around.
  int: (x) => Math.trunc(x),
}

/** Not min of max: a NaN stays, and a lower bound above the upper one loses. */
function clamped(x: number, min: number, max: number): number {
  const raised = x < min ? min : x
  return raised > max ? max : raised
}

const ofTwo: Readonly<Record<string, (x: number, y: number) => number>> = {
  lt: (x, y) => (x < y ? 1 : 0),
  le: (x, y) => (x <= y ? 1 : 0),
  gt: (x, y) => (x > y ? 1 : 0),
  ge: (x, y) => (x >= y ? 1 : 0),
  eq: (x, y) => (x === y ? 1 : 0),
  ne: (x, y) => (x === y ? 0 : 1),
  logical_and: (x, y) => (x !== 0 && y !== 0 ? 1 : 0),
  logical_or: (x, y) => (x !== 0 || y !== 0 ? 1 : 0),
  logical_xor: (x, y) => ((x !== 0) === (y !== 0) ? 0 : 1),
  bitwise_and: (x, y) => Number(BigInt.asIntN(64, BigInt(x) & BigInt(y))),
  bitwise_or: (x, y) => Number(BigInt.asIntN(64, BigInt(x) | BigInt(y))),
  bitwise_xor: (x, y) => Number(BigInt.asIntN(64, BigInt(x) ^ BigInt(y))),
  minimum: (x, y) => (x <= y || Number.isNaN(x) ? x : y),
  fmod: (x, y) => x % y,
  remainder: (x, y) => remainder(x, y),
  floor_divide: (x, y) => floorDivide(x, y),
  trunc_divide: (x, y) => Math.trunc(x / y),
  atan2: (x, y) => Math.atan2(x, y),
  hypot: (x, y) => Math.hypot(x, y),
  xlogy: (x, y) => (Number.isNaN(y) ? y : x === 0 ? 0 : x * Math.log(y)),
  prelu: (x, weight) => (x > 0 ? x : weight * x),
}

/** As Python has it: the sign of the divisor. */
function remainder(x: number, y: number): number {
  const rest = x % y
  return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest
}

/** As Python has it: torch takes what is left away before it divides. */
function floorDivide(x: number, y: number): number {
  if (y === 0) return x / y
  const rest = x % y
  let quotient = (x - rest) / y
  if (rest !== 0 && rest < 0 !== y < 0) quotient -= 1
  if (quotient === 0) return Object.is(x / y, -0) ? -0 : 0
  const floor = Math.floor(quotient)
  return quotient - floor > 0.5 ? floor + 1 : floor
}

function unary(of: Of): Call {
  return ([x], options) => {
    const option = (name: string): number => numberOf(options, name)
    return { shape: x!.shape, data: x!.data.map((own) => of(own, option)) }
  }
}

function binary(of: (x: number, y: number) => number): Call {
  return (operands) => {
    const [x, y] = [operands[0]!, operands[1]!]
    const shape = broadcast([x, y])
    const [atX, atY] = [placesOf(x.shape, shape), placesOf(y.shape, shape)]
    const data = new Float64Array(elementCount(shape))
    for (let i = 0; i < data.length; i++) data[i] = of(x.data[atX?.[i] ?? i]!, y.data[atY?.[i] ?? i]!)
    return { shape, data }
  }
}

export const functions: Readonly<Record<string, Call>> = {
  ...Object.fromEntries(Object.entries(ofOne).map(([name, of]) => [name, unary(of)])),
  ...Object.fromEntries(Object.entries(ofTwo).map(([name, of]) => [name, binary(of)])),
}
