import type { Cell } from './cell.ts'
import { scan, type Weights } from './scan.ts'

/** The order in which the two directions of a layer stand in `output`, and how time runs in the second. */
export interface Wiring {
  /** Which direction's states stand at each place of the last axis; torch: forward (0), then reverse (1). */
  readonly concatenated: readonly [number, number]
  /** Whether the reverse direction reads its input from the end; torch: yes. */
  readonly reversed: boolean
  /** Whether the reverse direction's states are put back at the time of their input; torch: yes. */
  readonly flippedBack: boolean
  /** Whether a layer's input is added to its output where their sizes are equal, from layer 1 on; torch: no. */
  readonly residual: boolean
}

/** torch's own wiring. Faults replace single entries of it. */
export const torchWiring: Wiring = { concatenated: [0, 1], reversed: true, flippedBack: true, residual: false }

export interface Stack {
  readonly cell: Cell
  readonly wiring: Wiring
  /** By layer, then direction. */
  readonly weights: readonly (readonly Weights[])[]
  /** (seq_len, batch, input_size) */
  readonly input: Float64Array
  /** (num_layers * D, batch, hidden_size), changed in place: it holds h_n afterwards. */
  readonly h: Float64Array
  readonly seq_len: number
  readonly batch: number
  readonly input_size: number
  readonly hidden_size: number
  readonly lengths: readonly number[] | undefined
}

/**
 * Runs the layers one after the other, each in its one or two directions.
 * → (seq_len, batch, D * hidden_size): the last layer's states.
 * Source: torch.nn.RNN; the order of h_n is layer 0 forward, layer 0 reverse, layer 1 forward, …
 */
export function runLayers(stack: Stack): Float64Array {
  const { cell, wiring, h, seq_len, batch, hidden_size, lengths } = stack
  let input = stack.input
  let input_size = stack.input_size
  for (const [layer, directions] of stack.weights.entries()) {
    const outputs = directions.map((weights, direction) => {
      const start = (layer * directions.length + direction) * batch * hidden_size
      const state = h.subarray(start, start + batch * hidden_size)
      const reverse = direction === 1 && wiring.reversed
      const sizes = { seq_len, batch, input_size, hidden_size }
      const output = scan({ cell, weights, input, h: state, ...sizes, lengths, reverse })
      return reverse && !wiring.flippedBack ? flip(output, seq_len) : output
    })
    const output = directions.length === 1 ? outputs[0]! : concatenate(outputs, wiring.concatenated, hidden_size)
    if (wiring.residual && layer > 0) {
      for (let i = 0; i < output.length; i++) output[i]! += input[i]!
    }
    input = output
    input_size = directions.length * hidden_size
  }
  return input
}

/** The same steps, the last one first. x: (seq_len, …) */
function flip(x: Float64Array, seq_len: number): Float64Array {
  const flipped = new Float64Array(x.length)
  const step = x.length / seq_len
  for (let t = 0; t < seq_len; t++) flipped.set(x.subarray(t * step, (t + 1) * step), (seq_len - 1 - t) * step)
  return flipped
}

/** (seq_len, batch, hidden_size) of each direction → (seq_len, batch, 2 * hidden_size) */
function concatenate(outputs: readonly Float64Array[], order: readonly number[], hidden_size: number): Float64Array {
  const joined = new Float64Array(2 * outputs[0]!.length)
  for (const [place, direction] of order.entries()) {
    const output = outputs[direction]!
    for (let from = 0, to = place * hidden_size; from < output.length; from += hidden_size, to += 2 * hidden_size) {
      joined.set(output.subarray(from, from + hidden_size), to)
    }
  }
  return joined
}
