import { describe, expect, it } from 'vitest'
import { engine as plain, exactly } from '../../src/engine/run.ts'
import { engine, exactOf, rememberNext } from '../../src/verify/exact.ts'
import { requestOf } from '../../src/verify.ts'
import { anyCell, anyLayer } from '../sample.ts'

const cases = [1, 2, 3, 4, 5].flatMap((seed) => [anyLayer(seed), anyCell(seed)])

describe('the exact numbers behind an answer', () => {
  it.each(cases.map((recorded) => [recorded.id, recorded] as const))(
    'are those of the request: %s',
    async (_, recorded) => {
      rememberNext()
      const outputs = await engine.run(requestOf(recorded))
      expect(outputs).toStrictEqual(await plain.run(requestOf(recorded)))
      const exact = exactOf(recorded, outputs)
      for (const name of Object.keys(outputs)) expect(exact[name]).toStrictEqual(exactly(recorded)[name])
    },
  )

  it('are computed anew for another case, though the answer is that of the one before', async () => {
    const [recorded, other] = [anyCell(1), anyCell(2)]
    rememberNext()
    const outputs = await engine.run(requestOf(recorded))
    expect(exactOf(other, outputs)['h_1']).toStrictEqual(exactly(other)['h_1'])
    const moved = { ...recorded, inputs: { ...recorded.inputs, h_0: other.inputs.h_0! } }
    expect(exactOf(moved, outputs)).not.toBe(exactOf(recorded, outputs))
  })

  it('are remembered of one answer alone', async () => {
    const recorded = anyCell(1)
    rememberNext()
    const first = await engine.run(requestOf(recorded))
    const second = await engine.run(requestOf(recorded))
    expect(exactOf(recorded, first)).toBe(exactOf(recorded, first))
    expect(exactOf(recorded, second)).not.toBe(exactOf(recorded, first))
  })
})
