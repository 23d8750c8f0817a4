import { describe, expect, it } from 'vitest'
import { readActual } from '../../src/format/actual.ts'
import { renamed } from '../../src/format/actual/map.ts'
import { parseMap } from '../../src/format/actual/rules.ts'
import type { FloatTensor } from '../../src/format/tensor.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { npy, safetensors } from '../cli/answering.ts'
import { cellCase, layerCase, type LayerOptions } from '../sample.ts'

const lstm = layerCase({ module: 'LSTM', seq_len: 3, batch: 2, cotangents: true })
const { output, h_n, c_n, grad_weight_ih_l0: gradient } = lstm.expected as Record<string, FloatTensor>

/** Axis i of what comes out is axis axes[i] of what goes in, element by element. */
function turned({ dtype, shape, data }: FloatTensor, axes: readonly number[]): FloatTensor {
  const to = axes.map((axis) => shape[axis]!)
  const values = Array.from({ length: data.length }, (_, offset) => {
    let rest = offset
    const index: number[] = []
    for (let axis = to.length - 1; axis >= 0; axis--) {
      index[axes[axis]!] = rest % to[axis]!
      rest = Math.floor(rest / to[axis]!)
    }
    return data[index.reduce((sum, i, axis) => sum * shape[axis]! + i, 0)]!
  })
  return floatTensor(dtype, to, values)
}

/** The rows of blocks in another order: block i of what comes out is block order[i]. */
function blocks({ dtype, shape, data }: FloatTensor, order: readonly number[]): FloatTensor {
  const size = data.length / order.length
  return floatTensor(
    dtype,
    shape,
    order.flatMap((block) => Array.from(data.slice(block * size, (block + 1) * size))),
  )
}

const map = (rules: unknown): ReturnType<typeof parseMap> => parseMap(JSON.stringify(rules), 'map.json')

describe('renamed', () => {
  it('gives names by stars and regular expressions, of which the first that matches counts', () => {
    const rules = map([
      { from: 'hidden', to: 'output' },
      { from: '/^final_(h|c)$/', to: '$1_n' },
      { from: 'final_*', to: 'output' },
      { from: 'd.*.kernel', to: 'grad_$1' },
      { from: 'more*', to: null },
    ])
    const given = { hidden: output!, final_h: h_n!, final_c: c_n!, 'd.weight_ih_l0.kernel': gradient!, more_1: h_n! }
    expect(renamed(given, rules, lstm, 'a')).toEqual({ output, h_n, c_n, grad_weight_ih_l0: gradient })
  })

  it('leaves names that are expected as they are', () => {
    expect(renamed({ output: output!, h_n: h_n! }, map([{ from: 'x', to: 'y' }]), lstm, 'a')).toEqual({ output, h_n })
  })

  it('puts axes in the order of PyTorch, and gates after them', () => {
    const rules = map([
      { from: 'hidden', to: 'output', transpose: [1, 2, 0] },
      { from: 'kernel', to: 'grad_weight_ih_l0', transpose: [1, 0], gates: 'o, i c f' },
    ])
    // numpy.transpose(hidden, (1, 2, 0)) is output.
    const hidden = turned(output!, [2, 0, 1])
    const kernel = turned(blocks(gradient!, [3, 0, 2, 1]), [1, 0])
    expect(hidden.shape).not.toEqual(output!.shape)
    expect(renamed({ hidden, kernel }, rules, lstm, 'a')).toEqual({ output, grad_weight_ih_l0: gradient })
  })

  it('takes a rule for tensors of its axes, and for modules of its gates, alone', () => {
    const rules = map([
      { from: 'hidden', to: 'output', transpose: [1, 0] },
      { from: 'hidden', to: 'output', transpose: [1, 0, 2] },
      { from: 'kernel', to: 'grad_weight_ih_l0', gates: 'z r n' },
      { from: 'kernel', to: 'grad_weight_ih_l0', gates: 'f i g o' },
      { from: 'kernel', to: 'grad_weight_ih_l0' },
    ])
    const rnn = layerCase({ module: 'RNN', seq_len: 3, batch: undefined, cotangents: true })
    const gru = layerCase({ module: 'GRU', seq_len: 3, batch: 2, cotangents: true })
    for (const [recorded, axes, order] of [
      [lstm, [1, 0, 2], [1, 0, 2, 3]],
      [gru, [1, 0, 2], [1, 0, 2]],
      [rnn, [1, 0], [0]],
    ] as const) {
      const { output: own, grad_weight_ih_l0: rows } = recorded.expected as Record<string, FloatTensor>
      const given = { hidden: turned(own!, axes), kernel: blocks(rows!, order) }
      expect(renamed(given, rules, recorded, 'a')).toEqual({ output: own, grad_weight_ih_l0: rows })
    }
  })

  it('knows the rows of a bias, and of parameters after each step of a training', () => {
    const training = {
      optimizer: 'SGD',
      lr: 0.5,
      weight_decay: 0,
      momentum: 0,
      dampening: 0,
      nesterov: false,
      steps: 2,
    } as const
    const gru = cellCase({ module: 'GRUCell', training })
    const { weight_hh, bias_ih, loss } = gru.expected as Record<string, FloatTensor>
    const bySteps = ({ dtype, shape, data }: FloatTensor): FloatTensor => {
      const half = data.length / 2
      const one = blocks(floatTensor(dtype, shape.slice(1), data.slice(0, half)), [1, 0, 2])
      const other = blocks(floatTensor(dtype, shape.slice(1), data.slice(half)), [1, 0, 2])
      return floatTensor(dtype, shape, [...one.data, ...other.data])
    }
    const named = map([
      { from: 'weight_hh', to: 'weight_hh', gates: 'z r h' },
      { from: 'bias_ih', to: 'bias_ih', gates: 'z r h' },
    ])
    expect(
      renamed({ weight_hh: bySteps(weight_hh!), bias_ih: bySteps(bias_ih!), loss: loss! }, named, gru, 'a'),
    ).toEqual({
      weight_hh,
      bias_ih,
      loss,
    })
  })

  it.each<[unknown[], Record<string, FloatTensor>, string]>([
    [
      [{ from: 'hidden', to: 'output' }],
      { hidden: output!, state: h_n! },
      `a: expected names that the map makes h_n, c_n, grad_input, grad_h_0, grad_c_0, grad_weight_ih_l0, grad_weight_hh_l0, grad_bias_ih_l0, grad_bias_hh_l0, got state`,
    ],
    [
      [{ from: 's*', to: 'h_$1' }],
      { state: h_n! },
      'a: expected names that the map makes output, h_n, c_n, grad_input, grad_h_0, grad_c_0, grad_weight_ih_l0, grad_weight_hh_l0, grad_bias_ih_l0, grad_bias_hh_l0, got state (h_tate)',
    ],
    [
      [{ from: '*', to: 'output' }],
      { a: output!, b: output! },
      'a: expected one tensor for output, as the map has it, got a and b',
    ],
    [
      [{ from: '*', to: 'output', gates: 'i f c o' }],
      { a: output! },
      'a: a: expected blocks of rows of 4 gates in output, got shape (3, 2, 3)',
    ],
  ])('refuses %j', (rules, tensors, message) => {
    expect(() => renamed(tensors, map(rules), lstm, 'a')).toThrow(message)
  })

  it('does not part the rows of a projection', () => {
    const own: Partial<LayerOptions> = { module: 'LSTM', hidden_size: 8, proj_size: 4, cotangents: true }
    const projected = layerCase(own)
    const tensors = { a: projected.expected['grad_weight_hr_l0']! }
    expect(() =>
      renamed(tensors, map([{ from: 'a', to: 'grad_weight_hr_l0', gates: 'i f c o' }]), projected, 'a'),
    ).toThrow('a: a: expected blocks of rows of 4 gates in grad_weight_hr_l0, got shape (4, 8)')
  })
})

