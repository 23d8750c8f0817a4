import type { ModelConfig } from '../../format/model.ts'
import { isAttention } from '../../format/model/attention.ts'
import type { States } from '../cell.ts'
import type { Id, Program } from '../operation.ts'
import { type Ids, program, type Writer } from '../write.ts'
import {
  type Asked,
  embedding,
  inside,
  judged,
  layers,
  lengthsOf,
  linear,
  meanOverTime,
  step,
  symbols,
  zeros,
} from './form.ts'

type Config = ModelConfig<'EncoderDecoder'>

/** What an encoder has read. */
interface Encoded {
  readonly seq_len: number
  readonly batch: number
  readonly lengths: Id | undefined
  /** (seq_len, batch, hidden_size) */
  readonly states: Id
  readonly last: States
}

/**
 * N to M: an encoder reads all, a decoder writes from the context it leaves, or attends to it.
 * source: (seq_len, batch), lengths?: (batch), target?: (target_len, batch)
 */
export function encoderDecoder({ config, inputs }: Asked<'EncoderDecoder'>): Program {
  const [seq_len = 1, batch = 1] = inputs.source!.shape
  return program((writer) => {
    const lengths = lengthsOf(writer, inputs)
    const source_embedding = embedding(writer, 'source_embedding', symbols(writer, 'source'))
    const stack = { part: 'encoder', num_layers: 1, ...config }
    const { outputs, last } = layers(writer, stack, source_embedding, { seq_len, batch, lengths })
    const encoded: Encoded = { seq_len, batch, lengths, states: outputs[0]!, last: last[0]! }
    const context = writer.at({ tensor: 'context' }, () => fixedContext(writer, config, encoded))
    const read = { source_embedding, encoder_states: encoded.states, ...(context !== undefined && { context }) }

    if (config.decoding === 'greedy')
      return { ...read, ...writer.at({ part: 'decoder' }, () => decoded(writer, config, encoded, context)) }
    const [target_len = 1] = inputs.target!.shape
    const target = symbols(writer, 'target')
    const written = writer.at({ part: 'decoder' }, () =>
      decoded(writer, config, encoded, context, { symbols: target, target_len }),
    )
    const loss = { symbols: target, counted: target_len * batch }
    return { ...read, ...written, ...judged(writer, written['logits']!, loss) }
  })
}

/** (batch, hidden_size): h_N, q(h_N) or the mean of q(h_t), with q(h) = tanh(W h + b); undefined with attention. */
function fixedContext(writer: Writer, { context }: Config, encoded: Encoded): Id | undefined {
  const { states, last, seq_len, batch, lengths } = encoded
  const q = (h: Id): Id => writer.tanh(linear(writer, 'transform', h))
  if (context === 'last') return last.h
  if (context === 'transformed_last') return q(last.h)
  return isAttention(context) ? undefined : meanOverTime(writer, q(states), seq_len, batch, lengths)
}

/** The encoder's last state, whole; or the context as h and zeros as c; or zeros. */
function initialState(writer: Writer, config: Config, { last, batch }: Encoded, context: Id | undefined): States {
  if (context !== undefined && config.injection === 'every_step') return zeros(writer, config, batch)
  if (context === undefined || config.context === 'last') return last
  return { ...zeros(writer, config, batch), h: context }
}

/** The decoder step by step: it reads bos, then the target without its last symbol, or its own symbols until eos or max_len. */
function decoded(
  writer: Writer,
  config: Config,
  encoded: Encoded,
  context: Id | undefined,
  teacher?: { readonly symbols: Id; readonly target_len: number },
): Ids {
  const { where, full, full_like, reshape, write } = writer
  const { batch } = encoded
  const attend = context === undefined ? attention(writer, config, encoded) : undefined
  const next = step(writer, { part: 'decoder', num_layers: 1, ...config })
  const bos = writer.at({ tensor: 'bos' }, () => full([1, batch], config.bos))
  const taught =
    teacher &&
    writer.at({ tensor: 'target' }, () =>
      writer.cat([bos, writer.narrow(teacher.symbols, 0, 0, teacher.target_len - 1)], 0),
    )
  const initial = initialState(writer, config, encoded, context)
  const states: Ids = {
    ...initial,
    ...(taught === undefined && { read: reshape(bos, [batch]), ended: full([batch], 0) }),
  }
  const { stacked } = writer.loop({ steps: teacher?.target_len ?? config.max_len, states }, (now: Ids) => {
    const target_embedding = embedding(
      writer,
      'target_embedding',
      taught === undefined ? now['read']! : writer.step(taught),
    )
    const attended = attend?.(now['h']!)
    const beside = attended?.context ?? (config.injection === 'every_step' ? context : undefined)
    const x =
      beside === undefined
        ? target_embedding
        : writer.at({ tensor: 'decoder_input' }, () => writer.cat([target_embedding, beside], -1))
    const [after] = next(x, [{ h: now['h']!, ...(initial.c !== undefined && { c: now['c']! }) }])
    const logits = linear(writer, 'linear', after!.h)
    const outputs: Ids = { target_embedding, ...attended, decoder_states: after!.h, logits }
    if (taught !== undefined) return { next: { ...after! }, outputs }

    const symbol = writer.at({ tensor: 'symbols' }, () => write('argmax', [logits], { dim: -1 }))
    const ended = now['ended']!
    // What a row does past its end is blank.
    const isPast = reshape(ended, [batch, 1])
    const blank = Object.entries(outputs).map(([name, id]) => [name, where(isPast, full_like(id, 0), id)])
    const symbols = where(ended, full_like(symbol, config.eos), symbol)
    return {
      next: {
        ...after!,
        read: symbol,
        ended: write('maximum', [ended, write('eq', [symbol, full([], config.eos)], {})], {}),
      },
      outputs: { ...(Object.fromEntries(blank) as Ids), symbols },
    }
  })
  return stacked
}

/** How much each state of the encoder counts for h, and their mean by that. Source: Bahdanau et al. 2015 (additive), Luong et al. 2015 (dot). */
function attention(
  writer: Writer,
  { context }: Config,
  { states, seq_len, batch, lengths }: Encoded,
): (h: Id) => { readonly attention: Id; readonly context: Id } {
  const { add, mul, sum, tanh, reshape, where, full, transpose, write } = writer
  const key = context === 'additive' ? linear(writer, 'key', states, { bias: false }) : undefined
  const isThere = lengths === undefined ? undefined : inside(writer, lengths, seq_len)
  return (h) => {
    // (seq_len, batch)
    const scores = writer.at({ tensor: 'scores' }, () => {
      if (key === undefined) return sum(mul(h, states), -1)
      const score = linear(writer, 'score', tanh(add(linear(writer, 'query', h), key)), { bias: false })
      return reshape(score, [seq_len, batch])
    })
    const weights = writer.at({ tensor: 'attention' }, () =>
      write('softmax', [isThere === undefined ? scores : where(isThere, scores, full([], -Infinity))], { dim: 0 }),
    )
    const mean = writer.at({ tensor: 'context' }, () => sum(mul(reshape(weights, [seq_len, batch, 1]), states), 0))
    return { attention: transpose(weights, 0, 1), context: mean }
  }
}
