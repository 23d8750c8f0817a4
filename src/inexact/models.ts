import type { BuiltRequest } from '../format/case.ts'
import type { ModelConfig } from '../format/model.ts'
import { isAttention } from '../format/model/attention.ts'
import { float64Data } from '../format/tensor.ts'
import type { Cell } from './cell.ts'
import { gruCell } from './gru.ts'
import type { Inexactness, Numbers } from './inexactness.ts'
import { lstmCell } from './lstm.ts'
import { rnnCell } from './rnn.ts'
import { chosen, numbers, within } from './symbols.ts'
import { newTape } from './tape.ts'
import type { State, Tape, Variable } from './variable.ts'

type Named = Record<string, Variable>

/** A model under way: its tape, its parameters, and what it has named so far, in the order of computation. */
interface Model {
  readonly tape: Tape
  readonly params: Readonly<Named>
  readonly named: Named
  /** (max_len, batch) */
  readonly forced: ArrayLike<number> | undefined
  readonly rnn: 'RNN' | 'LSTM' | 'GRU'
  readonly cell: Cell
  readonly hidden_size: number
}

/**
 * Computes a model, every tensor on its way, and with a cotangent of loss the gradients by everything that went in.
 * Source: python/torch_parity/models, which say what each computes.
 */
export function runModel(request: BuiltRequest, inexactness: Inexactness = {}): Numbers {
  const { config, inputs, cotangents } = request
  const tape = newTape(inexactness.tape)
  const params: Named = {}
  for (const [name, { shape, data }] of Object.entries(request.params)) {
    params[name] = tape.variable(shape, Float64Array.from(data))
  }
  const input = inputs.input && tape.variable(inputs.input.shape, float64Data(inputs.input))
  const { rnn, hidden_size } = config
  const cell = cellOf(rnn, inexactness)
  const model: Model = { tape, params, named: {}, forced: inexactness.forced, rnn, cell, hidden_size }
  const symbols = run(model, request, input)
  const outputs = Object.fromEntries(Object.entries(model.named).map(([name, { data }]) => [name, data]))
  if (symbols !== undefined) outputs['symbols'] = symbols
  if (cotangents === undefined) return outputs
  model.named['loss']!.grad[0] = cotangents['loss']!.data[0]!
  tape.backward()
  for (const [name, { grad }] of Object.entries({ ...(input && { input }), ...params })) outputs[`grad_${name}`] = grad
  return outputs
}

/** → the symbols of greedy decoding */
function run(model: Model, request: BuiltRequest, input: Variable | undefined): Float64Array | undefined {
  const { inputs } = request
  const lengths = inputs.lengths && numbers(inputs.lengths)
  const target = inputs.target && numbers(inputs.target)
  switch (request.module) {
    case 'ManyToMany': {
      const { outputs } = layers(model, 'rnn', request.config.num_layers, input!, [], lengths)
      classify(model, outputs.at(-1)!, target && within(target, input!.shape, lengths))
      return undefined
    }
    case 'ManyToOne': {
      const { pooling, num_layers } = request.config
      const { outputs, last } = layers(model, 'rnn', num_layers, input!, [], lengths)
      const states = outputs.at(-1)!
      model.named['pooled'] = pooling === 'last' ? last.at(-1)!.h : model.tape.meanOverTime(states, lengths)
      classify(model, model.named['pooled'], target)
      return undefined
    }
    case 'OneToMany': {
      const { feeding, seq_len, num_layers } = request.config
      const nothing = model.tape.variable(input!.shape, new Float64Array(input!.data.length))
      const later = feeding === 'every' ? input! : nothing
      const fed = model.tape.stack(Array.from({ length: seq_len }, (_, t) => (t === 0 ? input! : later)))
      classify(model, layers(model, 'rnn', num_layers, fed, [], undefined).outputs.at(-1)!, target)
      return undefined
    }
    case 'LanguageModel':
      return languageModel(model, request.config, inputs.source!.shape, numbers(inputs.source!), target)
    default:
      return encoderDecoder(model, request.config, inputs.source!.shape, numbers(inputs.source!), target, lengths)
  }
}

