import { describe, expect, it } from 'vitest'
import type { Outputs, Request } from '../src/format/case.ts'
import { type Judgement, kappa } from '../src/verify/compare.ts'
import { engine, type Engine, run } from '../src/engine/run.ts'
import { ParityError } from '../src/format/errors.ts'
import { floatTensor } from '../src/format/tensor.ts'
import { decisionOf, judge, requestOf, verify } from '../src/verify.ts'
import { budgetTensor, cellCase, layerCase, type RecurrentCase, sgd } from './sample.ts'

/** An engine that gives whatever a test wants. */
function giving(outputs: unknown): Engine {
  return { name: 'port', run: () => outputs as Outputs }
}

function throwing(thrown: unknown): Engine {
  return {
    name: 'port',
    run: () => {
      // eslint-disable-next-line typescript/only-throw-error
      throw thrown
    },
  }
}

describe('verify', () => {
  it('judges our engine a match, with one comparison for each tensor in order', async () => {
    const { outcome, id, module, comparisons, ...rest } = await verify(layerCase(), engine)
    expect({ outcome, id, module, rest }).toStrictEqual({ outcome: 'match', id: 'layer', module: 'RNN', rest: {} })
    expect(comparisons.map(({ tensor }) => tensor)).toStrictEqual(['output', 'h_n'])
  })

  it('judges an engine with one wrong tensor a mismatch', async () => {
    const { expected } = layerCase()
    const h_n = floatTensor('float32', [1, 2, 3], [0, 0, 0, 0, 0, 0])
    const { outcome, comparisons } = await verify(layerCase(), giving({ ...expected, h_n }))
    expect(outcome).toBe('mismatch')
    expect(comparisons.map((comparison) => comparison.outcome)).toStrictEqual(['match', 'mismatch'])
  })

  it('names the tensors of a match of which zeros would match most numbers, one number excepted', async () => {
    const recorded = layerCase()
    const numbers = Float64Array.from(run(recorded)['h_n']!.data).fill(1e-8, 1)
    const h_n = floatTensor('float32', [1, 2, 3], numbers)
    const one = { ...recorded, expected: { ...recorded.expected, h_n } }
    const zeros = floatTensor('float32', [1, 2, 3], numbers.slice().fill(0, 1))
    const { outcome, faint } = await verify(one, giving({ ...recorded.expected, h_n: zeros }))
    expect({ outcome, faint }).toStrictEqual({ outcome: 'match', faint: ['h_n'] })
  })

  it('awaits an engine that gives a promise', async () => {
    const later: Engine = { name: 'port', run: async (request) => engine.run(request) }
    expect((await verify(cellCase(), later)).outcome).toBe('match')
  })

  it('hides what PyTorch gave from run and from supports', async () => {
    const seen: string[] = []
    const look = (request: Request): void => void seen.push(Object.keys(request).join())
    const curious: Engine = {
      name: 'port',
      supports: (request) => (look(request), true),
      run: (request) => (look(request), engine.run(request)),
    }
    expect((await verify(layerCase({ decided: 1 }), curious)).outcome).toBe('match')
    // supports, the free run, and the folded steps of one layer.
    const keys = 'module,config,dtype,params,inputs'
    expect(seen).toStrictEqual([keys, keys, keys])
    expect(Object.keys(requestOf(cellCase()))).toStrictEqual(['module', 'config', 'dtype', 'params', 'inputs'])
  })
})

