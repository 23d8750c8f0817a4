// tfjs in plain JavaScript.
import { peer } from './peer.ts'
import { type TfCore, tfjsEngine, type TfLayers } from './tfjs-layers.ts'

const tf = await peer<TfCore>('@tensorflow/tfjs-core')
await peer('@tensorflow/tfjs-backend-cpu')
const layers = await peer<TfLayers>('@tensorflow/tfjs-layers')
// Else it says at length that another of its packages is faster.
tf.enableProdMode()
await tf.setBackend('cpu')

/** The layers of tfjs on its backend `cpu`. */
export const engine = tfjsEngine('cpu', tf, layers)
