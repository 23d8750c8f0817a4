import type { Bug } from './bugs.ts'
import type { Sizes } from './request.ts'
import type { Activation, Tape, Vector } from './tape.ts'

export type Has = (bug: Bug) => boolean

/** The parameters of one layer and direction, by torch's names. */
export interface Weights {
  readonly weight_ih: Vector
  readonly weight_hh: Vector
  readonly bias_ih?: Vector
  readonly bias_hh?: Vector
  readonly weight_hr?: Vector
}

/** h: what the next step reads; output: what the step puts out, which is h but for a bug. */
export interface State {
  readonly h: Vector
  readonly c: Vector
  readonly output: Vector
}

/** One step of one row. */
export type Cell = (weights: Weights, x: Vector, before: State) => State

const tanh: Activation = [Math.tanh, (_, y) => (1 - y) * (1 + y)]
// Where y is NaN torch passes the gradient on.
const relu: Activation = [(x) => (x < 0 ? 0 : x), (_, y) => (y <= 0 ? 0 : 1)]
const identity: Activation = [(x) => x, () => 1]
const sigmoid: Activation = [(x) => 1 / (1 + Math.exp(-x)), (_, y) => y * (1 - y)]
const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high)
/** Constant beyond ±3, where its derivative is 0. */
const crudeTanh: Activation = [
  (x) => (clamp(x, -3, 3) * (27 + clamp(x, -3, 3) ** 2)) / (27 + 9 * clamp(x, -3, 3) ** 2),
  (x) => (9 - clamp(x, -3, 3) ** 2) ** 2 / (9 * (3 + clamp(x, -3, 3) ** 2) ** 2),
]
const hardSigmoid: Activation = [(x) => clamp(0.2 * x + 0.5, 0, 1), (x) => (Math.abs(x) < 2.5 ? 0.2 : 0)]

export function cellOf(
  tape: Tape,
  has: Has,
  sizes: Pick<Sizes, 'kind' | 'hidden_size' | 'units' | 'nonlinearity'>,
): Cell {
  const { add, subtract, multiply, apply, part, product } = tape
  const { hidden_size: H, units } = sizes
  const rows = { RNN: 1, LSTM: 4, GRU: 3 }[sizes.kind] * H
  const tanhHere = has('crude tanh') ? crudeTanh : tanh
  const sigmoidHere = has('hard sigmoid') ? hardSigmoid : sigmoid

  function fromInput({ weight_ih }: Weights, x: Vector): Vector {
    const columns = x.value.length
    const exchanged = has('weight_ih misread') || (has('weight_ih transposed') && rows === columns)
    return product(weight_ih, x, rows, exchanged ? (r, i) => i * rows + r : (r, i) => r * columns + i)
  }
  function fromHidden({ weight_hh }: Weights, h: Vector): Vector {
    if (has('no recurrence')) return tape.zeros(rows)
    return product(weight_hh, h, rows, has('weight_hh transposed') ? (r, i) => i * rows + r : (r, i) => r * units + i)
  }
  /** The two biases as a port adds them: each to its own product. */
  function biases({ bias_ih, bias_hh }: Weights): readonly [ih: Vector, hh: Vector] {
    const none = tape.zeros(rows)
    let [ih, hh] = [bias_ih ?? none, bias_hh ?? none]
    if (has('bias_ih dropped')) ih = none
    if (has('bias_hh dropped')) hh = none
    if (has('bias_ih added twice')) ih = add(ih, ih)
    if (has('bias_hh added twice')) hh = add(hh, hh)
    if (has('biases swapped') || has('biases of a GRU swapped')) [ih, hh] = [hh, ih]
    if (has('one summed bias')) [ih, hh] = [none, add(ih, hh)]
    return [ih, hh]
  }

  const rnnCell: Cell = (weights, x, { h, c }) => {
    const [ih, hh] = biases(weights)
    const sum = add(add(fromInput(weights, x), ih), add(fromHidden(weights, h), hh))
    const isTanh = (sizes.nonlinearity === 'tanh') !== has('relu for tanh, tanh for relu')
    const f = has('no nonlinearity') ? identity : isTanh ? tanhHere : relu
    const after = has('1 − h² at the step before')
      ? tape.custom(
          H,
          (y) => y.forEach((_, i) => (y[i] = f[0](sum.value[i]!))),
          (_, dy) => dy.forEach((d, i) => (sum.grad[i] = sum.grad[i]! + d * (1 - h.value[i]! ** 2))),
        )
      : apply(sum, f)
    return { h: after, c, output: after }
  }

  const lstmCell: Cell = (weights, x, { h, c }) => {
    const [ih, hh] = biases(weights)
    const sum = add(add(fromInput(weights, x), ih), add(fromHidden(weights, h), hh))
    let order = 'ifgo'
    if (has('gates in the order i o f g')) order = 'iofg'
    if (has('gates in the order i f o g')) order = 'ifog'
    if (has('gates in the order f i g o')) order = 'figo'
    const gate = (letter: string): Vector => part(sum, order.indexOf(letter) * H, H)
    const seeing = (gate: Vector, c: Vector): Vector => (has('peephole added') ? add(gate, c) : gate)
    const ones = tape.vector(Array.from({ length: H }, () => 1))
    const i = apply(seeing(gate('i'), c), sigmoidHere)
    const f = apply(seeing(has('forget bias + 1') ? add(gate('f'), ones) : gate('f'), c), sigmoidHere)
    const g = apply(gate('g'), tanhHere)
    const after = add(multiply(f, c), multiply(i, g))
    const o = apply(seeing(gate('o'), after), sigmoidHere)
    const hidden = multiply(o, has('no tanh on c') ? after : apply(after, tanhHere))
    if (weights.weight_hr === undefined) return { h: hidden, c: after, output: hidden }
    const index = has('weight_hr transposed')
      ? (r: number, i: number): number => i * units + r
      : (r: number, i: number): number => r * H + i
    const projected = product(weights.weight_hr, hidden, units, index)
    const fedBack = has('proj_size ignored in the recurrence') ? part(hidden, 0, units) : projected
    return { h: fedBack, c: after, output: projected }
  }

  const gruCell: Cell = (weights, x, { h, c }) => {
    const order = has('gates in the order z r n') ? 'zrn' : 'rzn'
    const gate = (all: Vector, letter: string): Vector => part(all, order.indexOf(letter) * H, H)
    const [ih, hh] = biases(weights)
    const wx = fromInput(weights, x)
    const wh = fromHidden(weights, h)
    const sigma = (letter: string): Vector =>
      apply(add(add(gate(wx, letter), gate(ih, letter)), add(gate(wh, letter), gate(hh, letter))), sigmoidHere)
    const r = sigma('r')
    const z = sigma('z')
    let recurrent: Vector
    if (has('reset before the product')) {
      recurrent = add(gate(fromHidden(weights, multiply(r, h)), 'n'), gate(hh, 'n'))
    } else if (has('b_hn outside the reset')) {
      recurrent = add(multiply(r, gate(wh, 'n')), gate(hh, 'n'))
    } else {
      recurrent = multiply(r, add(gate(wh, 'n'), gate(hh, 'n')))
    }
    const n = apply(add(add(gate(wx, 'n'), gate(ih, 'n')), recurrent), tanhHere)
    const after = has('z and 1 − z exchanged')
      ? add(h, multiply(z, subtract(n, h)))
      : add(n, multiply(z, subtract(h, n)))
    return { h: after, c, output: after }
  }
  return { RNN: rnnCell, LSTM: lstmCell, GRU: gruCell }[sizes.kind]
}