describe('parseMap', () => {
  it.each([
    ['{', 'map.json: expected a list of rules in JSON, got '],
    ['{}', 'map.json: expected array, got a map'],
    ['[]', 'map.json: expected at least 1, got a list'],
    ['[{"from": "a"}]', 'map.json: 0.to: expected a name, a list of names, or null, got nothing'],
    ['[{"from": "a", "to": "b", "scale": 2}]', 'map.json: 0: expected no key "scale"'],
    [
      '[{"from": "a", "to": "b", "transpose": [1, 1]}]',
      'map.json: 0.transpose: expected an order of the axes from 0, got a list',
    ],
    [
      '[{"from": "a", "to": "b", "transpose": [1, 2]}]',
      'map.json: 0.transpose: expected an order of the axes from 0, got a list',
    ],
    [
      '[{"from": "a", "to": "b", "gates": "i f o"}]',
      'map.json: 0.gates: expected the gates i f g o or r z n in some order, got "i f o"',
    ],
    [
      '[{"from": "a", "to": "b", "gates": "i i g o"}]',
      'map.json: 0.gates: expected the gates i f g o or r z n in some order, got "i i g o"',
    ],
    [
      '[{"from": "a", "to": ["b", "c"]}]',
      'map.json: 0: expected join or sum where there is a list of names, and neither elsewhere',
    ],
    [
      '[{"from": "a", "to": "b", "join": 0}]',
      'map.json: 0: expected join or sum where there is a list of names, and neither elsewhere',
    ],
    ['[{"from": "a", "to": ["b"], "sum": true}]', 'map.json: 0: expected two biases in a sum'],
    ['[{"from": "a", "to": ["b", "c"], "join": 0, "sum": true}]', 'map.json: 0: expected join or sum, not both'],
    [
      '[{"from": "a", "to": "b", "gate": "i", "gates": "i f g o"}]',
      'map.json: 0: expected gate without gates, interleaved and join',
    ],
    ['[{"from": "a", "to": "b", "reshape": [-1, -1]}]', 'map.json: 0.reshape: expected at most one −1, got a list'],
    ['[{"from": "/(/", "to": "b"}]', 'map.json: 0.from: expected a regular expression, got '],
  ])('refuses %s', (text, message) => {
    expect(() => parseMap(text, 'map.json')).toThrow(message)
  })
})

describe('readActual', () => {
  it('takes the name of a .npy for that of its tensor, where there is a map', () => {
    const named = map([{ from: 'final_*', to: '$1_n' }])
    expect(readActual('final_c.npy', npy(c_n!), lstm, named).outputs).toEqual({ c_n })
  })

  it('names the tensors of other files', () => {
    const named = map([{ from: 'hidden', to: 'output' }])
    expect(readActual('a.safetensors', safetensors({ hidden: output! }), lstm, named).outputs).toEqual({ output })
  })
})
