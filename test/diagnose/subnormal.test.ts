import { expect, it } from 'vitest'
import { readCases } from '../proof/cases.ts'
import { diagnose } from '../../src/diagnose.ts'
import type { Outputs } from '../../src/format/case.ts'
import { floatTensor } from '../../src/format/tensor.ts'

const cases = await readCases('fixtures/rnn_cell/special_values.msgpack')
const subnormal = cases.find(({ case: { id } }) => id.endsWith('-subnormal'))!.case

/** Every number of what is expected as a port has it. */
const as = (make: (x: number) => number): Outputs =>
  Object.fromEntries(
    Object.entries(subnormal.expected).map(([name, { dtype, shape, data }]) => [
      name,
      floatTensor(
        dtype,
        shape,
        Array.from(data, (x) => make(x)),
      ),
    ]),
  )

it('a port that flushes subnormal numbers is told that they tell no cause', () => {
  const { where, explanations } = diagnose(
    subnormal,
    as(() => 0),
  )
  expect(explanations).toStrictEqual([])
  expect(where[0]).toBe('only subnormal numbers are off, which tell no cause')
})

it('numbers that are off by more than that are looked into', () => {
  const [first = ''] = diagnose(
    subnormal,
    as((x) => x + 1),
  ).where
  expect(first).not.toContain('subnormal')
})