function cellOf(kind: Model['rnn'], { activation, gates }: Inexactness): Cell {
  return kind === 'RNN' ? rnnCell('tanh', activation) : kind === 'LSTM' ? lstmCell(gates) : gruCell(gates)
}

/** Recurrent layers one above the other. states: that of each layer at the beginning. */
function layers(
  { tape, params, named, rnn, cell, hidden_size }: Model,
  name: string,
  num_layers: number,
  input: Variable,
  states: readonly (State | undefined)[],
  lengths: readonly number[] | undefined,
  naming: (layer: number) => string | undefined = (layer) => `states_l${layer}`,
): { outputs: Variable[]; last: State[] } {
  const outputs: Variable[] = []
  const last: State[] = []
  for (let layer = 0; layer < num_layers; layer++) {
    const prefix = `${name}.${layer}.`
    const own = Object.fromEntries(
      Object.entries(params)
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, parameter]) => [key.slice(prefix.length), parameter]),
    )
    const below = outputs.at(-1) ?? input
    const run = tape.layer(cell, below, own, hidden_size, rnn === 'LSTM', states[layer], lengths)
    outputs.push(run.output)
    last.push(run.last)
    const label = naming(layer)
    if (label !== undefined) named[label] = run.output
  }
  return { outputs, last }
}

function linear({ tape, params }: Model, name: string, x: Variable): Variable {
  return tape.linear(x, params[`${name}.weight`]!, params[`${name}.bias`])
}

/** Logits of the linear layer, what softmax makes of them, and the loss where there is a target. */
function classify(model: Model, states: Variable, target: readonly (number | undefined)[] | undefined): void {
  model.named['logits'] = linear(model, 'linear', states)
  judge(model, target)
}

function judge({ tape, named }: Model, target: readonly (number | undefined)[] | undefined): void {
  const logits = named['logits']!
  named['probabilities'] = tape.softmax(logits)
  named['log_probabilities'] = tape.logSoftmax(logits)
  if (target !== undefined) named['loss'] = tape.crossEntropy(logits, target)
}

function languageModel(
  model: Model,
  { num_layers, decoding, max_len }: ModelConfig<'LanguageModel'>,
  [seq_len = 1, batch = 1]: readonly number[],
  source: readonly number[],
  target: readonly number[] | undefined,
): Float64Array | undefined {
  const { tape, params, named, forced } = model
  const weight = params['embedding.weight']!
  named['embedding'] = tape.embedding(weight, source, [seq_len, batch])
  let { outputs, last } = layers(model, 'rnn', num_layers, named['embedding'], [], undefined)
  if (decoding === 'teacher_forcing') {
    classify(model, outputs.at(-1)!, target)
    return undefined
  }
  const logits = [linear(model, 'linear', tape.step(outputs.at(-1)!, seq_len - 1))]
  const symbols: number[][] = []
  for (let t = 0; t < max_len; t++) {
    symbols.push(chosen(forced, logits[t]!, t))
    if (t + 1 === max_len) break
    const read = tape.embedding(weight, symbols[t]!, [1, batch])
    const next = layers(model, 'rnn', num_layers, read, last, undefined, () => undefined)
    last = next.last
    outputs = next.outputs
    logits.push(linear(model, 'linear', tape.step(outputs.at(-1)!, 0)))
  }
  named['logits'] = tape.stack(logits)
  return Float64Array.from(symbols.flat())
}

