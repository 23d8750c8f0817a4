// tfjs in WebAssembly, one thread.
import { peer } from './peer.ts'
import { type TfCore, tfjsEngine, type TfLayers } from './tfjs-layers.ts'

const tf = await peer<TfCore>('@tensorflow/tfjs-core')
await peer('@tensorflow/tfjs-backend-wasm')
const layers = await peer<TfLayers>('@tensorflow/tfjs-layers')
// Else it says at length that another of its packages is faster.
tf.enableProdMode()
await tf.setBackend('wasm')

/** The layers of tfjs on its backend `wasm`. */
export const engine = tfjsEngine('wasm', tf, layers)
