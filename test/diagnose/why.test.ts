import { describe, expect, it } from 'vitest'
import type { Case, Outputs, Request } from '../../src/format/case.ts'
import { diagnose, type Diagnosis } from '../../src/diagnose.ts'
import { runEdited } from '../../src/edits.ts'
import { fitsConditioned } from '../../src/diagnose/condition.ts'
import { comparisonsWith, fewRows, questionOf } from '../../src/diagnose/question.ts'
import type { Edit } from '../../src/edits/edit.ts'
import { editsOf, faults } from '../../src/edits/faults.ts'
import { run } from '../../src/engine/run.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { requestOf } from '../../src/verify.ts'
import { cellCase, layerCase, type LayerOptions, type RecurrentCase } from '../sample.ts'

const options: Partial<LayerOptions> = { input_size: 3, hidden_size: 4, seq_len: 6, batch: 3 }
const layer = (more: Partial<LayerOptions> = {}): RecurrentCase => layerCase({ ...options, ...more })

/** Every state to float32, as a port in float32 has it. */
const inFloat32: Edit = {
  operator: 'carried',
  operand: { op: 'loop' },
  value: ['round', 'float32', 'all', 'and at last'],
}

/** A port with some faults; more: what it has beside them. */
function port(names: readonly string[], ...more: Edit[]): (request: Request) => Outputs {
  return (request) => {
    const own = names.flatMap((name) =>
      editsOf(
        faults.find((fault) => fault.name === name)!,
        request,
      )!,
    )
    return runEdited([...own, ...more], request)
  }
}

function explain(recorded: Case, ...names: string[]): Diagnosis {
  // So long as no machine is too busy for it.
  return diagnose(recorded, port(names)(requestOf(recorded)), { limitMs: 20_000 })
}

describe('why', () => {
  it('finds what is in one layer and direction alone, and says so', () => {
    const recorded = layer({ num_layers: 2, bidirectional: true })
    const bias = recorded.params['bias_hh_l1_reverse']!
    const zeros = bias.data.map(() => 0)
    const params = { ...recorded.params, bias_hh_l1_reverse: floatTensor(bias.dtype, bias.shape, zeros) }
    const { explanations } = diagnose(recorded, run({ ...requestOf(recorded), params }), { limitMs: 20_000 })
    expect(explanations[0]).toMatchObject({ complete: true, edits: [{ scope: { direction: 'reverse' } }] })
    // What it gives is what the port gives.
    const given = runEdited(explanations[0]!.edits, requestOf(recorded))
    const own = run({ ...requestOf(recorded), params })
    for (const [name, { data }] of Object.entries(own)) {
      const apart = Array.from(data, (x, i) => Math.abs(x - given[name]!.data[i]!))
      expect(Math.max(...apart), `of ${name}`).toBeLessThan(1e-6)
    }
  })

  it('says of two layers both what is so in the last one and in all later ones', () => {
    const recorded = layer({ num_layers: 2 })
    const edit: Edit = {
      operator: 'layout',
      operand: { op: 'parameter', tensor: 'weight_hh' },
      scope: { layers: 'last' },
      value: 'stored by columns',
    }
    const { explanations } = diagnose(recorded, runEdited([edit], requestOf(recorded)), { limitMs: 20_000 })
    const scopes = explanations.slice(0, 2).map(({ edits: [first] }) => first?.scope)
    expect(scopes).toEqual([{ layers: 'later' }, { layers: 'last' }])
    expect(explanations[1]).toMatchObject({ complete: true, sentence: expect.stringContaining('in the last layer') })
  })

  it('names no bias of another layer or direction where there are none', () => {
    const recorded = layer({ module: 'LSTM', bidirectional: true, bias: false })
    const weights = recorded.params['weight_hh_l0']!
    const params = { ...recorded.params, weight_hh_l0_reverse: weights }
    const { explanations } = diagnose(recorded, run({ ...requestOf(recorded), params }), { limitMs: 20_000 })
    expect(explanations[0]!.edits).toMatchObject([{ operator: 'sibling', value: { tensors: ['weight_hh'] } }])
  })

  it.each([
    ['weight_hh transposed', 'bias_ih dropped'],
    ['gates in the order z r n', 'bias_hh dropped'],
  ])('finds %s and %s together', (...names) => {
    const recorded = layer({ module: 'GRU', h_0: true })
    const { explanations } = diagnose(recorded, port(names)(requestOf(recorded)), { limitMs: 20_000 })
    expect(explanations[0]).toMatchObject({ complete: true })
    expect(explanations[0]!.faults.toSorted()).toStrictEqual(names.toSorted())
  })

  it.each(['gradient averaged over the batch', 'bias gradient counted once'])(
    'finds %s beside what is off in the outputs',
    (second) => {
      const recorded = layer({ module: 'LSTM', cotangents: true })
      const outputs = port(['gates in the order i o f g', second])(requestOf(recorded))
      const { explanations } = diagnose(recorded, outputs, { limitMs: 20_000 })
      expect(explanations[0]).toMatchObject({ complete: true, faults: ['gates in the order i o f g', second] })
    },
  )

  it('says where every output is explained and the gradients are others', () => {
    const recorded = layer({ module: 'LSTM', cotangents: true })
    const outputs = port(['no tanh on c'])(requestOf(recorded))
    const grad_input = outputs['grad_input']!
    const values = Array.from(grad_input.data, (x, i) => x + Math.sin(i))
    const gradients = { ...outputs, grad_input: floatTensor(grad_input.dtype, grad_input.shape, values) }
    const [first] = diagnose(recorded, gradients, { limitMs: 8000 }).explanations
    expect(first).toMatchObject({ faults: ['no tanh on c'], complete: false, outputsAlone: true })
  })

  it('says nothing of what it does not change', () => {
    // Subnormal numbers alone: a port that flushes them gives zeros, as many ports do that are wrong otherwise.
    const recorded = layer({ h_0: true })
    const scaled = (data: ArrayLike<number>): number[] => Array.from(data, (x) => x * 1e-30)
    const { explanations } = diagnose(
      { ...recorded, expected: recorded.expected },
      Object.fromEntries(
        Object.entries(recorded.expected).map(([name, { dtype, shape, data }]) => [
          name,
          floatTensor(
            dtype,
            shape,
            Array.from(data, (x, i) => x + scaled(data)[i]!),
          ),
        ]),
      ),
    )
    expect(explanations).toStrictEqual([])
  })

  it('says that time was up', () => {
    const recorded = layer()
    const outputs = port(['weight_hh transposed'])(requestOf(recorded))
    expect(diagnose(recorded, outputs, { limitMs: -1 })).toMatchObject({ explanations: [], stopped: true })
    expect(diagnose(recorded, outputs).stopped).toBeUndefined()
    const cell = cellCase()
    const noise = Object.fromEntries(
      Object.entries(cell.expected).map(([name, { dtype, shape, data }]) => [
        name,
        floatTensor(
          dtype,
          shape,
          Array.from(data, (_, i) => Math.sin(13 * i * i)),
        ),
      ]),
    )
    const { explanations, stopped } = diagnose(cell, noise, { limitMs: 60_000 })
    expect(explanations.filter(({ complete }) => complete)).toStrictEqual([])
    expect(stopped).toBeUndefined()
  })
})

