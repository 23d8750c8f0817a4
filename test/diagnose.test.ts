import { describe, expect, it } from 'vitest'
import type { Outputs } from '../src/format/case.ts'
import { diagnose } from '../src/diagnose.ts'
import { type FloatTensor, floatTensor } from '../src/format/tensor.ts'
import { naive } from './naive.ts'
import { layerCase, type LayerOptions } from './sample.ts'

type Sample = ReturnType<typeof layerCase>

/** What a port gives that is the naive implementation, with other parameters. */
function port(recorded: Sample, change: (name: string, tensor: FloatTensor) => FloatTensor): Outputs {
  const params = Object.fromEntries(
    Object.entries(recorded.params).map(([name, tensor]) => [name, change(name, tensor)]),
  )
  const values = naive({ ...recorded, params })
  return Object.fromEntries(
    Object.entries(recorded.expected).map(([name, { dtype, shape }]) => [
      name,
      floatTensor(dtype, shape, values[name]!),
    ]),
  )
}

function turned({ dtype, shape, data }: FloatTensor): FloatTensor {
  const [rows = 1, columns = 1] = shape
  const values: number[] = []
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) values.push(data[c * rows + r]!)
  return floatTensor(dtype, shape, values)
}

function zero({ dtype, shape, data }: FloatTensor): FloatTensor {
  return floatTensor(
    dtype,
    shape,
    data.map(() => 0),
  )
}

const options: Partial<LayerOptions> = { input_size: 3, hidden_size: 4, seq_len: 6, batch: 3 }

/** Every output changed by what it was. */
function changed({ expected }: Sample, name: string, change: (tensor: FloatTensor) => FloatTensor): Outputs {
  return { ...expected, [name]: change(expected[name]!) }
}

describe('diagnose', () => {
  it('says nothing of outputs that match', () => {
    const recorded = layerCase(options)
    expect(diagnose(recorded, recorded.expected)).toEqual({ where: [], explanations: [] })
  })

  it.each(['RNN', 'LSTM', 'GRU'] as const)('finds a transposed weight_hh of a %s', (module) => {
    const recorded = layerCase({ ...options, module })
    const outputs = port(recorded, (name, tensor) => (name.startsWith('weight_hh') ? turned(tensor) : tensor))
    const [first] = diagnose(recorded, outputs).explanations
    expect(first).toMatchObject({
      faults: ['weight_hh transposed'],
      edits: [{ operator: 'layout', operand: { tensor: 'weight_hh' } }],
      sentence: expect.stringMatching(/^reads weight_hh (transposed|as if)/),
      advice: [{ term: `torch.nn.${module}, Variables`, change: expect.stringContaining('weight_hh') }],
      explained: expect.closeTo(1, 1),
      complete: true,
    })
  })

  it('finds gates in the order of ONNX', () => {
    const recorded = layerCase({ ...options, module: 'LSTM' })
    const outputs = port(recorded, (name, tensor) => {
      // Blocks i f g o are taken for i o f g.
      const size = tensor.data.length / 4
      const block = (k: number): number[] => Array.from(tensor.data.subarray(k * size, (k + 1) * size))
      return floatTensor(tensor.dtype, tensor.shape, [block(0), block(2), block(3), block(1)].flat())
    })
    const [first] = diagnose(recorded, outputs).explanations
    expect(first).toMatchObject({ faults: ['gates in the order i o f g'], complete: true })
  })

  it('finds two faults together', () => {
    const recorded = layerCase(options)
    const outputs = port(recorded, (name, tensor) => {
      if (name.startsWith('weight_hh')) return turned(tensor)
      return name.startsWith('bias_ih') ? zero(tensor) : tensor
    })
    const [first] = diagnose(recorded, outputs).explanations
    expect(first?.complete).toBe(true)
    expect(first?.faults.toSorted()).toEqual(['bias_ih dropped', 'weight_hh transposed'])
  })

  it('explains nothing completely that no fault gives', () => {
    const recorded = layerCase(options)
    const outputs = changed(recorded, 'output', ({ dtype, shape, data }) =>
      floatTensor(
        dtype,
        shape,
        Array.from(data, (_, i) => Math.sin(13 * i * i)),
      ),
    )
    expect(diagnose(recorded, outputs).explanations.filter(({ complete }) => complete)).toEqual([])
  })

  it('names the first tensor that is off, and the place', () => {
    const recorded = layerCase(options)
    const outputs = changed(recorded, 'h_n', ({ dtype, shape, data }) =>
      floatTensor(
        dtype,
        shape,
        Array.from(data, (x, i) => (i === 5 ? x + 1 : x)),
      ),
    )
    expect(diagnose(recorded, outputs).where).toEqual([
      'h_n is the first tensor that is off; output matches',
      'off: batch row 1 of 3, unit 1 of 4; worst at layer 0, batch 1, unit 1',
      'output is right: every step is computed rightly, and the last states are taken, or put together, otherwise',
    ])
  })

  it.each([
    ['every step is one step late', 1],
    ['every step is one step early', -1],
  ])('sees that %s', (sentence, by) => {
    const recorded = layerCase(options)
    const outputs = changed(recorded, 'output', ({ dtype, shape, data }) => {
      const step = data.length / 6
      return floatTensor(
        dtype,
        shape,
        Array.from(data, (_, i) => data[i - by * step] ?? 0),
      )
    })
    expect(diagnose(recorded, outputs).where).toContain(sentence)
  })

  it.each([
    ['everything is -2 times what it should be', (x: number) => -2 * x],
    ['everything is 0.5 times what it should be', (x: number) => x / 2],
  ])('sees that %s', (sentence, change) => {
    const recorded = layerCase(options)
    const outputs = changed(recorded, 'output', ({ dtype, shape, data }) =>
      floatTensor(dtype, shape, Array.from(data, change)),
    )
    expect(diagnose(recorded, outputs).where).toContain(sentence)
  })

  it('sees that only the recurrent path is off', () => {
    const recorded = layerCase({ ...options, h_0: false })
    const outputs = port(recorded, (name, tensor) => (name.startsWith('weight_hh') ? turned(tensor) : tensor))
    expect(diagnose(recorded, outputs).where).toContain(
      'the first time step is right, those after it are not: the recurrent path',
    )
  })

  it('sees that only the reverse direction is off', () => {
    const recorded = layerCase({ ...options, bidirectional: true })
    const outputs = port(recorded, (name, tensor) => (name === 'bias_hh_l0_reverse' ? zero(tensor) : tensor))
    expect(diagnose(recorded, outputs).where).toContain('only the reverse direction is off')
  })

  it('sees the same numbers in another order', () => {
    const recorded = layerCase(options)
    const outputs = changed(recorded, 'output', ({ dtype, shape, data }) =>
      floatTensor(dtype, shape, Array.from(data).toReversed()),
    )
    expect(diagnose(recorded, outputs).where).toContain('the same numbers in another order')
  })
})
