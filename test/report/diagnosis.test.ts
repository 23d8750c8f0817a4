import { describe, expect, it } from 'vitest'
import { renderDiagnosis } from '../../src/report/diagnosis.ts'

const explanation = {
  faults: ['f'],
  edits: [],
  sentence: 'reads weight_hh transposed',
  explained: 1,
  complete: true,
  advice: [{ term: 'torch.nn.RNN', change: 'turn it' }],
}
const where = ['h_1 is off']

describe('renderDiagnosis', () => {
  it('says the same sentence and the same advice once', () => {
    const other = { ...explanation, sentence: 'takes zeros' }
    expect(renderDiagnosis({ where, explanations: [explanation, { ...explanation, faults: ['g'] }, other] })).toBe(
      '  where: h_1 is off\n' +
        '  why: the engine reads weight_hh transposed (explains everything)\n' +
        '    change: turn it (torch.nn.RNN)\n' +
        '  why: the engine takes zeros (explains everything)\n' +
        '  this case cannot tell these apart',
    )
    expect(renderDiagnosis({ where, explanations: [explanation, explanation] })).not.toContain('tell these apart')
  })

  it('names the option that looks longer when time was up', () => {
    expect(renderDiagnosis({ where, explanations: [], stopped: true })).toBe(
      '  where: h_1 is off\n' +
        '  why: nothing that was tried explains it\n' +
        '  time was up before everything had been tried: `torch-parity explain FILE --case ID --search SECONDS` looks longer',
    )
  })
})