function encoderDecoder(
  model: Model,
  config: ModelConfig<'EncoderDecoder'>,
  [seq_len = 1, batch = 1]: readonly number[],
  source: readonly number[],
  target: readonly number[] | undefined,
  lengths: readonly number[] | undefined,
): Float64Array | undefined {
  const { tape, params, named, forced } = model
  named['source_embedding'] = tape.embedding(params['source_embedding.weight']!, source, [seq_len, batch])
  const encoded = layers(model, 'encoder', 1, named['source_embedding'], [], lengths, () => 'encoder_states')
  const states = encoded.outputs[0]!
  const last = encoded.last[0]!

  const context = fixedContext(model, config, states, last, lengths)
  if (context !== undefined) named['context'] = context
  let state = initialState(model, config, last, context)
  const zeros = (): Variable => tape.variable([batch, config.hidden_size], new Float64Array(batch * config.hidden_size))
  let h = state?.h ?? zeros()

  const isGreedy = config.decoding === 'greedy'
  const steps = isGreedy ? config.max_len : (target?.length ?? 0) / batch
  const symbols: number[][] = []
  const after: Record<string, Variable[]> = {}
  const ended = Array.from({ length: batch }, () => false)
  const kept: boolean[] = []
  let read: readonly number[] = Array.from({ length: batch }, () => config.bos)
  for (let t = 0; t < steps; t++) {
    for (const own of ended) kept.push(!own)
    const teacher = target?.slice(t * batch, (t + 1) * batch)
    const embedding = tape.embedding(params['target_embedding.weight']!, read, [batch])
    const now: Record<string, Variable> = { target_embedding: embedding }
    let x = embedding
    if (context !== undefined && config.injection === 'every_step') {
      x = tape.concatenate(embedding, context)
    }
    if (context === undefined) {
      const attention = attend(model, config, h, states, lengths)
      const attended = tape.weightedSum(attention, states)
      Object.assign(now, { attention, context: attended })
      x = tape.concatenate(embedding, attended)
    }
    const run = layers(model, 'decoder', 1, tape.stack([x]), [state], undefined, () => undefined)
    state = run.last[0]!
    h = tape.step(run.outputs[0]!, 0)
    const logits = linear(model, 'linear', h)
    Object.assign(now, { decoder_states: h, logits })
    for (const [name, variable] of Object.entries(now)) (after[name] ??= []).push(variable)
    const own = chosen(forced, logits, t)
    symbols.push(own.map((symbol, row) => (ended[row] ? config.eos : symbol)))
    if (isGreedy) {
      for (const [row, symbol] of own.entries()) ended[row] ||= symbol === config.eos
    }
    read = teacher ?? own
  }
  // What a row does past its end is blank.
  for (const [name, variables] of Object.entries(after)) {
    const stacked = tape.stack(variables)
    named[name] = isGreedy ? tape.keep(stacked, kept) : stacked
  }
  if (isGreedy) return Float64Array.from(symbols.flat())
  judge(model, target)
  return undefined
}

/** (batch, hidden_size), or undefined with attention. */
function fixedContext(
  model: Model,
  { context }: ModelConfig<'EncoderDecoder'>,
  states: Variable,
  last: State,
  lengths: readonly number[] | undefined,
): Variable | undefined {
  const { tape } = model
  const transform = (x: Variable): Variable => tape.tanh(linear(model, 'transform', x))
  if (isAttention(context)) return undefined
  if (context === 'last') return last.h
  return context === 'transformed_last' ? transform(last.h) : tape.meanOverTime(transform(states), lengths)
}

/** The encoder's last state, whole; or the context as h, with zeros as c; or zeros. */
function initialState(
  { rnn, tape }: Model,
  { context, injection }: ModelConfig<'EncoderDecoder'>,
  last: State,
  h: Variable | undefined,
): State | undefined {
  if (h !== undefined && injection === 'every_step') return undefined
  if (h === undefined || context === 'last') return last
  const c = rnn === 'LSTM' ? tape.variable(h.shape, new Float64Array(h.data.length)) : undefined
  return { h, c }
}

/** (batch, seq_len): how much each state of the encoder counts. Source: Bahdanau et al. 2015 (additive), Luong et al. 2015 (dot). */
function attend(
  model: Model,
  { context }: ModelConfig<'EncoderDecoder'>,
  h: Variable,
  states: Variable,
  lengths: readonly number[] | undefined,
): Variable {
  const { tape } = model
  const additive = (): Variable => {
    const sum = tape.addToEach(linear(model, 'key', states), linear(model, 'query', h))
    return tape.rowsFirst(linear(model, 'score', tape.tanh(sum)))
  }
  const scores = context === 'dot' ? tape.dotOverUnits(h, states) : additive()
  return tape.softmax(scores, lengths)
}
