// What the models are made of. Source: python/torch_parity/models/blocks.py.
import type { BuiltRequest } from '../../format/case.ts'
import { type Cell, prepared, type States } from '../cell.ts'
import { gru } from '../gru.ts'
import { notDifferentiated, over } from '../layers.ts'
import { lstm } from '../lstm.ts'
import type { Id } from '../operation.ts'
import { rnn } from '../rnn.ts'
import type { Ids, Writer } from '../write.ts'

/** What of a request its program depends on: numbers do not count, but their shapes. */
export type Asked<M extends BuiltRequest['module']> = Pick<
  Extract<BuiltRequest, { module: M }>,
  'module' | 'config' | 'inputs'
>

const cells: Readonly<Record<'RNN' | 'LSTM' | 'GRU', Cell>> = { RNN: rnn('tanh'), LSTM: lstm, GRU: gru }

/** torch.nn.Linear. */
export function linear(writer: Writer, name: string, x: Id, { bias } = { bias: true }): Id {
  const { parameter, linear, add } = writer
  return writer.at({ part: name }, () => {
    const product = writer.at({ tensor: 'weight' }, () => linear(x, parameter(`${name}.weight`)))
    return bias ? writer.at({ tensor: 'bias' }, () => add(product, parameter(`${name}.bias`))) : product
  })
}

/** torch.nn.Embedding. */
export function embedding(writer: Writer, name: string, symbols: Id): Id {
  return writer.at({ part: name, tensor: 'weight' }, () =>
    writer.write('embedding', [writer.parameter(`${name}.weight`), symbols], {}),
  )
}

/** What goes in as whole numbers. */
export function symbols(writer: Writer, name: 'source' | 'target' | 'lengths'): Id {
  return writer.at({ tensor: name }, () => notDifferentiated(writer, name))
}

/** The lengths of the rows, where there are some. */
export function lengthsOf(writer: Writer, inputs: BuiltRequest['inputs']): Id | undefined {
  return inputs.lengths && symbols(writer, 'lengths')
}

/** Recurrent layers one above the other, each a torch layer of its own that is named in a list: `rnn.0`, `rnn.1`, … */
interface Stack {
  readonly part: string
  readonly rnn: BuiltRequest['config']['rnn']
  readonly hidden_size: number
  readonly num_layers: number
}

function parametersOf(part: string, layer: number): Parameters<typeof prepared>[2] {
  return { nameOf: (name) => `${part}.${layer}.${name}_l0`, bias: true, isProjected: false }
}

/** The state of a layer before it has read anything. */
export function zeros(writer: Writer, { rnn, hidden_size }: Pick<Stack, 'rnn' | 'hidden_size'>, batch: number): States {
  const zero = (tensor: string): Id => writer.at({ tensor }, () => writer.full([batch, hidden_size], 0))
  return { h: zero('h_0'), ...(cells[rnn].hasCellState && { c: zero('c_0') }) }
}

/**
 * The layers over time, from zeros.
 * input: (seq_len, batch, input_size) → (seq_len, batch, hidden_size) of each layer, and its state after the last step
 */
export function layers(
  writer: Writer,
  stack: Stack,
  input: Id,
  { seq_len, batch, lengths }: { readonly seq_len: number; readonly batch: number; readonly lengths?: Id | undefined },
): { readonly outputs: readonly Id[]; readonly last: readonly States[] } {
  const outputs: Id[] = []
  const last: States[] = []
  for (let layer = 0; layer < stack.num_layers; layer++) {
    writer.at({ part: stack.part, layer }, () => {
      const parameters = parametersOf(stack.part, layer)
      const below = outputs.at(-1) ?? input
      const states = zeros(writer, stack, batch)
      const run = over(writer, cells[stack.rnn], { parameters, input: below, states, seq_len, lengths })
      outputs.push(run.output)
      last.push(run.last)
    })
  }
  return { outputs, last }
}

/** A step of the layers, to be written in the body of a loop. → the state of each after it */
export function step(writer: Writer, stack: Stack): (x: Id, states: readonly States[]) => States[] {
  const steps = Array.from({ length: stack.num_layers }, (_, layer) =>
    writer.at({ part: stack.part, layer }, () => prepared(writer, cells[stack.rnn], parametersOf(stack.part, layer))),
  )
  return (x, states) => {
    let below = x
    return steps.map((own, layer) => {
      const after = writer.at({ part: stack.part, layer }, () => own(below, states[layer]!))
      below = after.h
      return after
    })
  }
}

export function named(outputs: readonly Id[]): Ids {
  return Object.fromEntries(outputs.map((output, layer) => [`states_l${layer}`, output]))
}

/** (seq_len, batch): 1 where a step is within its row's length. */
export function inside(writer: Writer, lengths: Id, seq_len: number): Id {
  return writer.at({ tensor: 'inside' }, () =>
    writer.write('lt', [writer.reshape(writer.arange(seq_len), [seq_len, 1]), lengths], {}),
  )
}

/** The mean of each row over its own length. x: (seq_len, batch, size) → (batch, size) */
export function meanOverTime(writer: Writer, x: Id, seq_len: number, batch: number, lengths: Id | undefined): Id {
  const { where, sum, div, full, reshape } = writer
  if (lengths === undefined) return div(sum(x, 0), full([], seq_len))
  const kept = reshape(inside(writer, lengths, seq_len), [seq_len, batch, 1])
  return div(sum(where(kept, x, full([], 0)), 0), reshape(lengths, [batch, 1]))
}

/** What softmax makes of logits, and the loss where there is a target. count: of the terms of the loss, or each that counts. */
export function judged(
  writer: Writer,
  logits: Id,
  target?: { readonly symbols: Id; readonly counted: number | Id },
): Ids {
  const probabilities = writer.at({ tensor: 'probabilities' }, () => writer.write('softmax', [logits], { dim: -1 }))
  const log_probabilities = writer.at({ tensor: 'log_probabilities' }, () =>
    writer.write('log_softmax', [logits], { dim: -1 }),
  )
  if (target === undefined) return { logits, probabilities, log_probabilities }
  const loss = writer.at({ tensor: 'loss' }, () =>
    crossEntropy(writer, log_probabilities, target.symbols, target.counted),
  )
  return { logits, probabilities, log_probabilities, loss }
}

/** The mean over all terms, or over those that are counted. Source: torch.nn.CrossEntropyLoss. */
function crossEntropy(writer: Writer, log_probabilities: Id, target: Id, counted: number | Id): Id {
  const { where, sum, div, full } = writer
  const terms = writer.write('nll_loss', [log_probabilities, target], {})
  if (typeof counted === 'number') return div(sum(terms), full([], counted))
  return div(sum(where(counted, terms, full([], 0))), sum(counted))
}
