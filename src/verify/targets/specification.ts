import type { FloatDType } from '../../format/tensor.ts'

/** A bound |computed − exact| ≤ absolute + (ulps + ulpsOfX · |x|) · ULP of the exact value. */
export interface Accuracy {
  readonly absolute?: number
  readonly ulps?: number
  readonly ulpsOfX?: number
}

/** How exactly functions are computed, where that is less than float64 rounded once. */
export interface Functions {
  readonly exp: Accuracy
  /** In [0.5, 2], and elsewhere. */
  readonly logNearOne: Accuracy
  readonly log: Accuracy
  readonly inverseSqrt: Accuracy
  /** Besides what sinh(x) / cosh(x) may be off by, which it also may be. */
  readonly tanh: Accuracy
  /** Of x / y with |y| from `from` to `to`; anything for other y. */
  readonly quotient: Accuracy & { readonly from: number; readonly to: number }
}

/** What the factors of a matrix product are rounded to, by cutting digits off or to the nearest. */
export type Operands = 'tf32' | 'float16'

/** What arithmetic in one dtype may do that float64, rounded once, does not. */
export interface Permitted {
  /** Numbers smaller than this may become 0, as inputs, on the way, and as results; 0 when none may. */
  readonly flushedBelow: number
  /** Of +, − and ×, in parts of the result: 0 when they round to the nearest. */
  readonly rounding: number
  readonly functions: Functions | undefined
  readonly operands: Operands | undefined
  /** The largest number, where anything may come after a NaN, an infinity or an overflow; undefined when those are as in torch. */
  readonly finiteUpTo: number | undefined
  /** Half the distance from 1 to the next number, by which a match is asked to decide anything. */
  readonly roundoff: number
}

/** A specification by name. */
export interface Target {
  readonly name: string
  /** What it permits, in words that stand after "may": `flush subnormal numbers to 0`. */
  readonly sentence: string
  /** What mismatches that it allows come from, in words that stand after "what". */
  readonly cause: string
  /** Nothing for a dtype that it says nothing of. */
  readonly permits: (dtype: FloatDType) => Permitted | undefined
}

const unit: Readonly<Record<FloatDType, number>> = {
  float16: 2 ** -11,
  bfloat16: 2 ** -8,
  float32: 2 ** -24,
  float64: 2 ** -53,
}
const smallestNormal: Readonly<Record<FloatDType, number>> = {
  float16: 2 ** -14,
  bfloat16: 2 ** -126,
  float32: 2 ** -126,
  float64: 2 ** -1022,
}
const largest: Readonly<Record<'float16' | 'float32', number>> = { float16: 65_504, float32: (2 - 2 ** -23) * 2 ** 127 }

const strict = (dtype: FloatDType): Permitted => ({
  flushedBelow: 0,
  rounding: 0,
  functions: undefined,
  operands: undefined,
  finiteUpTo: undefined,
  roundoff: unit[dtype],
})

/** Source: WGSL, "Accuracy of Concrete Floating Point Expressions" (#concrete-float-accuracy). */
const wgslFunctions: Readonly<Record<'float16' | 'float32', Functions>> = {
  float32: {
    exp: { ulps: 3, ulpsOfX: 2 },
    logNearOne: { absolute: 2 ** -21 },
    log: { ulps: 3 },
    inverseSqrt: { ulps: 2 },
    tanh: { absolute: 1e-5 },
    quotient: { ulps: 2.5, from: 2 ** -126, to: 2 ** 126 },
  },
  float16: {
    exp: { ulps: 1, ulpsOfX: 2 },
    logNearOne: { absolute: 2 ** -7 },
    log: { ulps: 3 },
    inverseSqrt: { ulps: 2 },
    tanh: { absolute: 1e-5 },
    quotient: { ulps: 2.5, from: 2 ** -14, to: 2 ** 14 },
  },
}

/** WGSL has f32, in which bfloat16 is computed too, and f16. */
function wgsl(dtype: FloatDType): Permitted | undefined {
  if (dtype === 'float64') return undefined
  const own = dtype === 'float16' ? 'float16' : 'float32'
  return {
    ...strict(dtype),
    // #differences-from-ieee754: inputs and results of every operation may be flushed; no rounding mode is specified; overflow,
    // infinities and NaNs may be assumed not to be there.
    flushedBelow: smallestNormal[own],
    rounding: 2 * unit[own],
    functions: wgslFunctions[own],
    finiteUpTo: largest[own],
  }
}

/** Targets of one word, each before those that permit more. */
const words: readonly Target[] = [
  { name: 'cpu', sentence: 'do nothing that a CPU does not', cause: 'a CPU does', permits: () => undefined },
  {
    name: 'ftz',
    sentence: 'flush subnormal numbers to 0',
    cause: 'flushing subnormal numbers does',
    permits: (dtype) => ({ ...strict(dtype), flushedBelow: smallestNormal[dtype] }),
  },
  {
    name: 'wgsl',
    sentence:
      'be as inexact as WGSL permits, flush subnormal numbers to 0, and give anything after a NaN, an infinity or an overflow',
    cause: 'WGSL permits',
    permits: wgsl,
  },
  {
    name: 'tf32',
    sentence: 'round the factors of products to TF32',
    cause: 'rounding factors to TF32 does',
    permits: (dtype) => (dtype === 'float32' ? { ...strict(dtype), operands: 'tf32', roundoff: 2 ** -11 } : undefined),
  },
  {
    name: 'f16',
    sentence: 'round the factors of products to float16',
    cause: 'rounding factors to float16 does',
    permits: (dtype) =>
      dtype === 'float32' ? { ...strict(dtype), operands: 'float16', roundoff: 2 ** -11 } : undefined,
  },
]

export const targetNames: readonly string[] = words.map(({ name }) => name)

/** What is tried on mismatches of a run without a target, the smallest first. */
export const targetsToTry: readonly string[] = ['ftz', 'wgsl', 'tf32', 'f16', 'wgsl+tf32', 'wgsl+f16']

/** The target of a name, or of several, `wgsl+tf32`, which then permits what any of them does; undefined for another word. */
export function targetOf(name: string): Target | undefined {
  const parts = name.split('+').map((word) => words.find((target) => target.name === word))
  if (!parts.every((part) => part !== undefined)) return undefined
  return parts.reduce((one, other) => ({
    name: `${one.name}+${other.name}`,
    sentence: `${one.sentence}, and ${other.sentence}`,
    cause: `${one.cause}, and ${other.cause}`,
    permits: (dtype) => together(one.permits(dtype), other.permits(dtype)),
  }))
}

function together(one: Permitted | undefined, other: Permitted | undefined): Permitted | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return {
    flushedBelow: Math.max(one.flushedBelow, other.flushedBelow),
    rounding: Math.max(one.rounding, other.rounding),
    functions: one.functions ?? other.functions,
    // float16 has the digits of TF32 and fewer exponents.
    operands: [one.operands, other.operands].includes('float16') ? 'float16' : (one.operands ?? other.operands),
    finiteUpTo: one.finiteUpTo ?? other.finiteUpTo,
    roundoff: Math.max(one.roundoff, other.roundoff),
  }
}
