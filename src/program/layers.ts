import type { RecurrentRequest } from '../format/case.ts'
import { extentOf, kinds, layerConfig, numDirections, stateSize, suffix } from '../format/module.ts'
import { type Cell, prepared, type Parameters, type States } from './cell.ts'
import { gru } from './gru.ts'
import { lstm } from './lstm.ts'
import type { Id, Program } from './operation.ts'
import { rnn } from './rnn.ts'
import { program, type Writer } from './write.ts'

/** What of a request its program depends on: numbers do not count, but their shapes. */
export type Asked = Pick<RecurrentRequest, 'module' | 'config' | 'inputs'>

/** Source: torch.nn.RNN, LSTM, GRU and their cells. */
export function recurrentProgram(asked: Asked): Program {
  return program((writer) => recurrent(writer, cellOf(asked), asked))
}

export function cellOf({ module, config }: Asked): Cell {
  if ('nonlinearity' in config) return rnn(config.nonlinearity)
  return kinds[module].hasCellState ? lstm : gru
}

/** A cell for one step, or layers one above the other, each in its one or two directions. → torch's outputs */
export function recurrent(writer: Writer, cell: Cell, asked: Asked): Readonly<Record<string, Id>> {
  const layers = layerConfig(asked.config)
  return layers === undefined ? single(writer, cell, asked) : stack(writer, cell, asked)
}

/** A step of one cell. An unbatched input is one row. */
function single(writer: Writer, cell: Cell, { module, config, inputs }: Asked): Readonly<Record<string, Id>> {
  const { batch } = extentOf(module, config, inputs.input.shape)
  const state = (name: string): Id =>
    given(writer, name, inputs, batch, config.hidden_size) ?? writer.full([batch ?? 1, config.hidden_size], 0)
  const parameters: Parameters = { nameOf: (name) => name, bias: config.bias, isProjected: false }
  const step = prepared(writer, cell, parameters)
  const x = given(writer, 'input', inputs, batch, config.input_size)!
  const { h, c } = step(x, { h: state('h_0'), ...(cell.hasCellState && { c: state('c_0') }) })
  const asGiven = (tensor: string, x: Id): Id =>
    batch === undefined ? writer.at({ tensor }, () => writer.reshape(x, [config.hidden_size])) : x
  return { h_1: asGiven('h_1', h), ...(c !== undefined && { c_1: asGiven('c_1', c) }) }
}

/** An input of one row for each of the batch; undefined where there is none. */
function given(
  writer: Writer,
  name: string,
  inputs: Asked['inputs'],
  batch: number | undefined,
  size: number,
): Id | undefined {
  if (!(name in inputs)) return undefined
  return writer.at({ tensor: name }, () => {
    const own = writer.input(name)
    return batch === undefined ? writer.reshape(own, [1, size]) : own
  })
}

function stack(writer: Writer, cell: Cell, asked: Asked): Readonly<Record<string, Id>> {
  const { module, inputs } = asked
  const config = layerConfig(asked.config)!
  const { num_layers, batch_first, hidden_size, bias } = config
  const { seq_len = 1, batch } = extentOf(module, config, inputs.input.shape)
  const rows = batch ?? 1
  const D = numDirections(config)
  const state_size = stateSize(config)
  const isSwapped = batch_first && batch !== undefined
  const lengths = inputs.lengths && writer.at({ tensor: 'lengths' }, () => notDifferentiated(writer, 'lengths'))

  /** (num_layers * D, batch, size), zeros where it is not given. */
  const initial = (name: 'h_0' | 'c_0', size: number): ((index: number) => Id) => {
    if (inputs[name] === undefined) return () => writer.at({ tensor: name }, () => writer.full([rows, size], 0))
    const all = writer.at({ tensor: name }, () => {
      const own = writer.input(name)
      return batch === undefined ? writer.reshape(own, [num_layers * D, 1, size]) : own
    })
    return (index) => writer.at({ tensor: name }, () => writer.select(all, 0, index))
  }
  const h_0 = initial('h_0', state_size)
  const c_0 = cell.hasCellState ? initial('c_0', hidden_size) : undefined

  let x = writer.at({ tensor: 'input' }, () => {
    const input = writer.input('input')
    if (batch === undefined) return writer.reshape(input, [seq_len, 1, config.input_size])
    return isSwapped ? writer.transpose(input, 0, 1) : input
  })
  const last: States[] = []
  for (let layer = 0; layer < num_layers; layer++) {
    const outputs = Array.from({ length: D }, (_, direction) =>
      writer.at({ layer, direction: direction === 0 ? 'forward' : 'reverse' }, () => {
        const index = layer * D + direction
        const own = over(writer, cell, {
          parameters: {
            nameOf: (name) => name + suffix(layer, direction),
            bias,
            isProjected: state_size < hidden_size,
          },
          input: x,
          states: { h: h_0(index), ...(c_0 && { c: c_0(index) }) },
          seq_len,
          reverse: direction === 1,
          lengths,
        })
        last.push(own.last)
        return own.output
      }),
    )
    x = writer.at({ layer, tensor: 'output' }, () => (D === 1 ? outputs[0]! : writer.cat(outputs, -1)))
    if (layer < num_layers - 1 && inputs.dropout_mask !== undefined) {
      x = writer.at({ layer, tensor: 'dropout_mask' }, () => dropped(writer, x, layer, config.dropout))
    }
  }
  const states = (tensor: string, ids: readonly Id[], size: number): Id =>
    writer.at({ tensor }, () => {
      const all = writer.stack(ids, 0)
      return batch === undefined ? writer.reshape(all, [num_layers * D, size]) : all
    })
  return {
    output: writer.at({ tensor: 'output' }, () => {
      if (batch === undefined) return writer.reshape(x, [seq_len, D * state_size])
      return isSwapped ? writer.transpose(x, 0, 1) : x
    }),
    h_n: states(
      'h_n',
      last.map(({ h }) => h),
      state_size,
    ),
    ...(cell.hasCellState && {
      c_n: states(
        'c_n',
        last.map(({ c }) => c!),
        hidden_size,
      ),
    }),
  }
}

export function notDifferentiated(writer: Writer, name: string): Id {
  return writer.input(name, { requires_grad: false })
}

/** Dropout in training mode: what is kept is divided by 1 − dropout. Source: torch.nn.Dropout. */
function dropped(writer: Writer, x: Id, layer: number, dropout: number): Id {
  const kept = writer.select(notDifferentiated(writer, 'dropout_mask'), 0, layer)
  return writer.mul(x, writer.div(kept, writer.full([], 1 - dropout)))
}

/** One layer in one direction. */
export interface Layer {
  readonly parameters: Parameters
  /** (seq_len, batch, input_size) */
  readonly input: Id
  readonly states: States
  readonly seq_len: number
  readonly reverse?: boolean
  readonly lengths?: Id | undefined
}

/** → output: (seq_len, batch, state_size), and the states after the last step */
export function over(
  writer: Writer,
  cell: Cell,
  { parameters, input, states, seq_len, reverse = false, lengths }: Layer,
): { readonly output: Id; readonly last: States } {
  const step = prepared(writer, cell, parameters)
  const { last, stacked } = writer.loop({ steps: seq_len, reverse, lengths, states: { ...states } }, (now) => {
    const next = step(writer.step(input), now)
    return { next: { ...next }, outputs: { output: next.h } }
  })
  return { output: stacked.output, last }
}
