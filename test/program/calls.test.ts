import { describe, expect, it } from 'vitest'
import { call } from '../../src/program/calls.ts'
import { erf, erfc } from '../../src/program/calls/erf.ts'
import type { Value } from '../../src/program/value.ts'

const value = (shape: readonly number[], data: readonly number[]): Value => ({
  shape,
  data: Float64Array.from(data),
  requires_grad: false,
  grad: undefined,
})

describe('what a file may ask for', () => {
  const one = value(
    [1, 1, 4, 4],
    Array.from({ length: 16 }, (_, i) => i),
  )
  const pool = { to: [1, 1], stride: [1, 1], dilation: [1, 1], count_include_pad: false, divisor_override: 0 }

  it('is no more than there is, however large a kernel is', () => {
    const options = { ...pool, kernel_size: [2 ** 24, 2 ** 24], padding: [2 ** 23, 2 ** 23] }
    const { data } = call([one], { name: 'avg_pool', options })
    expect(Array.from(data)).toStrictEqual([7.5])
  })

  it.each([
    ['pad', { before: [0, 0, 2 ** 20, 0], after: [0, 0, 0, 2 ** 20], mode: 'constant', value: 0 }],
    ['repeat', { repeats: [2 ** 20, 2 ** 20, 1, 1] }],
    ['unfold', { dim: 3, size: 1, step: 0 }],
    ['range', { start: 0, step: 1, count: 2 ** 40 }],
  ])('is refused where it is more than memory: %s', (name, options) => {
    expect(() => call([one], { name, options })).toThrow(/expected a shape of at most \d+ numbers, got/)
  })

  it('is refused where there is no such operation', () => {
    expect(() => call([one], { name: 'toString', options: {} })).toThrow(
      'expected an operation that is known, got toString',
    )
  })
})

// Source: the values of torch.special.erf and erfc in float64.
it.each([
  [0.1, 0.1124629160182849, 0.887537083981715],
  [0.9, 0.7969082124228322, 0.20309178757716786],
  [2.5, 0.999593047982555, 0.0004069520174449589],
  [-1.5, -0.9661051464753108, 1.9661051464753108],
  [5, 0.9999999999984626, 1.537459794428035e-12],
])('erf(%d) and erfc', (x, one, other) => {
  expect(Math.abs(erf(x) - one)).toBeLessThanOrEqual(2 ** -52 * Math.abs(one))
  expect(Math.abs(erfc(x) - other)).toBeLessThanOrEqual(2 ** -51 * Math.abs(other))
})