describe('a large case', () => {
  const recorded = layer({
    module: 'LSTM',
    hidden_size: 64,
    input_size: 32,
    seq_len: 40,
    batch: 16,
    lengths: Array.from({ length: 16 }, (_, i) => 40 - i),
  })

  it('is asked for two rows', () => {
    const outputs = port(['weight_hh transposed'])(requestOf(recorded))
    const question = questionOf(recorded, outputs)
    const small = fewRows(question)
    expect(small?.outputs['output']?.shape).toStrictEqual([40, 2, 64])
    expect(small?.request.inputs.lengths?.shape).toStrictEqual([2])
    // The rows are two, and those of the request: a right engine gives just what PyTorch has of them.
    const right = run(small!.request)
    for (const [name, { data }] of Object.entries(small!.recorded.expected)) {
      const apart = Array.from(data, (x, i) => Math.abs(x - right[name]!.data[i]!))
      expect(Math.max(...apart), `of ${name}`).toBeLessThan(1e-6)
    }
    const [one = 0n, other = 0n] = small!.request.inputs.lengths!.data
    expect(one).not.toBe(other)
    expect(fewRows(questionOf(layer(), layer().expected))).toBeUndefined()
  })

  it.each(['weight_hh transposed', 'h_n from the padded end', 'state carried between rows'])(
    'is explained: %s',
    (name) => {
      const diagnosis = explain(recorded, name)
      expect(diagnosis.explanations[0]).toMatchObject({ faults: [name], complete: true })
    },
  )
})

describe('fitsConditioned', () => {
  // Without a nonlinearity the states grow step by step, and so does what rounding makes of them.
  const drawn = layer({ seq_len: 60, hidden_size: 8 })
  const params = Object.fromEntries(
    Object.entries(drawn.params).map(([name, { dtype, shape, data }]) => [
      name,
      floatTensor(
        dtype,
        shape,
        Array.from(data, (x) => 2 * x),
      ),
    ]),
  )
  const request = { ...requestOf(drawn), params } as Request
  const budget = Object.fromEntries(
    Object.entries(drawn.budget).map(([name, own]) => [name, { ...own, data: own.data.map(() => 1e-12) }]),
  )
  const recorded = { ...drawn, params, budget, expected: run(request) }
  const question = questionOf(recorded, port(['no nonlinearity'], inFloat32)(request))

  it('takes a port whose rounding has grown for what it is', () => {
    const own = port(['no nonlinearity'])
    expect(fitsConditioned(question, own(request), own)).toBe(true)
    // Its budget alone would not do.
    expect(comparisonsWith(question, own(request)).some(({ outcome }) => outcome === 'mismatch')).toBe(true)
  })

  it('does not take another fault for it', () => {
    const other = port(['no nonlinearity', 'bias_hh dropped'])
    expect(fitsConditioned(question, other(request), other)).toBe(false)
  })

  it('says nothing where torch itself would pass', () => {
    const right = questionOf(recorded, recorded.expected)
    expect(fitsConditioned(right, recorded.expected, run)).toBe(false)
  })

  /** Numbers that follow from every rounding of the parameters, from a time step on. */
  const noise =
    (from: number) =>
    (asked: Request): Outputs => {
      const sum = Array.from(Object.values(asked.params)[0]!.data).reduce((all, x) => all + x, 0)
      return Object.fromEntries(
        Object.entries(port(['no nonlinearity'])(asked)).map(([name, { dtype, shape, data }]) => {
          const step = data.length / shape[0]!
          const value = (x: number, i: number): number =>
            shape[0] === 60 && i < from * step ? x : Math.sin(1e12 * sum * (i + 1))
          return [name, floatTensor(dtype, shape, Array.from(data, value))]
        }),
      )
    }

  it.each([0, 1])('says nothing where rounding decides everything from step %i on', (from) => {
    const { data } = recorded.params['weight_ih_l0']!
    const moved = floatTensor(
      'float64',
      [8, 3],
      Array.from(data, (x) => x * (1 + 1e-9)),
    )
    const port = noise(from)
    const theirs = port({ ...request, params: { ...params, weight_ih_l0: moved } })
    expect(fitsConditioned(questionOf(recorded, theirs), port(request), port)).toBe(false)
  })
})
