// TensorFlow.js by its layers API, on any of its backends: SimpleRNN and LSTM with torch's weights. GRU is left out: theirs resets
// before the recurrent product, torch's after it (tfjs-layers, GRUCell: "does not support reset_after parameter set to true").
import {
  expectedAxes,
  type Inputs,
  isModelRequest,
  type Outputs,
  type RecurrentRequest,
  type Request,
} from '../format/case.ts'
import { extentOf, kinds, layerConfig, numDirections, sizes, stateSize, suffix } from '../format/module.ts'
import { floatTensor, type FloatTensor } from '../format/tensor.ts'
import type { PreparingEngine } from '../engine/prepared.ts'

/** A tensor of tfjs. */
export interface TfTensor {
  readonly shape: number[]
  dataSync(): Float32Array
}

/** The part of @tensorflow/tfjs-core that is used. */
export interface TfCore {
  readonly version_core: string
  enableProdMode(): void
  setBackend(name: string): Promise<boolean>
  tidy<T>(compute: () => T): T
  tensor(data: ArrayLike<number>, shape: readonly number[], dtype: 'float32' | 'bool'): TfTensor
  transpose(x: TfTensor, perm: readonly number[]): TfTensor
  reverse(x: TfTensor, axis: number): TfTensor
  concat(xs: readonly TfTensor[], axis: number): TfTensor
  where(condition: TfTensor, x: TfTensor, y: TfTensor): TfTensor
  zerosLike(x: TfTensor): TfTensor
  mul(x: TfTensor, y: TfTensor | number): TfTensor
}

interface TfLayer {
  setWeights(weights: readonly TfTensor[]): void
  apply(input: TfTensor, given: object): readonly TfTensor[]
  dispose(): unknown
}

/** The part of @tensorflow/tfjs-layers that is used. */
export interface TfLayers {
  readonly layers: Readonly<Record<'simpleRNN' | 'lstm', (options: object) => TfLayer>>
}

type Module = Pick<RecurrentRequest, 'module' | 'config' | 'dtype' | 'params'>

/** A module as layers: one for each of torch's layers and directions. */
interface Handle {
  readonly module: Module
  readonly layers: readonly (readonly TfLayer[])[]
}

/** Runs the layers of tfjs that have a request's weights; they are made once. */
export function tfjsEngine(backend: string, tf: TfCore, { layers }: TfLayers): PreparingEngine {
  return {
    name: `tfjs ${tf.version_core} layers (${backend})`,
    supports: (request) => supports(request, backend),
    prepare: (prepared): Handle => ({ module: prepared as Module, layers: layersOf(tf, layers, prepared as Module) }),
    run: (handle, inputs) => tf.tidy(() => computed(tf, handle as Handle, inputs as Inputs)),
    release(handle) {
      for (const layer of (handle as Handle).layers.flat()) layer.dispose()
    },
  }
}

/** Whether a request is one that tfjs has a layer for. */
function supports(request: Request, backend: string): true | string {
  if (isModelRequest(request)) return 'computes layers and cells, no models'
  if (request.training !== undefined) return 'takes no steps of an optimizer'
  if (request.cotangents !== undefined) return 'computes no gradients'
  if (request.module.startsWith('GRU')) return "GRU has no reset_after, without which it cannot compute torch's"
  if ('proj_size' in request.config && request.config.proj_size > 0) return 'LSTM has no proj_size'
  if (backend === 'wasm' && request.config.input_size === 0) {
    return 'gives what happens to stand in memory where input_size is 0'
  }
  return request.dtype === 'float32' || `computes float32, not ${request.dtype}`
}

/** Kernels are transposed, gates in torch's order, and there is one bias. Source: tfjs-layers, layers/recurrent.ts. */
function layersOf(tf: TfCore, layers: TfLayers['layers'], { module, config, params }: Module): TfLayer[][] {
  const recurrent = layerConfig(config)
  const isRelu = 'nonlinearity' in config && config.nonlinearity === 'relu'
  return Array.from({ length: recurrent?.num_layers ?? 1 }, (_, layer) =>
    Array.from({ length: recurrent === undefined ? 1 : numDirections(recurrent) }, (_, direction) => {
      const own = (name: string): FloatTensor | undefined =>
        params[recurrent === undefined ? name : name + suffix(layer, direction)]
      const made = layers[kinds[module].hasCellState ? 'lstm' : 'simpleRNN']({
        units: config.hidden_size,
        activation: isRelu ? 'relu' : 'tanh',
        recurrentActivation: 'sigmoid',
        useBias: config.bias,
        returnSequences: true,
        returnState: true,
        goBackwards: direction === 1,
        kernelInitializer: 'zeros',
        recurrentInitializer: 'zeros',
      })
      tf.tidy(() => {
        const transposed = ({ data, shape }: FloatTensor): TfTensor =>
          tf.transpose(tf.tensor(data, shape, 'float32'), [1, 0])
        const [weight_ih, weight_hh] = [own('weight_ih')!, own('weight_hh')!]
        const [bias_ih, bias_hh] = [own('bias_ih'), own('bias_hh')]
        // What builds it, as nothing else is public that does.
        made.apply(tf.tensor(new Float32Array(weight_ih.shape[1]!), [1, 1, weight_ih.shape[1]!], 'float32'), {})
        const sum = bias_ih?.data.map((x, i) => x + bias_hh!.data[i]!)
        const bias = sum === undefined ? [] : [tf.tensor(sum, [sum.length], 'float32')]
        made.setWeights([transposed(weight_ih), transposed(weight_hh), ...bias])
      })
      return made
    }),
  )
}

