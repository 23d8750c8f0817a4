/** Weights as frameworks lay them out, each from its own documentation's words and none from what `map` does, for the tests. */
import { type FloatDType, type FloatTensor, floatTensor } from '../src/format/tensor.ts'
import { layerCase, type LayerOptions, type RecurrentCase } from './sample.ts'

export type Tensors = Record<string, FloatTensor>
/** A matrix by its rows; a bias by its numbers. */
export type Rows = readonly (readonly number[])[]

const rowsOf = ({ shape, data }: FloatTensor): Rows => {
  const [count = 0, columns = 1] = shape
  return Array.from({ length: count }, (_, i) => Array.from(data.slice(i * columns, (i + 1) * columns)))
}
export const matrix = (rows: Rows, dtype: FloatDType = 'float32'): FloatTensor =>
  floatTensor(dtype, [rows.length, rows[0]!.length], rows.flat())
export const vector = (rows: Rows): FloatTensor => floatTensor('float32', [rows.length], rows.flat())
export const shaped = (tensor: FloatTensor, ...shape: number[]): FloatTensor => ({ ...tensor, shape })
export const turn = (rows: Rows): Rows => rows[0]!.map((_, column) => rows.map((row) => row[column]!))
/** The rows by gates, in an order of them. */
export const order = (rows: Rows, gates: readonly number[]): Rows => {
  const size = rows.length / gates.length
  return gates.flatMap((gate) => rows.slice(gate * size, (gate + 1) * size))
}
export const gate = (rows: Rows, which: number, of: number): Rows =>
  order(
    rows,
    Array.from({ length: of }, (_, i) => i),
  ).slice((which * rows.length) / of, ((which + 1) * rows.length) / of)
/** Rows of a unit side by side. */
const mixed = (rows: Rows, gates: number): Rows =>
  rows.map((_, i) => rows[(i % gates) * (rows.length / gates) + Math.floor(i / gates)]!)
export const add = (one: Rows, other: Rows): Rows =>
  one.map((row, i) => row.map((x, j) => Math.fround(x + other[i]![j]!)))
const beside = (one: Rows, other: Rows): Rows => one.map((row, i) => [...row, ...other[i]!])
export const negated = (rows: Rows): Rows => {
  const size = rows.length / 3
  return rows.map((row, i) => (Math.floor(i / size) === 1 ? row.map((x) => -x) : row))
}

const numbersOf = (options: Partial<LayerOptions>): { recorded: RecurrentCase; of: Record<string, Rows> } => {
  const recorded = layerCase({ input_size: 5, hidden_size: 3, cotangents: true, ...options })
  return { recorded, of: Object.fromEntries(Object.entries(recorded.params).map(([name, own]) => [name, rowsOf(own)])) }
}

export const lstm = numbersOf({ module: 'LSTM' })
export const gru = numbersOf({ module: 'GRU' })
export const both = numbersOf({ module: 'GRU', bidirectional: true })
const deep = numbersOf({ module: 'LSTM', num_layers: 3 })
export const rnn = numbersOf({ module: 'RNN' })

export const weights = ({ of }: typeof lstm, suffix = '_l0'): readonly [Rows, Rows, Rows, Rows] => [
  of[`weight_ih${suffix}`]!,
  of[`weight_hh${suffix}`]!,
  of[`bias_ih${suffix}`]!,
  of[`bias_hh${suffix}`]!,
]
export const [W, R, b, c] = weights(lstm)
export const [V, U, d, e] = weights(gru)
export const [V0, U0, d0, e0] = weights(both)
const [V1, U1, d1, e1] = weights(both, '_l0_reverse')

