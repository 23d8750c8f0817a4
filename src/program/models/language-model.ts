import type { States } from '../cell.ts'
import type { Id, Program } from '../operation.ts'
import { type Ids, program, type Writer } from '../write.ts'
import { type Asked, embedding, judged, layers, linear, named, step, symbols } from './form.ts'

/**
 * Embedding, recurrent layers, softmax: over a given text, or feeding its own symbols back.
 * source: (seq_len, batch); target?: (seq_len, batch). Greedy: source is what the text begins with.
 */
export function languageModel({ config, inputs }: Asked<'LanguageModel'>): Program {
  const [seq_len = 1, batch = 1] = inputs.source!.shape
  const stack = { part: 'rnn', ...config }
  return program((writer) => {
    const embedded = embedding(writer, 'embedding', symbols(writer, 'source'))
    const { outputs, last } = layers(writer, stack, embedded, { seq_len, batch })
    const text = { embedding: embedded, ...named(outputs) }
    if (config.decoding === 'greedy')
      return { ...text, ...writer.at({ part: 'written' }, () => written(writer, stack, last)) }
    const logits = linear(writer, 'linear', outputs.at(-1)!)
    const target = inputs.target && { symbols: symbols(writer, 'target'), counted: seq_len * batch }
    return { ...text, ...judged(writer, logits, target) }
  })
}

/** The most probable symbol at each step, which the next one reads. Source: torch.argmax. */
function written(
  writer: Writer,
  stack: Parameters<typeof step>[1] & { readonly max_len: number },
  last: readonly States[],
): Ids {
  const next = step(writer, stack)
  // The states of all layers are states of one loop.
  const all = Object.entries(last).flatMap(([layer, states]) =>
    Object.entries(states).map(([name, id]): [string, Id] => [`${name}_l${layer}`, id as Id]),
  )
  const { stacked } = writer.loop({ steps: stack.max_len, states: Object.fromEntries(all) }, (now: Ids) => {
    const states = last.map((own, layer): States => {
      return { h: now[`h_l${layer}`]!, ...(own.c !== undefined && { c: now[`c_l${layer}`]! }) }
    })
    const logits = linear(writer, 'linear', states.at(-1)!.h)
    const symbols = writer.at({ tensor: 'symbols' }, () => writer.write('argmax', [logits], { dim: -1 }))
    const after = next(embedding(writer, 'embedding', symbols), states).flatMap((own, layer) =>
      Object.entries(own).map(([name, id]): [string, Id] => [`${name}_l${layer}`, id as Id]),
    )
    return { next: Object.fromEntries(after), outputs: { logits, symbols } }
  })
  return stacked
}
