import { describe, expect, it } from 'vitest'
import { recordOf } from '../../src/format/case/write.ts'
import { openFixture } from '../../src/format/fixture.ts'
import { cellCase, fixtureBytes, layerCase, sourceOf } from '../sample.ts'

describe('recordOf', () => {
  it.each(['float16', 'bfloat16', 'float32', 'float64'] as const)('writes %s as it is read', async (dtype) => {
    const special = [
      0,
      -0,
      2 ** -24,
      3 * 2 ** -24,
      2 ** -14,
      1,
      -1.5,
      65504,
      Infinity,
      -Infinity,
      Number.NaN,
      0.333251953125,
    ]
    const cell = cellCase({ dtype, hidden_size: 12, input_size: 1, batch: 1 })
    const { h_0 } = cell.inputs
    // bfloat16 has fewer digits, and no such small numbers are asked of it.
    const values =
      dtype === 'bfloat16'
        ? special.map((x) => (Math.abs(x) === 65504 ? 65536 : x === 0.333251953125 ? 0.33203125 : x))
        : special
    h_0!.data.set(values)
    const records = [cell, layerCase({ id: 'layer', dtype, lengths: [3, 2], seq_len: 3, batch: 2 })]
    const fixture = await openFixture(sourceOf(fixtureBytes(records.map((own) => recordOf(own)))))
    const read = []
    for await (const each of fixture.cases()) read.push(each)
    expect(read).toEqual(records.map((own) => ({ case: own })))
  })
})
