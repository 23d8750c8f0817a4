import { describe, expect, it } from 'vitest'
import { kappa } from '../../src/verify/compare.ts'
import type { Place } from '../../src/format/place.ts'
import { type Engine, run } from '../../src/engine/run.ts'
import { stepCases } from '../../src/verify/steps.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { judge, verify } from '../../src/verify.ts'
import { anyLayer, budgetTensor, cellCase, layerCase, layerNames, questionOf, type RecurrentCase } from '../sample.ts'

/** The folded cases are of layers, as the whole one is. */
function stepsOf(whole: RecurrentCase): { case: RecurrentCase; places: readonly Place[] }[] {
  return stepCases(whole).map(({ case: folded, places }) => ({ case: folded as RecurrentCase, places }))
}

describe('each single step of a recorded run matches', () => {
  it.each(layerNames)('in 200 random %s layers of any layout, in float32 and float64', (module) => {
    const wrong: string[] = []
    for (let seed = 1; seed <= 200; seed++) {
      const whole = anyLayer(seed, { module, decided: 1, dtype: seed % 2 === 0 ? 'float32' : 'float64' })
      const steps = stepsOf(whole)
      const { num_layers = 0, bidirectional = false } = 'num_layers' in whole.config ? whole.config : {}
      if (steps.length !== num_layers * (bidirectional ? 2 : 1)) wrong.push(`seed ${seed}: ${steps.length} cases`)
      for (const [i, { case: folded }] of steps.entries()) {
        const judged = judge(folded, run(questionOf(folded)))
        const tensors = judged.map(({ tensor }) => tensor).join()
        if (tensors !== (module === 'LSTM' ? 'output,h_n,c_n' : 'output,h_n')) wrong.push(`seed ${seed}: ${tensors}`)
        for (const { tensor, outcome, share } of judged) {
          if (outcome !== 'match') wrong.push(`seed ${seed}, case ${i}, ${tensor}: ${share} of what is allowed`)
        }
      }
    }
    expect(wrong).toStrictEqual([])
  })

  it('and none does when the states are those of another run', () => {
    const { states, ...whole } = layerCase({ decided: 1 }, 1)
    const other = layerCase({ decided: 1 }, 2).states
    const [steps] = stepsOf({ ...whole, ...(other === undefined ? {} : { states: other }) })
    expect(states).toBeDefined()
    expect(steps).toBeDefined()
    const outcomes = steps === undefined ? [] : judge(steps.case, run(questionOf(steps.case)))
    expect(outcomes.map(({ outcome }) => outcome)).toStrictEqual(['mismatch', 'mismatch'])
  })
})

