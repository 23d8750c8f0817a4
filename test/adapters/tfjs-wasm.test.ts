import { expect, it } from 'vitest'
import { engine } from '../../src/adapters/tfjs-wasm.ts'
import { cellCase, questionOf } from '../sample.ts'
import { describeAdapter } from './judging.ts'
import { tfjsWasm } from './known.ts'

describeAdapter(engine, { rnn_cell: 170, lstm_cell: 143, rnn: 489, lstm: 414 }, tfjsWasm)

it('tfjs-wasm says that it does not support an input_size of 0', async () => {
  expect(await engine.supports!(questionOf(cellCase({ input_size: 0 })))).toBe(
    'gives what happens to stand in memory where input_size is 0',
  )
})
