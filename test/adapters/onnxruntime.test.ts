import { describe, expect, it } from 'vitest'
import { onnxruntimeEngine, type OnnxRuntime } from '../../src/adapters/onnxruntime.ts'
import { engine } from '../../src/adapters/onnxruntime-web.ts'
import { asked } from '../../src/engine/prepared.ts'
import { cellCase, layerCase, questionOf, sgd } from '../sample.ts'
import { describeAdapter } from './judging.ts'
import { onnxruntime } from './known.ts'

const supported = { rnn_cell: 187, lstm_cell: 158, gru_cell: 158, rnn: 515, lstm: 435, gru: 444, known_answers: 14 }
describeAdapter(engine, supported, onnxruntime)

describe('onnxruntime says that it does not support', () => {
  const lstm = (options: object): ReturnType<typeof layerCase> => layerCase({ module: 'LSTM', ...options })
  it.each([
    ['gradients', lstm({ cotangents: true }), 'computes no gradients'],
    ['a training', cellCase({ training: sgd }), 'takes no steps of an optimizer'],
    ['proj_size', lstm({ proj_size: 2 }), "ONNX's LSTM has no proj_size"],
    ['float64', cellCase({ dtype: 'float64' }), 'has recurrent kernels of float32 alone, none of float64'],
    ['bfloat16', cellCase({ dtype: 'bfloat16' }), 'has recurrent kernels of float32 alone, none of bfloat16'],
    ['an LSTM of batch 0', lstm({ batch: 0 }), 'aborts in GRU and LSTM where the batch is 0'],
    [
      'an LSTM of input_size 0',
      cellCase({ module: 'LSTMCell', input_size: 0 }),
      'adds what happens to stand in memory in LSTM where input_size is 0',
    ],
    ['a GRU of input_size 0', cellCase({ module: 'GRUCell', input_size: 0 }), 'aborts in GRU where input_size is 0'],
  ])('%s', async (_, recorded, reason) => {
    expect(await engine.supports!(questionOf(recorded))).toBe(reason)
  })

  it.each([
    ['an RNN of input_size 0', cellCase({ input_size: 0 })],
    ['an RNN of batch 0', layerCase({ module: 'RNN', batch: 0 })],
    ['lengths', lstm({ lengths: [2, 1] })],
    ['float16', cellCase({ dtype: 'float16' })],
    ['a mask of dropout', lstm({ num_layers: 2, dropout: 0.5, dropout_mask: true })],
  ])('none of %s', async (_, recorded) => {
    expect(await engine.supports!(questionOf(recorded))).toBe(true)
  })
})

describe('sessions', () => {
  it('are made once for the same parameters and kinds of inputs, whatever the sizes, and released', async () => {
    const did: string[] = []
    const ort: OnnxRuntime = {
      env: { wasm: {}, versions: {} },
      Tensor: class {
        readonly data: Float32Array
        constructor(_: string, data: Float32Array | Uint16Array | Int32Array) {
          this.data = Float32Array.from(data)
        }
        dispose(): void {}
      },
      InferenceSession: {
        async create() {
          did.push('create')
          return {
            run: async () =>
              Object.fromEntries(
                ['output', 'h_n'].map((name) => [name, new ort.Tensor('float32', new Float32Array(1), [1])]),
              ),
            release: async () => void did.push('release'),
          }
        },
      },
    }
    const port = asked(onnxruntimeEngine('port', ort, {}))
    const request = questionOf(layerCase({ module: 'RNN' }))
    const { h_0: _, ...stateless } = request.inputs
    await port.run(request)
    await port.run({ ...request, inputs: questionOf(layerCase({ module: 'RNN', seq_len: 4, batch: 1 })).inputs })
    expect(did).toEqual(['create'])
    await port.run({ ...request, inputs: stateless })
    expect(did).toEqual(['create', 'create'])
    await port.release()
    expect(did).toEqual(['create', 'create', 'release', 'release'])
  })
})
