// onnxruntime-web: WebAssembly, one thread.
import { onnxruntimeEngine, type OnnxRuntime } from './onnxruntime.ts'
import { peer } from './peer.ts'

const ort = await peer<OnnxRuntime>('onnxruntime-web')
ort.env.wasm.numThreads = 1

/** onnxruntime in WebAssembly. */
export const engine = onnxruntimeEngine(`onnxruntime-web ${ort.env.versions['web']} (wasm)`, ort, {
  executionProviders: ['wasm'],
})
