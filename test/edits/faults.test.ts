import { describe, expect, it } from 'vitest'
import type { Outputs, RecurrentRequest, Request } from '../../src/format/case.ts'
import type { Edit } from '../../src/edits/edit.ts'
import { edited, runEdited } from '../../src/edits.ts'
import { nameOf } from '../../src/edits/known.ts'
import { faults } from '../../src/faults.ts'
import { run } from '../../src/variants/run.ts'
import { modelRequest } from '../models.ts'
import { cellCase, layerCase, type LayerOptions, questionOf } from '../sample.ts'

const parameter = (tensor: string): Edit['operand'] => ({ op: 'parameter', tensor })
const all = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh']
const gates = (order: string): Edit => ({ operator: 'gates', operand: { op: 'chunk' }, value: { order, tensors: all } })
const padding = (value: string): Edit => ({ operator: 'padding', operand: { op: 'loop' }, value })
const another = (own: string, value: string): Edit => {
  return { operator: 'another', operand: { op: 'activation', function: own }, value }
}
const swapped = (value: Record<string, string>, operand: Edit['operand'] = {}): Edit => {
  return { operator: 'swapped', operand, value }
}
const option = (tensor: string, value: Edit['value']): Edit => ({
  operator: 'option',
  operand: { tensor },
  value: value!,
})

/** Faults that are planted in another engine, and the edits that say the same. */
const pairs: readonly (readonly [string, readonly Edit[]])[] = [
  ['weight_hh transposed', [{ operator: 'layout', operand: parameter('weight_hh'), value: 'stored by columns' }]],
  ['weight_ih transposed', [{ operator: 'layout', operand: parameter('weight_ih'), value: 'transposed where square' }]],
  ['weight_ih misread', [{ operator: 'layout', operand: parameter('weight_ih'), value: 'stored by columns' }]],
  ['weight_hr transposed', [{ operator: 'layout', operand: parameter('weight_hr'), value: 'gates stored by columns' }]],
  ['bias_ih dropped', [{ operator: 'zero', operand: parameter('bias_ih'), value: true }]],
  ['bias_hh dropped', [{ operator: 'zero', operand: parameter('bias_hh'), value: true }]],
  ['bias_ih added twice', [{ operator: 'scale', operand: parameter('bias_ih'), value: 2 }]],
  ['bias_hh added twice', [{ operator: 'scale', operand: parameter('bias_hh'), value: 2 }]],
  [
    'biases of a GRU swapped',
    [{ operator: 'exchange', operand: { op: 'parameter' }, value: { names: 'biases', how: 'both' } }],
  ],
  ['no recurrence', [{ operator: 'zero', operand: parameter('weight_hh'), value: true }]],
  [
    'reverse with forward weights',
    [{ operator: 'sibling', operand: { op: 'parameter' }, value: { of: 'forward', tensors: [...all, 'weight_hr'] } }],
  ],
  ['weights in float16', [{ operator: 'round', operand: { kind: 'weights' }, value: 'float16' }]],
  ['weights in bfloat16', [{ operator: 'round', operand: { kind: 'weights' }, value: 'bfloat16' }]],
  ['relu for tanh, tanh for relu', [option('config.nonlinearity', 'the other')]],
  ['no nonlinearity', [{ operator: 'another', operand: { op: 'activation', gate: 'h' }, value: 'identity' }]],
  ['crude tanh', [another('tanh', 'Padé tanh')]],
  ['hard sigmoid', [another('sigmoid', 'hard sigmoid 0.2')]],
  ['gates in the order i o f g', [gates('iofg')]],
  ['gates in the order i f o g', [gates('ifog')]],
  ['gates in the order f i g o', [gates('figo')]],
  ['gates in the order z r n', [gates('zrn')]],
  ['forget bias + 1', [{ operator: 'increase', operand: { op: 'chunk', tensor: 'bias_ih', gate: 'f' }, value: 1 }]],
  [
    'no tanh on c',
    [{ operator: 'another', operand: { op: 'activation', tensor: '-', gate: '-', k: 0 }, value: 'identity' }],
  ],
  ['c_0 ignored', [{ operator: 'zero', operand: { kind: 'initial states', tensor: 'c_0' }, value: true }]],
  ['h_0 ignored', [{ operator: 'zero', operand: { kind: 'initial states', tensor: 'h_0' }, value: true }]],
  ['h_0 and c_0 exchanged', [swapped({ h_0: 'c_0', c_0: 'h_0' }, { op: 'input' })]],
  [
    'h_0 of layer 0 for all layers',
    [{ operator: 'other', operand: { op: 'select', tensor: 'h_0' }, value: 'the first' }],
  ],
  ['reverse not reversed', [{ operator: 'direction', operand: { op: 'loop' }, value: 'forward' }]],
  [
    'reverse output not flipped back',
    [
      {
        operator: 'reorder',
        operand: { op: 'stacked', tensor: 'output' },
        scope: { direction: 'reverse' },
        value: { axis: 3, order: 'reversed' },
      },
    ],
  ],
  ['directions concatenated the other way', [{ operator: 'swap', operand: { op: 'cat', tensor: 'output' } }]],
  [
    'h_n layers reversed',
    [{ operator: 'reorder', operand: { kind: 'last states' }, value: { axis: 3, order: 'reversed' } }],
  ],
  ['h_n and c_n exchanged', [swapped({ h_n: 'c_n', c_n: 'h_n' }), swapped({ h_1: 'c_1', c_1: 'h_1' })]],
  ['h_n from the padded end', [padding('padded end')]],
  ['lengths ignored', [{ operator: 'ignored', operand: { tensor: 'lengths' } }]],
  ['state carried between rows', [{ operator: 'carriedRows', operand: {} }]],
  [
    'output shifted by one step',
    [
      {
        operator: 'reorder',
        operand: { op: 'stacked', tensor: 'output' },
        scope: { layers: 'last' },
        value: { axis: 3, order: 'previousOrZero' },
      },
    ],
  ],
  ['gradient not accumulated over time', [{ operator: 'part', operand: { op: 'linear' }, value: 'the first step' }]],
  [
    'bias gradient counted once',
    [{ operator: 'zero', operand: { tensor: 'grad_bias_hh', in: 'gradients' }, value: true }],
  ],
  [
    'gradient averaged over the batch',
    [{ operator: 'scale', operand: { kind: 'gradients by parameters', in: 'gradients' }, value: '1 / batch' }],
  ],
  ['cotangent of h_n ignored', [{ operator: 'zero', operand: { tensor: 'h_n', in: 'cotangents' }, value: true }]],
  ['dropout ignored in training mode', [{ operator: 'ignored', operand: { tensor: 'dropout_mask' } }]],
]

