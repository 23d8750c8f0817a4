import type { BuiltRequest } from '../../src/format/case.ts'
import type { ModelConfig } from '../../src/format/model.ts'
import { type Cell, cellOf, type Has, type State } from './cells.ts'
import { times } from './layers.ts'
import { weightsOf } from './parameters.ts'
import { sumOf, type Tape, type Vector } from './tape.ts'

/** What a row gives: a vector for each step, or one alone. */
export type Named = Record<string, readonly Vector[] | Vector>

/** A model under way, for one row. */
export interface Row {
  readonly tape: Tape
  readonly has: Has
  readonly parameters: Readonly<Record<string, Vector>>
  readonly input: readonly Vector[]
  readonly source: readonly number[]
  readonly target: readonly number[] | undefined
  readonly seq_len: number
  readonly length: number
}

/** Source: python/torch_parity/models. */
export function runRow(request: BuiltRequest, row: Row): Named {
  if (request.module === 'EncoderDecoder') return encoderDecoder(request.config, row)
  if (request.module === 'LanguageModel') return languageModel(request.config, row)
  const { tape, has, seq_len, length, input } = row
  const { rnn, hidden_size, num_layers } = request.config
  let x = input
  if (request.module === 'OneToMany') {
    const every = request.config.feeding === 'every' && !has('context fed at the first step only')
    x = times(seq_len, (t) => (t === 0 || every ? input[0]! : tape.zeros(input[0]!.value.length)))
  }
  const run = layers(row, rnn, hidden_size, 'rnn', num_layers, x.slice(0, length))
  const named: Named = Object.fromEntries(
    run.map(({ states }, layer) => [`states_l${layer}`, padded(row, states, hidden_size)]),
  )
  const { states, last } = run.at(-1)!
  if (request.module === 'ManyToOne') {
    const final = has('context from the first state') ? states[0]! : last.h
    const pooled = request.config.pooling === 'last' ? final : mean(tape, states)
    return { ...named, pooled, logits: linear(row, 'linear', pooled) }
  }
  return { ...named, logits: padded(row, states, hidden_size).map((h) => linear(row, 'linear', h)) }
}

function padded({ tape, seq_len }: Row, steps: readonly Vector[], size: number): Vector[] {
  return times(seq_len, (t) => steps[t] ?? tape.zeros(size))
}

function languageModel(config: ModelConfig<'LanguageModel'>, row: Row): Named {
  const { rnn, hidden_size, num_layers, decoding, max_len } = config
  const embedding = row.source.map((symbol) => embed(row, 'embedding', symbol, config.num_embeddings))
  const run = layers(row, rnn, hidden_size, 'rnn', num_layers, embedding)
  const named = Object.fromEntries(run.map(({ states }, layer) => [`states_l${layer}`, states]))
  const top = run.at(-1)!.states
  if (decoding === 'teacher_forcing') return { embedding, ...named, logits: top.map((h) => linear(row, 'linear', h)) }
  const logits: Vector[] = []
  const symbols: Vector[] = []
  let now = run.map(({ last }) => last)
  while (logits.length < max_len) {
    const own = linear(row, 'linear', now.at(-1)!.h)
    logits.push(own)
    symbols.push(row.tape.vector([largest(own)]))
    const read = embed(row, 'embedding', largest(own), config.num_embeddings)
    now = layers(row, rnn, hidden_size, 'rnn', num_layers, [read], now).map(({ last }) => last)
  }
  return { embedding, ...named, logits, symbols }
}

function encoderDecoder(config: ModelConfig<'EncoderDecoder'>, row: Row): Named {
  const { tape, has, source, target, length } = row
  const { rnn, hidden_size, injection, max_len, bos, eos } = config
  const isGreedy = config.decoding === 'greedy'
  const source_embedding = source.map((symbol) => embed(row, 'source_embedding', symbol, config.source_embeddings))
  const [names, others] = has('encoder and decoder weights exchanged')
    ? (['decoder', 'encoder'] as const)
    : (['encoder', 'decoder'] as const)
  const read = source_embedding.slice(0, length)
  const { states, last } = layers(row, rnn, hidden_size, names, 1, read, [], 'encoder')[0]!
  const encoder_states = padded(row, states, hidden_size)
  const final: State = has('context from the first state') ? { ...last, h: encoder_states[0]! } : last
  const zeros = tape.zeros(hidden_size)
  const nothing: State = { h: zeros, c: zeros, output: zeros }

  const q = (h: Vector): Vector =>
    has('context not transformed') || has('states averaged instead of transformed')
      ? h
      : tape.apply(linear(row, 'transform', h), [Math.tanh, (_, y) => (1 - y) * (1 + y)])
  const fixed = {
    last: () => final.h,
    transformed_last: () => q(final.h),
    transformed_all: () => mean(tape, states.map(q)),
    additive: () => undefined,
    dot: () => undefined,
  }
  const context = fixed[config.context]()

  let state = nothing
  if (!has('decoder state not initialised')) {
    if (context === undefined || (injection === 'initial_state' && config.context === 'last')) state = final
    else if (injection === 'initial_state') state = { ...nothing, h: context }
  }
  const decoded: Record<string, Vector[]> = {}
  const symbols: Vector[] = []
  let symbol = bos
  let ended = false
  for (let t = 0; t < (isGreedy ? max_len : target!.length); t++) {
    if (has('target shifted by one') && target !== undefined) symbol = target[t]!
    const embedding = embed(row, 'target_embedding', symbol, config.target_embeddings)
    const weights = context === undefined ? attend(config, row, state.h, encoder_states) : undefined
    const attended =
      weights &&
      tape.product(tape.concatenate(encoder_states), weights, hidden_size, (unit, s) => s * hidden_size + unit)
    const fed = attended ?? (injection === 'every_step' ? context : undefined)
    const now = has('context fed at the first step only') && t > 0 ? zeros : fed
    const x = fed === undefined ? embedding : tape.concatenate([embedding, now!])
    state = layers(row, rnn, hidden_size, others, 1, [x], [state], 'decoder')[0]!.last
    const logits = linear(row, 'linear', state.h)
    const step = {
      target_embedding: embedding,
      ...(weights && attended && { attention: weights, context: attended }),
      decoder_states: state.h,
      logits,
    }
    for (const [name, own] of Object.entries(step)) {
      ;(decoded[name] ??= []).push(ended ? tape.zeros(own.value.length) : own)
    }
    symbols.push(tape.vector([ended ? eos : largest(logits)]))
    symbol = isGreedy ? largest(logits) : target![t]!
    ended ||= isGreedy && symbol === eos && !has('end symbol not honoured')
  }
  return {
    source_embedding,
    encoder_states,
    ...(context && { context }),
    ...decoded,
    ...(isGreedy ? { symbols } : {}),
  }
}