describe('a case of gradients', () => {
  const recorded = layerCase({ module: 'LSTM', dtype: 'float64', cotangents: true, num_layers: 2, bidirectional: true })

  it('is judged by every output and gradient, in order, which our engine matches', async () => {
    const { outcome, comparisons } = await verify(recorded, engine)
    const by = ['input', 'h_0', 'c_0', ...Object.keys(recorded.params)]
    expect(comparisons.map(({ tensor }) => tensor)).toStrictEqual([
      'output',
      'h_n',
      'c_n',
      ...by.map((name) => `grad_${name}`),
    ])
    expect(outcome).toBe('match')
  })

  it('tells the engine its cotangents, and a case of training its optimizer', async () => {
    const seen: string[] = []
    const look: Engine = { name: 'port', run: (request) => (seen.push(Object.keys(request).join()), run(request)) }
    const trained = cellCase({ dtype: 'float64', training: sgd })
    expect((await verify(recorded, look)).outcome).toBe('match')
    expect((await verify(trained, look)).outcome).toBe('match')
    expect(seen).toStrictEqual([
      'module,config,dtype,params,inputs,cotangents',
      'module,config,dtype,params,inputs,training',
    ])
    expect(requestOf(recorded).cotangents).toBe(recorded.cotangents)
    expect(requestOf(trained).training).toBe(sgd)
  })

  it('is a mismatch when one gradient is missing, wrong, or given without being asked for', async () => {
    const outputs = run(requestOf(recorded))
    const { grad_c_0, ...rest } = outputs
    const outcomesOf = async (given: unknown, of = recorded): Promise<string[]> => {
      const { outcome, comparisons } = await verify(of, giving(given))
      const wrong = comparisons.filter((comparison) => comparison.outcome === 'mismatch')
      return [outcome, ...wrong.map(({ tensor, problem }) => `${tensor}: ${problem ?? 'values'}`)]
    }
    expect(await outcomesOf(outputs)).toStrictEqual(['match'])
    expect(await outcomesOf(rest)).toStrictEqual(['mismatch', 'grad_c_0: expected a tensor, got none'])
    const doubled = floatTensor(
      'float64',
      [4, 2, 3],
      Float64Array.from(grad_c_0?.data ?? [], (x) => 2 * x),
    )
    expect(await outcomesOf({ ...outputs, grad_c_0: doubled })).toStrictEqual(['mismatch', 'grad_c_0: values'])
    const { cotangents: _, ...plain } = recorded
    const { output, h_n, c_n } = recorded.expected
    const asked = { ...plain, expected: { ...(output && { output }), ...(h_n && { h_n }), ...(c_n && { c_n }) } }
    expect(await outcomesOf({ ...asked.expected, grad_c_0 }, asked)).toStrictEqual([
      'mismatch',
      'grad_c_0: expected no tensor of this name, got one',
    ])
  })
})

