import { describe, expect, it } from 'vitest'
import type { Outputs, Request, Training } from '../../src/format/case.ts'
import { runEdited } from '../../src/edits.ts'
import { contextOf } from '../../src/edits/context.ts'
import { editsOf, faults } from '../../src/edits/faults.ts'
import { faults as others } from '../../src/faults.ts'
import { run } from '../../src/variants/run.ts'
import { modelRequest } from '../models.ts'
import { cellCase, layerCase, type LayerOptions, questionOf, sgd } from '../sample.ts'

const adam: Training = { optimizer: 'Adam', lr: 0.1, weight_decay: 0.1, steps: 2, betas: [0.9, 0.99], eps: 1e-3 }
const options: Partial<LayerOptions> = { dtype: 'float64', input_size: 3, hidden_size: 4, seq_len: 6, batch: 3 }
const recurrent: readonly Request[] = (['RNN', 'LSTM', 'GRU'] as const)
  .flatMap((module) => [
    layerCase({ ...options, module }),
    layerCase({ ...options, module, batch: undefined, num_layers: 2 }),
    layerCase({ ...options, module, input_size: 4, h_0: true, cotangents: true }),
    layerCase({ ...options, module, bias: false, num_layers: 2, h_0: true, cotangents: true }),
    layerCase({ ...options, module, num_layers: 2, bidirectional: true, h_0: true, cotangents: true }),
    layerCase({ ...options, module, num_layers: 3, h_0: true, batch_first: true }),
    layerCase({ ...options, module, bidirectional: true, lengths: [6, 2, 4], h_0: true, cotangents: true }),
    layerCase({ ...options, module, num_layers: 2, lengths: [6, 2, 4], h_0: true, cotangents: true }),
    layerCase({ ...options, module, num_layers: 3, dropout: 0.4, dropout_mask: true, cotangents: true }),
    layerCase({ ...options, module, num_layers: 2, bidirectional: true, dropout: 0.4, dropout_mask: true }),
    ...(module === 'LSTM' ? [layerCase({ ...options, module, proj_size: 2, h_0: true, cotangents: true })] : []),
    ...(module === 'LSTM' ? [layerCase({ ...options, module, proj_size: 2, lengths: [6, 2, 4], h_0: true })] : []),
    ...(module === 'RNN' ? [layerCase({ ...options, module, nonlinearity: 'relu', cotangents: true })] : []),
    layerCase({ ...options, module, training: sgd }),
    layerCase({ ...options, module, training: { ...sgd, nesterov: true } as Training }),
    layerCase({ ...options, module, training: adam, num_layers: 2, dropout: 0.4, dropout_mask: true }),
    cellCase({ dtype: 'float64', module: `${module}Cell`, h_0: true, cotangents: true }),
    cellCase({ dtype: 'float64', module: `${module}Cell`, h_0: false }),
    cellCase({ dtype: 'float64', module: `${module}Cell`, h_0: true, batch: undefined }),
  ])
  .map((recorded) => questionOf(recorded))
const models: readonly Request[] = (['RNN', 'LSTM', 'GRU'] as const).flatMap((rnn) => [
  modelRequest('ManyToMany', { config: { rnn }, cotangent: 1 }),
  modelRequest('ManyToMany', { config: { rnn }, dtype: 'float32', sharpness: 1000 }),
  modelRequest('ManyToOne', { config: { rnn, pooling: 'last', num_layers: 2 }, lengths: [4, 2, 3], cotangent: 1 }),
  modelRequest('OneToMany', { config: { rnn }, cotangent: 1 }),
  modelRequest('LanguageModel', { config: { rnn, num_layers: 2 }, cotangent: 1 }),
  modelRequest('LanguageModel', { config: { rnn, decoding: 'greedy' } }),
  ...(['last', 'transformed_last', 'transformed_all', 'dot', 'additive'] as const).flatMap((context) => [
    modelRequest('EncoderDecoder', { config: { rnn, context }, cotangent: 1, lengths: [4, 2, 3], sharpness: 3 }),
    ...(context === 'dot' || context === 'additive'
      ? []
      : [modelRequest('EncoderDecoder', { config: { rnn, context, injection: 'initial_state' }, cotangent: 1 })]),
    modelRequest('EncoderDecoder', { config: { rnn, context, decoding: 'greedy' }, sharpness: 3, seed: 2 }),
  ]),
])
const requests = [...recurrent, ...models]