/** How much each state of the source counts. */
function attend({ context }: ModelConfig<'EncoderDecoder'>, row: Row, h: Vector, states: readonly Vector[]): Vector {
  const { tape, has, length, seq_len } = row
  const seen = states.slice(0, has('padding attended to') ? seq_len : length)
  const query = context === 'additive' ? linear(row, 'query', h) : h
  const scores = seen.map((state) => {
    if (context === 'dot') return tape.product(state, query, 1, (_, i) => i)
    const sum = tape.add(query, linear(row, 'key', state))
    return linear(row, 'score', tape.apply(sum, [Math.tanh, (_, y) => (1 - y) * (1 + y)]))
  })
  const all = tape.concatenate(scores)
  const weights = has('attention weights not normalised') ? all : softmax(tape, all)
  return tape.concatenate([weights, tape.zeros(seq_len - seen.length)])
}

/** Recurrent layers one above the other. before: the state of each; own: whose weights they should be. */
function layers(
  { tape, has, parameters }: Row,
  kind: 'RNN' | 'LSTM' | 'GRU',
  hidden_size: number,
  name: string,
  num_layers: number,
  input: readonly Vector[],
  before: readonly State[] = [],
  own = name,
): { states: Vector[]; last: State }[] {
  const cell: Cell = cellOf(tape, has, { kind, hidden_size, units: hidden_size, nonlinearity: 'tanh' })
  const zeros = tape.zeros(hidden_size)
  const run: { states: Vector[]; last: State }[] = []
  for (let layer = 0; layer < num_layers; layer++) {
    const weights = weightsOf(parametersUnder(parameters, `${name}.${layer}.`, `${own}.${layer}.`), '_l0')
    let last = before[layer] ?? { h: zeros, c: zeros, output: zeros }
    const states = (run.at(-1)?.states ?? input).map((x) => {
      last = cell(weights, x, last)
      return last.h
    })
    run.push({ states, last })
  }
  return run
}

/** The parameters under a name, or under its own where those of the name have another size. */
function parametersUnder(
  parameters: Readonly<Record<string, Vector>>,
  prefix: string,
  own: string,
): Readonly<Record<string, Vector>> {
  return Object.fromEntries(
    Object.entries(parameters)
      .filter(([name]) => name.startsWith(own))
      .map(([name, parameter]) => {
        const taken = parameters[name.replace(own, prefix)]
        return [name.slice(own.length), taken?.value.length === parameter.value.length ? taken : parameter]
      }),
  )
}

/** The row of a symbol; where a table has no such row, libraries take the last one. */
function embed({ has, tape, parameters }: Row, name: string, symbol: number, count: number): Vector {
  const table = parameters[`${name}.weight`]!
  const size = table.value.length / count
  return tape.part(table, Math.min(has('embedding row off by one') ? symbol + 1 : symbol, count - 1) * size, size)
}

function linear({ tape, parameters }: Row, name: string, x: Vector): Vector {
  const columns = x.value.length
  const weight = parameters[`${name}.weight`]!
  const y = tape.product(weight, x, weight.value.length / columns, (row, i) => row * columns + i)
  const bias = parameters[`${name}.bias`]
  return bias === undefined ? y : tape.add(y, bias)
}

function mean(tape: Tape, states: readonly Vector[]): Vector {
  const sum = states.reduce((one, other) => tape.add(one, other))
  return tape.multiply(sum, tape.vector(Array.from(sum.value, () => 1 / states.length)))
}

export function softmax(tape: Tape, x: Vector): Vector {
  return tape.custom(
    x.value.length,
    (y) => {
      const most = Math.max(...x.value)
      const powers = Array.from(x.value, (own) => Math.exp(own - most))
      const sum = powers.reduce((one, other) => one + other, 0)
      y.set(powers.map((power) => power / sum))
    },
    (y, dy) => {
      const dot = sumOf(dy.map((d, i) => d * y[i]!))
      dy.forEach((d, i) => (x.grad[i] = x.grad[i]! + y[i]! * (d - dot)))
    },
  )
}

function largest({ value }: Vector): number {
  return value.indexOf(Math.max(...value))
}
