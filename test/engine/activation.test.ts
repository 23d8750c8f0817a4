import { describe, expect, it } from 'vitest'
import type { RecurrentRequest } from '../../src/format/case.ts'
import { type Engine, engine, float32Engine } from '../../src/engine/run.ts'
import { type FloatDType, floatTensor } from '../../src/format/tensor.ts'
import { exactSigmoid, exactTanh, ulps } from '../double-double.ts'
import { random } from '../random.ts'

// Cells whose state after a step is a function of their input, and no other operation rounds.

type Values = Float32Array | Float64Array

/** h' = tanh(1 · x + 1 · 0) */
function tanhOf(own: Engine, dtype: FloatDType, x: Values): Values {
  const one = floatTensor(dtype, [1, 1], [1])
  const request = {
    module: 'RNNCell',
    config: { input_size: 1, hidden_size: 1, bias: false, nonlinearity: 'tanh' },
    dtype,
    params: { weight_ih: one, weight_hh: one },
    inputs: { input: floatTensor(dtype, [x.length, 1], x) },
  } satisfies RecurrentRequest
  return (own.run(request) as ReturnType<typeof import('../../src/engine/run.ts').run>)['h_1']!.data
}

/** h' = n + z (h − n) = z, where z = σ(1 · x) and n = tanh(0) = 0, h = 1. */
function sigmoidOf(own: Engine, dtype: FloatDType, x: Values): Values {
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
  return (own.run(request) as ReturnType<typeof import('../../src/engine/run.ts').run>)['h_1']!.data
}

const count = Number(process.env['ARGUMENTS'] ?? 100_000)

/** Numbers of every size between two powers of two, of both signs. */
function drawn(from: number, to: number): Float64Array {
  const numbers = random(1)
  return Float64Array.from({ length: count }, () => {
    const size = 2 ** (from + (to - from) * ((numbers.around(1) + 1) / 2))
    return numbers.around(1) < 0 ? -size : size
  })
}

const engines = [
  ['float64', engine, 52, 1],
  ['float32', float32Engine, 23, 1],
] as const

describe.each(engines)('of the kernels in %s', (dtype, own, digits, most) => {
  const rounded = (x: Float64Array): Values => (dtype === 'float32' ? Float32Array.from(x) : x)
  const worst = (errors: (i: number) => number, x: Values): { ulp: number; at: number } => {
    let ulp = 0
    let at = 0
    for (let i = 0; i < x.length; i++) {
      const error = errors(i)
      // NaN is no error that is small.
      if (!(error <= ulp)) [ulp, at] = [error, x[i]!]
    }
    return { ulp, at }
  }

  // Below, tanh x is x; above, 1.
  it.each([
    ['of all sizes', digits === 52 ? -30 : -14, 5],
    ['around 1', -4, 3],
    ['next to 0', digits === 52 ? -1070 : -140, -10],
  ])('tanh is within 1 ULP at arguments %s', (_, from, to) => {
    const x = rounded(drawn(from, to))
    const y = tanhOf(own, dtype, x)
    const { ulp, at } = worst((i) => ulps(y[i]!, exactTanh(x[i]!), digits), x)
    expect({ isWithin: ulp <= most, ulp, at }).toStrictEqual({ isWithin: true, ulp, at })
  })

  it.each([
    ['of all sizes', -30, digits === 52 ? 9.55 : 6.7],
    ['around 1', -4, 3],
    ['whose sigmoid is subnormal', digits === 52 ? 9.466 : 6.45, digits === 52 ? 9.54 : 6.69],
  ])('sigmoid is within 1 ULP at arguments %s', (_, from, to) => {
    const x = rounded(drawn(from, to))
    const y = sigmoidOf(own, dtype, x)
    const { ulp, at } = worst((i) => {
      const { value, exponent } = exactSigmoid(x[i]!)
      return ulps(y[i]!, value, digits, exponent)
    }, x)
    expect({ isWithin: ulp <= most, ulp, at }).toStrictEqual({ isWithin: true, ulp, at })
  })

  it('zeros, infinities, NaN and what is far off are as in torch', () => {
    const x = rounded(Float64Array.from([0, Infinity, -Infinity, Number.NaN, 1e30, -1e30, 1000, -1000]))
    expect(Array.from(tanhOf(own, dtype, x))).toStrictEqual([0, 1, -1, Number.NaN, 1, -1, 1, -1])
    const y = rounded(Float64Array.from([0, Number.NaN, 1e30, -1e30, 1000, -1000]))
    expect(Array.from(sigmoidOf(own, dtype, y))).toStrictEqual([0.5, Number.NaN, 1, 0, 1, 0])
  })
})
