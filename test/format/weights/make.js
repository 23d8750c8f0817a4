// Makes what the tests read of TensorFlow.js, with its own functions, after make.py:
// npm install @tensorflow/tfjs-core @tensorflow/tfjs-layers @tensorflow/tfjs-backend-cpu; node make.js
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const tf = require('@tensorflow/tfjs-core')
void require('@tensorflow/tfjs-backend-cpu')
const layers = require('@tensorflow/tfjs-layers')

const here = new URL('.', import.meta.url)
const file = readFileSync(new URL('lstm.safetensors', here))
const length = Number(file.readBigUint64LE(0))
const header = JSON.parse(file.subarray(8, 8 + length).toString())
const tensor = (name) => {
  const { shape, data_offsets } = header[name]
  const [begin, end] = data_offsets
  const bytes = Uint8Array.from(file.subarray(8 + length + begin, 8 + length + end))
  return tf.tensor(new Float32Array(bytes.buffer), shape)
}
const model = layers.sequential()
model.add(
  layers.layers.lstm({
    units: 3,
    inputShape: [null, 4],
    recurrentActivation: 'sigmoid',
    kernelInitializer: 'zeros',
    recurrentInitializer: 'zeros',
    name: 'lstm',
  }),
)
model.setWeights([
  tf.transpose(tensor('weight_ih_l0')),
  tf.transpose(tensor('weight_hh_l0')),
  tf.add(tensor('bias_ih_l0'), tensor('bias_hh_l0')),
])
const fetchFunc = async (_, { body }) => {
  for (const [name, file] of body) writeFileSync(new URL(name, here), new Uint8Array(await file.arrayBuffer()))
  return { ok: true, status: 200 }
}
await model.save(tf.io.browserHTTPRequest('http://localhost/', { fetchFunc }))
