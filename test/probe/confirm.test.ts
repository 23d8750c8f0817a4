import { describe, expect, it } from 'vitest'
import { isModelRequest, type Outputs, type Request } from '../../src/format/case.ts'
import type { Explanation } from '../../src/diagnose.ts'
import { confirmed, confirmedAmong, tellingOf } from '../../src/probe/confirm.ts'
import { confirm } from '../../src/probe/tally.ts'
import type { Edit } from '../../src/edits/edit.ts'
import { runEdited } from '../../src/edits.ts'
import { run } from '../../src/engine/run.ts'
import { cellCase, layerCase } from '../sample.ts'

const own = (...edits: Edit[]): Explanation => ({ faults: [], edits, sentence: '', explained: 1, complete: true })
const transposed: Edit = {
  operator: 'layout',
  operand: { op: 'parameter', tensor: 'weight_hh' },
  value: 'stored by columns',
}
const noBias: Edit = { operator: 'zero', operand: { op: 'parameter', tensor: 'bias_hh' } }
const recorded = layerCase({ module: 'LSTM', num_layers: 2 })
const port = (...edits: Edit[]) => ({ name: 'port', run: (request: Request): Outputs => runEdited(edits, request) })
const limitMs = 60_000
const never = (): Promise<readonly string[]> => Promise.reject(new Error('it was not to be asked'))

describe('confirm', () => {
  it('counts the other requests in which a port gives what an explanation says', async () => {
    const [right, other] = await confirm(recorded, [own(transposed), own(noBias)], port(transposed), { limitMs })
    expect(right).toEqual({ confirmed: 24, of: 24 })
    expect(other?.confirmed).toBe(0)
    expect(other?.of).toBeGreaterThan(5)
    expect(other?.against).toBe('the case with its parameters’ numbers in another order')
  })

  it('holds an explanation that says too little against where the port is wrong all the same', async () => {
    const narrow: Edit = { ...transposed, scope: { layers: 'later' } }
    const [confirmation] = await confirm(recorded, [own(narrow)], port(transposed), { limitMs })
    expect(confirmation!.of).toBeGreaterThan(3)
    expect(confirmation!.confirmed).toBeLessThan(confirmation!.of)
  })

  it('holds one that says too much against where the port is right', async () => {
    const some = {
      name: 'port',
      run: (request: Request) =>
        !isModelRequest(request) && request.config.hidden_size % 2 === 0
          ? run(request)
          : runEdited([transposed], request),
    }
    const [confirmation] = await confirm(recorded, [own(transposed)], some, { limitMs })
    expect(confirmation!.of).toBe(24)
    expect(confirmation!.confirmed).toBeGreaterThan(0)
    expect(confirmation!.confirmed).toBeLessThan(24)
    expect(confirmation!.against).toMatch(/^LSTM input_size \d+, hidden_size \d*[02468],/)
  })

  it('asks nothing of a port that fails, refuses, or gives no tensors', async () => {
    const failing = {
      name: 'port',
      run: (): Outputs => {
        throw new Error('no')
      },
    }
    const refusing = { ...port(transposed), supports: () => 'not today' }
    const empty = { name: 'port', run: (): Outputs => ({}) }
    for (const engine of [failing, refusing, empty]) {
      expect(await confirm(recorded, [own(transposed)], engine, { limitMs })).toEqual([{ confirmed: 0, of: 0 }])
    }
  })
})

describe('confirmed', () => {
  const diagnosis = { where: ['off'], explanations: [own(noBias), own(transposed)] }

  it('takes what is the same in the case where that is so in others', async () => {
    const deep = layerCase({ num_layers: 2 })
    const inLast: Edit = { ...noBias, value: true, scope: { layers: 'last' } }
    const later = own({ ...inLast, scope: { layers: 'later' } })
    const held = await confirmed(deep, { where: [], explanations: [later] }, port(inLast), { limitMs, when: never })
    expect(held.explanations).toMatchObject([{ edits: [inLast], confirmation: { confirmed: 24, of: 24 } }])
    expect(held.explanations[0]!.sentence).toMatch(/in the last layer/)
  })

  it('leaves those that are confirmed', async () => {
    const held = await confirmed(recorded, diagnosis, port(transposed), { limitMs, when: never })
    expect(held.explanations).toEqual([{ ...own(transposed), confirmation: { confirmed: 24, of: 24 } }])
  })

  it('leaves all where none is, with what refutes them, and asks when the port is wrong', async () => {
    const engine = port({ operator: 'zero', operand: { op: 'parameter', tensor: 'bias_ih' } })
    const held = await confirmed(recorded, diagnosis, engine, { limitMs, when: () => Promise.resolve(['always']) })
    expect(held.explanations.map(({ confirmation }) => confirmation?.confirmed)).toEqual([0, 0])
    expect(held.when).toEqual(['always'])
  })

  it('says of an explanation that is so in requests of one option alone which one it is', async () => {
    const first = layerCase({ batch_first: true, num_layers: 2 })
    const some = {
      name: 'port',
      run: (request: Request) =>
        !isModelRequest(request) && 'batch_first' in request.config && request.config.batch_first
          ? runEdited([transposed], request)
          : run(request),
    }
    const held = await confirmed(first, { where: [], explanations: [own(transposed)] }, some, { limitMs, when: never })
    expect(held.explanations).toMatchObject([
      { edits: [{ ...transposed, given: { batch_first: true } }], confirmation: { confirmed: 24, of: 24 } },
    ])
    expect(held.explanations[0]!.sentence).toMatch(/weight_hh .*, where batch_first$/)
  })

  it('decides by requests with gradients whether the way back knows of it, where the case has none', async () => {
    const kept: Edit = { ...noBias, gradient: 'kept' }
    const bare = layerCase({ module: 'GRU' })
    for (const [known, told] of [
      [noBias, kept],
      [kept, noBias],
      [kept, kept],
    ] as const) {
      const held = await confirmedAmong(bare, [own(told)], port(known), limitMs)
      expect(held.edits).toEqual([known])
      expect(held.sentence.endsWith('not on the way back')).toBe(known === kept && told !== kept)
    }
    // Of two edits each may be known of or not.
    const both = await confirmedAmong(
      bare,
      [own(kept, { ...transposed, gradient: 'kept' })],
      port(kept, transposed),
      limitMs,
    )
    expect(both.edits).toEqual([kept, transposed])
    // Of a port that gives no gradients nothing is decided.
    const forward = {
      ...port(kept),
      supports: (request: Request) => request.cotangents === undefined || 'no gradients',
    }
    expect((await confirmedAmong(bare, [own(noBias)], forward, limitMs)).edits).toEqual([noBias])
  })
})

describe('tellingOf', () => {
  it('names a request in which two explanations of a case are not the same', () => {
    const cell = cellCase({ hidden_size: 1 })
    // Of one number there is nothing to transpose.
    const both = own(transposed, noBias)
    expect(tellingOf(cell, [both, own(noBias)], limitMs)).toMatch(/^RNNCell .*hidden_size [2-9]/)
    expect(tellingOf(cell, [own(noBias), own(noBias)], 2000)).toBeUndefined()
    expect(tellingOf(cell, [own(noBias)], limitMs)).toBeUndefined()
  })
})
