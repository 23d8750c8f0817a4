import { describe, expect, it } from 'vitest'
import type { FloatTensor } from '../../src/format/tensor.ts'
import { layoutOf } from '../../src/layout.ts'
import { layerCase } from '../sample.ts'

const deep = layerCase({ module: 'GRU', num_layers: 3, input_size: 3, hidden_size: 3 }).params
const both = layerCase({ module: 'GRU', bidirectional: true, input_size: 3, hidden_size: 3 }).params

/** Why tensors of a port are at odds. names: what each is in the state_dict. */
function odds(stateDict: Readonly<Record<string, FloatTensor>>, names: Record<string, string>): Record<string, string> {
  const port = Object.fromEntries(Object.entries(names).map(([name, own]) => [name, stateDict[own]!]))
  const { findings } = layoutOf(stateDict, port)
  return Object.fromEntries(
    findings.flatMap((each) => {
      if (each.status === 'matched') return []
      return [[each.name, each.status === 'at odds' ? each.why : each.status]]
    }),
  )
}

const kinds = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh']
const all = (folder: string, suffix: string): Record<string, string> =>
  Object.fromEntries(kinds.map((kind, i) => [`${folder}/${i}`, `${kind}${suffix}`]))

describe('names', () => {
  it('say nothing against what they do not contradict', () => {
    const named = { ...all('gru/vars', '_l0'), ...all('gru_1/vars', '_l1'), ...all('gru_10/vars', '_l2') }
    expect(odds(deep, named)).toEqual({})
    expect(odds(both, { ...all('forward', '_l0'), ...all('backward', '_l0_reverse') })).toEqual({})
    expect(odds(deep, Object.fromEntries(Object.keys(deep).map((name) => [`model.rnn.${name}`, name])))).toEqual({})
    // Layers that are modules each count from 0.
    const stacked = [0, 1, 2].flatMap((layer) => kinds.map((kind) => [`rnn.${layer}.${kind}_l0`, `${kind}_l${layer}`]))
    expect(odds(deep, Object.fromEntries(stacked))).toEqual({})
    expect(odds(deep, { hyh: 'weight_ih_l0', hhs: 'weight_ih_l1', reverser: 'weight_ih_l2' })).toEqual({})
    // One direction may be called as anybody likes.
    expect(odds(deep, { 'reverse.a': 'weight_ih_l0' })).toEqual({})
  })

  it.each<[string, Readonly<Record<string, FloatTensor>>, Record<string, string>, Record<string, string>]>([
    [
      'PyTorch’s names exchanged',
      deep,
      {
        bias_ih_l0: 'bias_hh_l0',
        'rnn.bias_hh_l0': 'bias_ih_l0',
        weight_ih_l1: 'weight_ih_l2',
        weight_hh_l1: 'weight_hh_l1',
      },
      {
        bias_ih_l0: 'its name is that of another parameter',
        'rnn.bias_hh_l0': 'its name is that of another parameter',
        weight_ih_l1: 'its name is that of another parameter',
      },
    ],
    [
      'directions exchanged',
      both,
      { forwardKernel: 'weight_ih_l0_reverse', 'bw/kernel': 'weight_ih_l0', forward_backward: 'weight_hh_l0' },
      { forwardKernel: 'its name says forward', 'bw/kernel': 'its name says reverse' },
    ],
    [
      'weights of the input for those of h',
      deep,
      { recurrentKernel: 'weight_ih_l0', 'cell.ih': 'weight_hh_l0', W_hh: 'weight_hh_l1' },
      {
        recurrentKernel: 'its name says that it is of h, as weight_hh is',
        'cell.ih': 'its name says that it is of the input, as weight_ih is',
      },
    ],
    [
      'another layer’s among those of one',
      deep,
      { 'a/k': 'weight_ih_l0', 'a/r': 'weight_hh_l1', 'b/k': 'weight_ih_l1', 'b/s': 'bias_ih_l1' },
      {
        'a/k': 'a has weight_hh_l1 as well, of another layer or direction',
        'a/r': 'a has weight_ih_l0 as well, of another layer or direction',
      },
    ],
    [
      'another kind than in other layers',
      deep,
      {
        ...all('gru/vars', '_l0'),
        ...all('gru_1/vars', '_l1'),
        ...all('gru_2/vars', '_l2'),
        'gru_1/vars/0': 'weight_hh_l1',
        'gru_1/vars/1': 'weight_ih_l1',
      },
      { 'gru_1/vars/0': 'gru/vars/0 is weight_ih_l0', 'gru_1/vars/1': 'gru/vars/1 is weight_hh_l0' },
    ],
    [
      'layers in another order',
      deep,
      {
        gru: 'weight_ih_l2',
        gru_1: 'weight_ih_l1',
        b_2: 'weight_hh_l0',
        b_10: 'weight_hh_l1',
        c_2: 'bias_ih_l1',
        c_10: 'bias_ih_l0',
      },
      {
        gru: 'names count otherwise: gru_1 is weight_ih_l1',
        gru_1: 'names count otherwise: gru is weight_ih_l2',
        c_2: 'names count otherwise: c_10 is bias_ih_l0',
        c_10: 'names count otherwise: c_2 is bias_ih_l1',
      },
    ],
  ])('speak against %s', (_, stateDict, named, expected) => {
    expect(odds(stateDict, named)).toEqual(expected)
  })
})
