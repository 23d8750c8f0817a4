import { expect, it } from 'vitest'
import { engine } from '../../src/engine/run.ts'
import { type Case, type ExportedRequest, isExported } from '../../src/format/case.ts'
import { verify } from '../../src/verify.ts'
import { readCases } from '../proof/cases.ts'

const cases = async (): Promise<(Case & ExportedRequest)[]> =>
  (await readCases('fixtures/captured_forms', isExported)).map((read) => read.case as Case & ExportedRequest)

it('the five forms of seq2seq match at every tap as captured programs', async () => {
  const all = await cases()
  expect(new Set(all.map(({ config }) => config.name)).size).toBe(5)
  for (const recorded of all) {
    const verdict = await verify(recorded, engine)
    expect(verdict).toMatchObject({ id: recorded.id, outcome: 'match' })
    expect(verdict.comparisons).toHaveLength(recorded.config.taps.length)
  }
})

it('the loss alone is to blame where it is a sum, smoothed, or leaves targets out', async () => {
  for (const recorded of await cases()) {
    const loss = recorded.config.nodes.find(({ op }) => op === 'aten.cross_entropy_loss.default')
    if (loss === undefined) continue
    for (const wrong of [{ reduction: 2 }, { label_smoothing: 0.1 }, { ignore_index: 3 }]) {
      const nodes = recorded.config.nodes.map((node) =>
        node === loss ? { ...node, args: { ...node.args, ...wrong } } : node,
      )
      const verdict = await verify(recorded, {
        name: 'port',
        run: (request) => engine.run({ ...request, config: { ...recorded.config, nodes } } as ExportedRequest),
      })
      const hasThree = Object.values(recorded.inputs).some(
        ({ dtype, data }) => dtype === 'int64' && Array.from(data, Number).includes(3),
      )
      if ('ignore_index' in wrong && !hasThree) continue
      expect({ wrong, ...verdict }).toMatchObject({ wrong, outcome: 'mismatch', blame: [{ tap: 'output.loss' }] })
    }
  }
})
