import { describe, expect, it } from 'vitest'
import type { Outputs, RecurrentRequest, Training } from '../../src/format/case.ts'
import { contextOf } from '../../src/edits/context.ts'
import { asAsked, edited, isInside } from '../../src/edits.ts'
import { run } from '../../src/engine/run.ts'
import { runProgram } from '../../src/program.ts'
import type { Program } from '../../src/program/operation.ts'
import { editsOf, type Fault, faulted, faults } from '../../src/edits/faults.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { agreeing, gradientsByDifferences } from '../gradients.ts'
import { cellCase, layerCase, type LayerOptions, questionOf, sgd } from '../sample.ts'

function named(name: string): Fault {
  const fault = faults.find((each) => each.name === name)
  if (fault === undefined) throw new Error(`expected a fault ${name}, got none`)
  return fault
}

it('every fault has a name of its own', () => {
  const names = faults.map(({ name }) => name)
  expect(names.length).toBeGreaterThan(60)
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toStrictEqual([])
})

/** A port with a fault, which is asked for the same with other numbers again and again: its program is then the same. */
function of(fault: Fault): (request: RecurrentRequest) => Outputs {
  const programs = new Map<string, Program | undefined>()
  return (request) => {
    const kind = `${Object.keys(request).join()} ${Object.keys(request.inputs).join()}`
    if (!programs.has(kind)) {
      const context = contextOf(request)
      const edits = editsOf(fault, request, context)
      const made = edits && edited(edits, request, context)
      const isProgram = made !== undefined && made.request === request && isInside(edits!)
      programs.set(kind, isProgram ? made.program : undefined)
    }
    const program = programs.get(kind)
    return program === undefined
      ? (faulted(fault).run(request) as Outputs)
      : asAsked(request, runProgram(request, program))
  }
}

const adam: Training = { optimizer: 'Adam', lr: 0.1, weight_decay: 0, steps: 2, betas: [0.9, 0.99], eps: 1e-3 }
const float64 = { dtype: 'float64' } as const

/** What a fault is inapplicable to, what it applies to, and that what it gives there differs from what is right. */
type Row = [name: string, applicable: RecurrentRequest, inapplicable: RecurrentRequest[]]

const layer = (options: Partial<LayerOptions> = {}): RecurrentRequest =>
  questionOf(layerCase({ ...float64, ...options }))
const rnn = layer()
const lstm = layer({ module: 'LSTM' })
const gru = layer({ module: 'GRU' })
const cell = questionOf(cellCase(float64))
const noState = layer({ module: 'LSTM', h_0: false })
const noBias = layer({ bias: false })
const both = layer({ bidirectional: true })
const deep = layer({ num_layers: 2 })
const padded = layer({ lengths: [4, 2] })
const projected = layer({ module: 'LSTM', proj_size: 2 })
const masked = layer({ num_layers: 2, dropout: 0.5, dropout_mask: true })
const gradients = layer({ cotangents: true })
const long = layer({ cotangents: true, seq_len: 6, hidden_size: 2 })
const lstmGradients = layer({ module: 'LSTM', cotangents: true })
const cellGradients = questionOf(cellCase({ ...float64, cotangents: true }))
const trained = layer({ training: sgd })
const trainedByAdam = layer({ training: adam })