describe('a tensor that cannot be decided', () => {
  /** A case whose largest value of a tensor is 1, so that the limit of κ · budget is 2⁻¹⁰, with a budget beyond it. */
  function undecided(recorded: RecurrentCase, ...names: string[]): RecurrentCase {
    const budget = Object.fromEntries(names.map((name) => [name, budgetTensor([1], [10])]))
    return { ...recorded, budget: { ...recorded.budget, ...budget } }
  }
  const undecidedTensors = (recorded: RecurrentCase): readonly string[] =>
    decisionOf(recorded, recorded.expected, { kind: 'budget' }).wide
  const gradients = cellCase({ dtype: 'float64', cotangents: true })
  const trained = cellCase({ dtype: 'float64', training: sgd })

  it.each<[string, RecurrentCase, string]>([
    ['one gradient', undecided(gradients, 'grad_bias_hh'), 'grad_bias_hh'],
    ['two gradients', undecided(gradients, 'grad_weight_ih', 'grad_input'), 'grad_input, grad_weight_ih'],
    ['the loss of a training', undecided(trained, 'loss'), 'loss'],
    ['parameters of a training', undecided(trained, 'weight_ih', 'bias_hh'), 'weight_ih, bias_hh'],
  ])('as %s, makes the case undecided', async (_, recorded, names) => {
    const verdict = await verify(recorded, engine)
    expect(verdict.outcome).toBe('undecided')
    expect(verdict.reason).toBe(`the budget of ${names} is so large that a match says little`)
    expect(verdict.comparisons.map(({ outcome }) => outcome)).not.toContain('mismatch')
    expect(verdict.comparisons).toHaveLength(Object.keys(recorded.expected).length)
  })

  it('is a mismatch all the same when the engine is far off, or off elsewhere', async () => {
    expect((await verify(undecided(gradients, 'grad_bias_hh'), giving({}))).outcome).toBe('mismatch')
    const { h_1, ...outputs } = run(requestOf(gradients))
    expect(h_1).toBeDefined()
    expect((await verify(undecided(gradients, 'grad_bias_hh'), giving(outputs))).outcome).toBe('mismatch')
  })

  it('is judged as it is by the torch policy', async () => {
    const judgement: Judgement = { tolerance: { kind: 'torch' }, equalNan: true }
    expect((await verify(undecided(gradients, 'grad_bias_hh'), engine, judgement)).outcome).toBe('match')
  })

  it('is one whose κ · budget is more than 2⁻¹⁰ of the largest value, in any element', () => {
    const ones = floatTensor('float64', [9], [1, -1, 0, 0, 0, 0, 0, 0, 0.5])
    const withBudget = (own: number[]): RecurrentCase => ({
      ...gradients,
      expected: { ...gradients.expected, grad_bias_hh: ones },
      budget: { ...gradients.budget, grad_bias_hh: budgetTensor([own.length], own) },
    })
    const edge = 2 ** -10 / kappa
    expect(undecidedTensors(withBudget([edge]))).toStrictEqual([])
    expect(undecidedTensors(withBudget([edge * (1 + 2 ** -52)]))).toStrictEqual(['grad_bias_hh'])
    const one = [0, 0, 0, 0, 0, 0, 0, 0, 1]
    expect(undecidedTensors(withBudget(one))).toStrictEqual(['grad_bias_hh'])
  })

  it('in float16 may have a budget of 64 roundings of the largest value', () => {
    const half = cellCase({ dtype: 'float16', cotangents: true })
    const largest = Math.max(...Array.from(half.expected['grad_input']?.data ?? [], (x) => Math.abs(x)))
    const budget = (factor: number): RecurrentCase['budget'] => ({
      ...Object.fromEntries(Object.keys(half.expected).map((name) => [name, budgetTensor([1], [0])])),
      grad_input: budgetTensor([1], [(factor * 64 * 2 ** -11 * largest) / kappa]),
    })
    expect(undecidedTensors({ ...half, budget: budget(1) })).toStrictEqual([])
    expect(undecidedTensors({ ...half, budget: budget(1.001) })).toStrictEqual(['grad_input'])
  })

  it.each<[string, RecurrentCase, string]>([
    ['h_1 of a cell', cellCase(), 'h_1'],
    ['c_1 of a cell', cellCase({ module: 'LSTMCell' }), 'c_1'],
    ['h_n of a layer', layerCase(), 'h_n'],
    ['c_n of a layer', layerCase({ module: 'LSTM' }), 'c_n'],
    ['output of a layer', layerCase({ module: 'GRU' }), 'output'],
    ['what somebody has published', { ...layerCase(), source: 'ONNX' }, 'h_n'],
  ])('may be %s', async (_, { states: __, ...recorded }, name) => {
    expect((await verify(recorded, engine)).outcome).toBe('match')
    const { outcome, reason } = await verify(undecided(recorded, name), engine)
    expect(outcome).toBe('undecided')
    expect(reason).toBe(`the budget of ${name} is so large that a match says little`)
    // Garbage is no match either.
    const garbage = recorded.expected[name]!.data.map(() => 12)
    const given = { ...recorded.expected, [name]: { ...recorded.expected[name]!, data: garbage } }
    expect((await verify(undecided(recorded, name), giving(given as Outputs))).outcome).toBe('undecided')
  })

  it.each(['h_t', 'c_t'])('may be %s of the step check', async (name) => {
    const recorded = layerCase({ module: 'LSTM', decided: 1 })
    expect((await verify(recorded, engine)).outcome).toBe('match')
    const { outcome, reason } = await verify(undecided(recorded, name), engine)
    expect(outcome).toBe('undecided')
    expect(reason).toBe(`the budget of ${name} is so large that a match says little`)
  })

  it.each(['output', 'h_n'])('may be %s in spite of the step check, beyond what chaos can do', async (name) => {
    const recorded = layerCase({ decided: 1 })
    const wide = { ...recorded, budget: { ...recorded.budget, [name]: budgetTensor([1], [1e3]) } } as RecurrentCase
    const { outcome, reason } = await verify(wide, engine)
    expect(outcome).toBe('undecided')
    expect(reason).toBe(`the budget of ${name} is so large that a match says little`)
  })

  it('is held to the largest value of what shares its budget, not of the whole tensor', () => {
    const growing = floatTensor('float64', [2, 2], [1, 0.5, 1e6, 1e5])
    const recorded = { ...layerCase(), expected: { output: growing }, budget: {} }
    const by = (budget: number[]): readonly string[] =>
      undecidedTensors({ ...recorded, budget: { output: budgetTensor([2, 1], budget) } })
    const edge = 2 ** -10 / kappa
    expect(by([edge, 1e6 * edge])).toStrictEqual([])
    expect(by([2 * edge, 1e6 * edge])).toStrictEqual(['output'])
  })

  it('is one that zeros would match, by a tolerance that somebody chose', async () => {
    const recorded = cellCase()
    const outcomeBy = async (atol: number): Promise<unknown> => {
      const { outcome, reason } = await verify(recorded, engine, {
        tolerance: { kind: 'explicit', rtol: 0, atol },
        equalNan: true,
      })
      return [outcome, reason]
    }
    const largest = Math.max(...recorded.expected['h_1']!.data.map(Math.abs))
    expect(await outcomeBy(0.99 * largest)).toStrictEqual(['match', undefined])
    expect(await outcomeBy(largest)).toStrictEqual([
      'undecided',
      'the tolerance is so large that zeros would match h_1',
    ])
  })
})