describe('stepCases', () => {
  it('of 2 bidirectional layers, 4 steps, 2 rows are 4 cases of one step and 8 rows, in the order of h_n', () => {
    const whole = layerCase({ num_layers: 2, bidirectional: true, batch_first: true, dropout: 0.5, decided: 1 })
    const steps = stepsOf(whole)
    expect(steps.map(({ case: { config, inputs } }) => ({ config, input: inputs.input.shape }))).toStrictEqual(
      [2, 2, 6, 6].map((input_size) => ({
        config: {
          input_size,
          hidden_size: 3,
          num_layers: 1,
          nonlinearity: 'tanh',
          bias: true,
          batch_first: false,
          dropout: 0,
          bidirectional: false,
        },
        input: [1, 8, input_size],
      })),
    )
    for (const [i, own] of ['_l0', '_l0_reverse', '_l1', '_l1_reverse'].entries()) {
      const { params, inputs, expected } = steps[i]?.case ?? whole
      expect(params).toStrictEqual({
        weight_ih_l0: whole.params[`weight_ih${own}`],
        weight_hh_l0: whole.params[`weight_hh${own}`],
        bias_ih_l0: whole.params[`bias_ih${own}`],
        bias_hh_l0: whole.params[`bias_hh${own}`],
      })
      expect(inputs.h_0?.shape).toStrictEqual([1, 8, 3])
      expect(expected['output']).toStrictEqual(expected['h_n'])
    }
  })

  it('of an LSTM with proj_size have an h of proj_size units and a c of hidden_size, each from its own state before', () => {
    const options = { module: 'LSTM', proj_size: 2, num_layers: 2, bidirectional: true, decided: 1 } as const
    const whole = layerCase(options)
    const steps = stepsOf(whole)
    expect(steps.map(({ case: { config, inputs } }) => ({ config, input: inputs.input.shape }))).toStrictEqual(
      [2, 2, 4, 4].map((input_size) => ({
        config: {
          input_size,
          hidden_size: 3,
          num_layers: 1,
          bias: true,
          batch_first: false,
          dropout: 0,
          bidirectional: false,
          proj_size: 2,
        },
        input: [1, 8, input_size],
      })),
    )
    const { c_t, h_t } = whole.states ?? {}
    for (const [i, own] of ['_l0', '_l0_reverse', '_l1', '_l1_reverse'].entries()) {
      const { params, inputs, expected } = steps[i]?.case ?? whole
      expect(params['weight_hr_l0']).toBe(whole.params[`weight_hr${own}`])
      expect([inputs.h_0?.shape, inputs.c_0?.shape]).toStrictEqual([
        [1, 8, 2],
        [1, 8, 3],
      ])
      // (4, 4, 2, units): the state of layer and direction i after t 1 of row 1, which is folded row 3.
      const after = (of: typeof c_t, units: number, t: number): unknown =>
        of?.data.slice(((t * 4 + i) * 2 + 1) * units, ((t * 4 + i) * 2 + 2) * units)
      expect(expected['c_n']?.data.slice(9, 12)).toStrictEqual(after(c_t, 3, 1))
      expect(expected['h_n']?.data.slice(6, 8)).toStrictEqual(after(h_t, 2, 1))
      const before = i % 2 === 0 ? 0 : 2
      expect(inputs.c_0?.data.slice(9, 12)).toStrictEqual(after(c_t, 3, before))
      expect(inputs.h_0?.data.slice(6, 8)).toStrictEqual(after(h_t, 2, before))
    }
  })

  it('of 12 layers give layer 1 its own parameters, not those of layer 11', () => {
    const whole = layerCase({ num_layers: 12, decided: 1 })
    expect(stepsOf(whole)[1]?.case.params['weight_hh_l0']).toBe(whole.params['weight_hh_l1'])
    expect(Object.keys(stepsOf(whole)[11]?.case.params ?? {})).toHaveLength(4)
  })

  it('of lengths 1, 3 and 2 have 6 rows and no padding', () => {
    const whole = layerCase({ seq_len: 3, batch: 3, lengths: [1, 3, 2], decided: 1 })
    const [steps] = stepsOf(whole)
    expect(steps?.places).toStrictEqual([
      { layer: 0, t: 0, batch: 0 },
      { layer: 0, t: 0, batch: 1 },
      { layer: 0, t: 0, batch: 2 },
      { layer: 0, t: 1, batch: 1 },
      { layer: 0, t: 1, batch: 2 },
      { layer: 0, t: 2, batch: 1 },
    ])
    expect(steps?.case.inputs.input.shape).toStrictEqual([1, 6, 2])
  })

  it('of an unbatched bidirectional layer name the direction and no batch', () => {
    const whole = layerCase({ seq_len: 2, batch: undefined, bidirectional: true, decided: 1 })
    expect(stepsOf(whole).map(({ places }) => places)).toStrictEqual([
      [
        { layer: 0, direction: 'forward', t: 0 },
        { layer: 0, direction: 'forward', t: 1 },
      ],
      [
        { layer: 0, direction: 'reverse', t: 0 },
        { layer: 0, direction: 'reverse', t: 1 },
      ],
    ])
  })

  it('begin with h_0, or with zeros where there is none', () => {
    const given = layerCase({ decided: 1 })
    const omitted = layerCase({ decided: 1, h_0: false })
    const first = (whole: RecurrentCase): number[] => [...(stepsOf(whole)[0]?.case.inputs.h_0?.data.slice(0, 6) ?? [])]
    expect(first(given)).toStrictEqual([...(given.inputs.h_0?.data ?? [])])
    expect(first(omitted)).toStrictEqual([0, 0, 0, 0, 0, 0])
  })

  it('of an LSTM begin with c_0, or with zeros where there is none', () => {
    const options = { module: 'LSTM', proj_size: 1, decided: 1 } as const
    const given = layerCase(options)
    const first = (whole: RecurrentCase): number[] => [...(stepsOf(whole)[0]?.case.inputs.c_0?.data.slice(0, 6) ?? [])]
    expect(first(given)).toStrictEqual([...(given.inputs.c_0?.data ?? [])])
    expect(first(layerCase({ ...options, h_0: false }))).toStrictEqual([0, 0, 0, 0, 0, 0])
    expect(stepsOf(layerCase({ decided: 1 }))[0]?.case.inputs).not.toHaveProperty('c_0')
  })

  it('are none without states, and none for a cell', () => {
    expect(stepsOf(layerCase())).toStrictEqual([])
    expect(stepsOf(cellCase())).toStrictEqual([])
  })

  it('leave the recorded case as it is', () => {
    const options = { decided: 1, dtype: 'float64', bidirectional: true, num_layers: 2 } as const
    const whole = layerCase(options)
    for (const { case: folded } of stepsOf(whole)) run(questionOf(folded))
    expect(whole).toStrictEqual(layerCase(options))
  })
})