function computed(tf: TfCore, { module: { module, config }, layers }: Handle, inputs: Inputs): Outputs {
  const { seq_len = 1, batch = 1 } = extentOf(module, config, inputs.input.shape)
  const recurrent = layerConfig(config)
  const D = recurrent === undefined ? 1 : numDirections(recurrent)
  const H = stateSize(config)
  const isBatchFirst = inputs.input.shape.length === 3 && recurrent?.batch_first === true
  const given = (data: ArrayLike<number>, shape: readonly number[]): TfTensor => tf.tensor(data, shape, 'float32')
  // tfjs has the batch first.
  const batchFirst = (x: TfTensor): TfTensor => tf.transpose(x, [1, 0, 2])

  const { data } = inputs.input
  let x = isBatchFirst
    ? given(data, [batch, seq_len, config.input_size])
    : batchFirst(given(data, [seq_len, batch, config.input_size]))
  const mask = inputs.lengths && maskOf(tf, Array.from(inputs.lengths.data, Number), seq_len)
  const states: TfTensor[][] = kinds[module].hasCellState ? [[], []] : [[]]
  for (const [layer, directions] of layers.entries()) {
    const outputs = directions.map((own, direction) => {
      const place = layer * D + direction
      const initialState = [inputs.h_0, inputs.c_0]
        .filter((state) => state !== undefined)
        .map((state) => given(state.data.subarray(place * batch * H, (place + 1) * batch * H), [batch, H]))
      const [output, ...last] = own.apply(x, {
        ...(initialState.length > 0 && { initialState }),
        ...(mask && { mask }),
      })
      for (const [i, state] of last.entries()) states[i]!.push(state)
      return direction === 1 ? tf.reverse(output!, 1) : output!
    })
    x = tf.concat(outputs, 2)
    // A step that is masked repeats the output before it, where torch has 0.
    if (mask !== undefined) x = tf.where(repeated(tf, mask, x), x, tf.zerosLike(x))
    if (inputs.dropout_mask !== undefined && layer < layers.length - 1) {
      const size = seq_len * batch * D * H
      const kept = inputs.dropout_mask.data.subarray(layer * size, (layer + 1) * size)
      const { dropout } = recurrent ?? { dropout: 0 }
      const scale = dropout === 1 ? 0 : 1 / (1 - dropout)
      x = tf.mul(tf.mul(x, batchFirst(given(kept, [seq_len, batch, D * H]))), scale)
    }
  }
  const results = [isBatchFirst ? x : batchFirst(x), ...states.map((each) => tf.concat(each, 0))]
  const axes = Object.entries(expectedAxes({ module, config, inputs } as Request))
  // A cell has no output. Tensors that are equal may share their numbers, which are copied.
  const named = recurrent === undefined ? results.slice(1) : results
  return Object.fromEntries(
    axes.map(([name, of], i) => [name, floatTensor('float32', sizes(of), named[i]!.dataSync().slice())]),
  )
}

/** (batch, seq_len): which steps are there. */
function maskOf(tf: TfCore, lengths: readonly number[], seq_len: number): TfTensor {
  const data = lengths.flatMap((length) => Array.from({ length: seq_len }, (_, t) => Number(t < length)))
  return tf.tensor(data, [lengths.length, seq_len], 'bool')
}

/** The mask for every unit of x. */
function repeated(tf: TfCore, mask: TfTensor, { shape }: TfTensor): TfTensor {
  const units = shape[2]!
  const data = Array.from(mask.dataSync()).flatMap((one) => Array.from({ length: units }, () => one))
  return tf.tensor(data, shape, 'bool')
}
