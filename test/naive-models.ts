import type { BuiltRequest } from '../src/format/case.ts'
import type { ModelConfig } from '../src/format/model.ts'
import type { FloatTensor } from '../src/format/tensor.ts'
import { naive } from './naive.ts'

// On purpose slow, and on purpose without any code of src: one row at a time, only as long as it is, one number after the other.

type Vector = readonly number[]

interface State {
  readonly h: Vector
  readonly c: Vector
}

/** What one row computes: a vector for each step, of a tensor without time one alone. Steps that are not there are padding. */
type Row = Record<string, Vector[]>

type RNN = ModelConfig['rnn']

/** Every tensor on the way of a model, in its order, (steps, batch, …) flat; without gradients. */
export function naiveModel(request: BuiltRequest): Record<string, number[]> {
  const { module, config, inputs } = request
  const shape = (inputs.source ?? inputs.input!).shape
  const batch = module === 'OneToMany' ? shape[0]! : shape[1]!
  const seq_len = module === 'OneToMany' ? request.config.seq_len : shape[0]!
  const rows: Row[] = []
  const losses: number[] = []
  for (let row = 0; row < batch; row++) {
    const length = inputs.lengths === undefined ? seq_len : Number(inputs.lengths.data[row])
    const symbolsOf = (name: 'source' | 'target'): number[] =>
      Array.from(inputs[name]?.data ?? [], Number).filter((_, i) => i % batch === row)
    const model = { params: request.params, rnn: config.rnn, hidden_size: config.hidden_size, seq_len, length }
    const target = symbolsOf('target')
    const tensors = rowOf(model, request, row, symbolsOf('source'), target)
    rows.push(tensors)
    // Of many outputs those within the row's length count.
    const counted = module === 'ManyToMany' ? length : target.length
    for (let t = 0; t < Math.min(counted, target.length); t++)
      losses.push(-tensors['log_probabilities']![t]![target[t]!]!)
  }
  const [first = {}] = rows
  const named: Record<string, number[]> = {}
  for (const name of Object.keys(first)) {
    const steps = Math.max(...rows.map((row) => row[name]!.length))
    const flat: number[] = []
    for (let t = 0; t < steps; t++) for (const row of rows) flat.push(...row[name]![t]!)
    named[name] = flat
  }
  if (inputs.target !== undefined) named['loss'] = [losses.reduce((sum, own) => sum + own, 0) / losses.length]
  return named
}

interface Model {
  readonly params: Readonly<Record<string, FloatTensor>>
  readonly rnn: RNN
  readonly hidden_size: number
  readonly seq_len: number
  /** Of this row. */
  readonly length: number
}