describe('a step is judged by the budget of its own state', () => {
  const whole = layerCase({ num_layers: 2, bidirectional: true, seq_len: 3, decided: 1 })

  /** What is allowed for one element of each folded case, with some budget of h_t: (3, 4, 2, 3). */
  function allowed(shape: number[], of: (t: number, state: number, row: number, unit: number) => number): string[] {
    const values: number[] = []
    for (let t = 0; t < (shape.at(-4) ?? 1); t++) {
      for (let state = 0; state < (shape.at(-3) ?? 1); state++) {
        for (let row = 0; row < (shape.at(-2) ?? 1); row++) {
          for (let unit = 0; unit < (shape.at(-1) ?? 1); unit++) values.push(of(t, state, row, unit))
        }
      }
    }
    const steps = stepsOf({ ...whole, budget: { ...whole.budget, h_t: budgetTensor(shape, values) } })
    return steps.flatMap(({ case: folded, places }, state) =>
      places.flatMap(({ t = 0, batch = 0 }, row) =>
        [0, 1, 2].flatMap((unit) => {
          const { expected } = folded
          const data = Float32Array.from(expected['output']?.data ?? [])
          data[row * 3 + unit] = 1000
          const output = floatTensor('float32', expected['output']?.shape ?? [], data)
          const [comparison] = judge(folded, { ...expected, output })
          const wanted = kappa * of(shape.length === 4 ? t : 0, state, batch, unit)
          const got = comparison?.worst?.allowed
          return got === wanted ? [] : [`t ${t}, state ${state}, batch ${batch}, unit ${unit}: ${got}, not ${wanted}`]
        }),
      ),
    )
  }

  it.each<[string, number[], (t: number, state: number, row: number, unit: number) => number]>([
    ['(states, 1, 1)', [4, 1, 1], (_, state) => 1 + state],
    ['(1, states, 1, 1)', [1, 4, 1, 1], (_, state) => 1 + state],
    ['(1)', [1], () => 3],
    ['(seq_len, 1, 1, 1)', [3, 1, 1, 1], (t) => 1 + t],
    ['(batch, 1)', [2, 1], (_, __, row) => 1 + row],
    ['(seq_len, states, batch, units)', [3, 4, 2, 3], (t, state, row, unit) => 1 + 24 * t + 6 * state + 3 * row + unit],
  ])('of shape %s', (_, shape, of) => {
    expect(allowed(shape, of)).toStrictEqual([])
  })
})

