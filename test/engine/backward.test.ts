// The backward passes against central differences of the forward pass, which the other tests hold against the naive one.
import { describe, expect, it } from 'vitest'
import type { Outputs, RecurrentRequest } from '../../src/format/case.ts'
import { run } from '../../src/engine/run.ts'
import { agreeing, gradientsByDifferences } from '../gradients.ts'
import {
  anyCell,
  anyLayer,
  cellCase,
  cellNames,
  type CellOptions,
  layerCase,
  layerNames,
  type LayerOptions,
  questionOf,
  type RecurrentCase,
} from '../sample.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { random } from '../random.ts'

/** A case asked for its gradients, with random cotangents of every output. */
function asked(recorded: RecurrentCase, seed = 1): RecurrentRequest {
  const numbers = random(seed + 1000)
  const cotangents: Record<string, Outputs[string]> = {}
  for (const [name, { dtype, shape, data }] of Object.entries(recorded.expected)) {
    cotangents[name] = floatTensor(
      dtype,
      shape,
      Array.from(data, () => numbers.around(1)),
    )
  }
  return { ...questionOf(recorded), cotangents }
}

function wrongWith(request: RecurrentRequest): string[] {
  return agreeing(run(request), gradientsByDifferences(request))
}

const layer = (options: Partial<LayerOptions>): RecurrentRequest => asked(layerCase({ dtype: 'float64', ...options }))
const both = { bidirectional: true, num_layers: 2 }
const masked = { num_layers: 2, dropout: 0.25, dropout_mask: true }
const lengths = { batch: 3, lengths: [2, 4, 1] }

describe.each(layerNames)('the gradients of an %s are central differences', (module) => {
  it.each<[string, Partial<LayerOptions>]>([
    ['in one layer', {}],
    ['without a bias', { bias: false }],
    ['without states', { h_0: false }],
    ['unbatched', { batch: undefined }],
    ['in 1 step', { seq_len: 1 }],
    ['batch_first', { batch_first: true }],
    ['in two directions', { bidirectional: true }],
    ['in 2 layers', { num_layers: 2 }],
    ['in 2 layers of two directions', both],
    ['in 2 layers of two directions, batch_first', { ...both, batch_first: true }],
    ['with lengths', lengths],
    ['with lengths, in 2 layers of two directions', { ...lengths, ...both }],
    ['with lengths, in 2 layers of two directions, batch_first', { ...lengths, ...both, batch_first: true }],
    ['with a dropout_mask in 3 layers', { ...masked, num_layers: 3 }],
    ['with a dropout_mask in two directions, batch_first', { ...masked, bidirectional: true, batch_first: true }],
    ['with a dropout_mask, unbatched', { ...masked, batch: undefined }],
    ['with a dropout_mask and lengths', { ...masked, ...lengths, bidirectional: true }],
  ])('%s', (_, options) => {
    expect(wrongWith(layer({ module, ...options }))).toStrictEqual([])
  })

  it('in 12 random layers', () => {
    const sizes = { input_size: 3, hidden_size: 2 }
    const wrong = Array.from({ length: 12 }, (_, i) =>
      wrongWith(asked(anyLayer(i + 1, { module, dtype: 'float64', ...sizes }), i + 1)).map(
        (line) => `seed ${i + 1}: ${line}`,
      ),
    )
    expect(wrong.flat()).toStrictEqual([])
  })
})

describe('the gradients of an LSTM with proj_size are central differences', () => {
  it.each<[string, Partial<LayerOptions>]>([
    ['in one layer', {}],
    ['without a bias', { bias: false }],
    ['without states', { h_0: false }],
    ['in 2 layers of two directions, batch_first', { ...both, batch_first: true }],
    ['with lengths, in 2 layers of two directions', { ...lengths, ...both }],
    ['with a dropout_mask and lengths', { ...masked, ...lengths, bidirectional: true }],
  ])('%s', (_, options) => {
    expect(wrongWith(layer({ module: 'LSTM', proj_size: 2, ...options }))).toStrictEqual([])
  })
})

describe('the gradients of an RNN with relu are central differences', () => {
  it.each<[string, Partial<LayerOptions>]>([
    ['in one layer', {}],
    ['with lengths, in 2 layers of two directions', { ...lengths, ...both }],
    ['with a dropout_mask', masked],
  ])('%s', (_, options) => {
    expect(wrongWith(layer({ nonlinearity: 'relu', ...options }))).toStrictEqual([])
  })
})

describe.each(cellNames)('the gradients of an %s are central differences', (module) => {
  it.each<[string, Partial<CellOptions>]>([
    ['in a batch', {}],
    ['unbatched', { batch: undefined }],
    ['without a bias', { bias: false }],
    ['without states', { h_0: false }],
    ['with relu, where it has one', { nonlinearity: 'relu' }],
  ])('%s', (_, options) => {
    expect(wrongWith(asked(cellCase({ dtype: 'float64', module, ...options })))).toStrictEqual([])
  })

  it('in 20 random cells, of sizes 0 to 9', () => {
    const wrong = Array.from({ length: 20 }, (_, i) =>
      wrongWith(asked(anyCell(i + 1, { module, dtype: 'float64' }), i + 1)).map((line) => `seed ${i + 1}: ${line}`),
    )
    expect(wrong.flat()).toStrictEqual([])
  })
})

