import { describe, expect, it } from 'vitest'
import { programOf } from '../../src/program.ts'
import { everyOperation, type Operation, type Program } from '../../src/program/operation.ts'
import { type Recognised, recognised } from '../../src/program/recognise.ts'
import { modelRequest } from '../models.ts'
import { layerCase, questionOf } from '../sample.ts'
import { edited, isAt, wrapped } from './replaced.ts'

function found({ operations }: Program): (Recognised | undefined)[] {
  return operations.filter((own) => own.op === 'loop').map((loop) => recognised(loop, operations))
}

const lstm = programOf(modelRequest('ManyToMany', { config: { rnn: 'LSTM', num_layers: 2 }, lengths: [2, 4, 1] }))

describe('a loop is recognised', () => {
  it.each(['RNN', 'LSTM', 'GRU'] as const)('as the %s that it is, with what goes into it', (rnn) => {
    const program = programOf(modelRequest('ManyToOne', { config: { rnn } }))
    const [layer] = found(program)
    expect(layer!.module).toBe(rnn)
    expect(layer!.lengths).toBe(undefined)
    const named = Object.fromEntries([...everyOperation(program.operations)].map((own) => [own.id, own]))
    for (const name of ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh']) {
      expect(named[layer!.ids[name]!]!.attributes).toEqual({ name: `rnn.0.${name}_l0` })
    }
    expect(named[layer!.ids['input']!]!.attributes).toEqual({ name: 'input', requires_grad: true })
    expect(named[layer!.ids['h_0']!]!.site.tensor).toBe('h_0')
    expect('c_0' in layer!.ids).toBe(rnn === 'LSTM')
  })

  it('in every layer, with lengths, and with a parameter of another layer', () => {
    expect(found(lstm).map((layer) => [layer!.module, layer!.lengths !== undefined])).toEqual([
      ['LSTM', true],
      ['LSTM', true],
    ])
    const tied = edited(lstm, (own) =>
      own.op === 'parameter' && isAt(own, { layer: 1, tensor: 'weight_hh' })
        ? { ...own, attributes: { name: 'rnn.0.weight_hh_l0' } }
        : undefined,
    )
    expect(found(tied).filter((layer) => layer === undefined)).toEqual([])
  })
})

describe('a loop is not recognised', () => {
  it.each<[string, (own: Operation) => Operation | Operation[] | undefined]>([
    [
      'a bias is left out',
      (own) =>
        isAt(own, { op: 'add', gate: 'g', tensor: 'bias_hh' })
          ? { ...own, operands: own.operands.with(1, own.operands[0]!) }
          : undefined,
    ],
    [
      'another function stands for tanh',
      (own) =>
        isAt(own, { op: 'activation', gate: 'g' })
          ? ({ ...own, attributes: { function: 'relu' } } as Operation)
          : undefined,
    ],
    [
      'gates are in another order',
      (own) =>
        own.op === 'chunk' ? { ...own, attributes: { ...own.attributes, index: 3 - own.attributes.index } } : undefined,
    ],
    [
      'a weight is transposed',
      (own) =>
        isAt(own, { op: 'chunk', tensor: 'weight_hh' })
          ? wrapped(own, (inner) => ({ op: 'transpose', operands: [inner], attributes: { dim0: 0, dim1: 1 } }))
          : undefined,
    ],
    [
      'biases are tied',
      (own) =>
        isAt(own, { op: 'chunk', tensor: 'bias_hh' }) && own.op === 'chunk'
          ? {
              ...own,
              operands: [
                [...lstm.operations].find((other) =>
                  isAt(other, { ...own.site, op: 'chunk', tensor: 'bias_ih', layer: own.site.layer! }),
                )!.operands[0]!,
              ],
            }
          : undefined,
    ],
    [
      'time runs backward',
      (own) => (own.op === 'loop' ? { ...own, attributes: { ...own.attributes, reverse: true } } : undefined),
    ],
    [
      'a state is kept back',
      (own) => {
        if (own.op !== 'loop') return undefined
        const [h, c] = Object.keys(own.attributes.next)
        return { ...own, attributes: { ...own.attributes, next: { [h!]: own.attributes.next[h!]!, [c!]: c! } } }
      },
    ],
    [
      'something else in it is stacked',
      (own) =>
        own.op === 'stacked'
          ? { ...own, attributes: { of: own.attributes.of.replace('mul', 'activation') } }
          : undefined,
    ],
  ])('where %s', (_, edit) => {
    const other = edited(lstm, edit)
    expect(other).not.toEqual(lstm)
    expect(found(other)).toEqual([undefined, undefined])
  })

  it('where there is more in it, as in a decoder', () => {
    const program = programOf(modelRequest('EncoderDecoder'))
    expect(found(program).map((layer) => layer?.module)).toEqual(['GRU', undefined])
  })

  it('where it has no biases', () => {
    expect(found(programOf(questionOf(layerCase({ bias: false }))))).toEqual([undefined])
  })
})