/** Of two sets of outputs, the largest difference of a tensor; the names must be the same. */
function apart(one: Outputs, other: Outputs): number {
  expect(Object.keys(one).toSorted()).toStrictEqual(Object.keys(other).toSorted())
  const each = Object.entries(one).flatMap(([name, { data }]) =>
    Array.from(data, (x, i) => (Object.is(x, other[name]!.data[i]!) ? 0 : Math.abs(x - other[name]!.data[i]!))),
  )
  return Math.max(...each)
}

/** What the edits say otherwise than the fault that is planted, and why. */
interface Difference {
  readonly why: string
  readonly of: (request: Request) => boolean
  /** The tensors that are others; all without it. */
  readonly tensors?: RegExp
}

const hasTwoDirections = ({ config }: Request): boolean => 'bidirectional' in config && config.bidirectional
const differences: Readonly<Record<string, Difference>> = {
  'one weight_hh 1 % off': {
    why: 'the edit multiplies the number, so that its gradient is 1 % off as well',
    of: () => true,
    tensors: /^grad_weight_hh/,
  },
  'h_n from the padded end': {
    why: 'the edit has the gradients of what it gives, and its upper layers read the zeros that the lower ones put out',
    of: (request) =>
      request.cotangents !== undefined || ('num_layers' in request.config && request.config.num_layers > 1),
  },
  'padding not zeroed': {
    why: 'in reverse a row has not begun where it is padded: the edit shows its first state there',
    of: hasTwoDirections,
  },
  'gradient not accumulated over time': {
    why: 'the edit is about weight_hr, too',
    of: ({ config }) => 'proj_size' in config && config.proj_size > 0,
    tensors: /^grad_weight_hr/,
  },
  'log of softmax without the stable form': {
    why: 'the edit rounds the exponentials to float32, and not their sum',
    of: ({ dtype }) => dtype === 'float32',
  },
  'softmax over the wrong axis': {
    why: 'the edit takes the logarithm of the softmax in the stable form, too',
    of: ({ dtype }) => dtype === 'float32',
    tensors: /^log_probabilities/,
  },
  'encoder and decoder weights exchanged': {
    why: 'the edit gives the gradient by a parameter under its own name, where it is used',
    of: () => true,
    tensors: /^grad_(en|de)coder/,
  },
  'embedding row off by one': {
    why: 'the edit gives the gradient by the row that is read',
    of: () => true,
    tensors: /^grad_.*embedding/,
  },
}

function inWords({ module, config, inputs }: Request): string {
  return `${module} ${JSON.stringify(config)} of ${Object.keys(inputs).join()}`
}

it('the lists have the same names', () => {
  expect(faults.map(({ name }) => name).toSorted()).toStrictEqual(others.map(({ name }) => name).toSorted())
})

describe('edits say what a fault is that is planted in another engine', () => {
  it.each(faults.map((fault) => [fault.name, fault] as const))('%s', (name, fault) => {
    const old = others.find((each) => each.name === name)!
    const wrong = old.plant(run)
    let changed = 0
    let held = 0
    const apartIn: string[] = []
    for (const request of requests) {
      const context = contextOf(request)
      const edits = editsOf(fault, request, context)
      if (edits === undefined) {
        const isMissed = old.appliesTo(request) && apart(wrong(request), run(request)) > 1e-9
        if (isMissed) apartIn.push(`nothing to edit in ${inWords(request)}`)
        continue
      }
      const own = runEdited(edits, request, context)
      if (!(apart(own, run(request)) <= 1e-6)) changed++
      if (!old.appliesTo(request)) continue
      const theirs = wrong(request)
      const difference = differences[name]
      const isOther = difference?.of(request) === true
      if (isOther && difference.tensors === undefined) continue
      const same = (outputs: Outputs): Outputs =>
        Object.fromEntries(Object.entries(outputs).filter(([key]) => !isOther || !difference.tensors!.test(key)))
      held++
      const off = apart(same(own), same(theirs))
      if (!(off < 1e-9)) apartIn.push(`${off} in ${inWords(request)}`)
    }
    expect(apartIn).toStrictEqual([])
    expect(held).toBeGreaterThan(0)
    if (fault.equivalent === undefined) expect(changed).toBeGreaterThan(0)
  })
})
