import { describe, expect, it } from 'vitest'
import { engine, float32Engine } from '../../src/engine/run.ts'
import { activations, sigmoidOf, tanhOf, type Values, worst } from './against-exact.ts'

const count = Number(process.env['ARGUMENTS'] ?? 100_000)

const engines = [
  ['float64', engine, 52],
  ['float32', float32Engine, 23],
] as const

describe.each(engines)('of the kernels in %s', (dtype, own, digits) => {
  const all = activations.flatMap((activation) =>
    activation.ranges(digits).map((range) => [activation.name, range.name, activation, range] as const),
  )

  it.each(all)('%s is within 1 ULP at arguments %s', (_, __, activation, range) => {
    const { ulp, at } = worst(activation, own, dtype, range, count, 1)
    expect({ isWithin: ulp <= 1, ulp, at }).toStrictEqual({ isWithin: true, ulp, at })
  })

  it('zeros, infinities, NaN and what is far off are as in torch', () => {
    const rounded = (x: readonly number[]): Values =>
      dtype === 'float32' ? Float32Array.from(x) : Float64Array.from(x)
    const x = rounded([0, -0, Infinity, -Infinity, Number.NaN, 1e30, -1e30, 1000, -1000])
    expect(Array.from(tanhOf(own, dtype, x))).toStrictEqual([0, 0, 1, -1, Number.NaN, 1, -1, 1, -1])
    const y = rounded([0, Number.NaN, 1e30, -1e30, 1000, -1000])
    expect(Array.from(sigmoidOf(own, dtype, y))).toStrictEqual([0.5, Number.NaN, 1, 0, 1, 0])
  })
})