describe('a case with a source', () => {
  const whole = layerCase({ module: 'LSTM' })
  const { output } = whole.expected
  const sourced = { ...whole, source: 'ONNX, test_lstm_defaults', expected: { ...(output && { output }) } }

  it('is judged by what the source says alone', async () => {
    const { outcome, comparisons } = await verify(sourced, engine)
    expect(outcome).toBe('match')
    expect(comparisons.map(({ tensor }) => tensor)).toStrictEqual(['output'])
  })

  it('is a mismatch with a tensor that torch does not return', async () => {
    const { outcome, comparisons } = await verify(sourced, giving({ ...whole.expected, Y_h: output }))
    expect(outcome).toBe('mismatch')
    expect(comparisons.map(({ tensor, problem }) => [tensor, problem])).toStrictEqual([
      ['output', undefined],
      ['Y_h', 'expected no tensor of this name, got one'],
    ])
  })

  it('without which the same tensors would be too many', async () => {
    const { source, ...nobody } = sourced
    expect(source).toBeDefined()
    const { comparisons } = await verify(nobody, engine)
    expect(comparisons.flatMap(({ tensor, problem }) => (problem === undefined ? [] : [tensor]))).toStrictEqual([
      'h_n',
      'c_n',
    ])
  })
})

describe('supports', () => {
  const answering = (answer: unknown): Engine => ({
    name: 'port',
    run,
    supports: () => answer as true,
  })

  it.each([true, Promise.resolve(true)])('answering true lets the case be judged', async (answer) => {
    expect((await verify(cellCase(), answering(answer))).outcome).toBe('match')
  })

  it.each(['no relu', Promise.resolve('no relu')])(
    'answering no relu is unsupported for that reason',
    async (answer) => {
      expect(await verify(cellCase(), { ...throwing('asked'), supports: () => answer })).toStrictEqual({
        id: 'cell',
        module: 'RNNCell',
        outcome: 'unsupported',
        reason: 'no relu',
        comparisons: [],
      })
    },
  )

  it.each([false, undefined, null, 1])('answering %j is ENGINE_INVALID', async (answer) => {
    await expect(verify(cellCase(), answering(answer))).rejects.toMatchObject({
      code: 'ENGINE_INVALID',
      message: `case cell: engine port: expected supports to give true or a string, got ${answer}`,
    })
  })

  it('throwing is ENGINE_FAILED', async () => {
    const cause = new Error('no GPU')
    const failing: Engine = { name: 'port', run, supports: () => Promise.reject<true>(cause) }
    await expect(verify(cellCase(), failing)).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: 'case cell: engine port: expected outputs, got no GPU',
      cause,
    })
  })
})