const rows: readonly Row[] = [
  ['weight_hh transposed', rnn, [trained]],
  ['weight_ih transposed', layer({ input_size: 3 }), [rnn, trained]],
  ['weight_ih misread', rnn, [trained]],
  ['weight_hr transposed', projected, [lstm, gru, rnn]],
  ['bias_ih dropped', rnn, [noBias, trained]],
  ['bias_hh dropped', rnn, [noBias]],
  ['bias_ih added twice', rnn, [noBias]],
  ['bias_hh added twice', rnn, [noBias]],
  ['biases of a GRU swapped', gru, [rnn, lstm, layer({ module: 'GRU', bias: false })]],
  ['no recurrence', rnn, [trained]],
  ['reverse with forward weights', both, [rnn, cell]],
  ['weights in float16', rnn, [layer({ dtype: 'float16' })]],
  ['weights in bfloat16', rnn, [layer({ dtype: 'bfloat16' })]],
  ['one weight_hh 1 % off', rnn, [trained]],
  ['relu for tanh, tanh for relu', rnn, [lstm, gru]],
  ['no nonlinearity', rnn, [lstm, gru]],
  ['crude tanh', rnn, [layer({ nonlinearity: 'relu' })]],
  ['hard sigmoid', lstm, [rnn]],
  ['gates in the order i o f g', lstm, [rnn, gru]],
  ['gates in the order i f o g', lstm, [rnn, gru]],
  ['gates in the order f i g o', lstm, [rnn, gru]],
  ['gates in the order z r n', gru, [rnn, lstm]],
  ['forget bias + 1', lstm, [rnn, gru, layer({ module: 'LSTM', bias: false })]],
  ['no tanh on c', lstm, [rnn, gru]],
  ['peephole added', lstm, [rnn, gru]],
  ['proj_size ignored in the recurrence', projected, [lstm, gru]],
  ['c_0 ignored', lstm, [noState, gru]],
  ['h_0 and c_0 exchanged', lstm, [noState, projected, gru]],
  ['reset before the product', gru, [rnn, lstm]],
  ['b_hn outside the reset', gru, [rnn, layer({ module: 'GRU', bias: false })]],
  ['one summed bias', gru, [rnn, layer({ module: 'GRU', bias: false })]],
  ['z and 1 − z exchanged', gru, [rnn, lstm]],
  ['h_0 ignored', rnn, [noState]],
  ['h_0 of layer 0 for all layers', deep, [rnn, layer({ num_layers: 2, h_0: false })]],
  ['reverse not reversed', both, [rnn, cell]],
  ['reverse output not flipped back', both, [rnn, cell]],
  ['directions concatenated the other way', both, [rnn, cell]],
  ['h_n of reverse from the last step', both, [rnn, cell]],
  ['h_n by direction', layer({ bidirectional: true, num_layers: 2 }), [both, deep]],
  ['h_n layers reversed', deep, [rnn, cell]],
  ['h_n and c_n exchanged', lstm, [projected, rnn, gru]],
  ['h_n from the padded end', padded, [rnn]],
  ['lengths ignored', padded, [rnn]],
  ['padding not zeroed', padded, [rnn]],
  [
    'batch_first ignored',
    layer({ batch_first: true }),
    [rnn, layer({ batch_first: true, batch: undefined }), layer({ batch_first: true, cotangents: true })],
  ],
  ['residual between layers', deep, [rnn, cell]],
  ['state carried between rows', rnn, [layer({ batch: undefined }), gradients]],
  ['output shifted by one step', rnn, [cell]],
  ['gradient not accumulated over time', gradients, [rnn, cellGradients, layer({ cotangents: true, seq_len: 1 })]],
  ['gradient truncated after 4 steps', long, [gradients, cellGradients]],
  ['bias gradient counted once', gradients, [rnn, layer({ bias: false, cotangents: true })]],
  ['1 − h² at the step before', gradients, [rnn, lstmGradients, layer({ nonlinearity: 'relu', cotangents: true })]],
  ['cotangent of h_n ignored', gradients, [rnn, cellGradients]],
  ['cotangent of c_n ignored', lstmGradients, [lstm, gradients]],
  [
    'gradient averaged over the batch',
    gradients,
    [rnn, layer({ batch: 1, cotangents: true }), layer({ batch: undefined, cotangents: true })],
  ],
  ['dropout ignored in training mode', masked, [rnn, layer({ num_layers: 2, dropout: 0.5 })]],
  ['dropout not scaled', masked, [rnn]],
  ['dropout mask inverted', masked, [rnn]],
  ['gradients not zeroed between steps', trained, [gradients]],
  ['Adam without bias correction', trainedByAdam, [trained, rnn]],
  ['momentum ignored', trained, [layer({ training: { ...sgd, momentum: 0 } as Training }), trainedByAdam]],
  ['nesterov ignored', layer({ training: { ...sgd, nesterov: true } as Training }), [trained, trainedByAdam]],
  ['weight_decay ignored', trained, [trainedByAdam, rnn]],
]