function rowOf(model: Model, request: BuiltRequest, row: number, source: Vector, target: Vector): Row {
  const { seq_len, length, hidden_size } = model
  const zeros: Vector = Array.from({ length: hidden_size }, () => 0)
  const inputAt = (t: number): Vector => {
    const { shape, data } = request.inputs.input!
    const [batch, size] = [shape.at(-2)!, shape.at(-1)!]
    return Array.from({ length: size }, (_, i) => data[(t * batch + row) * size + i]!)
  }
  const padded = (steps: readonly Vector[]): Vector[] => Array.from({ length: seq_len }, (_, t) => steps[t] ?? zeros)
  const times = <T>(count: number, make: (t: number) => T): T[] => Array.from({ length: count }, (_, t) => make(t))

  if (request.module === 'EncoderDecoder') return encoderDecoder(model, request.config, source, target)
  if (request.module === 'LanguageModel') {
    const { num_layers, decoding, max_len } = request.config
    const embedding = source.map((symbol) => matrixRow(model, 'embedding.weight', symbol))
    const run = layers(model, 'rnn', num_layers, embedding)
    const named: Row = { embedding, ...states(run.map((each) => each.outputs)) }
    if (decoding === 'teacher_forcing')
      return { ...named, ...softmaxes(run.at(-1)!.outputs.map((h) => linear(model, 'linear', h))) }
    const logits: Vector[] = []
    const symbols: Vector[] = []
    let now: readonly State[] = run.map(({ last }) => last)
    while (logits.length < max_len) {
      const own = linear(model, 'linear', now.at(-1)!.h)
      logits.push(own)
      symbols.push([largest(own)])
      now = layers(model, 'rnn', num_layers, [matrixRow(model, 'embedding.weight', largest(own))], now).map(
        ({ last }) => last,
      )
    }
    return { ...named, logits, symbols }
  }
  const { num_layers } = request.config
  const x =
    request.module === 'OneToMany'
      ? times(seq_len, (t) => (t === 0 || request.config.feeding === 'every' ? inputAt(0) : inputAt(0).map(() => 0)))
      : times(length, inputAt)
  const run = layers(model, 'rnn', num_layers, x)
  const named = states(run.map(({ outputs }) => padded(outputs)))
  if (request.module !== 'ManyToOne') {
    return { ...named, ...softmaxes(padded(run.at(-1)!.outputs).map((h) => linear(model, 'linear', h))) }
  }
  const pooled = request.config.pooling === 'last' ? run.at(-1)!.last.h : mean(run.at(-1)!.outputs)
  return { ...named, pooled: [pooled], ...softmaxes([linear(model, 'linear', pooled)]) }
}

function states(outputs: readonly Vector[][]): Row {
  return Object.fromEntries(outputs.map((own, layer) => [`states_l${layer}`, own]))
}

function encoderDecoder(model: Model, config: ModelConfig<'EncoderDecoder'>, source: Vector, target: Vector): Row {
  const { seq_len, length, hidden_size } = model
  const zeros: Vector = Array.from({ length: hidden_size }, () => 0)
  const isGreedy = config.decoding === 'greedy'
  const isAttention = config.context === 'additive' || config.context === 'dot'
  const embeddings = source.map((symbol) => matrixRow(model, 'source_embedding.weight', symbol))
  const [encoder] = layers(model, 'encoder', 1, embeddings.slice(0, length))
  const { outputs: encoded, last } = encoder!
  const q = (h: Vector): Vector => linear(model, 'transform', h).map(Math.tanh)
  const fixed = { last: () => last.h, transformed_last: () => q(last.h), transformed_all: () => mean(encoded.map(q)) }
  const context = config.context === 'additive' || config.context === 'dot' ? undefined : fixed[config.context]()

  let now: State = { h: zeros, c: zeros }
  if (isAttention || (config.injection === 'initial_state' && config.context === 'last')) now = last
  else if (config.injection === 'initial_state') now = { h: context!, c: zeros }

  const decoded: Row = {}
  const symbols: Vector[] = []
  let read = config.bos
  let ended = false
  for (let t = 0; t < (isGreedy ? config.max_len : target.length); t++) {
    const embedding = matrixRow(model, 'target_embedding.weight', read)
    const weights = isAttention ? attend(model, config.context, now.h, encoded) : []
    const attended = zeros.map((_, i) => total(weights.map((weight, s) => weight * encoded[s]![i]!)))
    const second = isAttention ? attended : config.injection === 'every_step' ? context! : []
    now = layers(model, 'decoder', 1, [[...embedding, ...second]], [now])[0]!.last
    const logits = linear(model, 'linear', now.h)
    const step = {
      target_embedding: embedding,
      ...(isAttention
        ? { attention: Array.from({ length: seq_len }, (_, s) => weights[s] ?? 0), context: attended }
        : {}),
      decoder_states: now.h,
      logits,
    }
    for (const [name, vector] of Object.entries(step)) (decoded[name] ??= []).push(ended ? vector.map(() => 0) : vector)
    symbols.push([ended ? config.eos : largest(logits)])
    read = isGreedy ? largest(logits) : target[t]!
    ended ||= isGreedy && read === config.eos
  }
  const padded = Array.from({ length: seq_len }, (_, t) => encoded[t] ?? zeros)
  return {
    source_embedding: embeddings,
    encoder_states: padded,
    ...(context === undefined ? {} : { context: [context] }),
    ...decoded,
    ...(isGreedy ? { symbols } : softmaxes(decoded['logits']!)),
  }
}

