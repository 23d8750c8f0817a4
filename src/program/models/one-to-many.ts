import type { Program } from '../operation.ts'
import { program } from '../write.ts'
import { type Asked, judged, layers, linear, named, symbols } from './form.ts'

/**
 * 1 to N: the input enters at the first step, zeros after it, or at every step.
 * input: (batch, input_size), target?: (seq_len, batch)
 */
export function oneToMany({ config, inputs }: Asked<'OneToMany'>): Program {
  const { seq_len, feeding } = config
  const [batch = 1] = inputs.input!.shape
  return program((writer) => {
    const input = writer.input('input')
    const fed = writer.at({ tensor: 'input' }, () => {
      const later = feeding === 'every' ? input : writer.full_like(input, 0)
      return writer.stack([input, ...Array.from({ length: seq_len - 1 }, () => later)], 0)
    })
    const { outputs } = layers(writer, { part: 'rnn', ...config }, fed, { seq_len, batch })
    const logits = linear(writer, 'linear', outputs.at(-1)!)
    const target = inputs.target && { symbols: symbols(writer, 'target'), counted: seq_len * batch }
    return { ...named(outputs), ...judged(writer, logits, target) }
  })
}