describe('an engine that throws', () => {
  it.each<[string, unknown, string]>([
    ['an error', new Error('out of memory'), 'out of memory'],
    ['a TypeError without a message', new TypeError(), 'TypeError'],
    ['a string', 'boom', 'boom'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
  ])('%s is ENGINE_FAILED', async (_, thrown, words) => {
    const message = `case layer: engine port: expected outputs, got ${words}`
    const failure = { name: 'ParityError', code: 'ENGINE_FAILED', message, cause: thrown }
    await expect(verify(layerCase(), throwing(thrown))).rejects.toMatchObject(failure)
    const rejecting: Engine = { name: 'port', run: async (request) => throwing(thrown).run(request) }
    await expect(verify(layerCase(), rejecting)).rejects.toMatchObject(failure)
  })

  it('a ParityError keeps it, so that a time-out says so', async () => {
    const timeout = new ParityError('ENGINE_TIMEOUT', 'case layer: expected an answer in 60 s, got none')
    await expect(verify(layerCase(), throwing(timeout))).rejects.toBe(timeout)
  })

  it('at a folded step alone is ENGINE_FAILED too', async () => {
    const whole: Engine = {
      name: 'port',
      run: (request) => {
        if (request.inputs.input?.shape[0] === 1) throw new Error('seq_len 1')
        return engine.run(request)
      },
    }
    await expect(verify(layerCase({ decided: 1 }), whole)).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: 'case layer: engine port: expected outputs, got seq_len 1',
    })
  })
})

describe('outputs that are no outputs', () => {
  const none = 'expected a tensor, got none'
  const surplus = 'expected no tensor of this name, got one'
  const { expected } = layerCase()
  const { output, h_n } = expected

  it.each<[string, unknown, Record<string, string | undefined>]>([
    ['undefined', undefined, { output: none, h_n: none }],
    ['null', null, { output: none, h_n: none }],
    ['a number', 4, { output: none, h_n: none }],
    ['text', 'output', { output: none, h_n: none }],
    ['a function', () => expected, { output: none, h_n: none }],
    ['an empty object', {}, { output: none, h_n: none }],
    ['a list of both', [output, h_n], { output: none, h_n: none, 0: surplus, 1: surplus }],
    ['a map of both', new Map(Object.entries(expected)), { output: none, h_n: none }],
    ['output alone', { output }, { output: undefined, h_n: none }],
    ['h_n that is inherited', Object.create(expected), { output: none, h_n: none }],
    ['one tensor too many', { h_n, output, c_n: h_n }, { output: undefined, h_n: undefined, c_n: surplus }],
    [
      'plain lists',
      { output: [[[1]]], h_n: 'h_n' },
      {
        output: 'expected a tensor { dtype, shape, data }, got an object without them',
        h_n: 'expected a tensor, got string',
      },
    ],
  ])('%s are mismatches, tensor by tensor', async (_, outputs, problems) => {
    const comparisons = judge(layerCase(), outputs)
    expect(Object.fromEntries(comparisons.map(({ tensor, problem }) => [tensor, problem]))).toStrictEqual(problems)
    const verdict = await verify(layerCase(), giving(outputs))
    expect(verdict).toStrictEqual({ id: 'layer', module: 'RNN', outcome: 'mismatch', comparisons })
  })
})

