import { describe, expect, it } from 'vitest'
import type { Outputs, Request } from '../src/case.ts'
import type { Judgement } from '../src/compare.ts'
import { engine, type Engine, run } from '../src/engine/run.ts'
import { ParityError } from '../src/errors.ts'
import { floatTensor } from '../src/tensor.ts'
import { judge, requestOf, verify } from '../src/verify.ts'
import { cellCase, layerCase } from './sample.ts'

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
        if (request.inputs.input.shape[0] === 1) throw new Error('seq_len 1')
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

  it('is unsupported without states', async () => {
    expect(states).toBeDefined()
    const { outcome, reason, comparisons } = await verify(withoutStates, engine)
    expect({ outcome, reason }).toStrictEqual({
      outcome: 'unsupported',
      reason: 'the free run decides 1 of 4 steps, and the fixture has no states for the others',
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
        if (request.inputs.input.shape[0] !== 1) return engine.run(request)
        const { input } = request.inputs
        return engine.run({ ...request, inputs: { input } })
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
      run: (request) => (request.inputs.input.shape[0] === 1 ? engine.run(request) : {}),
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
