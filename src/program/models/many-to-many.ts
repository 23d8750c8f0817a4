import type { Program } from '../operation.ts'
import { program } from '../write.ts'
import { type Asked, inside, judged, layers, lengthsOf, linear, named, symbols } from './form.ts'

/**
 * N to N: one softmax output for each input.
 * input: (seq_len, batch, input_size), lengths?: (batch), target?: (seq_len, batch)
 */
export function manyToMany({ config, inputs }: Asked<'ManyToMany'>): Program {
  const [seq_len = 1, batch = 1] = inputs.input!.shape
  return program((writer) => {
    const lengths = lengthsOf(writer, inputs)
    const { outputs } = layers(writer, { part: 'rnn', ...config }, writer.input('input'), { seq_len, batch, lengths })
    const logits = linear(writer, 'linear', outputs.at(-1)!)
    const counted = lengths === undefined ? seq_len * batch : inside(writer, lengths, seq_len)
    const target = inputs.target && { symbols: symbols(writer, 'target'), counted }
    return { ...named(outputs), ...judged(writer, logits, target) }
  })
}