describe('a free run that decides 1 of 4 steps', () => {
  const { states, ...withoutStates } = layerCase({ decided: 1 })

  it('is judged step by step where there are states', async () => {
    const { outcome, steps } = await verify(layerCase({ decided: 1, bidirectional: true }), engine)
    expect(outcome).toBe('match')
    expect(steps).toMatchObject({ decided: 1, of: 4 })
    expect(steps?.comparisons.map((comparison) => [comparison.tensor, comparison.outcome])).toStrictEqual([
      ['h_t', 'match'],
      ['h_t', 'match'],
      ['h_t', 'match'],
      ['h_t', 'match'],
    ])
  })

  it('of an LSTM is judged by h_t and c_t of each layer and direction', async () => {
    const recorded = layerCase({ module: 'LSTM', proj_size: 1, decided: 1, bidirectional: true })
    const { outcome, steps } = await verify(recorded, engine)
    expect(outcome).toBe('match')
    const each = ['h_t', 'h_t', 'c_t']
    expect(steps?.comparisons.map(({ tensor }) => tensor)).toStrictEqual([...each, ...each])
    expect(steps?.comparisons.map(({ elements }) => elements)).toStrictEqual([8, 8, 24, 8, 8, 24])
  })

  it('of an LSTM is a mismatch when c_n of a single step is wrong, at its place', async () => {
    const recorded = layerCase({ module: 'LSTM', decided: 1 })
    const faulty: Engine = {
      name: 'port',
      run: (request) => {
        const outputs = engine.run(request) as Outputs
        const { c_n } = outputs
        // Row 3 of the folded batch is row 1 of step 1.
        if (request.inputs.input?.shape[0] === 1) c_n?.data.fill(9, 3 * 3 + 2, 3 * 3 + 3)
        return outputs
      },
    }
    const { outcome, steps } = await verify(recorded, faulty)
    expect(outcome).toBe('mismatch')
    const wrong = steps?.comparisons.filter((comparison) => comparison.outcome === 'mismatch') ?? []
    expect(wrong.map(({ tensor, differing }) => [tensor, differing])).toStrictEqual([['c_t', 1]])
    expect(wrong[0]?.worst?.place).toStrictEqual({ layer: 0, t: 1, batch: 1, unit: 2 })
  })

  it('is undecided without states', async () => {
    expect(states).toBeDefined()
    const { outcome, reason, comparisons } = await verify(withoutStates, engine)
    expect({ outcome, reason }).toStrictEqual({
      outcome: 'undecided',
      reason: 'the budget of output, h_n is so large that a match says little',
    })
    expect(comparisons.map((comparison) => comparison.outcome)).toStrictEqual(['match', 'match'])
  })

  it('is a mismatch without states when the steps that it decides are wrong', async () => {
    const { outcome } = await verify(withoutStates, giving({}))
    expect(outcome).toBe('mismatch')
  })

  it('is a mismatch when the free run is right and a step is not', async () => {
    const forgetful: Engine = {
      name: 'port',
      run: (request) => {
        const { input } = request.inputs
        if (input?.shape[0] !== 1) return engine.run(request)
        return engine.run({ ...request, inputs: { input } } as Request)
      },
    }
    const { outcome, comparisons, steps } = await verify(layerCase({ decided: 1 }), forgetful)
    expect(outcome).toBe('mismatch')
    expect(comparisons.map((comparison) => comparison.outcome)).toStrictEqual(['match', 'match'])
    expect(steps?.comparisons.map((comparison) => comparison.outcome)).toStrictEqual(['mismatch', 'mismatch'])
  })

  it('is a mismatch when the steps are right and the free run is not', async () => {
    const shapeless: Engine = {
      name: 'port',
      run: (request) => (request.inputs.input?.shape[0] === 1 ? engine.run(request) : {}),
    }
    expect((await verify(layerCase({ decided: 1 }), shapeless)).outcome).toBe('mismatch')
  })

  it.each<Judgement['tolerance']>([{ kind: 'torch' }, { kind: 'explicit', rtol: 1e-4, atol: 1e-4 }])(
    'is judged as it is by the policy %j',
    async (tolerance) => {
      const verdict = await verify(withoutStates, engine, { tolerance, equalNan: true })
      expect(verdict.outcome).toBe('match')
      expect(verdict).not.toHaveProperty('steps')
    },
  )
})
