// Whole although it is long: the tables are the catalogue of what a comparison can say.
import { describe, expect, it } from 'vitest'
import { compare, type Comparison, defaultJudgement, type Judgement, kappa, surplus } from '../../src/verify/compare.ts'
import { formatPlace, placeOf } from '../../src/format/place.ts'
import { type Axis, signatureOf } from '../../src/format/module.ts'
import { type FloatDType, floatTensor } from '../../src/format/tensor.ts'
import { random } from '../random.ts'
import { budgetTensor, layerCase } from '../sample.ts'

const unit = (size: number): Axis[] => [{ name: 'unit', size, num_directions: 1 }]
const explicit = (rtol: number, atol: number): Judgement => ({
  tolerance: { kind: 'explicit', rtol, atol },
  equalNan: true,
})

/** Compares two lists of float64 numbers, or of another dtype, with one budget for all. */
function compared(
  actual: readonly number[],
  expected: readonly number[],
  budget = 1,
  judgement = defaultJudgement,
  dtype: FloatDType = 'float64',
): Comparison {
  const shape = [expected.length]
  const wanted = floatTensor(dtype, shape, expected)
  const given = floatTensor(dtype, [actual.length], actual)
  return compare('h_1', given, wanted, budgetTensor([1], [budget]), unit(expected.length), judgement)
}

/** The next float64 away from zero. */
function nextFloat(x: number): number {
  const bits = new BigInt64Array(Float64Array.of(x).buffer)
  return new Float64Array(BigInt64Array.of((bits[0] ?? 0n) + 1n).buffer)[0] ?? Number.NaN
}

describe('an element matches up to κ · budget', () => {
  it('κ is 4, as calibrated', () => {
    expect(kappa).toBe(4)
  })

  it.each([1, 1e-300, 3e-7, 0.1])('exactly, with a budget of %d', (budget) => {
    const limit = kappa * budget
    expect(compared([limit], [0], budget)).toMatchObject({ outcome: 'match', share: 1, differing: 0 })
    expect(compared([-limit], [0], budget)).toMatchObject({ outcome: 'match', share: 1 })
    const over = compared([nextFloat(limit)], [0], budget)
    expect(over).toMatchObject({ outcome: 'mismatch', differing: 1 })
    expect(over.share).toBeGreaterThan(1)
    expect(compared([-nextFloat(limit)], [0], budget).outcome).toBe('mismatch')
  })

  it('an error of κ / 4 budgets uses a share of 0.25', () => {
    expect(compared([1 + kappa / 4, 1], [1, 1])).toMatchObject({ outcome: 'match', share: 0.25, differing: 0 })
  })

  it('with a budget of 0 only when it is equal, and −0 equals 0', () => {
    expect(compared([-0, 0, 5], [0, -0, 5], 0)).toMatchObject({ outcome: 'match', share: 0 })
    expect(compared([5e-324], [0], 0)).toMatchObject({ outcome: 'mismatch', share: Infinity })
  })

  it('not when the error overflows: 1e308 and −1e308', () => {
    expect(compared([1e308], [-1e308])).toMatchObject({ outcome: 'mismatch', share: Infinity, atol: Infinity })
    expect(compared([1e308], [-1e308], 1e308).outcome).toBe('mismatch')
  })
})

describe('values that are not finite', () => {
  const { NaN: nan } = Number
  it.each<[number, number, boolean, boolean]>([
    // actual, expected, match when NaN matches NaN, match when it does not
    [nan, nan, true, false],
    [Infinity, Infinity, true, true],
    [-Infinity, -Infinity, true, true],
    [Infinity, -Infinity, false, false],
    [-Infinity, Infinity, false, false],
    [nan, 1, false, false],
    [1, nan, false, false],
    [nan, Infinity, false, false],
    [Infinity, nan, false, false],
    [Infinity, 1.7976931348623157e308, false, false],
    [1, -Infinity, false, false],
  ])('%d for %d', (actual, expected, whenEqual, otherwise) => {
    for (const tolerance of [
      { kind: 'budget' },
      { kind: 'torch' },
      { kind: 'explicit', rtol: 1e300, atol: 1e300 },
    ] as const) {
      for (const [equalNan, match] of [
        [true, whenEqual],
        [false, otherwise],
      ] as const) {
        const { outcome, share, differing, rtol, atol } = compared([actual], [expected], 1e300, { tolerance, equalNan })
        const wanted = match
          ? { outcome: 'match', share: 0, differing: 0, rtol: 0, atol: 0 }
          : { outcome: 'mismatch', share: Infinity, differing: 1, rtol: Infinity, atol: Infinity }
        expect({ outcome, share, differing, rtol, atol }, `${tolerance.kind}, ${equalNan}`).toStrictEqual(wanted)
      }
    }
  })

  it('are counted in PyTorch’s result, and a NaN does not hide an error beside it', () => {
    const { nonFinite, differing, outcome } = compared([nan, 100, Infinity, 2], [nan, 0, Infinity, 2])
    expect({ nonFinite, differing, outcome }).toStrictEqual({ nonFinite: 2, differing: 1, outcome: 'mismatch' })
  })

  it('make the error of the worst element NaN', () => {
    expect(compared([1, nan], [1, 1]).worst).toStrictEqual({
      index: [1],
      place: { unit: 1 },
      actual: nan,
      expected: 1,
      error: nan,
      allowed: kappa,
    })
  })
})

