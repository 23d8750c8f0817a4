// Recurrent layers as torch.export keeps them: whole. Source: aten::lstm.input, aten::gru.input, aten::rnn_tanh.input.
import type { Cell } from '../cell.ts'
import { gru } from '../gru.ts'
import { over } from '../layers.ts'
import { lstm } from '../lstm.ts'
import type { Id } from '../operation.ts'
import { rnn } from '../rnn.ts'
import type { Writer } from '../write.ts'
import type { Lower, Lowered, Node } from './node.ts'

/** h_0, and c_0 where there is one. */
function statesOf(node: Node, hasCellState: boolean): Lowered[] {
  if (!hasCellState) return [node.tensor('hx')]
  const states = node.tensors('hx')
  if (states.length === 2) return states
  throw new RangeError(`${node.op}: expected h_0 and c_0 for hx, got ${states.length} tensors`)
}

function layers(cell: Cell): Lower {
  return (node) => {
    const { writer } = node
    const input = node.tensor('input')
    const isBatched = input.shape.length === 3
    const isSwapped = isBatched && node.flag('batch_first')
    const D = node.flag('bidirectional') ? 2 : 1
    const num_layers = node.number('num_layers')
    const given = node.tensors('params').length
    if (!(given >= 2 * D * num_layers)) {
      throw new RangeError(`${node.op}: expected parameters of ${num_layers} layers, got ${given} tensors`)
    }
    const initial = statesOf(node, cell.hasCellState)
    const states = initial.map(({ id, shape }) => (isBatched ? id : writer.reshape(id, [shape[0]!, 1, shape[1]!])))
    let x = isBatched ? input.id : writer.reshape(input.id, [input.shape[0]!, 1, input.shape[1]!])
    if (isSwapped) x = writer.transpose(x, 0, 1)
    const seq_len = isSwapped ? input.shape[1]! : input.shape[0]!
    const own = parametersOf(node, num_layers * D)
    const last: { h: Id; c?: Id }[] = []
    for (let layer = 0; layer < num_layers; layer++) {
      const outputs = Array.from({ length: D }, (_, direction) =>
        writer.at({ layer, direction: direction === 0 ? 'forward' : 'reverse' }, () => {
          const index = layer * D + direction
          const [h, c] = states.map((all) => writer.select(all, 0, index))
          const parameters = own[index]!
          const run = over(withParameters(writer, parameters), cell, {
            parameters: {
              nameOf: (name) => name,
              bias: 'bias_ih' in parameters,
              isProjected: 'weight_hr' in parameters,
            },
            input: x,
            states: { h: h!, ...(c !== undefined && { c }) },
            seq_len,
            reverse: direction === 1,
          })
          last.push(run.last)
          return run.output
        }),
      )
      x = D === 1 ? outputs[0]! : writer.cat(outputs, -1)
    }
    const stacked = (ids: readonly Id[], output: number): Id =>
      writer.reshape(writer.stack(ids, 0), node.shapes[output]!)
    const whole = isSwapped ? writer.transpose(x, 0, 1) : writer.reshape(x, node.shapes[0]!)
    const hidden = stacked(
      last.map(({ h }) => h),
      1,
    )
    return cell.hasCellState
      ? [
          whole,
          hidden,
          stacked(
            last.map(({ c }) => c!),
            2,
          ),
        ]
      : [whole, hidden]
  }
}

type Own = Readonly<Record<string, Lowered>>

/** torch has them in one list: weight_ih, weight_hh, then bias_ih and bias_hh, then weight_hr, of each layer and direction. */
function parametersOf(node: Node, count: number): Own[] {
  const all = node.tensors('params')
  const each = all.length / count
  const names = [
    'weight_ih',
    'weight_hh',
    ...(node.flag('has_biases') ? ['bias_ih', 'bias_hh'] : []),
    ...(each === 5 || (each === 3 && !node.flag('has_biases')) ? ['weight_hr'] : []),
  ]
  return Array.from({ length: count }, (_, i) => Object.fromEntries(names.map((name, j) => [name, all[i * each + j]!])))
}

/** What a cell reads as its parameter is what the operation was given. */
function withParameters(writer: Writer, own: Own): Writer {
  return { ...writer, parameter: (name) => own[name]!.id }
}

/** One step: the same equations. Source: aten::lstm_cell, aten::gru_cell, aten::rnn_tanh_cell. */
function single(cell: Cell): Lower {
  return (node) => {
    const { writer } = node
    const input = node.tensor('input')
    const initial = statesOf(node, cell.hasCellState)
    const isBatched = input.shape.length === 2
    const rows = ({ id, shape }: Lowered): Id => (isBatched ? id : writer.reshape(id, [1, ...shape]))
    const [h, c] = initial.map(rows)
    const bias = node.isTensor('b_ih')
    const names = { weight_ih: 'w_ih', weight_hh: 'w_hh', ...(bias && { bias_ih: 'b_ih', bias_hh: 'b_hh' }) }
    const own = Object.fromEntries(Object.entries(names).map(([name, arg]) => [name, node.tensor(arg)]))
    const sequence = writer.reshape(rows(input), [1, ...(isBatched ? input.shape : [1, ...input.shape])])
    const { last } = over(withParameters(writer, own), cell, {
      parameters: { nameOf: (name) => name, bias, isProjected: false },
      input: sequence,
      states: { h: h!, ...(c !== undefined && { c }) },
      seq_len: 1,
    })
    const given = [last.h, ...(last.c === undefined ? [] : [last.c])].map((id, i) =>
      writer.reshape(id, node.shapes[i]!),
    )
    return given.length === 1 ? given[0]! : given
  }
}

export const recurrent: Readonly<Record<string, Lower>> = {
  lstm: layers(lstm),
  gru: layers(gru),
  rnn_tanh: layers(rnn('tanh')),
  rnn_relu: layers(rnn('relu')),
  lstm_cell: single(lstm),
  gru_cell: single(gru),
  rnn_tanh_cell: single(rnn('tanh')),
  rnn_relu_cell: single(rnn('relu')),
}
