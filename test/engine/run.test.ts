import { describe, expect, it } from 'vitest'
import { engine, run } from '../../src/engine/run.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { anyCell, anyLayer, cellCase, layerCase, questionOf, type RecurrentCase } from '../sample.ts'
import { drawnOptions, wrongWith } from './against-naive.ts'

describe('the engine computes in float64 what the naive implementation does, to 1e-14', () => {
  it('in 400 random layers', () => {
    const recorded = Array.from({ length: 400 }, (_, i) => anyLayer(i + 1, { dtype: 'float64' }))
    expect(recorded.flatMap((each) => wrongWith(each))).toStrictEqual([])
    expect(drawnOptions(recorded)).toStrictEqual([])
  })

  it('in 100 random layers with a dropout_mask', () => {
    const dropout = { num_layers: 3, dropout: 0.3, dropout_mask: true }
    const recorded = Array.from({ length: 100 }, (_, i) => anyLayer(i + 1, { dtype: 'float64', ...dropout }))
    expect(recorded.flatMap((each) => wrongWith(each))).toStrictEqual([])
    expect(drawnOptions(recorded)).toStrictEqual([])
  })

  it('in 200 random cells, of sizes 0 to 9', () => {
    const recorded = Array.from({ length: 200 }, (_, i) => anyCell(i + 1, { dtype: 'float64' }))
    expect(recorded.flatMap((each) => wrongWith(each))).toStrictEqual([])
  })

  it('in a batch of 0, whose h_n is empty too', () => {
    for (const batch_first of [false, true]) {
      const outputs = run(questionOf(layerCase({ batch: 0, batch_first, bidirectional: true, num_layers: 2 })))
      expect(outputs).toStrictEqual({
        output: floatTensor('float32', batch_first ? [0, 4, 6] : [4, 0, 6], []),
        h_n: floatTensor('float32', [4, 0, 3], []),
      })
    }
  })
})

describe('float32', () => {
  it('outputs are the float64 results, rounded', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const single = anyLayer(seed, { dtype: 'float32' })
      const widened = Object.fromEntries(Object.entries(single.params).map(([name, tensor]) => [name, widen(tensor)]))
      const { input, h_0, lengths } = single.inputs
      const inputs = {
        input: widen(input),
        ...(h_0 === undefined ? {} : { h_0: widen(h_0) }),
        ...(lengths === undefined ? {} : { lengths }),
      }
      const double = run({ ...questionOf(single), dtype: 'float64', params: widened, inputs })
      for (const [name, actual] of Object.entries(run(questionOf(single)))) {
        const rounded = Float32Array.from(double[name]?.data ?? [])
        expect(actual, `seed ${seed}, ${name}`).toStrictEqual({ dtype: 'float32', shape: actual.shape, data: rounded })
      }
    }
  })

  it('an h_1 of 1 + 2⁻³⁰ is 1, which float64 would keep', () => {
    const options = { input_size: 1, hidden_size: 1, batch: undefined, bias: false, nonlinearity: 'relu' } as const
    for (const [dtype, h_1] of [
      ['float32', 1],
      ['float64', 1 + 2 ** -30],
    ] as const) {
      const one = floatTensor(dtype, [1, 1], [1])
      const inputs = { input: floatTensor(dtype, [1], [1]), h_0: floatTensor(dtype, [1], [2 ** -30]) }
      const request = {
        ...questionOf(cellCase({ ...options, dtype })),
        params: { weight_ih: one, weight_hh: one },
        inputs,
      }
      expect(run(request)).toStrictEqual({ h_1: floatTensor(dtype, [1], [h_1]) })
    }
  })
})

function widen(tensor: FloatTensor): FloatTensor {
  return floatTensor('float64', tensor.shape, Float64Array.from(tensor.data))
}

describe('values that are not finite', () => {
  /** A case whose input is the given value in row 1 at step 1, alone, and where its outputs are NaN. */
  function nanPlaces(recorded: RecurrentCase, value: number): string {
    const input = floatTensor('float64', recorded.inputs.input.shape, Float64Array.from(recorded.inputs.input.data))
    // (4, 2, 2): step 1, row 1, input 0.
    input.data[6] = value
    const outputs = run({ ...questionOf(recorded), inputs: { ...recorded.inputs, input } })
    const output = outputs['output']?.data ?? []
    let places = ''
    for (let t = 0; t < 4; t++) {
      for (let row = 0; row < 2; row++) {
        const states = Array.from(
          output.slice((t * 2 + row) * (output.length / 8), (t * 2 + row + 1) * (output.length / 8)),
        )
        const nans = states.filter((state) => Number.isNaN(state)).length
        places += nans === 0 ? '.' : nans === states.length ? 'N' : 'n'
      }
    }
    return places
  }

  it.each(['tanh', 'relu'] as const)('NaN stays in its batch row from its step on, with %s', (nonlinearity) => {
    expect(nanPlaces(layerCase({ dtype: 'float64', nonlinearity }), Number.NaN)).toBe('...N.N.N')
  })

  it('NaN is in every step of its row over two bidirectional layers', () => {
    const recorded = layerCase({ dtype: 'float64', num_layers: 2, bidirectional: true })
    expect(nanPlaces(recorded, Number.NaN)).toBe('.N.N.N.N')
  })

  it('infinity saturates tanh to ±1, and is NaN where it meets a weight of 0', () => {
    const recorded = layerCase({ dtype: 'float64', bias: false, hidden_size: 2 })
    expect(nanPlaces(recorded, Infinity)).toBe('........')
    const weight_ih_l0 = floatTensor('float64', [2, 2], [0, 1, 1, 1])
    const zeroed = { ...recorded, params: { ...recorded.params, weight_ih_l0 } }
    // Unit 0 of row 1 is NaN at step 1, and through weight_hh both units after it.
    expect(nanPlaces(zeroed, Infinity)).toBe('...n.N.N')
    expect(nanPlaces(zeroed, 1e300)).toBe('........')
  })
})

describe('the request', () => {
  it.each(['float32', 'float64'] as const)('keeps its arrays as they are, in %s', (dtype) => {
    for (let seed = 1; seed <= 20; seed++) {
      const recorded = anyLayer(seed, { dtype })
      run(questionOf(recorded))
      expect(recorded, `seed ${seed}`).toStrictEqual(anyLayer(seed, { dtype }))
    }
    const cell = cellCase({ dtype })
    run(questionOf(cell))
    expect(cell).toStrictEqual(cellCase({ dtype }))
  })

  it('shares no array with its outputs', () => {
    const cell = cellCase({ dtype: 'float64' })
    const layer = layerCase({ dtype: 'float64', batch_first: true })
    for (const recorded of [cell, layer]) {
      const given = Object.values({ ...recorded.params, ...recorded.inputs }).map(({ data }) => data.buffer)
      for (const { data } of Object.values(run(questionOf(recorded)))) expect(given).not.toContain(data.buffer)
    }
  })

  it('with dropout 0.9 gives what one with dropout 0 gives', () => {
    const recorded = layerCase({ num_layers: 3, dropout: 0.9 })
    expect(run(questionOf(recorded))).toStrictEqual(run(questionOf(layerCase({ num_layers: 3, dropout: 0 }))))
  })
})

it('the engine is called torch-parity and runs anything', async () => {
  expect(engine.name).toBe('torch-parity')
  expect(await engine.supports!(questionOf(cellCase()))).toBe(true)
  expect(await engine.run(questionOf(cellCase()))).toStrictEqual(run(questionOf(cellCase())))
})
