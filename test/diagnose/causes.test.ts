import { describe, expect, it } from 'vitest'
import { CausesOfRun, type CausesOptions } from '../../src/diagnose/causes.ts'
import { runEdited } from '../../src/edits.ts'
import type { Edit } from '../../src/edits/edit.ts'
import type { Outputs } from '../../src/format/case.ts'
import { requestOf } from '../../src/verify.ts'
import { layerCase, type LayerOptions, type RecurrentCase } from '../sample.ts'

const noBias: Edit = { operator: 'drop', operand: { op: 'add', tensor: 'bias_hh', k: 0 }, value: 0 }
const noState: Edit = { operator: 'zero', operand: { kind: 'initial states' }, value: true }
const order: Edit = {
  operator: 'gates',
  operand: { op: 'chunk' },
  value: { order: 'igfo', tensors: ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'] },
}

function cases(count: number, options: Partial<LayerOptions>, name = 'case'): RecurrentCase[] {
  return Array.from({ length: count }, (_, i) => layerCase({ ...options, id: `${name}-${i}` }, i + 1))
}

/** What the mismatches of a port come from. */
function causesOf(all: readonly RecurrentCase[], edits: readonly Edit[], options: CausesOptions = {}): CausesOfRun {
  const causes = new CausesOfRun({ searchMs: 3000, ...options })
  for (const recorded of all) causes.look('a.msgpack', recorded, runEdited(edits, requestOf(recorded)))
  causes.lookAgain()
  return causes
}

/** Numbers that no edit gives: each its own. */
function nonsense(recorded: RecurrentCase): Outputs {
  return Object.fromEntries(
    Object.entries(recorded.expected).map(([name, tensor]) => [
      name,
      { ...tensor, data: tensor.data.map((x, i) => x + Math.sin(7 * i + 1)) },
    ]),
  ) as Outputs
}

describe('the causes of a run', () => {
  it('are few: one explains every case that has it', () => {
    const { groups, unexplained } = causesOf(cases(12, { module: 'LSTM' }), [order]).result()
    expect(groups.map(({ cases: own, sentence, confirmed }) => [own.length, sentence, confirmed])).toEqual([
      [12, expect.stringContaining('i g f o'), { cases: 11, of: 11 }],
    ])
    expect(groups[0]!.cases[0]).toEqual({ file: 'a.msgpack', id: 'case-0' })
    expect(unexplained).toEqual({ cases: [], searched: 0 })
  })

  it('come the most frequent first, each with its own cases', () => {
    const causes = new CausesOfRun()
    const add = (recorded: RecurrentCase, edit: Edit): void => {
      causes.look(`${recorded.module}.msgpack`, recorded, runEdited([edit], requestOf(recorded)))
    }
    for (const recorded of cases(3, { module: 'RNN' })) add(recorded, noBias)
    for (const recorded of cases(5, { module: 'LSTM' })) add(recorded, order)
    causes.lookAgain()
    const { groups } = causes.result()
    expect(groups.map((group) => group.cases.length)).toEqual([5, 3])
    expect(new Set(groups[0]!.cases.map(({ file }) => file))).toEqual(new Set(['LSTM.msgpack']))
    // The order of gates has nothing to change in an RNN, and does not count as tried there.
    expect(groups[0]!.confirmed).toEqual({ cases: 4, of: 4 })
  })

  it('count as tried on the cases of the modules in which they explain any', () => {
    const causes = new CausesOfRun({ searchMs: 100 })
    for (const recorded of cases(3, { module: 'RNN' })) {
      causes.look('a', recorded, runEdited([noBias], requestOf(recorded)))
    }
    for (const recorded of [...cases(2, { module: 'RNN' }, 'odd'), ...cases(2, { module: 'LSTM' }, 'odd')]) {
      causes.look('b', recorded, nonsense(recorded))
    }
    expect(causes.result().groups.map(({ confirmed }) => confirmed)).toEqual([{ cases: 2, of: 4 }])
  })

  it.each<[NonNullable<Edit['scope']>['layers'], string]>([
    ['last', 'in the last layer'],
    ['later', 'from layer 1 on'],
    ['first', 'in layer 0'],
  ])('of several that explain a case are told by another: %s', (layers, said) => {
    const two = cases(3, { num_layers: 2 }, 'two')
    const three = cases(2, { num_layers: 3 }, 'three')
    const edits = [{ ...noBias, scope: { layers: layers! } }]
    for (const all of [
      [...two, ...three],
      [...three, ...two],
    ]) {
      const { groups } = causesOf(all, edits).result()
      expect(groups.map((group) => [group.cases.length, group.sentence.endsWith(said)])).toEqual([[5, true]])
    }
  })

  it('are the wider where nothing tells', () => {
    const { groups } = causesOf(cases(3, { num_layers: 2 }), [{ ...noBias, scope: { layers: 'last' } }]).result()
    expect(groups[0]!.sentence).toMatch(/from layer 1 on$/)
    expect(groups[0]!.alike).toContainEqual(expect.stringMatching(/in the last layer$/))
  })

  it('know whether the way back has it, once a case with gradients tells', () => {
    for (const gradient of [{}, { gradient: 'kept' as const }]) {
      const all = [...cases(4, {}, 'forward'), ...cases(3, { cotangents: true }, 'backward')]
      const { groups } = causesOf(all, [{ ...noState, ...gradient }]).result()
      expect(groups.map((group) => group.cases.length)).toEqual([7])
      expect(groups[0]!.edits[0]!.gradient).toBe('gradient' in gradient ? 'kept' : undefined)
    }
  })

  it('are two where a port has two, each found in a case that has it alone', () => {
    const bare = cases(2, { module: 'LSTM', h_0: false }, 'bare')
    const { groups } = causesOf([...bare, ...cases(6, { module: 'LSTM' })], [order, noState]).result()
    expect(groups.map((group) => [group.cases.length, group.edits.length])).toEqual([
      [6, 2],
      [2, 1],
    ])
  })

  it('leave what nothing explains, and say in how many that was looked for', () => {
    const causes = new CausesOfRun({ searchMs: 50, limitMs: 400 })
    const all = cases(40, {})
    for (const recorded of all) causes.look('a.msgpack', recorded, nonsense(recorded))
    causes.lookAgain()
    const { groups, unexplained } = causes.result()
    expect(groups).toEqual([])
    expect(unexplained.cases).toHaveLength(40)
    expect(unexplained.searched).toBeGreaterThanOrEqual(3)
    expect(unexplained.searched).toBeLessThan(40)
  })

  it('are found although a module that nothing explains came first', () => {
    const causes = new CausesOfRun({ searchMs: 200, limitMs: 20_000 })
    for (const recorded of cases(60, { module: 'GRU' })) causes.look('gru.msgpack', recorded, nonsense(recorded))
    for (const recorded of cases(20, { module: 'LSTM' })) {
      causes.look('lstm.msgpack', recorded, runEdited([order], requestOf(recorded)))
    }
    causes.lookAgain()
    expect(causes.result().groups.map((group) => group.cases.length)).toEqual([20])
  })

  it('are not looked for in what is no tensors, or of another shape, of which that says all', () => {
    const causes = new CausesOfRun()
    const [recorded, other] = cases(2, {})
    expect(causes.look('a.msgpack', recorded!, 'nothing')).toBeUndefined()
    const h_n = { ...other!.expected['h_n']!, shape: [1, 3, 2] }
    causes.look('a.msgpack', other!, { ...other!.expected, h_n })
    causes.lookAgain()
    expect(causes.result()).toEqual({ groups: [], unexplained: { cases: [], searched: 0 } })
  })

  it('are said of a case at once where they are known', () => {
    const causes = new CausesOfRun()
    const [first, second] = cases(2, { module: 'LSTM' })
    causes.look('a.msgpack', first!, runEdited([order], requestOf(first!)))
    const diagnosis = causes.look('a.msgpack', second!, runEdited([order], requestOf(second!)))
    expect(diagnosis?.where[0]).toMatch(/^output is the first tensor that is off/)
    expect(diagnosis?.explanations).toEqual([expect.objectContaining({ complete: true, explained: 1 })])
  })
})