/** How much each state counts, one number for each step that the row has. */
function attend(model: Model, kind: string, h: Vector, encoded: readonly Vector[]): Vector {
  const query = kind === 'additive' ? linear(model, 'query', h) : []
  const scores = encoded.map((state) => {
    if (kind === 'dot') return total(state.map((value, i) => value * h[i]!))
    const key = linear(model, 'key', state)
    return linear(
      model,
      'score',
      query.map((value, i) => Math.tanh(value + key[i]!)),
    )[0]!
  })
  return softmax(scores)
}

function layers(
  { params, rnn, hidden_size }: Model,
  name: string,
  num_layers: number,
  input: readonly Vector[],
  before: readonly State[] = [],
): { readonly outputs: Vector[]; readonly last: State }[] {
  const zeros: Vector = Array.from({ length: hidden_size }, () => 0)
  const run: { readonly outputs: Vector[]; readonly last: State }[] = []
  for (let layer = 0; layer < num_layers; layer++) {
    const own = Object.fromEntries(
      ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((parameter) => [
        parameter,
        params[`${name}.${layer}.${parameter}_l0`]!,
      ]),
    )
    let last = before[layer] ?? { h: zeros, c: zeros }
    const outputs = (run.at(-1)?.outputs ?? input).map((x) => {
      last = cell(rnn, own, x, last)
      return last.h
    })
    run.push({ outputs: [...outputs], last })
  }
  return run
}

/** One step of a cell, by the naive implementation of torch.nn's cells. */
function cell(rnn: RNN, params: Readonly<Record<string, FloatTensor>>, x: Vector, { h, c }: State): State {
  const tensor = (values: Vector): FloatTensor => {
    return { dtype: 'float64', shape: [values.length], data: Float64Array.from(values) }
  }
  const { h_1 = [], c_1 = [] } = naive({
    module: `${rnn}Cell`,
    config: { input_size: x.length, hidden_size: h.length, bias: true },
    params,
    inputs: { input: tensor(x), h_0: tensor(h), ...(rnn === 'LSTM' ? { c_0: tensor(c) } : {}) },
  })
  return { h: h_1, c: rnn === 'LSTM' ? c_1 : c }
}

function matrixRow({ params }: Model, name: string, index: number): Vector {
  const { shape, data } = params[name]!
  return Array.from({ length: shape[1]! }, (_, i) => data[index * shape[1]! + i]!)
}

function linear(model: Model, name: string, x: Vector): Vector {
  const bias = model.params[`${name}.bias`]?.data
  return Array.from({ length: model.params[`${name}.weight`]!.shape[0]! }, (_, j) => {
    const weights = matrixRow(model, `${name}.weight`, j)
    return total(weights.map((weight, i) => weight * x[i]!)) + (bias?.[j] ?? 0)
  })
}

function total(values: Vector): number {
  return values.reduce((sum, value) => sum + value, 0)
}

function mean(vectors: readonly Vector[]): Vector {
  return vectors[0]!.map((_, i) => total(vectors.map((vector) => vector[i]!)) / vectors.length)
}

function softmax(x: Vector): Vector {
  const powers = x.map((value) => Math.exp(value))
  return powers.map((power) => power / total(powers))
}

function softmaxes(logits: Vector[]): Row {
  const probabilities = logits.map(softmax)
  const log_probabilities = probabilities.map((own) => own.map((value) => Math.log(value)))
  return { logits, probabilities, log_probabilities }
}

function largest(x: Vector): number {
  return x.indexOf(Math.max(...x))
}
