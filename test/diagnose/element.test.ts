import { describe, expect, it } from 'vitest'
import type { Outputs } from '../../src/format/case.ts'
import { diagnose } from '../../src/diagnose.ts'
import { oneElementOff } from '../../src/diagnose/element.ts'
import { run } from '../../src/inexact/run.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { naive } from '../naive.ts'
import { layerCase, questionOf } from '../sample.ts'

const recorded = layerCase({ input_size: 3, hidden_size: 4, seq_len: 6, batch: 3, num_layers: 2 })
const given = Object.keys(recorded.expected)

/** What a port gives that reads one number otherwise, by the naive implementation in float32. */
function misread(name: string, at: number, factor: number, values = naive): Outputs {
  const parameter = recorded.params[name]!
  const data = Array.from(parameter.data, (x, i) => (i === at ? x * factor : x))
  const params = { ...recorded.params, [name]: floatTensor('float32', parameter.shape, data) }
  const outputs = values({ ...recorded, params })
  return Object.fromEntries(
    Object.entries(recorded.expected).map(([tensor, { dtype, shape }]) => [
      tensor,
      floatTensor(dtype, shape, outputs[tensor]!),
    ]),
  )
}

describe('oneElementOff', () => {
  it.each([
    ['weight_hh_l0', 6, 1.01],
    ['weight_ih_l1', 5, 0.5],
    ['weight_ih_l0', 3, -1],
  ])('finds that %s[%i] is %d times what it is', (name, at, factor) => {
    const found = oneElementOff(questionOf(recorded), misread(name, at, factor), given, run)
    expect(found?.operator).toBe('element')
    const [parameter, index, part] = found!.value as [string, number, number]
    expect([parameter, index]).toStrictEqual([name, at])
    expect(Math.abs((1 + part) / factor - 1)).toBeLessThan(1e-3)
  })

  it('finds none where more than one is off', () => {
    const outputs = misread('weight_hh_l0', 6, 1.5, (question) => {
      const weight_hh_l1 = recorded.params['weight_hh_l1']!
      const data = weight_hh_l1.data.map((x) => -x)
      const turned = floatTensor('float32', weight_hh_l1.shape, data)
      return naive({ ...question, params: { ...question.params, weight_hh_l1: turned } })
    })
    expect(oneElementOff(questionOf(recorded), outputs, given, run)).toBeUndefined()
  })

  it('finds none where nothing is off', () => {
    expect(oneElementOff(questionOf(recorded), run(recorded), given, run)).toBeUndefined()
  })
})

describe('diagnose', () => {
  it('names one number that is off, which no known fault explains', () => {
    const { explanations } = diagnose(recorded, misread('weight_ih_l0', 4, 1.2))
    expect(explanations[0]).toMatchObject({
      faults: ['one element of weight_ih_l0 off'],
      edits: [{ operator: 'element' }],
      sentence: 'has number 4 of weight_ih_l0 20 % off',
      complete: true,
    })
  })
})
