// The models against a naive implementation that takes one row at a time, and their gradients against central differences.
import { describe, expect, it } from 'vitest'
import type { BuiltRequest, Outputs } from '../../src/format/case.ts'
import { run } from '../../src/engine/run.ts'
import type { ModelConfig } from '../../src/format/model.ts'
import { float64Data, type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { differences } from '../differences.ts'
import { modelNames, modelRequest } from '../models.ts'
import { naiveModel } from '../naive-models.ts'

const rnns = ['RNN', 'LSTM', 'GRU'] as const
type RNN = (typeof rnns)[number]
type EncoderDecoder = Pick<ModelConfig<'EncoderDecoder'>, 'context' | 'injection'>

const lengths = [2, 4, 1]

/** Every way in which a context is made and enters. */
const contexts: readonly EncoderDecoder[] = [
  ...(['last', 'transformed_last', 'transformed_all'] as const).flatMap((context) =>
    (['initial_state', 'every_step'] as const).map((injection) => ({ context, injection })),
  ),
  { context: 'additive', injection: 'every_step' },
  { context: 'dot', injection: 'every_step' },
]

type Options = { readonly lengths?: readonly number[]; readonly cotangent?: number; readonly seed?: number }
type Form = [name: string, make: (rnn: RNN, options: Options) => BuiltRequest]

const forms: readonly Form[] = [
  ['N to N', (rnn, options) => modelRequest('ManyToMany', { config: { rnn }, ...options })],
  ['N to N of 2 layers', (rnn, options) => modelRequest('ManyToMany', { config: { rnn, num_layers: 2 }, ...options })],
  ['N to 1, last', (rnn, options) => modelRequest('ManyToOne', { config: { rnn, pooling: 'last' }, ...options })],
  [
    'N to 1, last of 2 layers',
    (rnn, options) => modelRequest('ManyToOne', { config: { rnn, pooling: 'last', num_layers: 2 }, ...options }),
  ],
  ['N to 1, mean', (rnn, options) => modelRequest('ManyToOne', { config: { rnn, pooling: 'mean' }, ...options })],
  ...contexts.map(({ context, injection }): Form => [
    `encoder and decoder, ${context}, ${injection}`,
    (rnn, options) => modelRequest('EncoderDecoder', { config: { rnn, context, injection }, ...options }),
  ]),
]

/** Forms whose rows have no lengths of their own. */
const formsWithoutLengths: readonly Form[] = [
  ['1 to N, first', (rnn, options) => modelRequest('OneToMany', { config: { rnn, feeding: 'first' }, ...options })],
  ['1 to N, every', (rnn, options) => modelRequest('OneToMany', { config: { rnn, feeding: 'every' }, ...options })],
  [
    '1 to N of 2 layers',
    (rnn, options) => modelRequest('OneToMany', { config: { rnn, feeding: 'first', num_layers: 2 }, ...options }),
  ],
  ['a language model', (rnn, options) => modelRequest('LanguageModel', { config: { rnn }, ...options })],
  [
    'a language model of 2 layers',
    (rnn, options) => modelRequest('LanguageModel', { config: { rnn, num_layers: 2 }, ...options }),
  ],
]

/** Where outputs are more than 1e-12 of the larger of 1 and the value away from the naive ones, in other names or another order. */
function apart(request: BuiltRequest): string[] {
  const actual = run(request)
  const expected = naiveModel(request)
  expect(Object.keys(actual)).toStrictEqual(Object.keys(expected))
  return Object.entries(expected).flatMap(([name, values]) => {
    const { data } = actual[name]!
    const off = values.flatMap((e, i) =>
      Math.abs(data[i]! - e) <= 1e-12 * Math.max(1, Math.abs(e)) ? [] : [`${name}[${i}]: ${data[i]}, naive ${e}`],
    )
    return data.length === values.length ? off : [`${name}: ${data.length} elements, naive ${values.length}`, ...off]
  })
}

/**
 * Where gradients are more than 1e-6 of the largest element of their tensor away from differences of the loss, and where all
 * of them are 0, so that nothing was checked.
 */
function wrongGradients(request: BuiltRequest): string[] {
  const actual = run(request)
  const { cotangents, ...plain } = request
  const by = cotangents!['loss']!.data[0]!
  const value = (changes: Partial<BuiltRequest>): number =>
    by * run({ ...plain, ...changes } as BuiltRequest)['loss']!.data[0]!
  const { inputs, params } = request
  const expected: Record<string, number[]> = {}
  if (inputs.input !== undefined) {
    expected['grad_input'] = differences(inputs.input, (input) => value({ inputs: { ...inputs, input } }))
  }
  for (const [name, parameter] of Object.entries(params)) {
    expected[`grad_${name}`] = differences(parameter, (moved) => value({ params: { ...params, [name]: moved } }))
  }
  expect(Object.keys(actual).filter((name) => name.startsWith('grad_'))).toStrictEqual(Object.keys(expected))
  return Object.entries(expected).flatMap(([name, gradient]) => {
    const largest = Math.max(...gradient.map((x) => Math.abs(x)))
    // Differences of a loss of about 1 are rounded by 1e-11.
    const limit = 1e-6 * largest + 2e-11
    const off = gradient.flatMap((e, i) => {
      const a = actual[name]!.data[i]!
      return Math.abs(a - e) <= limit ? [] : [`${name}[${i}]: ${a}, by differences ${e}`]
    })
    return largest > 1e-4 ? off : [`${name}: no gradient`, ...off]
  })
}

describe.each(rnns)('of %s, the model', (rnn) => {
  describe.each(forms)('%s', (_, make) => {
    it('computes what its equations say', () => {
      expect(apart(make(rnn, {}))).toStrictEqual([])
    })

    it('with lengths computes what its equations say of each row alone', () => {
      expect(apart(make(rnn, { lengths, seed: 2 }))).toStrictEqual([])
    })

    it('has the gradients that differences have', () => {
      expect(wrongGradients(make(rnn, { cotangent: 0.7 }))).toStrictEqual([])
    })

    it('with lengths has the gradients that differences have', () => {
      expect(wrongGradients(make(rnn, { lengths, cotangent: -1.3, seed: 2 }))).toStrictEqual([])
    })
  })

  describe.each(formsWithoutLengths)('%s', (_, make) => {
    it('computes what its equations say', () => {
      expect(apart(make(rnn, {}))).toStrictEqual([])
    })

    it('has the gradients that differences have', () => {
      expect(wrongGradients(make(rnn, { cotangent: 0.7 }))).toStrictEqual([])
    })
  })
})

/** The symbols of each row. */
function rowsOf(outputs: Outputs): number[][] {
  const { shape, data } = outputs['symbols']!
  const batch = shape[1]!
  return Array.from({ length: batch }, (_, row) => [...data].filter((_, i) => i % batch === row))
}

describe('greedy decoding', () => {
  describe.each(rnns)('with %s', (rnn) => {
    it.each(contexts.map(({ context, injection }) => [context, injection] as const))(
      'of an encoder and decoder, %s, %s, computes what its equations say',
      (context, injection) => {
        const config = { rnn, context, injection, decoding: 'greedy', max_len: 7 } as const
        const wrong = [1, 2, 3, 4].flatMap((seed) => [
          ...apart(modelRequest('EncoderDecoder', { config, seed, sharpness: 3, lengths })),
          ...apart(modelRequest('EncoderDecoder', { config, seed, sharpness: 3 })),
        ])
        expect(wrong).toStrictEqual([])
      },
    )

    it.each([1, 2])('of a language model of %i layers computes what its equations say', (num_layers) => {
      const request = modelRequest('LanguageModel', { config: { rnn, num_layers, decoding: 'greedy' }, sharpness: 3 })
      expect(apart(request)).toStrictEqual([])
      // Its own symbols are fed back: rows that read the same go on differently.
      expect(new Set(rowsOf(run(request)).map((row) => row.join())).size).toBeGreaterThan(1)
    })
  })

  const config = { context: 'additive', injection: 'every_step', decoding: 'greedy', max_len: 7 } as const
  const requests = [1, 2, 3, 4].map((seed) => modelRequest('EncoderDecoder', { config, seed, sharpness: 3, lengths }))

  it('stops each row at the end symbol and goes on with the others; both are among those that are checked', () => {
    const rows = requests.flatMap((request) => rowsOf(run(request)))
    const ends = rows.map((row) => row.indexOf(1))
    expect(ends).toContain(-1)
    expect(ends.some((end) => end >= 0 && end < 6)).toBe(true)
    for (const row of rows.filter((own) => own.includes(1))) {
      expect(row.slice(row.indexOf(1)).every((symbol) => symbol === 1)).toBe(true)
    }
  })

  it('blanks everything that is computed after the end symbol, and nothing before it', () => {
    let blanked = 0
    for (const request of requests) {
      const outputs = run(request)
      for (const name of ['target_embedding', 'attention', 'context', 'decoder_states', 'logits']) {
        const { shape, data } = outputs[name]!
        const size = shape[2]!
        for (const [row, symbols] of rowsOf(outputs).entries()) {
          const end = symbols.indexOf(1)
          for (const [t] of symbols.entries()) {
            const isBlank = data.subarray((t * 3 + row) * size, (t * 3 + row + 1) * size).every((x) => x === 0)
            expect({ name, row, t, isBlank }).toStrictEqual({ name, row, t, isBlank: end >= 0 && t > end })
            if (isBlank) blanked++
          }
        }
      }
    }
    expect(blanked).toBeGreaterThan(0)
  })

  /** The symbols of a model whose logits are these at every step. */
  function symbolsOf(logits: readonly number[]): number[] {
    const request = modelRequest('LanguageModel', { config: { decoding: 'greedy', max_len: 2 }, batch: 1 })
    const params = {
      ...request.params,
      'linear.weight': floatTensor('float64', [5, 3], new Float64Array(15)),
      'linear.bias': floatTensor('float64', [5], logits),
    }
    return [...run({ ...request, params })['symbols']!.data]
  }

  it('takes the first of equal logits, as torch.argmax does', () => {
    expect(symbolsOf([2, 2, 2, 2, 2])).toStrictEqual([0, 0])
    expect(symbolsOf([1, 2, 3, 3, 0])).toStrictEqual([2, 2])
    expect(symbolsOf([-Infinity, -Infinity, -1e300, -Infinity, -1e300])).toStrictEqual([2, 2])
  })

  it('takes NaN for the largest logit, as torch.argmax does', () => {
    expect(symbolsOf([1, Infinity, Number.NaN, 3, Number.NaN])).toStrictEqual([2, 2])
  })
})

describe('teacher forcing', () => {
  it('reads bos, then the target without its last symbol', () => {
    const request = modelRequest('EncoderDecoder', { config: { bos: 3 } })
    const { target_embedding } = run(request)
    const { data } = request.params['target_embedding.weight']!
    const read = [3, 3, 3, ...Array.from(request.inputs.target!.data, Number).slice(0, 6)]
    expect([...target_embedding!.data]).toStrictEqual(
      read.flatMap((symbol) => [data[symbol * 2], data[symbol * 2 + 1]]),
    )
  })
})

/** Outputs that differ in any bit, but for those named. */
function differing(one: Outputs, other: Outputs, except: readonly string[]): string[] {
  return Object.keys(one).filter(
    (name) => !except.includes(name) && one[name]!.data.some((x, i) => !Object.is(x, other[name]!.data[i])),
  )
}

describe('the padding past a row’s length', () => {
  it.each(forms.slice(0, 5))('of input changes nothing in %s, forward or backward, and has no gradient', (_, make) => {
    const request = make('LSTM', { lengths, cotangent: 1 })
    const input = request.inputs.input!
    const isPadding = (i: number): boolean => Math.floor(i / 6) >= lengths[Math.floor(i / 2) % 3]!
    const data = float64Data(input).map((x, i) => (isPadding(i) ? 100 : x))
    const changed = {
      ...request,
      inputs: { ...request.inputs, input: { ...input, data } as FloatTensor },
    } as BuiltRequest
    expect(differing(run(request), run(changed), [])).toStrictEqual([])
    const { data: gradient } = run(request)['grad_input']!
    expect(gradient.filter((_, i) => isPadding(i)).every((x) => x === 0)).toBe(true)
    expect(gradient.filter((_, i) => !isPadding(i)).every((x) => x !== 0)).toBe(true)
  })

  it.each(forms.slice(5))('of source changes its embedding alone in %s, forward and backward', (_, make) => {
    const request = make('GRU', { lengths, cotangent: 1 })
    const source = request.inputs.source!
    const isPadding = (i: number): boolean => Math.floor(i / 3) >= lengths[i % 3]!
    const data = source.data.map((symbol, i) => (isPadding(i) ? (symbol + 1n) % 6n : symbol))
    const changed = { ...request, inputs: { ...request.inputs, source: { ...source, data } } } as BuiltRequest
    expect(differing(run(request), run(changed), ['source_embedding'])).toStrictEqual([])
    expect(differing(run(request), run(changed), [])).toStrictEqual(['source_embedding'])
  })

  it('has no share in attention, and the steps that are there share 1', () => {
    for (const context of ['additive', 'dot'] as const) {
      const request = modelRequest('EncoderDecoder', { config: { context }, lengths })
      const { shape, data } = run(request)['attention']!
      expect(shape).toStrictEqual([3, 3, 4])
      for (let row = 0; row < 9; row++) {
        const weights = [...data.subarray(row * 4, row * 4 + 4)]
        const length = lengths[row % 3]!
        expect(weights.slice(length)).toStrictEqual(Array.from({ length: 4 - length }, () => 0))
        expect(weights.slice(0, length).every((weight) => weight > 0)).toBe(true)
        expect(Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1)).toBeLessThan(1e-15)
      }
    }
  })

  it('of a target counts in no loss and has no gradient', () => {
    const request = modelRequest('ManyToMany', { lengths, cotangent: 1 })
    const target = request.inputs.target!
    const data = target.data.map((symbol, i) => (Math.floor(i / 3) >= lengths[i % 3]! ? (symbol + 1n) % 4n : symbol))
    const changed = { ...request, inputs: { ...request.inputs, target: { ...target, data } } } as BuiltRequest
    expect(differing(run(request), run(changed), [])).toStrictEqual([])
  })
})

