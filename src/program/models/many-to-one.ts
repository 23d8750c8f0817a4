import type { Program } from '../operation.ts'
import { program } from '../write.ts'
import { type Asked, judged, layers, lengthsOf, linear, meanOverTime, named, symbols } from './form.ts'

/**
 * N to 1: one softmax output from the last state, or from the mean of all states.
 * input: (seq_len, batch, input_size), lengths?: (batch), target?: (batch)
 */
export function manyToOne({ config, inputs }: Asked<'ManyToOne'>): Program {
  const [seq_len = 1, batch = 1] = inputs.input!.shape
  return program((writer) => {
    const lengths = lengthsOf(writer, inputs)
    const over = { seq_len, batch, lengths }
    const { outputs, last } = layers(writer, { part: 'rnn', ...config }, writer.input('input'), over)
    const pooled = writer.at({ tensor: 'pooled' }, () =>
      config.pooling === 'last' ? last.at(-1)!.h : meanOverTime(writer, outputs.at(-1)!, seq_len, batch, lengths),
    )
    const logits = linear(writer, 'linear', pooled)
    const target = inputs.target && { symbols: symbols(writer, 'target'), counted: batch }
    return { ...named(outputs), pooled, ...judged(writer, logits, target) }
  })
}
