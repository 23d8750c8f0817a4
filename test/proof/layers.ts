import type { RecurrentRequest } from '../../src/format/case.ts'
import { type Cell, cellOf, type Has, type State, type Weights } from './cells.ts'
import { weightsOf } from './parameters.ts'
import type { Sizes } from './request.ts'
import type { Tape, Vector } from './tape.ts'

/** What goes into `forward`, one vector for each step and row. */
export interface Leaves {
  readonly parameters: Readonly<Record<string, Vector>>
  /** In the order in which the tensor has them. */
  readonly input: readonly Vector[]
  readonly h_0: readonly Vector[]
  readonly c_0: readonly Vector[]
}

/** What comes out, in the same way: a tensor is its vectors one after the other. */
export type Returned = Readonly<Record<string, readonly Vector[]>>

/** By time step, then row. */
type Sequence = readonly (readonly Vector[])[]

/** Source: the pseudocode of torch.nn.RNN; PackedSequence for lengths. */
export function forward(tape: Tape, has: Has, sizes: Sizes, request: RecurrentRequest, leaves: Leaves): Returned {
  const { num_layers, D, isCell } = sizes
  const { seq_len, batch, rowFirst } = layoutOf(has, sizes)
  const cell = cellOf(tape, has, sizes)
  const at = (t: number, row: number): number => (rowFirst ? row * seq_len + t : t * batch + row)
  let x: Sequence = times(seq_len, (t) => times(batch, (row) => leaves.input[at(t, row)]!))
  const h_n: Vector[][] = []
  const c_n: Vector[][] = []
  for (let layer = 0; layer < num_layers; layer++) {
    if (layer > 0) x = dropout(tape, has, sizes, request, x, layer - 1)
    const directions: Sequence[] = []
    for (let direction = 0; direction < D; direction++) {
      const reverse = direction === 1 && !has('reverse with forward weights')
      const suffix = isCell ? '' : `_l${layer}${reverse ? '_reverse' : ''}`
      const weights = weightsOf(leaves.parameters, suffix)
      const own = scan(tape, has, sizes, request, { cell, weights, x, layer, direction, leaves })
      directions.push(own.outputs)
      h_n.push(own.h_n)
      c_n.push(own.c_n)
    }
    if (has('directions concatenated the other way')) directions.reverse()
    const below = x
    x = times(seq_len, (t) =>
      times(batch, (row) => {
        const joined = D === 1 ? directions[0]![t]![row]! : tape.concatenate(directions.map((own) => own[t]![row]!))
        return has('residual between layers') && layer > 0 ? tape.add(joined, below[t]![row]!) : joined
      }),
    )
  }
  if (has('output shifted by one step')) {
    x = x.map((rows, t) => (t > 0 ? x[t - 1]! : rows.map(({ value }) => tape.zeros(value.length))))
  }
  const [h, c] = [inOrder(has, sizes, h_n).flat(), inOrder(has, sizes, c_n).flat()]
  const [first, second] = has('h_n and c_n exchanged') ? [c, h] : [h, c]
  if (isCell) return { h_1: first, c_1: second }
  const output = rowFirst ? times(batch, (row) => x.map((rows) => rows[row]!)).flat() : x.flat()
  return { output, h_n: first, c_n: second }
}

/** How the port reads the two outer axes of `input`. */
function layoutOf(has: Has, { batch_first, isBatched, seq_len, batch }: Sizes) {
  if (!batch_first || !isBatched) return { seq_len, batch, rowFirst: false }
  return has('batch_first ignored')
    ? { seq_len: batch, batch: seq_len, rowFirst: false }
    : { seq_len, batch, rowFirst: true }
}

