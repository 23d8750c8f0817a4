import { describe, expect, it } from 'vitest'
import { measureBudget } from '../../src/verify/budget.ts'
import type { Outputs, RecurrentRequest } from '../../src/format/case.ts'
import { exactly, float32Engine, run } from '../../src/engine/run.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import * as plain from '../../src/inexact/run.ts'
import { judge } from '../../src/verify.ts'
import { random } from '../random.ts'
import { anyCell, anyLayer, cellNames, layerCase, layerNames, questionOf, type RecurrentCase, sgd } from '../sample.ts'

// The kernels against plain JavaScript: other sums, other functions, the same equations.

/** Sizes at which vectors, tiles and panels end. */
const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65] as const

function withCotangents(recorded: RecurrentCase, seed: number): RecurrentRequest {
  const numbers = random(seed)
  const question = questionOf(recorded)
  const cotangents: Outputs = Object.fromEntries(
    Object.entries(run(question)).map(([name, { shape, data }]) => [
      name,
      floatTensor(
        'float64',
        shape,
        Float64Array.from(data, () => numbers.around(1)),
      ),
    ]),
  )
  return { ...question, cotangents }
}

/** The largest difference of two tensors, in shares of the largest number; NaN where one is of another kind than the other. */
function distance(one: Float64Array, other: Float64Array): number {
  let largest = 0
  let difference = 0
  for (const [i, x] of one.entries()) {
    const y = other[i]!
    if (Object.is(x, y) || (x === 0 && y === 0)) continue
    if (!Number.isFinite(x) || !Number.isFinite(y)) return Number.NaN
    largest = Math.max(largest, Math.abs(y))
    difference = Math.max(difference, Math.abs(x - y))
  }
  return difference === 0 ? 0 : difference / Math.max(largest, 1e-300)
}

/** To 1e-14, gradients to 1e-12; where rounding itself comes to more, as in deep layers of large weights, to what it may come to. */
function expectSame(request: RecurrentRequest): void {
  const own = exactly(request)
  const theirs = plain.exactly(request)
  expect(Object.keys(own).length).toBeGreaterThan(0)
  const apart = Object.keys(own).filter((name) => {
    return !(distance(own[name]!, theirs[name]!) <= (name.startsWith('grad_') ? 1e-12 : 1e-14))
  })
  if (apart.length === 0) return
  const recorded = { ...request, id: 'drawn', expected: plain.run(request) }
  const comparisons = judge({ ...recorded, budget: measureBudget(recorded) }, run(request))
  const off = apart.filter((name) => comparisons.find(({ tensor }) => tensor === name)?.outcome !== 'match')
  expect(off).toStrictEqual([])
}

describe.each(layerNames)('the kernels of %s', (module) => {
  it('give what plain JavaScript gives, of any layer, forward and back', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const numbers = random(1000 + seed)
      const isLarge = seed % 3 === 0
      const own = isLarge ? { input_size: numbers.pick(sizes), hidden_size: numbers.pick(sizes) } : {}
      expectSame(withCotangents(anyLayer(seed, { module, dtype: 'float64', ...own }), seed))
    }
  })

  it('give what plain JavaScript gives for each size next to a tile, and each number of rows', () => {
    for (const size of sizes) {
      for (const other of [1, 4, 9, 33]) {
        const dtype = 'float64'
        const options = { module, dtype, input_size: other, hidden_size: size, batch: other, seq_len: 3 } as const
        expectSame(withCotangents(layerCase(options, size), size))
        expectSame(
          withCotangents(layerCase({ ...options, input_size: size, hidden_size: other, batch: size }, size), size),
        )
      }
    }
  })

  it('has kinds of values where plain JavaScript has them, wherever NaN and infinities come in', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const numbers = random(seed)
      const nonlinearity = numbers.pick(['tanh', 'relu'] as const)
      const request = withCotangents(anyLayer(seed, { module, dtype: 'float64', nonlinearity, h_0: true }), seed)
      const value = numbers.pick([Number.NaN, Infinity, -Infinity])
      const planted = (tensor: FloatTensor): FloatTensor => {
        const data = Float64Array.from(tensor.data)
        data[numbers.int(0, data.length - 1)] = value
        return floatTensor('float64', tensor.shape, data)
      }
      const { inputs, cotangents } = request
      expectKinds({ ...request, inputs: { ...inputs, input: planted(inputs.input) } })
      expectKinds({ ...request, inputs: { ...inputs, h_0: planted(inputs.h_0!) } })
      const names = Object.keys(cotangents!)
      const name = names[numbers.int(0, names.length - 1)]!
      expectKinds({
        ...request,
        cotangents: { ...cotangents, [name]: planted(cotangents![name]!) },
      })
    }
  })
})

