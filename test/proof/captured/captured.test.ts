import { beforeAll, describe, expect, it } from 'vitest'
import { engineOf } from '../../../src/edits.ts'
import { run } from '../../../src/engine/run.ts'
import { type ExportedRequest, isExported, type Outputs } from '../../../src/format/case.ts'
import { diagnose } from '../../../src/diagnose.ts'
import { judge, requestOf } from '../../../src/verify.ts'
import { blameOf } from '../../../src/verify/parts.ts'
import { readCases } from '../cases.ts'
import { isNamedAlone, isNamedFirst, mark } from './exam.ts'
import { type Captured, planted, type Planting, plantingsOf } from './plantings.ts'

const models = new Map<string, Captured[]>()
/** No test is timed. */
const patient = 100_000
const ours = { name: 'ours', run }

beforeAll(async () => {
  for (const { file, case: recorded } of await readCases('fixtures/captured', isExported)) {
    const name = file.replace(/.*\/|\.msgpack$/g, '')
    models.set(name, [...(models.get(name) ?? []), recorded as Captured])
  }
})

function plantingOf(recorded: Captured, place: string, kind: string): Planting {
  const found = plantingsOf(recorded).find((own) => own.place === place && own.kind === kind)
  if (found === undefined) throw new RangeError(`expected ${kind} in ${place} of ${recorded.id}`)
  return found
}

describe('a captured model', () => {
  it('matches at every tap of the ten', () => {
    expect(models.size).toBe(10)
    for (const cases of models.values()) {
      for (const recorded of cases) {
        const comparisons = judge(recorded, run(requestOf(recorded)))
        expect(comparisons.map(({ tensor }) => tensor)).toEqual(recorded.config.taps.map(({ name }) => name))
        expect(comparisons.filter(({ outcome }) => outcome !== 'match')).toEqual([])
      }
    }
  })

  it.each([
    ['crnn', 'conv1', 'padding on one side'],
    ['crnn', 'norm2', 'running statistics ignored'],
    ['conv_gru', 'norm', 'another eps'],
    ['conv_gru', 'aten.cat.default', 'parts in another order'],
    ['bilstm_ctc', 'rnn', 'order of gates i o f g'],
    ['bilstm_ctc', 'aten.log_softmax.int', 'softmax over another axis'],
    ['attention_decoder', 'cell', 'state not carried on'],
    ['attention_decoder', 'attention', 'softmax over another axis'],
    ['tcn_lstm', 'blocks.1', 'padding after instead of before'],
    ['tcn_lstm', 'blocks.0.norm', 'bias left out'],
    ['unet_lstm', 'up1', 'cut off at the other side'],
    ['unet_lstm', 'rnn', 'directions exchanged'],
    ['transformer', 'attention', 'causal mask off by one'],
    ['transformer', 'aten.gelu.default', 'gelu by tanh'],
    ['char_rnn', 'linear', 'weight transposed'],
    ['silero_vad', 'conv2', 'kernel flipped'],
    ['silero_vad', 'lstm_cell', 'h and c exchanged'],
    ['g2p', 'dec', 'order of gates z r n'],
  ])('%s is named where it is wrong: %s: %s', async (model, place, kind) => {
    const [first, second] = models.get(model)!
    const marked = await mark(first!, second!, plantingOf(first!, place, kind), ours, patient)
    expect(marked).toMatchObject({ isSame: false, isSeen: true })
    expect(marked!.blamed).not.toEqual([])
    expect(isNamedFirst(marked!) && isNamedAlone(marked!)).toBe(true)
    expect(marked).toMatchObject({ isComplete: true, predicts: true })
  })

  it('finds two faults of one run, the second from what the port itself has handed on', () => {
    const [first, second] = models.get('crnn')!
    const own = [plantingOf(first!, 'conv1', 'kernel flipped'), plantingOf(first!, 'linear', 'weight transposed')]
    const both = (recorded: Captured): Outputs =>
      run(own.reduce((request, planting) => planted(request, planting)!, requestOf(recorded) as ExportedRequest))
    const outputs = both(first!)
    const { explanations } = diagnose(first!, outputs, { limitMs: patient })
    expect(explanations[0]).toMatchObject({ complete: true })
    expect(explanations[0]!.sentence).toMatch(/conv1\.weight.*linear\.weight/)
    const predicted = engineOf(explanations[0]!.edits).run(requestOf(second!)) as Outputs
    const wanted = { ...second!, expected: both(second!) } as Captured
    expect(judge(wanted, predicted).filter(({ outcome }) => outcome !== 'match')).toEqual([])
  })

  it('blames what is wrong first, and nothing that follows', () => {
    const [first] = models.get('crnn')!
    const request = planted(
      requestOf(first!) as ExportedRequest,
      plantingOf(first!, 'norm2', 'eps outside of the root'),
    )
    const comparisons = judge(first!, run(request!))
    expect(blameOf(first!, comparisons).map(({ tap }) => tap)).toEqual(['norm2'])
  })
})