describe('a request with cotangents', () => {
  it.each([...layerNames, ...cellNames])('of an %s gives its outputs as without them, to the bit', (module) => {
    const options = { dtype: 'float32', cotangents: true } as const
    const whole = module.endsWith('Cell')
      ? cellCase({ ...options, module: module as CellOptions['module'] })
      : layerCase({ ...options, module: module as LayerOptions['module'], lengths: [4, 2] })
    const { cotangents: _, ...plain } = questionOf(whole)
    const outputs = run(plain)
    expect(Object.keys(outputs)).not.toHaveLength(0)
    expect(run(questionOf(whole))).toMatchObject(outputs)
  })

  it('gives the gradients by input, states and parameters in this order, each like what it is by', () => {
    const options = { module: 'LSTM', dtype: 'float32', proj_size: 2, batch_first: true } as const
    const request = questionOf(layerCase({ ...options, cotangents: true }))
    const outputs = run(request)
    const { input, h_0, c_0 } = request.inputs
    const by = Object.entries({ input, h_0, c_0, ...request.params })
    expect(Object.keys(outputs)).toStrictEqual(['output', 'h_n', 'c_n', ...by.map(([name]) => `grad_${name}`)])
    for (const [name, tensor] of by) {
      const gradient = outputs[`grad_${name}`]
      expect([gradient?.dtype, gradient?.shape, gradient?.data.length], `of ${name}`).toStrictEqual([
        'float32',
        tensor?.shape,
        tensor?.data.length,
      ])
    }
  })

  it('gives none by a state that is left out, nor of the mask or the lengths', () => {
    const request = layer({ module: 'LSTM', h_0: false, ...masked, ...lengths })
    expect(Object.keys(run(request)).filter((name) => !/weight|bias/u.test(name))).toStrictEqual([
      'output',
      'h_n',
      'c_n',
      'grad_input',
    ])
  })

  it('has gradients of 0 by what lies past a row’s length', () => {
    const { grad_input } = run(layer({ module: 'GRU', ...lengths, bidirectional: true }))
    // (4, 3, 2): row 2 has one step, row 0 two.
    const row = (t: number, b: number): number[] => [
      ...(grad_input?.data.slice((t * 3 + b) * 2, (t * 3 + b + 1) * 2) ?? []),
    ]
    for (const [t, b] of [
      [1, 2],
      [2, 2],
      [3, 2],
      [2, 0],
      [3, 0],
    ] as const) {
      expect(row(t, b), `t ${t}, row ${b}`).toStrictEqual([0, 0])
    }
    expect(row(1, 0)).not.toContain(0)
    expect(row(3, 1)).not.toContain(0)
  })

  it('whose cotangents are 0 has gradients of 0', () => {
    for (const module of layerNames) {
      const request = layer({ module, ...both })
      const zero = Object.fromEntries(
        Object.entries(request.cotangents ?? {}).map(([name, { shape, data }]) => [
          name,
          floatTensor('float64', shape, new Float64Array(data.length)),
        ]),
      )
      const gradients = Object.entries(run({ ...request, cotangents: zero })).filter(([name]) =>
        name.startsWith('grad_'),
      )
      expect(gradients.length).toBeGreaterThan(16)
      // An absolute value, because −0 is 0 here.
      expect(gradients.flatMap(([, { data }]) => [...data]).filter((x) => Math.abs(x) !== 0)).toStrictEqual([])
    }
  })

  it('is as linear as a gradient is: twice the cotangents, twice the gradients, to the bit', () => {
    const request = layer({ module: 'LSTM', ...both, proj_size: 1 })
    const doubled = Object.fromEntries(
      Object.entries(request.cotangents ?? {}).map(([name, { shape, data }]) => [
        name,
        floatTensor(
          'float64',
          shape,
          Float64Array.from(data, (x) => 2 * x),
        ),
      ]),
    )
    const once = run(request)
    for (const [name, { data }] of Object.entries(run({ ...request, cotangents: doubled }))) {
      const factor = name.startsWith('grad_') ? 2 : 1
      expect(data, `of ${name}`).toStrictEqual(Float64Array.from(once[name]?.data ?? [], (x) => factor * x))
    }
  })

  it('keeps its arrays as they are, and shares none with its outputs', () => {
    for (const module of layerNames) {
      const request = layer({ module, ...both, ...lengths, batch_first: true })
      const before = structuredClone(request)
      const outputs = run(request)
      expect(request).toStrictEqual(before)
      const { params, inputs, cotangents } = request
      const given = Object.values({ ...params, ...inputs, ...cotangents }).map(({ data }) => data.buffer)
      for (const { data } of Object.values(outputs)) expect(given).not.toContain(data.buffer)
    }
  })

  it('in a batch of 0 has gradients of 0 by the parameters, and empty ones by the input', () => {
    for (const module of layerNames) {
      const outputs = run(layer({ module, batch: 0, ...both }))
      expect(outputs['grad_input']).toStrictEqual(floatTensor('float64', [4, 0, 2], []))
      for (const [name, { data }] of Object.entries(outputs)) {
        if (/weight|bias/u.test(name)) expect(data, `of ${name}`).toStrictEqual(new Float64Array(data.length))
      }
    }
  })
})

it('relu has no gradient where its sum is 0, as in torch', () => {
  const zero = floatTensor('float64', [1, 1], [0])
  const one = floatTensor('float64', [1], [1])
  const recorded = cellCase({
    dtype: 'float64',
    nonlinearity: 'relu',
    bias: false,
    input_size: 1,
    hidden_size: 1,
    batch: undefined,
  })
  const outputs = run({
    ...questionOf(recorded),
    params: { weight_ih: zero, weight_hh: zero },
    inputs: { input: one },
    cotangents: { h_1: one },
  })
  expect(outputs['grad_weight_ih']).toStrictEqual(floatTensor('float64', [1, 1], [0]))
})