describe('a fault applies to what it says and to nothing else, and changes what it gives there', () => {
  it.each(rows)('%s', (name, applicable, inapplicable) => {
    const fault = named(name)
    expect(editsOf(fault, applicable) !== undefined).toBe(true)
    const right = run(applicable)
    const wrong = faulted(fault).run(applicable) as Outputs
    expect(Object.keys(wrong)).toStrictEqual(Object.keys(right))
    const shapes = (outputs: Outputs): unknown =>
      Object.entries(outputs).map(([of, { dtype, shape }]) => [of, dtype, shape])
    expect(shapes(wrong)).toStrictEqual(shapes(right))
    expect(wrong).not.toStrictEqual(right)
    for (const [i, request] of inapplicable.entries()) {
      expect(editsOf(fault, request) !== undefined, `request ${i}`).toBe(false)
      expect(faulted(fault).run(request), `request ${i}`).toStrictEqual(run(request))
    }
  })

  it('of layers and cells, each is in this table or equivalent', () => {
    const everyRequest = rows.flatMap(([, applicable, inapplicable]) => [applicable, ...inapplicable])
    const about = faults.filter((fault) => everyRequest.some((request) => editsOf(fault, request) !== undefined))
    const missing = about.filter(
      ({ name, equivalent }) => equivalent === undefined && !rows.some(([own]) => own === name),
    )
    expect(missing.map(({ name }) => name)).toStrictEqual([])
    expect(about.length).toBeGreaterThanOrEqual(rows.length)
  })

  it('biases swapped is equivalent: an RNN and an LSTM give the same, forward and backward, and a GRU is not asked', () => {
    const fault = named('biases swapped')
    expect(fault.equivalent).toBe('RNN and LSTM add both biases to the same sum')
    expect([rnn, lstm, gru, noBias].map((request) => editsOf(fault, request) !== undefined)).toStrictEqual([
      true,
      true,
      false,
      false,
    ])
    for (const request of [gradients, lstmGradients, cellGradients]) {
      const right = run(request)
      for (const [name, { data }] of Object.entries(faulted(fault).run(request) as Outputs)) {
        const apart = data.map((x, i) => Math.abs(x - (right[name]?.data[i] ?? Number.NaN)))
        expect(Math.max(...apart), `of ${name}`).toBeLessThanOrEqual(1e-14)
      }
    }
  })
})

