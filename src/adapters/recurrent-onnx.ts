// torch's recurrent layers and cells as ONNX models.
import type { RecurrentRequest } from '../format/case.ts'
import { roundToFloat16, toFloat16Bits } from '../format/precision.ts'
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

/** The dtypes of models: what onnxruntime has an implementation for. */
export type OnnxFloat = 'float32' | 'float16'

/** Numbers as a model and its tensors hold them: those of float16 as their bits. */
export function stored(type: OnnxFloat, data: Float32Array): Float32Array | Uint16Array {
  return type === 'float32' ? data : Uint16Array.from(data, (x) => toFloat16Bits(roundToFloat16(x)))
}

/** W, R or B of a layer: torch's parameters of each direction, one after the other, their blocks of rows in ONNX's order. */
function stacked({ kind, type, params }: Plan, names: readonly string[]): Float32Array | Uint16Array {
  const each = names.map((name) => params[name]!.data)
  const all = new Float32Array(each.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const data of each) {
    const size = data.length / blocks[kind].length
    for (const block of blocks[kind]) {
      all.set(data.subarray(block * size, (block + 1) * size), at)
      at += size
    }
  }
  return stored(type, all)
}

/** What a graph is made from. */
interface Plan extends Module {
  readonly given: Given
  readonly type: OnnxFloat
  readonly kind: LayerName
  /** Whether it is a layer, and not a cell. */
  readonly isLayer: boolean
  readonly num_layers: number
  readonly D: number
  readonly dropout: number
  /** h, and c of an LSTM. */
  readonly states: readonly string[]
}

function planOf(own: Module, given: Given): Plan {
  const { module, config, dtype } = own
  const layers = layerConfig(config)
  return {
    ...own,
    given,
    type: dtype === 'float16' ? dtype : 'float32',
    kind: module.replace('Cell', '') as LayerName,
    isLayer: layers !== undefined,
    num_layers: layers?.num_layers ?? 1,
    D: layers === undefined ? 1 : numDirections(layers),
    dropout: layers?.dropout ?? 0,
    states: kinds[module].hasCellState ? ['h', 'c'] : ['h'],
  }
}

/** The name of what `state` of each layer is called before all are put together, or after they are parted. */
function ofLayers({ num_layers }: Plan, state: string): string[] {
  return Array.from({ length: num_layers }, (_, layer) => `${state}_l${layer}`)
}

/**
 * A model of sizes seq_len and batch that are known when it runs, which has torch's names:
 * input: (seq_len, batch, input_size), or batch first; h_0, c_0: (D * num_layers, batch, hidden_size); lengths: (batch) of int32;
 * dropout_mask: (num_layers − 1, seq_len, batch, D * hidden_size)
 * → output: like input with D * hidden_size units; h_n, c_n: like h_0. A cell is one step, which has no output and gives
 * h_1, c_1: (1, batch, hidden_size).
 * Source: onnx/docs/Operators.md, "RNN", "GRU", "LSTM"; their `layout` 1, batch first, is not implemented in onnxruntime.
 */
export function onnxOf(module: Module, given: Given = {}): Uint8Array {
  const plan = planOf(module, given)
  const parts = [...inputsOf(plan)]
  let input = given.batch_first ? 'input_time_first' : 'input'
  for (let layer = 0; layer < plan.num_layers; layer++) {
    parts.push(...layerOf(plan, layer, input))
    input = `output${layer}`
    if (given.dropout_mask && layer < plan.num_layers - 1) {
      parts.push(...dropoutOf(layer, input))
      input = `dropped${layer}`
    }
  }
  return onnxModel([...parts, ...outputsOf(plan, input)])
}

/** The axes of `input` and `output`. */
function outer({ given }: Plan): readonly string[] {
  return given.batch_first ? ['batch', 'seq_len'] : ['seq_len', 'batch']
}

