import type { Cell } from './cell.ts'
import { plus } from './linear.ts'
import { scan, type ScanInexactness, type Weights } from './scan.ts'

export interface Stack {
  readonly cell: Cell
  readonly inexactness: ScanInexactness
  /** By layer, then direction. */
  readonly weights: readonly (readonly Weights[])[]
  /** (seq_len, batch, input_size) */
  readonly input: Float64Array
  /** (num_layers * D, batch, state_size) */
  readonly h_0: Float64Array
  /** (num_layers * D, batch, hidden_size), or empty without a cell state. */
  readonly c_0: Float64Array
  readonly seq_len: number
  readonly batch: number
  readonly input_size: number
  readonly hidden_size: number
  readonly lengths: readonly number[] | undefined
  /** (num_layers − 1, seq_len, batch, D * state_size): what each layer's output is multiplied by before the next one. */
  readonly dropout: Float64Array | undefined
}

export interface StackOutputs {
  /** (seq_len, batch, D * state_size): the last layer's states. */
  readonly output: Float64Array
  /** Like h_0; layer 0 forward, layer 0 reverse, layer 1 forward, … */
  readonly h_n: Float64Array
  readonly c_n: Float64Array
}

export interface StackGradients {
  readonly input: Float64Array
  readonly h_0: Float64Array
  readonly c_0: Float64Array
  readonly weights: readonly (readonly Weights[])[]
}

/** What stands between the input of a layer and its output, and back. */
interface LayerRun {
  readonly output: Float64Array
  /** Gradient by output → gradient by the layer's input; dh and dc of the layer are changed in place. */
  readonly backward: (doutput: Float64Array) => { readonly input: Float64Array; readonly weights: readonly Weights[] }
}

/**
 * Runs the layers one after the other, each in its one or two directions.
 * Source: torch.nn.RNN; the order of h_n is layer 0 forward, layer 0 reverse, layer 1 forward, …
 */
export function runLayers(
  stack: Stack,
): StackOutputs & { readonly backward: (gradients: StackOutputs) => StackGradients } {
  const D = stack.weights[0]?.length ?? 1
  const h_n = Float64Array.from(stack.h_0)
  const c_n = Float64Array.from(stack.c_0)
  // The gradients by the states, of all layers: by the last ones at first, by the first ones in the end.
  const dh = new Float64Array(h_n.length)
  const dc = new Float64Array(c_n.length)
  const layers: LayerRun[] = []
  let input = stack.input
  for (const [layer, weights] of stack.weights.entries()) {
    const last = layer === stack.weights.length - 1
    const input_size = layer === 0 ? stack.input_size : input.length / Math.max(1, stack.seq_len * stack.batch)
    const run = runLayer(stack, layer, weights, input, input_size, { h_n, c_n, dh, dc })
    const kept = last || stack.dropout === undefined ? undefined : maskOf(stack.dropout, layer, run.output.length)
    layers.push(kept === undefined ? run : { ...run, backward: (doutput) => run.backward(times(doutput, kept)) })
    input = kept === undefined ? run.output : times(run.output, kept)
  }
  return {
    output: input,
    h_n,
    c_n,
    backward(gradients) {
      dh.set(gradients.h_n)
      dc.set(gradients.c_n)
      let doutput = gradients.output
      const weights: (readonly Weights[])[] = []
      for (const { backward } of layers.toReversed()) {
        const below = backward(doutput)
        doutput = below.input
        weights.unshift(below.weights)
      }
      return { input: doutput, h_0: dh, c_0: dc, weights }
    },
  }

  function maskOf(dropout: Float64Array, layer: number, size: number): Float64Array {
    return dropout.subarray(layer * size, (layer + 1) * size)
  }

  function runLayer(
    { cell, inexactness, seq_len, batch, hidden_size, lengths }: Stack,
    layer: number,
    weights: readonly Weights[],
    input: Float64Array,
    input_size: number,
    states: Record<'h_n' | 'c_n' | 'dh' | 'dc', Float64Array>,
  ): LayerRun {
    const width = (output: Float64Array): number => output.length / Math.max(1, seq_len * batch)
    const directions = weights.map((own, direction) => {
      const state = layer * D + direction
      const of = (all: Float64Array): Float64Array => {
        const size = all.length / (stack.weights.length * D)
        return all.subarray(state * size, (state + 1) * size)
      }
      const sizes = { seq_len, batch, input_size, hidden_size }
      const { output, h_n, c_n, backward } = scan({
        cell,
        weights: own,
        input,
        h_0: of(states.h_n).slice(),
        c_0: of(states.c_n).slice(),
        ...sizes,
        lengths,
        reverse: direction === 1,
        inexactness,
      })
      of(states.h_n).set(h_n)
      of(states.c_n).set(c_n)
      return {
        output,
        backward: (doutput: Float64Array): { readonly input: Float64Array; readonly weights: Weights } => {
          const gradients = backward(doutput, of(states.dh), of(states.dc))
          of(states.dh).set(gradients.h_0)
          of(states.dc).set(gradients.c_0)
          return gradients
        },
      }
    })
    const size = width(directions[0]!.output)
    return {
      output: concatenate(
        directions.map((each) => each.output),
        size,
      ),
      backward(doutput) {
        const below = directions.map(({ backward }, direction) =>
          backward(directions.length === 1 ? doutput : take(doutput, direction, size)),
        )
        return { input: below.map((each) => each.input).reduce(plus), weights: below.map((each) => each.weights) }
      },
    }
  }
}

function times(x: Float64Array, y: Float64Array): Float64Array {
  return x.map((value, i) => value * y[i]!)
}

/** (…, width) of each direction → (…, D * width) */
function concatenate(outputs: readonly Float64Array[], width: number): Float64Array {
  if (outputs.length === 1) return outputs[0]!
  const joined = new Float64Array(2 * outputs[0]!.length)
  for (const [direction, output] of outputs.entries()) {
    for (let from = 0, to = direction * width; from < output.length; from += width, to += 2 * width) {
      joined.set(output.subarray(from, from + width), to)
    }
  }
  return joined
}

/** The part of a concatenation of two that is a direction's: (…, 2 * width) → (…, width) */
function take(joined: Float64Array, direction: number, width: number): Float64Array {
  const own = new Float64Array(joined.length / 2)
  for (let to = 0, from = direction * width; to < own.length; to += width, from += 2 * width) {
    own.set(joined.subarray(from, from + width), to)
  }
  return own
}
