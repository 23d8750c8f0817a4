import { describe, expect, it } from 'vitest'
import type { RecurrentRequest } from '../../src/format/case.ts'
import { searched } from '../../src/diagnose/searches.ts'
import { run } from '../../src/variants/run.ts'
import { type Fault, faults } from '../../src/faults.ts'
import { agreeing, gradientsByDifferences } from '../gradients.ts'
import { cellCase, layerCase, type LayerOptions, questionOf } from '../sample.ts'

const whole = (module: LayerOptions['module'], changes: Partial<LayerOptions> = {}): RecurrentRequest =>
  questionOf(
    layerCase({
      dtype: 'float64',
      module,
      cotangents: true,
      input_size: 2,
      hidden_size: 3,
      bidirectional: true,
      ...changes,
    }),
  )
const requests: readonly RecurrentRequest[] = [whole('RNN'), whole('LSTM'), whole('GRU', { batch_first: true })]
const plain = requests.map(({ cotangents: _cotangents, ...request }) => request as RecurrentRequest)

/** A cause by its name, among those for a request. */
function named(request: RecurrentRequest, name: string): Fault {
  const found = searched(request, faults).find((fault) => fault.name === name)
  if (found === undefined) throw new Error(`expected a cause ${name}, got none`)
  return found
}

describe('searched', () => {
  it.each(plain.map((request) => [request.module, request] as const))(
    'changes something in an %s',
    (...[, request]) => {
      const right = run(request)
      const found = searched(request, [])
      expect(found.length).toBeGreaterThan(15)
      for (const fault of found) {
        // The numbers of float32 are none of float64, and every other cause moves the outputs by more.
        expect(fault.plant(run)(request), `of ${fault.name}`).not.toStrictEqual(right)
      }
    },
  )

  it.each(requests.map((request) => [request.module, request] as const))(
    'has the gradients of what an %s with each cause computes',
    (...[, request]) => {
      // Rounding has no gradient.
      const smooth = searched(request, []).filter(({ name }) => !/ in (int8|b?float)/.test(name))
      expect(smooth.length).toBeGreaterThan(10)
      for (const fault of smooth) {
        const wrong = fault.plant(run)
        expect(agreeing(wrong(request), gradientsByDifferences(request, wrong)), `of ${fault.name}`).toStrictEqual([])
      }
    },
  )

  it('has every order of the gates that torch does not have and the catalogue neither', () => {
    const orders = (request: RecurrentRequest): string[] =>
      searched(request, []).flatMap(({ name }) => /^gates in the order ((?:. )+.)$/.exec(name)?.[1] ?? [])
    // 4! and 3! orders, without torch's own and the three and one of the catalogue.
    expect(new Set(orders(whole('LSTM'))).size).toBe(24 - 1 - 3)
    expect(new Set(orders(whole('GRU'))).size).toBe(6 - 1 - 1)
    expect(orders(whole('LSTM'))).not.toContain('i f g o')
  })

  it('plants a fault of parameters in one layer and direction alone', () => {
    const request = whole('RNN', { num_layers: 2, bidirectional: true })
    const { cotangents: _, ...asked } = request
    const fault = named(request, 'bias_hh dropped in layer 1 reverse alone')
    const bias = request.params['bias_hh_l1_reverse']!
    const params = { ...request.params, bias_hh_l1_reverse: { ...bias, data: bias.data.map(() => 0) } as typeof bias }
    expect(fault.plant(run)(asked)).toStrictEqual(run({ ...asked, params }))
  })

  it('knows no parts of what has one layer and direction', () => {
    expect(
      searched(questionOf(cellCase()), faults).some(({ name }) => name.endsWith('alone') && name.includes('layer')),
    ).toBe(false)
  })
})
