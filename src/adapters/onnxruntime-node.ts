// onnxruntime-node: native code, one thread.
import { onnxruntimeEngine, type OnnxRuntime } from './onnxruntime.ts'
import { peer } from './peer.ts'

const ort = await peer<OnnxRuntime>('onnxruntime-node')

/** onnxruntime in native code. */
export const engine = onnxruntimeEngine(`onnxruntime-node ${ort.env.versions['node']} (cpu)`, ort, {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
})