function inputsOf(plan: Plan): Bytes[] {
  const { config, given, type, num_layers, D, dropout, states } = plan
  const { input_size, hidden_size } = config
  const parts = [graphInput('input', type, [...outer(plan), input_size])]
  if (given.batch_first) parts.push(node('Transpose', ['input'], ['input_time_first'], { perm: [1, 0, 2] }))
  if (given.lengths) parts.push(graphInput('lengths', 'int32', ['batch']))
  for (const state of given.h_0 ? states : []) {
    parts.push(
      graphInput(`${state}_0`, type, [num_layers * D, 'batch', hidden_size]),
      node('Split', [`${state}_0`], ofLayers(plan, `${state}_0`), { axis: 0 }),
    )
  }
  if (given.dropout_mask) {
    parts.push(
      graphInput('dropout_mask', type, [num_layers - 1, 'seq_len', 'batch', D * hidden_size]),
      initializer('kept', [], stored(type, Float32Array.of(dropout === 1 ? 0 : 1 / (1 - dropout)))),
    )
  }
  return parts
}

/** A layer, from `input` to `output${layer}` and the last states. */
function layerOf(plan: Plan, layer: number, input: string): Bytes[] {
  const { config, given, kind, isLayer, D, states } = plan
  const { hidden_size, bias } = config
  const rows = blocks[kind].length * hidden_size
  const width = layer === 0 ? config.input_size : D * hidden_size
  const names = (...of: readonly string[]): string[] =>
    Array.from({ length: D }, (_, direction) => (isLayer ? suffix(layer, direction) : '')).flatMap((end) =>
      of.map((name) => name + end),
    )
  const [W, R, B] = [`W${layer}`, `R${layer}`, bias ? `B${layer}` : '']
  const initial = states.map((state) => (given.h_0 ? ofLayers(plan, `${state}_0`)[layer]! : ''))
  const last = states.map((state) => ofLayers(plan, `${state}_n`)[layer]!)
  return [
    initializer(W, [D, rows, width], stacked(plan, names('weight_ih'))),
    initializer(R, [D, rows, hidden_size], stacked(plan, names('weight_hh'))),
    ...(bias ? [initializer(B, [D, 2 * rows], stacked(plan, names('bias_ih', 'bias_hh')))] : []),
    node(kind, [input, W, R, B, given.lengths ? 'lengths' : '', ...initial], [isLayer ? `Y${layer}` : '', ...last], {
      hidden_size,
      direction: D === 2 ? 'bidirectional' : 'forward',
      ...(kind === 'GRU' ? { linear_before_reset: 1 } : {}),
      ...(kind === 'RNN' ? { activations: Array.from({ length: D }, () => activationOf(config)) } : {}),
    }),
    ...(isLayer
      ? [
          // (seq_len, D, batch, hidden_size) → (seq_len, batch, D * hidden_size)
          node('Transpose', [`Y${layer}`], [`T${layer}`], { perm: [0, 2, 1, 3] }),
          initializer(`shape${layer}`, [3], BigInt64Array.of(0n, 0n, BigInt(D * hidden_size))),
          node('Reshape', [`T${layer}`, `shape${layer}`], [`output${layer}`]),
        ]
      : []),
  ]
}

/** What an RNN applies to its sums. */
function activationOf(config: Module['config']): string {
  return 'nonlinearity' in config && config.nonlinearity === 'relu' ? 'Relu' : 'Tanh'
}

/** What is kept of a layer's output, from `output` to `dropped${layer}`. */
function dropoutOf(layer: number, output: string): Bytes[] {
  return [
    initializer(`at${layer}`, [], BigInt64Array.of(BigInt(layer))),
    node('Gather', ['dropout_mask', `at${layer}`], [`mask${layer}`], { axis: 0 }),
    node('Mul', [output, `mask${layer}`], [`masked${layer}`]),
    node('Mul', [`masked${layer}`, 'kept'], [`dropped${layer}`]),
  ]
}

function outputsOf(plan: Plan, last: string): Bytes[] {
  const { config, given, type, isLayer, num_layers, D, states } = plan
  const { hidden_size } = config
  const parts = states.flatMap((state) => {
    const name = isLayer ? `${state}_n` : `${state}_1`
    return [
      node('Concat', ofLayers(plan, `${state}_n`), [name], { axis: 0 }),
      graphOutput(name, type, [num_layers * D, 'batch', hidden_size]),
    ]
  })
  if (!isLayer) return parts
  return [
    ...parts,
    node('Transpose', [last], ['output'], { perm: given.batch_first ? [1, 0, 2] : [0, 1, 2] }),
    graphOutput('output', type, [...outer(plan), D * hidden_size]),
  ]
}