describe('the gradients of a fault that is computed forward are those of what it computes, as they are stored', () => {
  const options = { cotangents: true, num_layers: 2, bidirectional: true, batch_first: true } as const
  const whole = (module: LayerOptions['module'], changes: Partial<LayerOptions> = {}): RecurrentRequest =>
    layer({ module, ...options, ...changes })

  it.each<[string, RecurrentRequest]>([
    ['weight_hh transposed', whole('RNN')],
    ['weight_hh transposed', whole('GRU')],
    ['weight_hh transposed', whole('LSTM', { proj_size: 2 })],
    ['weight_ih misread', whole('LSTM')],
    ['weight_hr transposed', whole('LSTM', { proj_size: 2 })],
    ['gates in the order z r n', whole('GRU')],
    ['gates in the order i o f g', whole('LSTM')],
    ['gates in the order i f o g', whole('LSTM')],
    ['gates in the order f i g o', whole('LSTM', { proj_size: 1 })],
    ['bias_ih added twice', whole('RNN')],
    ['bias_hh added twice', whole('GRU')],
    ['bias_ih dropped', whole('LSTM')],
    ['bias_hh dropped', whole('GRU')],
    ['no recurrence', whole('RNN')],
    ['forget bias + 1', whole('LSTM')],
    ['h_0 and c_0 exchanged', whole('LSTM')],
    ['h_0 ignored', whole('GRU')],
    ['c_0 ignored', whole('LSTM')],
    ['relu for tanh, tanh for relu', whole('RNN')],
    ['reverse not reversed', whole('GRU')],
    ['reverse output not flipped back', whole('RNN')],
    ['directions concatenated the other way', whole('LSTM')],
    ['residual between layers', whole('GRU')],
    ['lengths ignored', whole('GRU', { lengths: [4, 2] })],
    ['dropout ignored in training mode', whole('GRU', { dropout: 0.5, dropout_mask: true })],
    ['dropout not scaled', whole('RNN', { dropout: 0.5, dropout_mask: true })],
    ['dropout mask inverted', whole('LSTM', { dropout: 0.5, dropout_mask: true })],
    ['no nonlinearity', whole('RNN')],
    ['crude tanh', whole('RNN')],
    ['crude tanh', whole('LSTM')],
    ['crude tanh', whole('GRU')],
    ['hard sigmoid', whole('LSTM')],
    ['hard sigmoid', whole('GRU')],
    ['no tanh on c', whole('LSTM')],
    ['peephole added', whole('LSTM')],
    ['peephole added', whole('LSTM', { lengths: [4, 2], proj_size: 2 })],
    ['proj_size ignored in the recurrence', whole('LSTM', { proj_size: 2 })],
    ['proj_size ignored in the recurrence', whole('LSTM', { proj_size: 2, lengths: [4, 2] })],
    ['reset before the product', whole('GRU')],
    ['reset before the product', whole('GRU', { lengths: [4, 2] })],
    ['z and 1 − z exchanged', whole('GRU')],
    ['b_hn outside the reset', whole('GRU')],
    ['one summed bias', whole('GRU')],
    ['biases of a GRU swapped', whole('GRU')],
    ['reverse with forward weights', whole('RNN')],
    ['h_0 of layer 0 for all layers', whole('RNN')],
    ['h_n of reverse from the last step', whole('GRU')],
    ['h_n of reverse from the last step', whole('LSTM', { lengths: [4, 2] })],
    ['h_n by direction', whole('LSTM')],
    ['h_n layers reversed', whole('RNN')],
    ['h_n and c_n exchanged', whole('LSTM')],
    ['padding not zeroed', whole('GRU', { lengths: [4, 2] })],
    ['output shifted by one step', whole('RNN')],
  ])('%s', (name, request) => {
    const fault = named(name)
    expect(editsOf(fault, request) !== undefined).toBe(true)
    const wrong = of(fault)
    const outputs = wrong(request)
    expect(agreeing(outputs, gradientsByDifferences(request, wrong))).toStrictEqual([])
    // And they are not those of a right engine, or else the check would say nothing.
    expect(agreeing(outputs, gradientsByDifferences(request))).not.toStrictEqual([])
  })
})

it('a gradient that is truncated reaches the first state of a row that has ended before', () => {
  const request = layer({ cotangents: true, seq_len: 6, hidden_size: 2, lengths: [6, 3] })
  const rows = (outputs: Outputs): number[][] => {
    const { data } = outputs['grad_h_0']!
    return [Array.from(data.subarray(0, 2)), Array.from(data.subarray(2, 4))]
  }
  const [long, short] = rows(of(named('gradient truncated after 4 steps'))(request))
  const [longRight, shortRight] = rows(run(request))
  expect(short!.map((x, i) => Math.abs(x - shortRight![i]!) < 1e-14)).toStrictEqual([true, true])
  expect(long).not.toStrictEqual(longRight)
})

it('a fault that is planted leaves the request as it is', () => {
  for (const [name, request] of rows) {
    const before = structuredClone(request)
    of(named(name))(request)
    expect(request, `of ${name}`).toStrictEqual(before)
  }
})

it('faulted runs a right engine where its fault does not apply, by its own name', () => {
  const engine = faulted(named('h_n by direction'))
  expect(engine.name).toBe('h_n by direction')
  expect(engine.run(rnn)).toStrictEqual(run(rnn))
})

/** But for the last digits: a program is computed operation by operation. */
function expectSame(actual: Outputs, expected: Outputs): void {
  expect(Object.keys(actual)).toStrictEqual(Object.keys(expected))
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(actual[name]!.shape).toStrictEqual(shape)
    const apart = Array.from(data, (x, i) => Math.abs(x - actual[name]!.data[i]!))
    expect(Math.max(...apart), `of ${name}`).toBeLessThan(1e-13)
  }
}

