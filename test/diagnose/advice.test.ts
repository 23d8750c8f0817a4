import { describe, expect, it } from 'vitest'
import type { RecurrentRequest } from '../../src/format/case.ts'
import { adviceOf } from '../../src/diagnose/advice.ts'
import { gateAdvice } from '../../src/diagnose/advice/gates.ts'
import { gradientAdvice } from '../../src/diagnose/advice/gradients.ts'
import { layerAdvice } from '../../src/diagnose/advice/layers.ts'
import { modelAdvice } from '../../src/diagnose/advice/models.ts'
import { parameterAdvice } from '../../src/diagnose/advice/parameters.ts'
import { searched } from '../../src/diagnose/searches.ts'
import { faults } from '../../src/faults.ts'
import { cellCase, layerCase, layerNames, questionOf } from '../sample.ts'

const all = { ...parameterAdvice, ...gateAdvice, ...layerAdvice, ...gradientAdvice, ...modelAdvice }

describe('advice', () => {
  it('is there for every fault that changes something', () => {
    const lacking = faults.filter(({ name, equivalent }) => equivalent === undefined && adviceOf(name) === undefined)
    expect(lacking.map(({ name }) => name)).toStrictEqual([])
  })

  it('is there for every cause that is searched', () => {
    const requests: RecurrentRequest[] = [questionOf(cellCase())]
    for (const module of layerNames) {
      for (const dtype of ['float32', 'float64'] as const) {
        requests.push(questionOf(layerCase({ module, dtype, num_layers: 2, bidirectional: true })))
      }
    }
    const inParts = faults.filter(({ name, equivalent }) => name in parameterAdvice && equivalent === undefined)
    const names = requests.flatMap((request) => searched(request, inParts)).map(({ name }) => name)
    expect(names.length).toBeGreaterThan(100)
    expect(names.filter((name) => adviceOf(name) === undefined)).toStrictEqual([])
    expect(adviceOf('one element of weight_ih_l0 off')?.change).toContain('one element')
  })

  it('is for names that faults have', () => {
    const names = new Set(faults.map(({ name }) => name))
    expect(Object.keys(all).filter((name) => !names.has(name))).toStrictEqual([])
  })

  it('of a fault in one layer alone is that of the fault', () => {
    expect(adviceOf('bias_hh dropped in layer 1 reverse alone')).toBe(all['bias_hh dropped'])
    expect(adviceOf('gates in the order o i f g in weight_hh alone')?.change).toContain('i f g o')
  })

  it('is nothing for what nobody knows', () => {
    expect(adviceOf('toString')).toBeUndefined()
  })

  it.each(Object.entries(all))(
    'of %s fits into a few lines, and its term can be looked up',
    (_name, { term, change }) => {
      expect(change.length).toBeLessThanOrEqual(260)
      expect(change).not.toMatch(/\.$/)
      expect(term).toMatch(/^(torch(\.\w+)+|EncoderDecoder|OneToMany)(, .+)?$/)
    },
  )
})
