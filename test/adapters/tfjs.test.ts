import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { engine } from '../../src/adapters/tfjs.ts'
import { asked } from '../../src/engine/prepared.ts'
import { cellCase, layerCase, questionOf, sgd } from '../sample.ts'
import { describeAdapter } from './judging.ts'
import { tfjs } from './known.ts'

describeAdapter(engine, { rnn_cell: 171, lstm_cell: 144, rnn: 489, lstm: 414, known_answers: 10 }, tfjs)

describe('tfjs says that it does not support', () => {
  it.each([
    ['a GRU', layerCase({ module: 'GRU' }), "GRU has no reset_after, without which it cannot compute torch's"],
    ['a GRUCell', cellCase({ module: 'GRUCell' }), "GRU has no reset_after, without which it cannot compute torch's"],
    ['gradients', layerCase({ module: 'LSTM', cotangents: true }), 'computes no gradients'],
    ['a training', cellCase({ training: sgd }), 'takes no steps of an optimizer'],
    ['proj_size', layerCase({ module: 'LSTM', proj_size: 2 }), 'LSTM has no proj_size'],
    ['float64', cellCase({ dtype: 'float64' }), 'computes float32, not float64'],
  ])('%s', async (_, recorded, reason) => {
    expect(await engine.supports!(questionOf(recorded))).toBe(reason)
  })

  it('an input_size of 0 but on its backend wasm', async () => {
    expect(await engine.supports!(questionOf(cellCase({ input_size: 0 })))).toBe(true)
  })
})

describe('tensors and layers of tfjs', () => {
  const { memory } = createRequire(import.meta.url)('@tensorflow/tfjs-core') as {
    memory(this: void): { readonly numTensors: number }
  }

  it('are all disposed of in the end', async () => {
    const before = memory().numTensors
    const port = asked(engine)
    const options = { num_layers: 2, bidirectional: true, lengths: [2, 1], dropout: 0.5, dropout_mask: true }
    const request = questionOf(layerCase({ module: 'LSTM', ...options }))
    await port.run(request)
    const weights = memory().numTensors
    expect(weights).toBe(before + 4 * 3)
    await port.run(request)
    expect(memory().numTensors).toBe(weights)
    await port.release()
    expect(memory().numTensors).toBe(before)
  })
})