export const layouts: readonly (readonly [string, typeof lstm, Tensors])[] = [
  ['PyTorch', lstm, { ...lstm.recorded.params }],
  ['Keras, LSTM', lstm, { kernel: matrix(turn(W)), recurrent_kernel: matrix(turn(R)), bias: vector(add(b, c)) }],
  [
    'Keras, GRU with reset_after',
    gru,
    {
      kernel: matrix(turn(order(V, [1, 0, 2]))),
      'gru/recurrent_kernel:0': matrix(turn(order(U, [1, 0, 2]))),
      bias: shaped(vector([...order(d, [1, 0, 2]), ...order(e, [1, 0, 2])]), 2, 9),
    },
  ],
  [
    'ONNX, LSTM',
    lstm,
    {
      W: shaped(matrix(order(W, [0, 3, 1, 2])), 1, 12, 5),
      R: shaped(matrix(order(R, [0, 3, 1, 2])), 1, 12, 3),
      B: shaped(vector([...order(b, [0, 3, 1, 2]), ...order(c, [0, 3, 1, 2])]), 1, 24),
    },
  ],
  [
    'ONNX, GRU of both directions',
    both,
    {
      W: shaped(matrix([...order(V0, [1, 0, 2]), ...order(V1, [1, 0, 2])]), 2, 9, 5),
      R: shaped(matrix([...order(U0, [1, 0, 2]), ...order(U1, [1, 0, 2])]), 2, 9, 3),
      B: shaped(vector([d0, e0, d1, e1].flatMap((own) => order(own, [1, 0, 2]))), 2, 18),
    },
  ],
  [
    'TensorFlow’s cells',
    lstm,
    { kernel: matrix(turn(order(beside(W, R), [0, 2, 1, 3]))), bias: vector(order(add(b, c), [0, 2, 1, 3])) },
  ],
  [
    'Flax, LSTM',
    lstm,
    Object.fromEntries(
      ['i', 'f', 'g', 'o'].flatMap((letter, i) => [
        [`i${letter}.kernel`, matrix(turn(gate(W, i, 4)))],
        [`h${letter}.kernel`, matrix(turn(gate(R, i, 4)))],
        [`h${letter}.bias`, vector(gate(add(b, c), i, 4))],
      ]),
    ),
  ],
  [
    'Flax, GRU',
    gru,
    {
      ...Object.fromEntries(
        ['r', 'z', 'n'].flatMap((letter, i) => [
          [`i${letter}.kernel`, matrix(turn(gate(V, i, 3)))],
          [`h${letter}.kernel`, matrix(turn(gate(U, i, 3)))],
          [`i${letter}.bias`, vector(gate(i === 2 ? d : add(d, e), i, 3))],
        ]),
      ),
      'hn.bias': vector(gate(e, 2, 3)),
    },
  ],
  [
    'the gates of a unit side by side',
    lstm,
    { w: matrix(mixed(W, 4)), r: matrix(mixed(R, 4)), b: vector(mixed(b, 4)), c: vector(mixed(c, 4)) },
  ],
  [
    'the same transposed, in another order and all in one axis',
    lstm,
    {
      w: shaped(matrix(turn(mixed(order(W, [3, 1, 0, 2]), 4))), 60),
      r: shaped(matrix(turn(mixed(order(R, [3, 1, 0, 2]), 4))), 36),
      b: vector(mixed(order(add(b, c), [3, 1, 0, 2]), 4)),
    },
  ],
  [
    'z for 1 − z',
    gru,
    { w: matrix(negated(V)), r: matrix(turn(negated(U))), b: vector(negated(d)), c: vector(negated(e)) },
  ],
  [
    'both directions transposed, along an axis of their own',
    both,
    {
      w: shaped(matrix([...turn(V0), ...turn(V1)]), 2, 5, 9),
      r: shaped(matrix([...turn(U0), ...turn(U1)]), 2, 3, 9),
      b: shaped(vector([...d0, ...d1]), 2, 9),
      c: shaped(vector([...e0, ...e1]), 2, 9),
    },
  ],
  [
    'both directions side by side, transposed',
    both,
    {
      w: matrix(turn([...V0, ...V1])),
      r: matrix(turn([...U0, ...U1])),
      b: vector([...d0, ...d1]),
      c: vector([...e0, ...e1]),
    },
  ],
  [
    'all layers but the first along an axis of their own',
    deep,
    {
      ...Object.fromEntries(Object.entries(deep.recorded.params).filter(([name]) => name.endsWith('_l0'))),
      w: shaped(matrix([...weights(deep, '_l1')[0], ...weights(deep, '_l2')[0]]), 2, 12, 3),
      r: shaped(matrix([...weights(deep, '_l1')[1], ...weights(deep, '_l2')[1]]), 2, 12, 3),
      b: shaped(vector([...weights(deep, '_l1')[2], ...weights(deep, '_l2')[2]]), 2, 12),
      c: shaped(vector([...weights(deep, '_l1')[3], ...weights(deep, '_l2')[3]]), 2, 12),
    },
  ],
]
