import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Case } from '../src/format/case.ts'
import { openFile } from '../src/cli/files.ts'
import { engine } from '../src/engine/run.ts'
import { renderMismatch } from '../src/report/text.ts'
import { verify } from '../src/verify.ts'

const folder = join(import.meta.dirname, '..', 'fixtures')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.msgpack'))
  .toSorted()

const modules = {
  RNNCell: 'rnn_cell',
  RNN: 'rnn',
  LSTMCell: 'lstm_cell',
  LSTM: 'lstm',
  GRUCell: 'gru_cell',
  GRU: 'gru',
}

async function* casesOf(file: string): AsyncGenerator<Case> {
  for await (const read of (await openFile(join(folder, file))).cases()) {
    if ('error' in read) throw read.error
    yield read.case
  }
}

describe('the engine', () => {
  it.each(Object.entries(modules))(
    'has fixtures of %s to be judged by, forward, backward and in training',
    (_, own) => {
      const traits = files.filter((file) => file.startsWith(`${own}/`)).map((file) => file.slice(own.length + 1))
      expect(traits.length).toBeGreaterThan(10)
      expect(traits).toEqual(
        expect.arrayContaining(
          ['default', 'half', 'gradients', 'training_sgd', 'training_adam'].map((t) => `${t}.msgpack`),
        ),
      )
    },
  )

  it.each(files)('matches PyTorch in every case of %s', async (file) => {
    const wrong: string[] = []
    let judged = 0
    let cases = 0
    for await (const recorded of casesOf(file)) {
      const verdict = await verify(recorded, engine)
      judged += verdict.comparisons.length
      cases++
      // A batch of 0 has no number, and what 8 or 11 bits leave of saturated sums decides nothing.
      const isBare = verdict.outcome === 'undecided' && /batch-0|float16-saturated$/.test(recorded.id)
      if (verdict.outcome !== 'match' && !isBare) wrong.push(renderMismatch(file, verdict), verdict.reason ?? '')
    }
    expect(wrong).toEqual([])
    expect(cases).toBeGreaterThan(0)
    expect(judged).toBeGreaterThanOrEqual(cases)
  })

  it.each(files.filter((file) => /float64|gradients|training/.test(file)))(
    'agrees with the float64 cases of %s to 1e-14, in gradients to 1e-13',
    async (file) => {
      let judged = 0
      for await (const recorded of casesOf(file)) {
        if (recorded.dtype !== 'float64') continue
        const { comparisons } = await verify(recorded, engine, {
          tolerance: { kind: 'explicit', rtol: 1e-14, atol: 1e-14 },
          equalNan: true,
        })
        for (const { tensor, differing, atol, rtol } of comparisons) {
          const limit = tensor.startsWith('grad_') ? 1e-13 : 1e-14
          const agrees = differing === 0 || Math.min(atol, rtol) <= limit
          expect({ id: recorded.id, tensor, atol, agrees }).toEqual({ id: recorded.id, tensor, atol, agrees: true })
          judged++
        }
      }
      if (file.includes('float64')) expect(judged).toBeGreaterThan(0)
    },
  )
})
