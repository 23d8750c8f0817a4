// torch's recurrent layers and cells as ONNX models.
import type { RecurrentRequest } from '../format/case.ts'
import { kinds, layerConfig, type LayerName, numDirections, suffix } from '../format/module.ts'
import { type Bytes, graphInput, graphOutput, initializer, node, onnxModel } from './onnx.ts'

/** A module with its parameters. */
export type Module = Pick<RecurrentRequest, 'module' | 'config' | 'dtype' | 'params'>

/** What a model is given beside `input`. */
export interface Given {
  readonly h_0?: boolean
  readonly lengths?: boolean
  readonly dropout_mask?: boolean
  /** Whether `input` and `output` have the batch first. */
  readonly batch_first?: boolean
}

/** Which of torch's blocks of rows stands at each place of ONNX's: i o f c, z r h. Source: onnx/docs/Operators.md. */
const blocks: Readonly<Record<LayerName, readonly number[]>> = { RNN: [0], LSTM: [0, 3, 1, 2], GRU: [1, 0, 2] }

/** W, R or one half of B of a direction: torch's blocks of rows in ONNX's order. */
function reordered(kind: LayerName, data: Float32Array | Float64Array): Float32Array {
  const order = blocks[kind]
  const size = data.length / order.length
  const all = new Float32Array(data.length)
  for (const [place, block] of order.entries()) all.set(data.subarray(block * size, (block + 1) * size), place * size)
  return all
}

/**
 * A model of sizes seq_len and batch that are known when it runs, which has torch's names:
 * input: (seq_len, batch, input_size), or batch first; h_0, c_0: (D * num_layers, batch, hidden_size); lengths: (batch) of int32;
 * dropout_mask: (num_layers − 1, seq_len, batch, D * hidden_size)
 * → output: like input with D * hidden_size units; h_n, c_n: like h_0. A cell is one step, which has no output and gives
 * h_1, c_1: (1, batch, hidden_size).
 * Source: onnx/docs/Operators.md, "RNN", "GRU", "LSTM"; their `layout` 1, batch first, is not implemented in onnxruntime.
 */
export function onnxOf({ module, config, params }: Module, given: Given = {}): Uint8Array {
  const layers = layerConfig(config)
  const { hidden_size, input_size } = config
  const num_layers = layers?.num_layers ?? 1
  const D = layers === undefined ? 1 : numDirections(layers)
  const kind = module.replace('Cell', '') as LayerName
  const G = blocks[kind].length
  const states = kinds[module].hasCellState ? ['h', 'c'] : ['h']
  const all = (state: string, layer: number): string => `${state}_l${layer}`
  const layerNumbers = Array.from({ length: num_layers }, (_, layer) => layer)
  const batchFirst = given.batch_first === true
  const parts: Bytes[] = []

  parts.push(
    graphInput('input', 'float32', [...(batchFirst ? ['batch', 'seq_len'] : ['seq_len', 'batch']), input_size]),
  )
  if (batchFirst) parts.push(node('Transpose', ['input'], ['input_time_first'], { perm: [1, 0, 2] }))
  if (given.lengths) parts.push(graphInput('lengths', 'int32', ['batch']))
  if (given.h_0) {
    for (const state of states) {
      parts.push(graphInput(`${state}_0`, 'float32', [num_layers * D, 'batch', hidden_size]))
      parts.push(node('Split', [`${state}_0`], layerNumbers.map((layer) => all(`${state}_0`, layer)), { axis: 0 })) // prettier-ignore
    }
  }
  if (given.dropout_mask) {
    parts.push(graphInput('dropout_mask', 'float32', [num_layers - 1, 'seq_len', 'batch', D * hidden_size]))
    const { dropout } = layers ?? { dropout: 0 }
    parts.push(initializer('kept', [], Float32Array.of(dropout === 1 ? 0 : 1 / (1 - dropout))))
  }

  let input = batchFirst ? 'input_time_first' : 'input'
  for (const layer of layerNumbers) {
    const stacked = (names: readonly string[]): Float32Array => {
      const directions = Array.from({ length: D }, (_, direction) =>
        layers === undefined ? '' : suffix(layer, direction),
      )
      const each = directions.flatMap((of) => names.map((name) => reordered(kind, params[name + of]!.data)))
      const one = new Float32Array(each.reduce((sum, { length }) => sum + length, 0))
      let at = 0
      for (const part of each) {
        one.set(part, at)
        at += part.length
      }
      return one
    }
    const width = layer === 0 ? input_size : D * hidden_size
    parts.push(initializer(`W${layer}`, [D, G * hidden_size, width], stacked(['weight_ih'])))
    parts.push(initializer(`R${layer}`, [D, G * hidden_size, hidden_size], stacked(['weight_hh'])))
    if (config.bias) parts.push(initializer(`B${layer}`, [D, 2 * G * hidden_size], stacked(['bias_ih', 'bias_hh'])))
    parts.push(
      node(
        kind,
        [
          input,
          `W${layer}`,
          `R${layer}`,
          config.bias ? `B${layer}` : '',
          given.lengths ? 'lengths' : '',
          ...states.map((state) => (given.h_0 ? all(`${state}_0`, layer) : '')),
        ],
        [layers === undefined ? '' : `Y${layer}`, ...states.map((state) => all(`${state}_n`, layer))],
        {
          hidden_size,
          direction: D === 2 ? 'bidirectional' : 'forward',
          ...(kind === 'GRU' ? { linear_before_reset: 1 } : {}),
          ...(kind === 'RNN' ? { activations: Array.from({ length: D }, () => activationOf(config)) } : {}),
        },
      ),
    )
    if (layers === undefined) break
    parts.push(
      // (seq_len, D, batch, hidden_size) → (seq_len, batch, D * hidden_size)
      node('Transpose', [`Y${layer}`], [`T${layer}`], { perm: [0, 2, 1, 3] }),
      initializer(`shape${layer}`, [3], BigInt64Array.of(0n, 0n, BigInt(D * hidden_size))),
      node('Reshape', [`T${layer}`, `shape${layer}`], [`output${layer}`]),
    )
    input = `output${layer}`
    if (given.dropout_mask && layer < num_layers - 1) {
      parts.push(
        initializer(`at${layer}`, [], BigInt64Array.of(BigInt(layer))),
        node('Gather', ['dropout_mask', `at${layer}`], [`mask${layer}`], { axis: 0 }),
        node('Mul', [input, `mask${layer}`], [`masked${layer}`]),
        node('Mul', [`masked${layer}`, 'kept'], [`dropped${layer}`]),
      )
      input = `dropped${layer}`
    }
  }

  for (const state of states) {
    const name = layers === undefined ? `${state}_1` : `${state}_n`
    parts.push(node('Concat', layerNumbers.map((layer) => all(`${state}_n`, layer)), [name], { axis: 0 })) // prettier-ignore
    parts.push(graphOutput(name, 'float32', [num_layers * D, 'batch', hidden_size]))
  }
  if (layers !== undefined) {
    parts.push(node('Transpose', [input], ['output'], { perm: batchFirst ? [1, 0, 2] : [0, 1, 2] }))
    parts.push(graphOutput('output', 'float32', [...(batchFirst ? ['batch', 'seq_len'] : ['seq_len', 'batch']), D * hidden_size])) // prettier-ignore
  }
  return onnxModel(parts)
}

/** What an RNN applies to its sums. */
function activationOf(config: Module['config']): string {
  return 'nonlinearity' in config && config.nonlinearity === 'relu' ? 'Relu' : 'Tanh'
}
