import type { Cell } from './cell.ts'
import { scan, type ScanGradients, type ScanInexactness, type Weights } from './scan.ts'

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
  /** Gradient by output → gradient by the layer's input; those by the layer's states, dh and dc, are changed in place. */
  readonly backward: (doutput: Float64Array) => { readonly input: Float64Array; readonly weights: readonly Weights[] }
}

/**
 * Runs the layers one after the other, each in its one or two directions.
 * Source: torch.nn.RNN; the order of h_n is layer 0 forward, layer 0 reverse, layer 1 forward, …
 */
export function runLayers(
  stack: Stack,
): StackOutputs & { readonly backward: (gradients: StackOutputs) => StackGradients } {
  const { cell, inexactness, seq_len, batch, hidden_size, lengths, dropout } = stack
  const D = stack.weights[0]?.length ?? 1
  const h_n = Float64Array.from(stack.h_0)
  const c_n = Float64Array.from(stack.c_0)
  // The gradients by the states, of all layers: by the last ones at first, by the first ones in the end.
  const dh = new Float64Array(h_n.length)
  const dc = new Float64Array(c_n.length)
  const layers: LayerRun[] = []
  const widthOf = (x: Float64Array): number => x.length / Math.max(1, seq_len * batch)
  let input = stack.input
  for (const [layer, weights] of stack.weights.entries()) {
    const run = runLayer(layer, weights, input, layer === 0 ? stack.input_size : widthOf(input))
    const size = run.output.length
    const isLast = layer === stack.weights.length - 1
    const kept = isLast ? undefined : dropout?.subarray(layer * size, (layer + 1) * size)
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

  function runLayer(layer: number, weights: readonly Weights[], input: Float64Array, input_size: number): LayerRun {
    const directions = weights.map((own, direction) => {
      const state = layer * D + direction
      const of = (all: Float64Array): Float64Array => {
        const size = all.length / (stack.weights.length * D)
        return all.subarray(state * size, (state + 1) * size)
      }
      const run = scan({
        cell,
        weights: own,
        input,
        h_0: of(h_n).slice(),
        c_0: of(c_n).slice(),
        seq_len,
        batch,
        input_size,
        hidden_size,
        lengths,
        reverse: direction === 1,
        inexactness,
      })
      of(h_n).set(run.h_n)
      of(c_n).set(run.c_n)
      return {
        output: run.output,
        backward: (doutput: Float64Array): ScanGradients => {
          const gradients = run.backward(doutput, of(dh), of(dc))
          of(dh).set(gradients.h_0)
          of(dc).set(gradients.c_0)
          return gradients
        },
      }
    })
    const outputs = directions.map(({ output }) => output)
    const width = widthOf(outputs[0]!)
    return {
      output: concatenate(outputs, width),
      backward(doutput) {
        const below = directions.map(({ backward }, direction) =>
          backward(directions.length === 1 ? doutput : take(doutput, direction, width)),
        )
        return { input: below.map((each) => each.input).reduce(plus), weights: below.map((each) => each.weights) }
      },
    }
  }
}

/** x + y, element by element. */
function plus(x: Float64Array, y: Float64Array): Float64Array {
  return x.map((value, i) => value + y[i]!)
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