it('c of a step is judged by the budget of c_t, h by that of h_t', () => {
  const whole = layerCase({ module: 'LSTM', proj_size: 1, decided: 1 })
  const budget = { ...whole.budget, h_t: budgetTensor([1], [3]), c_t: budgetTensor([2, 1], [5, 7]) }
  const [steps] = stepsOf({ ...whole, budget })
  const folded = steps?.case ?? whole
  // The rows are in the order of time, then batch.
  const rows = [0, 1, 2, 3].flatMap(() => [5, 5, 5, 7, 7, 7])
  expect(folded.budget['c_n']?.data).toStrictEqual(Float64Array.from(rows))
  expect(folded.budget['h_n']?.data).toStrictEqual(Float64Array.from({ length: 8 }, () => 3))
  expect(folded.budget['output']).toStrictEqual(folded.budget['h_n'])
})

describe('a fault in a step is found where it is', () => {
  const both = { num_layers: 2, bidirectional: true, decided: 1 }

  it.each<[string, RecurrentCase, Place]>([
    ['a layer', layerCase({ decided: 1 }), { layer: 0, t: 2, batch: 1, unit: 2 }],
    ['a reverse layer 1', layerCase(both), { layer: 1, direction: 'reverse', t: 3, batch: 0, unit: 1 }],
    ['a forward layer 1', layerCase(both), { layer: 1, direction: 'forward', t: 0, batch: 1, unit: 0 }],
    [
      'a reverse layer 0, batch_first',
      layerCase({ ...both, batch_first: true }),
      { layer: 0, direction: 'reverse', t: 1, batch: 1, unit: 2 },
    ],
    ['an unbatched layer', layerCase({ batch: undefined, decided: 1 }), { layer: 0, t: 3, unit: 1 }],
    [
      'a layer with lengths',
      layerCase({ batch: 3, lengths: [1, 4, 2], decided: 1 }),
      { layer: 0, t: 1, batch: 2, unit: 0 },
    ],
  ])('in %s', async (_, whole, place) => {
    const own = `weight_hh_l${place.layer}${place.direction === 'reverse' ? '_reverse' : ''}`
    const lengths = Array.from(whole.inputs.lengths?.data ?? [], Number)
    const batch = whole.inputs.input.shape.length === 2 ? 1 : lengths.length || 2
    // The folded rows are in the order of time, then batch.
    let row = 0
    for (let t = 0; t <= (place.t ?? 0); t++) {
      const rows = t === place.t ? (place.batch ?? 0) : batch
      for (let b = 0; b < rows; b++) if (t < (lengths[b] ?? Infinity)) row++
    }
    const faulty: Engine = {
      name: 'faulty',
      run: (request) => {
        const outputs = run(request)
        const output = outputs['output']
        const { seq_len } = { seq_len: output?.shape[0] }
        if (request.params['weight_hh_l0'] !== whole.params[own] || seq_len !== 1 || output === undefined)
          return outputs
        const data = Float32Array.from(output.data)
        data[row * 3 + (place.unit ?? 0)] = 0.9
        return { ...outputs, output: floatTensor('float32', output.shape, data) }
      },
    }
    const { outcome, comparisons, steps } = await verify(whole, faulty)
    expect(outcome).toBe('mismatch')
    expect(comparisons.map((comparison) => comparison.outcome)).toStrictEqual(['match', 'match'])
    const wrong = steps?.comparisons.filter((comparison) => comparison.outcome === 'mismatch') ?? []
    expect(wrong).toHaveLength(1)
    expect(wrong[0]).toMatchObject({ tensor: 'h_t', differing: 1 })
    expect(wrong[0]?.worst?.place).toStrictEqual(place)
    expect(wrong[0]).not.toHaveProperty('firstStep')
  })
})
