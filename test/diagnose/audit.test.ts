import { describe, expect, it } from 'vitest'
import type { Case } from '../../src/format/case.ts'
import { auditCase } from '../../src/diagnose/audit.ts'
import { faulted, faults } from '../../src/edits/faults.ts'
import { verify } from '../../src/verify.ts'
import { modelCase, modelRequest } from '../models.ts'
import { layerCase, sgd } from '../sample.ts'

const cases: readonly [string, Case][] = [
  ['an RNN', layerCase({ num_layers: 2, bidirectional: true, lengths: [4, 2], h_0: true })],
  ['an LSTM with gradients', layerCase({ module: 'LSTM', num_layers: 2, cotangents: true, h_0: true })],
  ['a GRU of few rows out of many', layerCase({ module: 'GRU', batch: 40, hidden_size: 64, seq_len: 12 })],
  ['a training', layerCase({ training: sgd })],
  ['a model', modelCase(modelRequest('EncoderDecoder', { config: { context: 'dot' }, cotangent: 1 }))],
  ['greedy decoding', modelCase(modelRequest('EncoderDecoder', { config: { decoding: 'greedy' }, sharpness: 3 }))],
]

describe('audit says of each fault what the whole engine with it shows', () => {
  it.each(cases)('in %s', async (_, recorded) => {
    const findings = await auditCase(recorded, faults)
    expect(findings.map(({ fault }) => fault)).toStrictEqual(faults.map(({ name }) => name))
    const revealed = findings.filter(({ outcome }) => outcome === 'revealed')
    expect(revealed.length).toBeGreaterThan(2)
    for (const { fault, outcome, parts, sentence } of findings) {
      const { outcome: verdict } = await verify(recorded, faulted(faults.find(({ name }) => name === fault)!))
      expect([fault, verdict]).toStrictEqual([fault, outcome === 'revealed' ? 'mismatch' : 'match'])
      expect(parts.length > 0).toBe(outcome === 'revealed')
      expect(sentence !== undefined).toBe(outcome !== 'inapplicable')
    }
  })
})
