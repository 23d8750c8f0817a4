import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Case } from '../../src/format/case.ts'
import { openFile } from '../../src/cli/files.ts'
import { kappa } from '../../src/verify/compare.ts'
import { engine } from '../../src/engine/run.ts'
import { editsOf, faulted, faults } from '../../src/edits/faults.ts'
import { anything, type Target, targeted, targetNames, targetOf } from '../../src/verify/targets.ts'
import { shareOf } from '../../src/report/text.ts'
import { floatTensor, type Tensor } from '../../src/format/tensor.ts'
import { verify } from '../../src/verify.ts'
import { anyCell, anyLayer, budgetTensor, cellCase, layerCase, type RecurrentCase, sgd } from '../sample.ts'
import { limits } from '../targets/limits.ts'

const named = (name: string): Target => targetOf(name)!

/** The case with its inputs and parameters, and what they lead to, times a power of 2. */
function changed(recorded: RecurrentCase, name: 'input', change: (x: number, at: number) => number): RecurrentCase {
  const { dtype, shape, data } = recorded.inputs[name]
  const inputs = { ...recorded.inputs, [name]: floatTensor(dtype, shape, Array.from(data, change)) }
  const request = { ...recorded, inputs } as RecurrentCase
  return { ...request, expected: engine.run(request) } as RecurrentCase
}

const largest = (budget: Tensor<'float64'>): number => Math.max(...budget.data.filter((x) => x < Infinity))

async function fixtureCases(file: string): Promise<Case[]> {
  const cases: Case[] = []
  for await (const read of (await openFile(join(import.meta.dirname, '..', '..', 'fixtures', file))).cases()) {
    if ('error' in read) throw read.error
    cases.push(read.case)
  }
  return cases
}

describe('targetOf', () => {
  it('knows each word, and several of them in any order', () => {
    for (const name of targetNames) expect(targetOf(name)?.name).toBe(name)
    expect(targetOf('wgsl+tf32')?.name).toBe('wgsl+tf32')
    expect(targetOf('metal')).toBeUndefined()
    expect(targetOf('wgsl+')).toBeUndefined()
    expect(named('tf32+wgsl').permits('float32')).toStrictEqual(named('wgsl+tf32').permits('float32'))
  })

  it('permits together what each of several permits', () => {
    const [wgsl, tf32] = [named('wgsl').permits('float32')!, named('tf32').permits('float32')!]
    expect(named('wgsl+tf32').permits('float32')).toStrictEqual({
      ...wgsl,
      operands: tf32.operands,
      roundoff: tf32.roundoff,
    })
    // TF32 says nothing of float16.
    expect(named('ftz+tf32').permits('float16')).toStrictEqual(named('ftz').permits('float16'))
    expect(named('tf32+f16').permits('float32')?.operands).toBe('float16')
  })

  it.each([
    ['cpu', []],
    ['ftz', ['float16', 'bfloat16', 'float32', 'float64']],
    ['wgsl', ['float16', 'bfloat16', 'float32']],
    ['tf32', ['float32']],
    ['f16', ['float32']],
  ] as const)('%s is about %j', (name, dtypes) => {
    const all = ['float16', 'bfloat16', 'float32', 'float64'] as const
    expect(all.filter((dtype) => named(name).permits(dtype) !== undefined)).toStrictEqual(dtypes)
  })
})