describe('a model', () => {
  it.each(modelNames)('%s without cotangents gives the same outputs to the bit, and no gradient', (module) => {
    const request = modelRequest(module, { cotangent: 1 })
    const { cotangents: _, ...plain } = request
    const outputs = run(plain)
    expect(Object.keys(outputs).filter((name) => name.startsWith('grad_'))).toStrictEqual([])
    expect(differing(outputs, run(request), [])).toStrictEqual([])
  })

  it.each(modelNames.filter((module) => module !== 'EncoderDecoder'))('%s without a target has no loss', (module) => {
    const outputs = run(modelRequest(module, { target: false }))
    const { loss, ...others } = run(modelRequest(module))
    expect(loss!.data[0]).toBeGreaterThan(0)
    expect(Object.keys(outputs)).toStrictEqual(Object.keys(others))
    expect(differing(outputs, others, [])).toStrictEqual([])
  })

  it.each(modelNames)('%s in float32 gives its results in float32', (module) => {
    const outputs = run(modelRequest(module, { dtype: 'float32', cotangent: 1 }))
    const dtypes = new Set(Object.values(outputs).map(({ dtype, data }) => `${dtype} ${data.constructor.name}`))
    expect([...dtypes]).toStrictEqual(['float32 Float32Array'])
  })

  it('leaves the request as it was', () => {
    const request = modelRequest('EncoderDecoder', { lengths, cotangent: 1 })
    const before = structuredClone(request)
    run(request)
    expect(request).toStrictEqual(before)
  })
})
