import { expect, it } from 'vitest'
import { renamed } from '../../src/format/actual/map.ts'
import { parseMap } from '../../src/format/actual/rules.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { layoutOf } from '../../src/layout.ts'
import { type Random, random } from '../random.ts'
import { layerCase, type RecurrentCase } from '../sample.ts'

const gatesOf = { RNN: 1, LSTM: 4, GRU: 3 } as const

/** Some module, and how a port may have its weights: any order of gates, in blocks or side by side, transposed or not. */
function drawn(numbers: Random, seed: number): { recorded: RecurrentCase; port: Record<string, FloatTensor> } {
  const module = numbers.pick(['RNN', 'LSTM', 'GRU'] as const)
  const hidden_size = numbers.int(1, 5)
  const recorded = layerCase(
    {
      module,
      hidden_size,
      input_size: numbers.int(1, 5),
      num_layers: numbers.int(1, 3),
      bidirectional: numbers.next() < 0.5,
      bias: numbers.next() < 0.75,
      proj_size: module === 'LSTM' && hidden_size > 2 && numbers.next() < 0.25 ? hidden_size - 1 : 0,
      seq_len: 1,
      batch: 1,
    },
    seed,
  )
  const count = gatesOf[module]
  const order = Array.from({ length: count }, (_, i) => i).toSorted(() => numbers.around(1))
  const [isTurned, isMixed] = [numbers.next() < 0.5, numbers.next() < 0.25]
  const port = Object.entries(recorded.params).map(([name, { shape, data }], i) => {
    const [rows = 0, columns = 1] = shape
    const units = rows / count
    const at = (row: number, column: number): number => {
      const [gate, unit] = isMixed ? [row % count, Math.floor(row / count)] : [Math.floor(row / units), row % units]
      return data[(name.includes('hr') ? row : order[gate]! * units + unit) * columns + column]!
    }
    const turned = isTurned && shape.length === 2
    const values = Array.from({ length: rows * columns }, (_, k) =>
      turned ? at(k % rows, Math.floor(k / rows)) : at(Math.floor(k / columns), k % columns),
    )
    return [`p${i}`, floatTensor('float32', turned ? [columns, rows] : shape, values)] as const
  })
  return { recorded, port: Object.fromEntries(port) }
}

it('finds any layout that it documents, whose rules undo it, and nothing that is off in one number', () => {
  const numbers = random(3)
  for (let seed = 1; seed <= 60; seed++) {
    const { recorded, port } = drawn(numbers, seed)
    const { findings, unused } = layoutOf(recorded.params, port)
    expect([seed, unused, findings.filter(({ status }) => status !== 'matched')]).toEqual([seed, [], []])
    const rules = findings.map((each) => (each.status === 'matched' ? each.rule : undefined))
    const gradients = (of: Readonly<Record<string, FloatTensor>>): Record<string, FloatTensor> =>
      Object.fromEntries(Object.entries(of).map(([name, own]) => [`grad_${name}`, own]))
    const asked = { ...recorded, expected: gradients(recorded.params), cotangents: {} } as typeof recorded
    const map = parseMap(JSON.stringify(rules), 'map.json')
    expect(renamed(gradients(port), map, asked, 'port')).toEqual(gradients(recorded.params))
    const name = `p${numbers.int(0, findings.length - 1)}`
    const { data } = port[name]!
    const at = numbers.int(0, data.length - 1)
    const altered = { ...port[name]!, data: data.map((x, i) => (i === at ? x * 1.00001 : x)) } as FloatTensor
    const off = layoutOf(recorded.params, { ...port, [name]: altered })
    expect([seed, off.findings.find((each) => each.name === name)?.status]).not.toEqual([seed, 'matched'])
    expect(off.unused.length).toBeGreaterThan(0)
  }
})