describe('targeted', () => {
  it('leaves a case as it is where the target says nothing of its dtype', () => {
    const recorded = cellCase({ dtype: 'float64' })
    expect(targeted(recorded, named('wgsl'))).toBe(recorded)
    expect(targeted(cellCase(), named('cpu')).target).toBeUndefined()
  })

  it('gives the same every time, and keeps the shapes of budgets', () => {
    const recorded = layerCase({ module: 'GRU', num_layers: 2, decided: 2 })
    const one = targeted(recorded, named('wgsl+tf32'))
    expect(targeted(recorded, named('wgsl+tf32'))).toStrictEqual(one)
    for (const [name, { shape }] of Object.entries(recorded.budget))
      expect(one.budget[name]?.shape).toStrictEqual(shape)
    expect(one.target).toStrictEqual({ name: 'wgsl+tf32', roundoff: 2 ** -11, flushes: true })
  })

  it('adds to every budget, of outputs, gradients, trainings and steps, and takes nothing away', () => {
    for (const recorded of [
      layerCase({ module: 'LSTM', cotangents: true }),
      layerCase({ module: 'RNN', decided: 2 }),
      cellCase({ module: 'GRUCell', training: sgd }),
    ]) {
      for (const name of ['wgsl', 'tf32', 'f16']) {
        const { budget } = targeted(recorded, named(name))
        for (const [tensor, own] of Object.entries(recorded.budget)) {
          expect(
            own.data.every((x, i) => budget[tensor]!.data[i]! > x),
            `${name}: ${tensor}`,
          ).toBe(true)
        }
      }
    }
  })

  it('adds nothing for flushing where nothing is subnormal', () => {
    const recorded = layerCase({ module: 'LSTM', cotangents: true })
    expect(targeted(recorded, named('ftz')).budget).toStrictEqual(recorded.budget)
  })

  it('covers a flushed input that a large weight makes visible', () => {
    const recorded = cellCase({ input_size: 1, hidden_size: 1, batch: 1, h_0: false })
    const weight = floatTensor('float32', [1, 1], [2 ** 127])
    const own = changed({ ...recorded, params: { ...recorded.params, weight_ih: weight } }, 'input', () => 2 ** -128)
    const { budget } = targeted(own, named('ftz'))
    // Half of what goes into tanh is lost.
    const lost = Math.abs(own.expected['h_1']!.data[0]! - Math.tanh(Math.atanh(own.expected['h_1']!.data[0]!) - 0.5))
    expect(largest(budget['h_1']!)).toBeGreaterThan(0.99 * lost)
    expect(largest(budget['h_1']!)).toBeLessThan(1.01 * lost + 2 * largest(own.budget['h_1']!))
  })

  it('is propagated: an error in tanh counts for as much as the steps after it make of it', () => {
    const at = (data: Float64Array, t: number): number => data[t]! - data[0]!
    const recorded = layerCase({ seq_len: 6, h_0: false, bias: false })
    const weak = (factor: number): Case => {
      const params = Object.fromEntries(
        Object.entries(recorded.params).map(([name, { dtype, shape, data }]) => [
          name,
          floatTensor(
            dtype,
            shape,
            Array.from(data, (x) => x * factor),
          ),
        ]),
      )
      const request = { ...recorded, params } as RecurrentCase
      return { ...request, expected: engine.run(request) } as Case
    }
    const growth = (factor: number): number => at(targeted(weak(factor), named('wgsl')).budget['output']!.data, 5)
    expect(growth(1e-3)).toBeLessThan(1e-6)
    expect(growth(1)).toBeGreaterThan(3e-6)
  })
})

describe('what may be anything', () => {
  it('is what tanh and sigmoid are of numbers whose exp overflows, and all that follows from them', () => {
    const layer = layerCase({ module: 'LSTM', batch: 2, seq_len: 4, h_0: true })
    // From step 2 on in row 1 alone.
    const own = changed(layer, 'input', (x, at) => (at === (2 * 2 + 1) * 2 ? 3000 : x))
    const { budget } = targeted(own, named('wgsl'))
    const any = Array.from(budget['output']!.data, (x) => x === anything)
    const isRow = (offset: number): boolean => Math.floor(offset / 3) % 2 === 1 && Math.floor(offset / 6) >= 2
    expect(any).toStrictEqual(any.map((_, offset) => isRow(offset)))
    expect(targeted(own, named('ftz')).budget['output']!.data).not.toContain(anything)
  })

  it('is anything after a NaN or an infinity, which elsewhere are judged', async () => {
    const layer = layerCase({ batch: 2, seq_len: 3 })
    for (const value of [Number.NaN, Infinity]) {
      const own = changed(layer, 'input', (x, at) => (at === 2 ? value : x))
      const wgsl = targeted(own, named('wgsl'))
      const { comparisons, outcome } = await verify(wgsl, {
        name: 'other',
        run: (request) => {
          const { output, ...rest } = engine.run(request) as Record<string, NonNullable<Case['expected'][string]>>
          const data = output!.data.map((x, i) => (Math.floor(i / 3) % 2 === 1 ? -7 : x))
          const h_n = floatTensor('float32', rest['h_n']!.shape, Array.from(data.subarray(12)))
          return { output: { ...output!, data } as typeof output, h_n } as Case['expected']
        },
      })
      expect(outcome).toBe('match')
      expect(comparisons.map(({ tensor, unjudged }) => [tensor, unjudged])).toStrictEqual([
        ['output', 9],
        ['h_n', 3],
      ])
      expect(targeted(own, named('ftz')).budget).toStrictEqual(own.budget)
    }
  })

  it('is no match when there is nothing else', async () => {
    const recorded = cellCase({ batch: 1 })
    const own = changed(recorded, 'input', () => Number.NaN)
    const verdict = await verify(targeted(own, named('wgsl')), engine)
    expect(verdict.outcome).toBe('undecided')
    expect(verdict.reason).toBe('target wgsl lets every number be anything')
    // A batch of 0 has nothing that a target could change.
    const { reason } = await verify(targeted(cellCase({ batch: 0 }), named('wgsl')), engine)
    expect(reason).toBe('shapes agree, 0 numbers to judge')
  })

  it('is a symbol that is chosen from such logits, and each after it', async () => {
    const [first] = await fixtureCases('seq2seq/encoder_decoder_greedy.msgpack')
    const recorded = first!
    const name = 'linear.bias'
    const bias = recorded.params[name]!
    const params = {
      ...recorded.params,
      [name]: floatTensor(
        bias.dtype,
        bias.shape,
        bias.data.map(() => Infinity),
      ),
    }
    const { budget } = targeted({ ...recorded, params }, named('wgsl'))
    expect(budget['symbols']?.data.every((x) => x === anything)).toBe(true)
    expect(targeted(recorded, named('wgsl')).budget['symbols']?.data.some((x) => x === anything)).toBe(false)
  })
})