describe('what single faults do, by hand', () => {
  it('weight_hh transposed of a 2 × 2 matrix reads it by columns', () => {
    const square = layerCase({ ...float64, hidden_size: 2 })
    const weight = square.params['weight_hh_l0']?.data ?? []
    const [a = 0, b = 0, c = 0, d = 0] = weight
    const turned = { ...square.params, weight_hh_l0: floatTensor('float64', [2, 2], [a, c, b, d]) }
    const request = questionOf(square)
    expectSame(of(named('weight_hh transposed'))(request), run({ ...request, params: turned }))
  })

  it('gates in the order z r n reads the first block of rows for z and the second for r', () => {
    const recorded = layerCase({ ...float64, module: 'GRU', hidden_size: 1, input_size: 1 })
    const swapped = Object.fromEntries(
      Object.entries(recorded.params).map(([name, { shape, data }]) => [
        name,
        floatTensor('float64', shape, [data[1] ?? 0, data[0] ?? 0, data[2] ?? 0]),
      ]),
    )
    const request = questionOf(recorded)
    expectSame(of(named('gates in the order z r n'))(request), run({ ...request, params: swapped }))
  })

  it('gates in the order i o f g reads the blocks for i, o, f, g', () => {
    const recorded = layerCase({ ...float64, module: 'LSTM', hidden_size: 1, input_size: 1 })
    // torch takes i f g o: what stands in the order i o f g has its f third, its g fourth, its o second.
    const swapped = Object.fromEntries(
      Object.entries(recorded.params).map(([name, { shape, data }]) => [
        name,
        floatTensor('float64', shape, [data[0] ?? 0, data[2] ?? 0, data[3] ?? 0, data[1] ?? 0]),
      ]),
    )
    const request = questionOf(recorded)
    expectSame(of(named('gates in the order i o f g'))(request), run({ ...request, params: swapped }))
  })

  it.each<[string, (block: number, b_ih: number, b_hh: number) => [number, number]]>([
    ['b_hn outside the reset', (block, b_ih, b_hh) => (block === 2 ? [b_ih + b_hh, 0] : [b_ih, b_hh])],
    ['one summed bias', (_, b_ih, b_hh) => [0, b_ih + b_hh]],
    ['biases of a GRU swapped', (_, b_ih, b_hh) => [b_hh, b_ih]],
  ])('%s has other biases in the blocks r, z, n', (name, moved) => {
    const recorded = layerCase({ ...float64, module: 'GRU', hidden_size: 2 })
    const [b_ih, b_hh] = ['bias_ih_l0', 'bias_hh_l0'].map((bias) => [...(recorded.params[bias]?.data ?? [])])
    const pairs = Array.from({ length: 6 }, (_, row) => moved(Math.floor(row / 2), b_ih?.[row] ?? 0, b_hh?.[row] ?? 0))
    const bias = (which: 0 | 1): FloatTensor =>
      floatTensor(
        'float64',
        [6],
        pairs.map((pair) => pair[which]),
      )
    const request = questionOf(recorded)
    const params = { ...recorded.params, bias_ih_l0: bias(0), bias_hh_l0: bias(1) }
    expectSame(of(named(name))(request), run({ ...request, params }))
  })

  it('h_0 and c_0 exchanged gives the gradient by h_0 that is by c_0 of the exchanged request', () => {
    const request = questionOf(layerCase({ ...float64, module: 'LSTM', cotangents: true }))
    const { h_0, c_0, ...rest } = request.inputs
    const other = run({ ...request, inputs: { ...rest, ...(c_0 && { h_0: c_0 }), ...(h_0 && { c_0: h_0 }) } })
    const wrong = faulted(named('h_0 and c_0 exchanged')).run(request) as Outputs
    expectSame({ grad: wrong['grad_h_0']! }, { grad: other['grad_c_0']! })
    expectSame({ grad: wrong['grad_c_0']! }, { grad: other['grad_h_0']! })
  })
})
