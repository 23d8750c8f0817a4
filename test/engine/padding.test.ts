// What PyTorch never reads must not reach a result: whatever stands past a row's length, every number is the same.
import { describe, expect, it } from 'vitest'
import type { BuiltRequest, Outputs, RecurrentRequest, Request } from '../../src/format/case.ts'
import { run } from '../../src/engine/run.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { modelRequest } from '../models.ts'
import { layerCase, layerNames, type LayerOptions, questionOf, sgd } from '../sample.ts'

const lengths = [2, 4, 1]
const seq_len = 4

/** The same tensor with other numbers where a row has ended. perRow: of (seq_len, batch, …), or (batch, seq_len, …). */
function poisoned(tensor: FloatTensor, change: (x: number) => number, batch_first: boolean, from = 0): FloatTensor {
  const inner = tensor.shape.slice(from + 2).reduce((product, size) => product * size, 1)
  const batch = lengths.length
  const data = Array.from(tensor.data, (x, i) => {
    const place = Math.floor(i / inner) % (seq_len * batch)
    const [t, row] = batch_first
      ? [place % seq_len, Math.floor(place / seq_len)]
      : [Math.floor(place / batch), place % batch]
    return t >= lengths[row]! ? change(x) : x
  })
  return floatTensor(tensor.dtype, tensor.shape, data)
}

/** All that went in, with something else in the padding. */
function withPadding(request: RecurrentRequest, special: number): RecurrentRequest {
  const { config, inputs, cotangents } = request
  const batch_first = 'batch_first' in config && config.batch_first
  const { input, dropout_mask } = inputs
  return {
    ...request,
    inputs: {
      ...inputs,
      input: poisoned(input, () => special, batch_first),
      ...(dropout_mask && { dropout_mask: poisoned(dropout_mask, (kept) => 1 - kept, false, 1) }),
    },
    ...(cotangents && {
      cotangents: { ...cotangents, output: poisoned(cotangents['output']!, () => special, batch_first) },
    }),
  }
}

/** The tensors that are others, or that hold what is not finite. */
function touched(request: Request, other: Request): string[] {
  const [clean, own]: [Outputs, Outputs] = [run(request), run(other)]
  return Object.entries(clean).flatMap(([name, { data }]) => {
    const isSame = own[name]!.data.every((x, i) => Object.is(x, data[i]))
    return isSame && data.every((x) => Number.isFinite(x)) ? [] : [name]
  })
}

const both = { bidirectional: true, num_layers: 2 }
const options: readonly (readonly [string, Partial<LayerOptions>])[] = [
  ['forward', { cotangents: false }],
  ['in one layer', {}],
  ['without a bias and a state', { bias: false, h_0: false }],
  ['in two directions', { bidirectional: true }],
  ['in 2 layers of two directions', both],
  ['in 2 layers of two directions, batch_first', { ...both, batch_first: true }],
  ['with a dropout_mask', { ...both, dropout: 0.25, dropout_mask: true }],
  ['in training', { cotangents: false, training: sgd, num_layers: 2 }],
]

const known = new Map<string, RecurrentRequest>()

/** The same for every kind of padding. */
function layer(more: Partial<LayerOptions>): RecurrentRequest {
  const key = JSON.stringify(more)
  const sample = { dtype: 'float64', batch: 3, seq_len, lengths, cotangents: true, ...more } as const
  const request = known.get(key) ?? questionOf(layerCase(sample))
  known.set(key, request)
  return request
}

describe.each([Number.NaN, Infinity, -Infinity])('%s in the padding', (special) => {
  it.each(layerNames.flatMap((module) => options.map(([name, more]) => [module, name, more] as const)))(
    'of an %s changes nothing %s',
    (module, _, more) => {
      const request = layer({ module, ...more })
      expect(touched(request, withPadding(request, special))).toStrictEqual([])
    },
  )

  it.each([{}, both])('of a projected LSTM changes nothing: %o', (more) => {
    const request = layer({ module: 'LSTM', proj_size: 2, ...more })
    expect(touched(request, withPadding(request, special))).toStrictEqual([])
  })

  it('of a relu RNN changes nothing', () => {
    const request = layer({ nonlinearity: 'relu', ...both })
    expect(touched(request, withPadding(request, special))).toStrictEqual([])
  })

  it.each(['RNN', 'LSTM', 'GRU'] as const)('of models of an %s changes nothing', (rnn) => {
    const requests: BuiltRequest[] = [
      modelRequest('ManyToMany', { config: { rnn, num_layers: 2 }, lengths, cotangent: 0.7 }),
      modelRequest('ManyToOne', { config: { rnn, pooling: 'last' }, lengths, cotangent: 0.7 }),
      modelRequest('ManyToOne', { config: { rnn, pooling: 'mean' }, lengths, cotangent: 0.7 }),
    ]
    for (const request of requests) {
      const inputs = { ...request.inputs, input: poisoned(request.inputs.input!, () => special, false) }
      expect(touched(request, { ...request, inputs })).toStrictEqual([])
    }
  })
})

describe('a weight that is infinite', () => {
  it.each(layerNames)('leaves the gradient by the padding of an %s at 0', (module) => {
    const request = layer({ module, input_size: 2 })
    const weight = request.params['weight_ih_l0']!
    const infinite = floatTensor('float64', weight.shape, weight.data.with(0, Infinity))
    const { grad_input: gradient } = run({ ...request, params: { ...request.params, weight_ih_l0: infinite } })
    const padding: number[] = []
    poisoned(gradient!, (x) => (padding.push(x), x), false)
    expect(padding).toStrictEqual(Array.from({ length: 5 * 2 }, () => 0))
  })
})