const options: Partial<LayerOptions> = { dtype: 'float64', input_size: 3, hidden_size: 4, seq_len: 6, batch: 3 }
const requests: readonly RecurrentRequest[] = (['RNN', 'LSTM', 'GRU'] as const)
  .flatMap((module) => [
    layerCase({ ...options, module }),
    layerCase({ ...options, module, input_size: 4, h_0: true, cotangents: true }),
    layerCase({ ...options, module, num_layers: 2, bidirectional: true, h_0: true }),
    layerCase({ ...options, module, num_layers: 3, h_0: true, batch_first: true }),
    layerCase({ ...options, module, bidirectional: true, lengths: [6, 2, 4], h_0: true }),
    layerCase({ ...options, module, num_layers: 2, dropout: 0.4, dropout_mask: true, cotangents: true }),
    ...(module === 'LSTM' ? [layerCase({ ...options, module, proj_size: 2, h_0: true, cotangents: true })] : []),
    ...(module === 'RNN' ? [layerCase({ ...options, module, nonlinearity: 'relu' })] : []),
    cellCase({ dtype: 'float64', module: `${module}Cell`, h_0: true }),
  ])
  .map((recorded) => questionOf(recorded))

/** Requests in which the fault that is planted is not all of the mistake. */
const isOther: Readonly<Record<string, (request: RecurrentRequest) => boolean>> = {
  'gradient not accumulated over time': ({ config }) => 'proj_size' in config && config.proj_size > 0,
}

/** Of two sets of outputs, the largest difference of a tensor; the names must be the same. */
function apart(one: Outputs, other: Outputs): number {
  expect(Object.keys(one).toSorted()).toStrictEqual(Object.keys(other).toSorted())
  const each = Object.entries(one).flatMap(([name, { data }]) =>
    Array.from(data, (x, i) => Math.abs(x - other[name]!.data[i]!)),
  )
  return Math.max(...each)
}

describe('an edit says what a fault is that is planted in another engine', () => {
  it.each(pairs)('%s', (name, edits) => {
    const fault = faults.find((other) => other.name === name)!
    const wrong = fault.plant(run)
    const asked = requests.filter(
      (request) => fault.appliesTo(request) && !(name in isOther && isOther[name]!(request)),
    )
    expect(asked.length).toBeGreaterThan(0)
    let changed = 0
    for (const request of asked) {
      const own = runEdited(edits, request)
      const theirs = wrong(request)
      // A rounding has a gradient of its own choice.
      expect(apart(own, theirs), `of ${request.module} ${JSON.stringify(request.config)}`).toBeLessThan(1e-9)
      if (apart(own, run(request)) > 1e-6) changed++
    }
    expect(changed).toBeGreaterThan(0)
  })

  it.each(pairs.filter(([, edits]) => edits.length === 1 && edits[0]!.scope === undefined))(
    '%s bears its name',
    (name, [edit]) => {
      const known = nameOf(edit!)
      const isByRule = known.includes(' ') && !faults.some((fault) => fault.name === known)
      expect(isByRule ? name : known).toBe(name)
    },
  )
})

it('an edit changes nothing of a request, and nothing where there is nothing of the kind', () => {
  for (const request of requests) {
    const before = structuredClone(request)
    for (const [, edits] of pairs) {
      const { isEdited } = edited(edits, request)
      if (!isEdited) expect(apart(runEdited(edits, request), run(request))).toBeLessThan(1e-12)
    }
    expect(request).toStrictEqual(before)
  }
  const model: Request = modelRequest('LanguageModel', { config: { rnn: 'GRU' } })
  expect(edited([gates('iofg')], model).isEdited).toBe(false)
  expect(edited([gates('zrn')], model).isEdited).toBe(true)
})