describe('a match', () => {
  it('of subnormal numbers is none where they may become 0', async () => {
    const recorded = cellCase({ bias: false, h_0: false })
    const tiny = changed(recorded, 'input', (x) => x * 2 ** -130)
    const own = { ...tiny, budget: { h_1: budgetTensor([1], [2 ** -148]) } } as RecurrentCase
    expect((await verify(own, engine)).outcome).toBe('match')
    const verdict = await verify(targeted(own, named('ftz')), engine)
    expect(verdict.outcome).toBe('undecided')
    expect(verdict.reason).toContain('h_1')
  })
})

const everyTarget = Object.keys(limits)
const files = ['rnn/default', 'lstm/gradients_proj_size', 'gru/special_values', 'lstm_cell/half', 'gru/training_adam']

describe('ports at the limit of a target', () => {
  it.each(everyTarget)('match for %s, of which some do not without it', async (name) => {
    let judged = 0
    let strictly = 0
    let most = 0
    for (const file of files) {
      for (const [i, recorded] of (await fixtureCases(`${file}.msgpack`)).entries()) {
        // Some are enough: `npm run targets` judges them all.
        if (i % 2 === 1 && file !== 'gru/special_values') continue
        const own = targeted(recorded, named(name))
        const ports = limits[name]!
        const port = ports[Math.floor(i / 2) % ports.length]!
        const verdict = await verify(own, port)
        if (verdict.comparisons.length === 0) continue
        judged++
        most = Math.max(most, shareOf(verdict))
        expect({ id: recorded.id, port: port.name, outcome: verdict.outcome }).not.toMatchObject({
          outcome: 'mismatch',
        })
        if ((await verify(recorded, port)).outcome === 'mismatch') strictly++
      }
    }
    expect(judged).toBeGreaterThan(10)
    expect(strictly).toBeGreaterThan(name === 'ftz' ? 1 : 8)
    // Nor could it be much less.
    expect(most).toBeGreaterThan(0.1)
  })
})

describe('a fault', () => {
  it.each(['weight_hh transposed', 'bias_hh dropped', 'relu for tanh'])('is still seen: %s', async (wanted) => {
    const fault = faults.find(({ name }) => name.startsWith(wanted.split(' ')[0]!) || name === wanted)!
    for (const name of everyTarget) {
      const outcomes = new Set<string>()
      for (const seed of [1, 2, 3, 4, 5, 6]) {
        for (const recorded of [anyLayer(seed, { module: 'RNN' }), anyCell(seed, { module: 'GRUCell' })]) {
          if (editsOf(fault, recorded) === undefined) continue
          outcomes.add((await verify(targeted(recorded, named(name)), faulted(fault))).outcome)
        }
      }
      expect({ name, seen: outcomes.has('mismatch') }).toStrictEqual({ name, seen: true })
    }
  })
})

it('allows κ budgets of what was added, and no more', async () => {
  const recorded = cellCase()
  const own = targeted(recorded, named('wgsl'))
  const limit = kappa * own.budget['h_1']!.data[0]!
  const off = async (by: number): Promise<string> => {
    const { outcome } = await verify(own, {
      name: 'off',
      run: () => ({
        h_1: floatTensor(
          'float32',
          recorded.expected['h_1']!.shape,
          Array.from(recorded.expected['h_1']!.data, (x) => x + by),
        ),
      }),
    })
    return outcome
  }
  expect(await off(0.9 * limit)).toBe('match')
  expect(await off(1.1 * limit)).toBe('mismatch')
  expect(limit).toBeLessThan(5e-4)
})