/** NaN, and which infinity; finite numbers may be any. */
function expectKinds(request: RecurrentRequest): void {
  const own = exactly(request)
  const theirs = plain.exactly(request)
  const kind = (x: number): string => (Number.isFinite(x) ? 'finite' : String(x))
  for (const [name, numbers] of Object.entries(own)) {
    const off = Array.from(numbers).findIndex((x, i) => kind(x) !== kind(theirs[name]![i]!))
    expect({ name, off }).toStrictEqual({ name, off: -1 })
  }
}

describe.each(cellNames)('the kernels of %s', (module) => {
  it('give what plain JavaScript gives, of sizes from 0', () => {
    for (let seed = 1; seed <= 100; seed++) {
      expectSame(withCotangents(anyCell(seed, { module, dtype: 'float64' }), seed))
    }
  })
})

it('steps of an optimizer are those of plain JavaScript', () => {
  for (const module of layerNames) {
    const recorded = anyLayer(5, { module, dtype: 'float64', training: sgd })
    expectSame(questionOf(recorded))
  }
})

describe('the memory of the kernels', () => {
  const small = questionOf(anyLayer(3, { module: 'LSTM', dtype: 'float64' }))
  const large = questionOf(layerCase({ module: 'GRU', dtype: 'float64', hidden_size: 64, seq_len: 40, batch: 10 }))

  it('leaves nothing of one run to the next, whatever it was', () => {
    const first = exactly(small)
    exactly(large)
    const nan = {
      ...large,
      inputs: {
        ...large.inputs,
        input: floatTensor(
          'float64',
          large.inputs.input.shape,
          Float64Array.from(large.inputs.input.data).fill(Number.NaN),
        ),
      },
    }
    exactly(nan)
    expect(exactly(small)).toStrictEqual(first)
  })

  it('is not that of what is returned', () => {
    const first = run(small)
    const copy = structuredClone(first)
    run({
      ...small,
      inputs: {
        ...small.inputs,
        input: floatTensor('float64', small.inputs.input.shape, Float64Array.from(small.inputs.input.data).fill(9)),
      },
    })
    expect(first).toStrictEqual(copy)
  })
})

describe('the engine in float32', () => {
  it('computes in float32: it is near, and errs as float32 does', () => {
    const request = questionOf(layerCase({ module: 'LSTM', dtype: 'float32', hidden_size: 32, seq_len: 20, batch: 4 }))
    const exact = exactly(request)['output']!
    const { data } = (float32Engine.run(request) as Outputs)['output']!
    const worst = Math.max(...Array.from(data, (x, i) => Math.abs(x - exact[i]!)))
    expect(worst).toBeLessThan(1e-6)
    // Rounded once, it would be within half a last place of numbers below 1.
    expect(worst).toBeGreaterThan(2 ** -25)
  })

  it('says what it does not compute', () => {
    const supports = (request: RecurrentRequest): unknown => float32Engine.supports!(request)
    expect(supports(questionOf(layerCase({ dtype: 'float64' })))).toBe('computes float32, not float64')
    expect(supports(questionOf(layerCase({ dtype: 'bfloat16' })))).toBe('computes float32, not bfloat16')
    expect(supports(questionOf(layerCase({ training: sgd })))).toBe('takes no steps of an optimizer')
    expect(supports(questionOf(layerCase()))).toBe(true)
  })
})