describe('the torch policy', () => {
  const torch: Judgement = { tolerance: { kind: 'torch' }, equalNan: true }
  it('allows 1e-5 + 1.3e-6 · |expected| in float32', () => {
    const allowed = 1e-5 + 1.3e-6 * 2
    expect(compared([2 + 0.9 * allowed], [2], 0, torch, 'float32').outcome).toBe('match')
    expect(compared([2 + 1.1 * allowed], [2], 0, torch, 'float32').outcome).toBe('mismatch')
    expect(compared([2 - 1.1 * allowed], [2], 1e9, torch, 'float32').worst?.allowed).toBe(allowed)
  })

  it('allows 1e-7 + 1e-7 · |expected| in float64', () => {
    expect(compared([-2 - 2.9e-7], [-2], 0, torch).outcome).toBe('match')
    expect(compared([-2 - 3.1e-7], [-2], 0, torch).outcome).toBe('mismatch')
  })
})

describe('rtol and atol are the smallest that would pass', () => {
  it('2 for 1 passes with an rtol of 1 or an atol of 1', () => {
    const { rtol, atol } = compared([2], [1])
    expect({ rtol, atol }).toStrictEqual({ rtol: 1, atol: 1 })
  })

  it('no rtol passes 1 for 0', () => {
    const { rtol, atol } = compared([1], [0])
    expect({ rtol, atol }).toStrictEqual({ rtol: Infinity, atol: 1 })
  })

  it('in 2,000 random tensors: they pass, and 1e-15 of them less fails', () => {
    const wrong: string[] = []
    for (let seed = 1; seed <= 2000; seed++) {
      const numbers = random(seed)
      const expected = Array.from({ length: numbers.int(1, 8) }, () => numbers.around(10 ** numbers.int(-9, 9)))
      const actual = expected.map((e) => e * (1 + numbers.around(10 ** numbers.int(-12, 0))))
      const dtype = numbers.pick<FloatDType>(['float32', 'float64'])
      const passes = (rtol: number, atol: number): boolean =>
        compared(actual, expected, 0, explicit(rtol, atol), dtype).outcome === 'match'
      const { rtol, atol } = compared(actual, expected, 0, defaultJudgement, dtype)
      if (!passes(rtol, 0)) wrong.push(`seed ${seed}: rtol ${rtol} fails`)
      if (!passes(0, atol)) wrong.push(`seed ${seed}: atol ${atol} fails`)
      if (rtol > 0 && passes(rtol * (1 - 1e-15), 0)) wrong.push(`seed ${seed}: less than rtol ${rtol} passes`)
      if (atol > 0 && passes(0, atol * (1 - 1e-15))) wrong.push(`seed ${seed}: less than atol ${atol} passes`)
    }
    expect(wrong).toStrictEqual([])
  })
})

