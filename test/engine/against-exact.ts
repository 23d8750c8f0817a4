import type { Outputs, RecurrentRequest } from '../../src/format/case.ts'
import type { Engine } from '../../src/engine/run.ts'
import { type FloatDType, floatTensor } from '../../src/format/tensor.ts'
import { exactSigmoid, exactTanh, ulps } from '../double-double.ts'
import { random } from '../random.ts'

// Cells whose state after a step is a function of their input, and no other operation rounds.

export type Values = Float32Array | Float64Array

/** h' = tanh(1 · x + 1 · 0) */
export function tanhOf(own: Engine, dtype: FloatDType, x: Values): Values {
  const one = floatTensor(dtype, [1, 1], [1])
  const request = {
    module: 'RNNCell',
    config: { input_size: 1, hidden_size: 1, bias: false, nonlinearity: 'tanh' },
    dtype,
    params: { weight_ih: one, weight_hh: one },
    inputs: { input: floatTensor(dtype, [x.length, 1], x) },
  } satisfies RecurrentRequest
  // Ours do not wait.
  return (own.run(request) as Outputs)['h_1']!.data
}

/** h' = n + z (h − n) = z, where z = σ(1 · x) and n = tanh(0) = 0, h = 1. */
export function sigmoidOf(own: Engine, dtype: FloatDType, x: Values): Values {
  const request = {
    module: 'GRUCell',
    config: { input_size: 1, hidden_size: 1, bias: false },
    dtype,
    params: { weight_ih: floatTensor(dtype, [3, 1], [0, 1, 0]), weight_hh: floatTensor(dtype, [3, 1], [0, 0, 0]) },
    inputs: {
      input: floatTensor(dtype, [x.length, 1], x),
      h_0: floatTensor(
        dtype,
        [x.length, 1],
        x.map(() => 1),
      ),
    },
  } satisfies RecurrentRequest
  return (own.run(request) as Outputs)['h_1']!.data
}

/** Where arguments are drawn from: their sizes are between two powers of two. */
export interface Range {
  readonly name: string
  readonly from: number
  readonly to: number
}

/** A function, in an engine of so many binary digits. */
export interface Activation {
  readonly name: string
  ranges(digits: 52 | 23): readonly Range[]
  values(own: Engine, dtype: FloatDType, x: Values): Values
  ulps(actual: number, x: number, digits: 52 | 23): number
}

export const activations: readonly Activation[] = [
  {
    name: 'tanh',
    // Below, tanh x is x; above, 1.
    ranges: (digits) => [
      { name: 'of all sizes', from: digits === 52 ? -30 : -14, to: 5 },
      { name: 'around 1', from: -4, to: 3 },
      { name: 'next to 0', from: digits === 52 ? -1070 : -140, to: -10 },
    ],
    values: tanhOf,
    ulps: (actual, x, digits) => ulps(actual, exactTanh(x), digits),
  },
  {
    name: 'sigmoid',
    ranges: (digits) => [
      { name: 'of all sizes', from: -30, to: digits === 52 ? 9.55 : 6.7 },
      { name: 'around 1', from: -4, to: 3 },
      { name: 'whose sigmoid is subnormal', from: digits === 52 ? 9.466 : 6.45, to: digits === 52 ? 9.54 : 6.69 },
    ],
    values: sigmoidOf,
    ulps(actual, x, digits) {
      const { value, exponent } = exactSigmoid(x)
      return ulps(actual, value, digits, exponent)
    },
  },
]

/** So many numbers of every size of a range, of both signs. */
export function drawn({ from, to }: Range, count: number, seed: number): Float64Array {
  const numbers = random(seed)
  return Float64Array.from({ length: count }, () => {
    const size = 2 ** (from + (to - from) * ((numbers.around(1) + 1) / 2))
    return numbers.around(1) < 0 ? -size : size
  })
}

/** The largest error at so many arguments of a range, and where it is. */
export function worst(
  activation: Activation,
  own: Engine,
  dtype: 'float64' | 'float32',
  range: Range,
  count: number,
  seed: number,
): { readonly ulp: number; readonly at: number } {
  const digits = dtype === 'float64' ? 52 : 23
  const numbers = drawn(range, count, seed)
  const x = dtype === 'float32' ? Float32Array.from(numbers) : numbers
  const y = activation.values(own, dtype, x)
  let [ulp, at] = [0, 0]
  for (let i = 0; i < x.length; i++) {
    const error = activation.ulps(y[i]!, x[i]!, digits)
    // NaN is no error that is small.
    if (!(error <= ulp)) [ulp, at] = [error, x[i]!]
  }
  return { ulp, at }
}
