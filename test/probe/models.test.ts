import { describe, expect, it } from 'vitest'
import { diagnose, type Explanation } from '../../src/diagnose.ts'
import type { Edit } from '../../src/edits/edit.ts'
import { runEdited } from '../../src/edits.ts'
import { run } from '../../src/engine/run.ts'
import {
  type Case,
  expectedAxes,
  isExported,
  isModelRequest,
  type Outputs,
  type Request,
} from '../../src/format/case.ts'
import { floatTensor, type Tensor } from '../../src/format/tensor.ts'
import { confirmed, tellingOf } from '../../src/probe/confirm.ts'
import { othersFor } from '../../src/probe/others.ts'
import { confirm } from '../../src/probe/tally.ts'
import { requestOf } from '../../src/verify.ts'
import { modelCase, modelNames, modelRequest } from '../models.ts'
import { readCases } from '../proof/cases.ts'

const own = (...edits: Edit[]): Explanation => ({ faults: [], edits, sentence: '', explained: 1, complete: true })
const transposed: Edit = {
  operator: 'layout',
  operand: { op: 'parameter', tensor: 'weight_hh' },
  value: 'stored by columns',
}
const noBias: Edit = { operator: 'zero', operand: { op: 'parameter', tensor: 'bias_hh' } }
const port = (...edits: Edit[]) => ({ name: 'port', run: (request: Request): Outputs => runEdited(edits, request) })
const limitMs = 60_000

describe('other requests of a model', () => {
  it.each(modelNames)('have the configuration of a %s, other numbers, and what was asked', (module) => {
    const recorded = modelCase(modelRequest(module, { cotangent: 1 }))
    const sizes = new Set<string>()
    let count = 0
    for (const { other } of othersFor(recorded, 1)) {
      if (count++ === 12) break
      expect(other).toMatchObject({ module, config: recorded.config, dtype: recorded.dtype })
      expect(other.params).not.toEqual(recorded.params)
      expect(Object.keys(other.expected)).toEqual(Object.keys(expectedAxes(recorded)))
      expect(other.cotangents?.['loss']).toBeDefined()
      sizes.add(JSON.stringify(Object.values(other.inputs).map(({ shape }) => shape)))
    }
    expect(count).toBe(13)
    expect(sizes.size).toBeGreaterThan(3)
  })
})

describe('confirm', () => {
  it.each(modelNames)('holds explanations of a %s against what a port gives for others', async (module) => {
    const recorded = modelCase(modelRequest(module))
    const [right, other] = await confirm(recorded, [own(transposed), own(noBias)], port(transposed), { limitMs })
    expect(right).toEqual({ confirmed: 24, of: 24 })
    expect(other!.of).toBeGreaterThan(5)
    expect(other!.confirmed).toBe(0)
    expect(other!.against).toBe('the case with its parameters’ numbers in another order')
  })

  it('says in which request of a model a port is right although an explanation says otherwise', async () => {
    const recorded = modelCase(modelRequest('ManyToOne', { batch: 3 }))
    const some = {
      name: 'port',
      run: (request: Request) =>
        isModelRequest(request) && request.inputs['input']!.shape[1]! > 3
          ? run(request)
          : runEdited([transposed], request),
    }
    const [confirmation] = await confirm(recorded, [own(transposed)], some, { limitMs })
    expect(confirmation!.confirmed).toBeGreaterThan(3)
    expect(confirmation!.confirmed).toBeLessThan(confirmation!.of)
    expect(confirmation!.against).toMatch(
      /^ManyToOne of the same configuration with other numbers: seq_len \d, batch [456](, target_len \d)?(, lengths( \d)+)?, seed \d+$/,
    )
  })
})

describe('confirmed', () => {
  it('leaves of explanations of a model the one that other requests confirm', async () => {
    const recorded = modelCase(modelRequest('EncoderDecoder'))
    const diagnosis = { where: [], explanations: [own(noBias), own(transposed)] }
    const when = (): Promise<readonly string[]> => Promise.reject(new Error('it was not to be asked'))
    const { explanations } = await confirmed(recorded, diagnosis, port(transposed), { limitMs, when })
    expect(explanations).toMatchObject([{ edits: [transposed], confirmation: { confirmed: 24, of: 24 } }])
  })
})

describe('other requests of a captured model', () => {
  /** Zeros for the numbers of a bias up to a part of them. */
  const withoutBias = (part: number) => ({
    name: 'port',
    run: (request: Request): Outputs => {
      const { dtype, shape, data } = request.params['expand.bias']!
      const zeros = floatTensor(
        dtype,
        shape,
        Array.from(data, (x, i) => (i < part * data.length ? 0 : x)),
      )
      return run({ ...request, params: { ...request.params, 'expand.bias': zeros } })
    },
  })
  const when = (): Promise<readonly string[]> => Promise.resolve([])

  it('are of its program, and confirm what explains a case, or refute it', async () => {
    const [recorded] = await readCases('fixtures/captured/tcn_lstm.msgpack', isExported)
    const { case: own } = recorded!
    const diagnosis = diagnose(own, withoutBias(1).run(requestOf(own)), { limitMs })
    const { explanations } = await confirmed(own, diagnosis, withoutBias(1), { limitMs, when })
    expect(explanations[0]).toMatchObject({
      sentence: 'takes zeros for expand.bias',
      confirmation: { confirmed: 24, of: 24 },
    })
    const refuted = await confirmed(own, diagnosis, withoutBias(0.5), { limitMs, when })
    expect(refuted.explanations[0]!.confirmation).toMatchObject({
      confirmed: 0,
      against: 'the case with its parameters’ numbers in another order',
    })
  })

  it('has inputs with the numbers of the recorded ones', async () => {
    const [recorded] = await readCases('fixtures/captured/g2p.msgpack', isExported)
    const { case: own } = recorded!
    const [, ...others] = othersOf(own, 4)
    const numbersOf = ({ inputs }: Case): number[][] =>
      Object.values(inputs).map(({ data }: Tensor) => Array.from(data, Number).toSorted((x, y) => x - y))
    for (const other of others) {
      expect(other.inputs).not.toEqual(own.inputs)
      expect(numbersOf(other)).toEqual(numbersOf(own))
    }
    expect(others).toHaveLength(3)
  })
})

function othersOf(recorded: Case, count: number): Case[] {
  const others: Case[] = []
  for (const { other } of othersFor(recorded, 1)) if (others.push(other) === count) break
  return others
}

describe('tellingOf', () => {
  it('names a request of a model in which two explanations are not the same', () => {
    const recorded = modelCase(modelRequest('LanguageModel', { config: { hidden_size: 1 } }))
    expect(tellingOf(recorded, [own(transposed, noBias), own(transposed)], limitMs)).toMatch(/^the case|^LanguageModel/)
  })
})