/** The states of each layer and direction in the order in which they are returned. */
function inOrder(has: Has, { num_layers, D }: Sizes, states: readonly Vector[][]): Vector[][] {
  const place = (i: number): number => {
    if (has('h_n by direction')) return (i % num_layers) * D + Math.floor(i / num_layers)
    if (has('h_n layers reversed')) return (num_layers - 1 - Math.floor(i / D)) * D + (i % D)
    return i
  }
  return states.map((_, i) => states[place(i)]!)
}

/** What the outputs of a layer become on their way to the next one. */
function dropout(
  tape: Tape,
  has: Has,
  { dropout: p }: Sizes,
  { inputs: { dropout_mask } }: RecurrentRequest,
  x: Sequence,
  layer: number,
): Sequence {
  if (dropout_mask === undefined || has('dropout ignored in training mode')) return x
  const batch = x[0]!.length
  return x.map((rows, t) =>
    rows.map((own, row) => {
      const width = own.value.length
      const factor = (i: number): number => {
        const given = dropout_mask.data[((layer * x.length + t) * batch + row) * width + i]!
        const kept = has('dropout mask inverted') ? 1 - given : given
        return has('dropout not scaled') ? kept : kept / (1 - p)
      }
      return tape.multiply(own, tape.vector(times(width, factor)))
    }),
  )
}

interface Direction {
  readonly cell: Cell
  readonly weights: Weights
  readonly x: Sequence
  readonly layer: number
  readonly direction: number
  readonly leaves: Leaves
}

/** One layer in one direction, row by row. */
function scan(
  tape: Tape,
  has: Has,
  { D, units, hidden_size }: Sizes,
  { inputs }: RecurrentRequest,
  { cell, weights, x, layer, direction, leaves }: Direction,
): { outputs: Sequence; h_n: Vector[]; c_n: Vector[] } {
  const seq_len = x.length
  const batch = x[0]!.length
  const outputs: Vector[][] = times(seq_len, () => [])
  const h_n: Vector[] = []
  const c_n: Vector[] = []
  const constant: Weights = Object.fromEntries(
    Object.entries(weights).map(([name, parameter]: [string, Vector]) => [name, tape.detach(parameter)]),
  ) as unknown as Weights
  const reversed = direction === 1 && !has('reverse not reversed')
  let state: State | undefined
  for (let row = 0; row < batch; row++) {
    const length = inputs.lengths === undefined || has('lengths ignored') ? seq_len : Number(inputs.lengths.data[row])
    if (state === undefined || !has('state carried between rows')) {
      const place = (layer * D + direction) * batch + row
      const start = has('h_0 of layer 0 for all layers') ? row : place
      // A port whose sizes are wrong reads past the end, and takes zeros there.
      const h = (has('h_0 ignored') ? undefined : leaves.h_0[start]) ?? tape.zeros(units)
      const c = (has('c_0 ignored') ? undefined : leaves.c_0[place]) ?? tape.zeros(hidden_size)
      state = has('h_0 and c_0 exchanged') ? { h: c, c: h, output: c } : { h, c, output: h }
    }
    for (let step = 0; step < seq_len; step++) {
      const t = reversed ? seq_len - 1 - step : step
      const to = has('reverse output not flipped back') ? step : t
      if (t >= length) {
        outputs[to]!.push(has('padding not zeroed') ? state.output : tape.zeros(units))
        // Going forward, what follows a row's end can be run through without harm to the output.
        if (has('h_n from the padded end') && !reversed) state = cell(weights, x[t]![row]!, state)
        continue
      }
      if (has('gradient truncated after 4 steps') && step > 0 && step % 4 === 0) {
        state = { h: tape.detach(state.h), c: tape.detach(state.c), output: state.output }
      }
      const early = has('gradient not accumulated over time') && step > 0
      state = cell(early ? constant : weights, x[t]![row]!, state)
      outputs[to]!.push(state.output)
    }
    const late = direction === 1 && has('h_n of reverse from the last step')
    h_n.push(late ? outputs[length - 1]![row]! : state.output)
    c_n.push(state.c)
  }
  return { outputs, h_n, c_n }
}

export function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}
