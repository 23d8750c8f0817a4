// Runs our engines with the kernels that multiply and add with one rounding, or with the plain ones, and prints their outputs as
// JSON: a process of its own, since kernels are compiled once and Node 20 takes the instruction only when it is told to before.
import { setFlagsFromString } from 'node:v8'
import type { Outputs } from '../../src/format/case.ts'
import { binaries } from '../../src/engine/binaries.ts'
import { float32Engine, run } from '../../src/engine/run.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { random } from '../random.ts'
import { layerCase, layerNames, questionOf } from '../sample.ts'

const fused = Buffer.from(binaries.fusedFloat64, 'base64')
const isPlain = process.argv[2] === 'plain'
// To an engine that finds nothing valid, the fused kernels are not.
if (isPlain) WebAssembly.validate = () => false
else if (!WebAssembly.validate(fused)) setFlagsFromString('--experimental-wasm-relaxed-simd')

const numbers = random(1)
const requests = layerNames.flatMap((module) =>
  [1, 3, 6].map((batch) => {
    const sizes = { seq_len: 7, input_size: 11, hidden_size: 13, num_layers: 2, bidirectional: true }
    const question = questionOf(layerCase({ module, batch, cotangents: false, dtype: 'float32', ...sizes }, batch))
    const cotangents = Object.entries(run(question)).map(([name, { shape, data }]) => {
      return [
        name,
        floatTensor(
          'float32',
          shape,
          Float32Array.from(data, () => numbers.around(1)),
        ),
      ]
    })
    return { ...question, cotangents: Object.fromEntries(cotangents) as Outputs }
  }),
)
const computed = []
for (const request of requests) {
  for (const outputs of [run({ ...request, dtype: 'float64' }), await float32Engine.run(request)]) {
    computed.push(Object.values(outputs).map(({ data }) => Array.from(data)))
  }
}
process.stdout.write(JSON.stringify({ isFused: WebAssembly.validate(fused), computed }))
