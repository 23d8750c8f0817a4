// onnxruntime in any of its packages: what they share but the import.
import { expectedAxes, type Inputs, isModelRequest, type RecurrentRequest, type Request } from '../format/case.ts'
import { extentOf, layerConfig, sizes } from '../format/module.ts'
import { fromFloat16Bits } from '../format/precision.ts'
import { floatTensor, type FloatTensor } from '../format/tensor.ts'
import type { Prepared, PreparingEngine } from '../engine/prepared.ts'
import { type Given, type Module, onnxOf, type OnnxFloat, stored } from './recurrent-onnx.ts'

/** The part of onnxruntime-common that is used. */
export interface OnnxRuntime {
  readonly env: { readonly wasm: { numThreads?: number }; readonly versions: Readonly<Record<string, string>> }
  readonly Tensor: new (
    type: OnnxFloat | 'int32',
    data: Float32Array | Uint16Array | Int32Array,
    dims: readonly number[],
  ) => OnnxTensor
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<OnnxSession> }
}

interface OnnxTensor {
  /** Of float16 the bits, or a Float16Array where there is one. */
  readonly data: Float32Array | Uint16Array
  dispose(): void
}

interface OnnxSession {
  run(feeds: Readonly<Record<string, OnnxTensor>>): Promise<Readonly<Record<string, OnnxTensor>>>
  release(): Promise<void>
}

/** A module, and its sessions by what they are given. */
interface Handle {
  readonly module: Module
  readonly sessions: Map<string, Promise<OnnxSession>>
}

/** Runs ONNX models of a request's module; a session is made once for its parameters and what goes in, whatever the sizes. */
export function onnxruntimeEngine(name: string, ort: OnnxRuntime, options: object): PreparingEngine {
  return {
    name,
    supports,
    prepare: (prepared: Prepared): Handle => ({ module: prepared as Module, sessions: new Map() }),
    async run(handle, requested) {
      const { module, sessions } = handle as Handle
      const inputs = requested as Inputs
      const given = givenOf(module, inputs)
      const key = JSON.stringify(given)
      const session = sessions.get(key) ?? ort.InferenceSession.create(onnxOf(module, given), options)
      sessions.set(key, session)
      const feeds = feedsOf(ort, module, inputs)
      const results = await (await session).run(feeds)
      const outputs: Record<string, FloatTensor> = {}
      for (const [tensor, axes] of Object.entries(expectedAxes({ ...module, inputs } as Request))) {
        outputs[tensor] = floatTensor(module.dtype, sizes(axes), numbersOf(results[tensor]!))
      }
      for (const tensor of [...Object.values(feeds), ...Object.values(results)]) tensor.dispose()
      return outputs
    },
    async release(handle) {
      for (const session of (handle as Handle).sessions.values()) await (await session).release()
    },
  }
}

function numbersOf({ data }: OnnxTensor): Float32Array {
  if (data instanceof Float32Array) return data
  return Float32Array.from(data, data instanceof Uint16Array ? fromFloat16Bits : undefined)
}

/** Whether a request is one that onnxruntime has kernels for. */
function supports(request: Request): true | string {
  if (isModelRequest(request)) return 'computes layers and cells, no models'
  if (request.training !== undefined) return 'takes no steps of an optimizer'
  if (request.cotangents !== undefined) return 'computes no gradients'
  if ('proj_size' in request.config && request.config.proj_size > 0) return "ONNX's LSTM has no proj_size"
  const nothing = nothingIn(request)
  if (nothing !== undefined) return nothing
  // Of float16 it has none either, but computes a model of it in float32, rounding what each node gives.
  const isFloat = request.dtype === 'float32' || request.dtype === 'float16'
  return isFloat || `has recurrent kernels of float32 alone, none of ${request.dtype}`
}

/** Sizes of 0, which ONNX does not exclude and onnxruntime fails at: README.md, "What other frameworks compute". */
function nothingIn({ module, config, inputs }: RecurrentRequest): string | undefined {
  if (module.startsWith('RNN')) return undefined
  const { batch } = extentOf(module, config, inputs.input.shape)
  if (batch === 0) return 'aborts in GRU and LSTM where the batch is 0'
  if (config.input_size > 0) return undefined
  return module.startsWith('GRU')
    ? 'aborts in GRU where input_size is 0'
    : 'adds what happens to stand in memory in LSTM where input_size is 0'
}

function givenOf({ config }: Module, { input, h_0, lengths, dropout_mask }: Inputs): Given {
  return {
    h_0: h_0 !== undefined,
    lengths: lengths !== undefined,
    dropout_mask: dropout_mask !== undefined,
    batch_first: input.shape.length === 3 && layerConfig(config)?.batch_first === true,
  }
}

/** What goes in, with the axes that an unbatched request and a cell leave out. */
function feedsOf(ort: OnnxRuntime, { module, config, dtype }: Module, inputs: Inputs): Record<string, OnnxTensor> {
  const { input, h_0, c_0, lengths, dropout_mask } = inputs
  const { seq_len = 1, batch = 1 } = extentOf(module, config, input.shape)
  const feeds: Record<string, OnnxTensor> = {}
  const type = dtype === 'float16' ? dtype : 'float32'
  const give = (name: string, tensor: FloatTensor | undefined, dims: readonly number[]): void => {
    if (tensor !== undefined) feeds[name] = new ort.Tensor(type, stored(type, tensor.data as Float32Array), dims)
  }
  give('input', input, input.shape.length === 3 ? input.shape : [seq_len, batch, config.input_size])
  const states =
    h_0 === undefined ? [] : h_0.shape.length === 3 ? h_0.shape : [statesOf(config), batch, config.hidden_size]
  give('h_0', h_0, states)
  give('c_0', c_0, states)
  give('dropout_mask', dropout_mask, dropout_mask?.shape ?? [])
  if (lengths !== undefined) feeds['lengths'] = new ort.Tensor('int32', Int32Array.from(lengths.data, Number), [batch])
  return feeds
}

/** How many layers and directions have a state. */
function statesOf(config: Module['config']): number {
  const layers = layerConfig(config)
  return layers === undefined ? 1 : layers.num_layers * (layers.bidirectional ? 2 : 1)
}
