import { describe, expect, it } from 'vitest'
import type { ModelRequest } from '../../src/format/case.ts'
import { diagnose } from '../../src/diagnose.ts'
import { adviceOf } from '../../src/diagnose/advice.ts'
import { faultsOfLayers } from '../../src/diagnose/searches/models.ts'
import { run } from '../../src/variants/run.ts'
import { type Fault, faults } from '../../src/faults.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { differences } from '../differences.ts'
import { modelCase, modelRequest } from '../models.ts'

const rnns = ['RNN', 'LSTM', 'GRU'] as const
const asked = (rnn: (typeof rnns)[number]): ModelRequest =>
  modelRequest('EncoderDecoder', { config: { rnn }, cotangent: 1 })

function named(request: ModelRequest, name: string): Fault<ModelRequest> {
  return faultsOfLayers(request).find((fault) => fault.name === name)!
}

describe('faultsOfLayers', () => {
  it.each(rnns)('are applicable to a model of %ss, and change something', (rnn) => {
    const request = asked(rnn)
    const right = run(request)
    const own = faultsOfLayers(request).filter((fault) => fault.appliesTo(request))
    expect(own.length).toBeGreaterThan(25)
    for (const fault of own) {
      expect(fault.plant(run)(request), `of ${fault.name}`).not.toStrictEqual(right)
      expect(adviceOf(fault.name), `of ${fault.name}`).toBeDefined()
    }
  })

  it.each(rnns)('have the gradients of what a model of %ss with each computes', (rnn) => {
    const request = asked(rnn)
    const { cotangents: _cotangents, ...plain } = request
    // Rounding has no gradient, and a number that is off in memory has that of any other.
    const smooth = faultsOfLayers(request).filter(
      (fault) => fault.appliesTo(request) && !/ in (b?float|int8)|1 % off/.test(fault.name),
    )
    for (const fault of smooth) {
      const wrong = fault.plant(run)
      const outputs = wrong(request)
      for (const name of ['encoder.0.weight_hh_l0', 'decoder.0.weight_ih_l0', 'decoder.0.bias_hh_l0']) {
        const loss = (moved: (typeof request.params)[string]): number =>
          wrong({ ...plain, params: { ...request.params, [name]: moved } })['loss']!.data[0]!
        const expected = differences(request.params[name]!, loss)
        const apart = expected.map((e, i) => Math.abs(e - outputs[`grad_${name}`]!.data[i]!))
        // Of gates that are not bounded the differences themselves are off by more.
        const limit = 1e-5 * Math.max(...expected.map(Math.abs), 1)
        expect(Math.max(...apart), `of ${name} with ${fault.name}`).toBeLessThan(limit)
      }
    }
  })

  it('transposes weight_hh of the encoder alone', () => {
    const { cotangents: _cotangents, ...request } = asked('RNN')
    const weight = request.params['encoder.0.weight_hh_l0']!
    const turned = Array.from(weight.data, (_, i) => weight.data[(i % 3) * 3 + Math.floor(i / 3)]!)
    const params = { ...request.params, 'encoder.0.weight_hh_l0': floatTensor('float64', [3, 3], turned) }
    const fault = named(request, 'weight_hh transposed in encoder.0 alone')
    expect(fault.plant(run)(request)).toStrictEqual(run({ ...request, params }))
  })
})

describe('diagnose', () => {
  it.each([
    ['weight_hh transposed', 'reads weight_hh transposed'],
    ['gates in the order z r n', undefined],
    ['bias_hh dropped in decoder.0 alone', 'leaves bias_hh out, in decoder.0 alone'],
  ])('finds %s in a model', (name, sentence) => {
    const request = asked('GRU')
    const recorded = modelCase(request)
    const [first] = diagnose(recorded, named(request, name).plant(run)(request)).explanations
    expect(first).toMatchObject({ faults: [name], complete: true, ...(sentence && { sentence }) })
  })

  it('finds one of them beside a fault of the model', () => {
    const request = asked('GRU')
    const model = faults.find(({ name }) => name === 'context not transformed')!
    const outputs = named(request, 'bias_ih dropped').plant(model.plant(run))(request)
    const { explanations } = diagnose(modelCase(request), outputs)
    expect(explanations.filter(({ complete }) => complete).map((each) => each.faults.toSorted())).toContainEqual([
      'bias_ih dropped',
      'context not transformed',
    ])
  })
})