describe('what is no tensor of the right shape and dtype is a mismatch', () => {
  const data = Float32Array.of(1, 2, 3, 4)
  const good = { dtype: 'float32', shape: [2, 2], data }
  const holes: number[] = []
  holes.length = 2
  const form = 'expected a tensor { dtype, shape, data }, got an object without them'

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'expected a tensor, got none'],
    ['null', null, 'expected a tensor, got object'],
    ['a string', 'tensor', 'expected a tensor, got string'],
    ['a number', 4, 'expected a tensor, got number'],
    ['a function', () => good, 'expected a tensor, got function'],
    [
      'a nested list',
      [
        [1, 2],
        [3, 4],
      ],
      form,
    ],
    ['a Float32Array', data, form],
    ['an object without data', { dtype: 'float32', shape: [2, 2] }, form],
    ['a shape that is no list', { ...good, shape: '2,2' }, form],
    ['a shape in an Int32Array', { ...good, shape: Int32Array.of(2, 2) }, form],
    ['float64', { ...good, dtype: 'float64' }, 'expected dtype float32, got float64'],
    ['no dtype', { ...good, dtype: undefined }, 'expected dtype float32, got undefined'],
    ['the dtype 32', { ...good, dtype: 32 }, 'expected dtype float32, got number'],
    [
      'a dtype without a prototype',
      { ...good, dtype: Object.create(null) as unknown },
      'expected dtype float32, got object',
    ],
    ['the shape (4)', { ...good, shape: [4] }, 'expected shape (2, 2), got (4)'],
    ['the shape (2, 2, 1)', { ...good, shape: [2, 2, 1] }, 'expected shape (2, 2), got (2, 2, 1)'],
    [
      'a shape of text',
      { ...good, shape: ['2', '2'] },
      'expected shape (2, 2), got a list of other things than numbers',
    ],
    [
      'a shape of two holes',
      { ...good, shape: holes },
      'expected shape (2, 2), got a list of other things than numbers',
    ],
    [
      'a shape of symbols',
      { ...good, shape: [Symbol('2'), 2] },
      'expected shape (2, 2), got a list of other things than numbers',
    ],
    ['data in a list', { ...good, data: [1, 2, 3, 4] }, 'expected data in a Float32Array, got Array'],
    [
      'data in a Float64Array',
      { ...good, data: Float64Array.from(data) },
      'expected data in a Float32Array, got Float64Array',
    ],
    ['data in bytes', { ...good, data: data.buffer }, 'expected data in a Float32Array, got ArrayBuffer'],
    ['no data', { ...good, data: null }, 'expected data in a Float32Array, got Null'],
    [
      'data that says it is nothing',
      { ...good, data: { constructor: undefined } },
      'expected data in a Float32Array, got Object',
    ],
    ['3 elements', { ...good, data: data.subarray(1) }, 'expected 4 elements in data, got 3'],
    ['5 elements', { ...good, data: new Float32Array(5) }, 'expected 4 elements in data, got 5'],
  ])('%s', (_, actual, problem) => {
    const axes: Axis[] = [{ name: 'batch', size: 2, num_directions: 1 }, ...unit(2)]
    const expected = floatTensor('float32', [2, 2], data)
    expect(compare('h_1', good, expected, budgetTensor([1], [0]), axes).outcome).toBe('match')
    expect(compare('h_1', actual, expected, budgetTensor([1], [1e9]), axes)).toStrictEqual({
      tensor: 'h_1',
      outcome: 'mismatch',
      problem,
      elements: 4,
      nonFinite: 0,
      differing: 4,
      share: Infinity,
      rtol: Infinity,
      atol: Infinity,
    })
  })

  it('a tensor that PyTorch does not return', () => {
    expect(surplus('c_n')).toMatchObject({
      tensor: 'c_n',
      outcome: 'mismatch',
      problem: 'expected no tensor of this name, got one',
    })
  })
})

it('an empty tensor matches, with nothing in it', () => {
  const empty = floatTensor('float32', [3, 0, 2], [])
  const axes = signatureOf('RNN', layerCase({ hidden_size: 2 }).config, { seq_len: 3, batch: 0 }).outputs['output']
  expect(compare('output', empty, empty, budgetTensor([3, 1, 1], [0, 0, 0]), axes ?? [])).toStrictEqual({
    tensor: 'output',
    outcome: 'match',
    elements: 0,
    nonFinite: 0,
    differing: 0,
    share: 0,
    rtol: 0,
    atol: 0,
  })
})

it('formatPlace writes layer 1, reverse, t 17, batch 2, unit 40, and leaves out what is absent', () => {
  expect(formatPlace({ layer: 1, direction: 'reverse', t: 17, batch: 2, unit: 40 })).toBe(
    'layer 1, reverse, t 17, batch 2, unit 40',
  )
  expect(formatPlace({ t: 0, unit: 0 })).toBe('t 0, unit 0')
  expect(formatPlace({})).toBe('')
  expect(formatPlace(placeOf(unit(3), [2]))).toBe('unit 2')
})
