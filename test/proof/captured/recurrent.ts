// Bugs of recurrent layers and cells.
import type { Reference } from '../../../src/format/exported.ts'
import { baseOf } from '../../../src/program/exported.ts'
import { blocks, type Draft, misread, withLast } from './draft.ts'
import type { Kind } from './kind.ts'

const layers = ['lstm', 'gru']
const cells = ['lstm_cell', 'gru_cell']

/** Weights and biases, in the order of torch's list. */
function parametersOf(draft: Draft, node: string): Reference[] {
  const { args } = draft.at(node)
  if ('params' in args) return args['params'] as Reference[]
  return ['w_ih', 'w_hh', 'b_ih', 'b_hh'].flatMap((name) => (args[name] as Reference | undefined) ?? [])
}

const isLSTM = (draft: Draft, node: string): boolean => baseOf(draft.at(node).op).startsWith('lstm')

function everyBlock(draft: Draft, node: string, order: readonly number[], of = parametersOf(draft, node)): boolean {
  for (const own of of) draft.renumber(own, (data) => blocks(data, order))
  return true
}

export const recurrent: readonly Kind[] = [
  {
    name: 'order of gates i f o g',
    ops: ['lstm', 'lstm_cell'],
    change: (draft, node) => everyBlock(draft, node, [0, 1, 3, 2]),
  },
  {
    name: 'order of gates i o f g',
    ops: ['lstm', 'lstm_cell'],
    change: (draft, node) => everyBlock(draft, node, [0, 3, 1, 2]),
  },
  {
    name: 'order of gates z r n',
    ops: ['gru', 'gru_cell'],
    change: (draft, node) => everyBlock(draft, node, [1, 0, 2]),
  },
  {
    name: 'order of gates in the biases alone',
    ops: [...layers, ...cells],
    change(draft, node) {
      const biases = parametersOf(draft, node).filter((own) => draft.shapeOf(own).length === 1)
      return everyBlock(draft, node, isLSTM(draft, node) ? [0, 2, 1, 3] : [1, 0, 2], biases)
    },
  },
  {
    name: 'bias_hh left out',
    ops: [...layers, ...cells],
    change(draft, node) {
      const biases = parametersOf(draft, node).filter((own) => draft.shapeOf(own).length === 1)
      for (const own of biases.filter((_, i) => i % 2 === 1)) draft.renumber(own, (data) => data.fill(0))
      return true
    },
  },
  {
    name: 'bias_ih left out',
    ops: [...layers, ...cells],
    change(draft, node) {
      const biases = parametersOf(draft, node).filter((own) => draft.shapeOf(own).length === 1)
      for (const own of biases.filter((_, i) => i % 2 === 0)) draft.renumber(own, (data) => data.fill(0))
      return true
    },
  },
  {
    name: 'weight_hh transposed by gate',
    ops: [...layers, ...cells],
    change(draft, node) {
      const gates = isLSTM(draft, node) ? 4 : 3
      for (const own of parametersOf(draft, node)) {
        const [rows, columns] = draft.shapeOf(own)
        if (columns === undefined || rows !== gates * columns || !('param' in own) || !own.param.includes('hh'))
          continue
        draft.renumber(own, (data) => misread(data, [gates, columns, columns], [0, 2, 1]))
      }
      return true
    },
  },
  {
    name: 'weight_ih stored by columns',
    ops: [...layers, ...cells],
    change(draft, node) {
      const [weight] = parametersOf(draft, node)
      return draft.renumber(weight, (data, shape) => misread(data, shape, [1, 0]))
    },
  },
  {
    name: 'reverse direction not reversed',
    ops: layers,
    change(draft, node) {
      const { args, shapes, op } = draft.at(node)
      if (args['bidirectional'] !== true || args['num_layers'] !== 1) return false
      const isOutputRead = [...parametersOf(draft, node)].length === 8
      if (!isOutputRead) return false
      const [shape] = shapes
      const half = withLast(shape!, shape!.at(-1)! / 2)
      const zeros = [1, ...shapes[1]!.slice(1)]
      const params = parametersOf(draft, node)
      draft.instead(node, (add) => {
        const state = (): Reference => add('zeros.default', { size: zeros, dtype: { dtype: 'float32' } }, zeros)
        const run = (own: readonly Reference[]): Reference => {
          const hx = isLSTM(draft, node) ? [state(), state()] : state()
          const given = { ...args, params: own, hx, bidirectional: false }
          return { ...add(op.slice('aten.'.length), given, half), output: 0 }
        }
        add('cat.default', { tensors: [run(params.slice(0, 4)), run(params.slice(4))], dim: shape!.length - 1 }, shape!)
      })
      return true
    },
  },
  {
    name: 'directions exchanged',
    ops: layers,
    change(draft, node) {
      if (draft.arg(node, 'bidirectional') !== true) return false
      const params = parametersOf(draft, node)
      const all = Array.from({ length: params.length / 8 }, (_, layer) => {
        const own = params.slice(8 * layer, 8 * layer + 8)
        return [...own.slice(4), ...own.slice(0, 4)]
      })
      draft.set(node, { params: all.flat() })
      return true
    },
  },
  {
    name: 'h and c exchanged',
    ops: ['lstm_cell'],
    change(draft, node) {
      draft.set(node, { hx: (draft.arg(node, 'hx') as unknown[]).toReversed() })
      return true
    },
  },
  {
    name: 'state before the reset gate',
    ops: ['gru_cell'],
    change(draft, node) {
      const { input, hx, w_ih, w_hh, b_ih, b_hh } = draft.at(node).args
      const [shape] = draft.at(node).shapes
      const [batch, size] = shape as [number, number]
      draft.instead(node, (add) => {
        const part = (self: Reference, gate: number): Reference => {
          const args = { self, dim: 0, start: gate * size, end: (gate + 1) * size, step: 1 }
          return add('slice.Tensor', args, draft.shapeOf(self).with(0, size))
        }
        const product = (x: unknown, weight: unknown, bias: unknown, gate: number): Reference => {
          const args = { input: x, weight: part(weight as Reference, gate), bias: part(bias as Reference, gate) }
          return add('linear.default', args, [batch, size])
        }
        const two = (op: string, self: unknown, other: unknown): Reference => add(op, { self, other }, shape!)
        const gate = (i: number): Reference => {
          const sum = two('add.Tensor', product(input, w_ih, b_ih, i), product(hx, w_hh, b_hh, i))
          return add('sigmoid.default', { self: sum }, shape!)
        }
        const [r, z] = [gate(0), gate(1)]
        const reset = two('mul.Tensor', r, hx)
        const sum = two('add.Tensor', product(input, w_ih, b_ih, 2), product(reset, w_hh, b_hh, 2))
        const n = add('tanh.default', { self: sum }, shape!)
        two('add.Tensor', n, two('mul.Tensor', z, two('sub.Tensor', hx, n)))
      })
      return true
    },
  },
  {
    name: 'state not carried on',
    ops: cells,
    change(draft, node) {
      const hx = draft.arg(node, 'hx')
      if (Array.isArray(hx) || !(hx as Reference & { node?: string }).node?.includes('cell')) return false
      const op = 'zeros_like.default'
      draft.before(node, 'hx', op, (self) => ({ self }), draft.at(node).shapes[0]!)
      return true
    },
  },
]
