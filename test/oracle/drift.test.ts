import { beforeAll, describe, expect, it } from 'vitest'
import { type Case, isModelRequest } from '../../src/format/case.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { run } from '../../src/engine/run.ts'
import { driftOf } from '../../src/oracle/drift.ts'
import { requestOf } from '../../src/verify.ts'
import { readCases } from '../proof/cases.ts'

let recorded: Case

beforeAll(async () => {
  const all = await readCases('fixtures')
  const isPlain = ({ case: own }: (typeof all)[number]): boolean => {
    if (isModelRequest(own) || own.module !== 'RNN' || own.states === undefined || own.dtype !== 'float32') return false
    const { num_layers, bidirectional, batch_first } = own.config
    return num_layers === 1 && !bidirectional && !batch_first && own.inputs.lengths === undefined
  }
  recorded = all.find(isPlain)!.case
})

/** The same with one of the states off by so much. */
function off(own: Case, by: number): Case {
  const { shape, data } = own.states!['h_t']!
  const at = Math.floor(data.length / 2)
  return {
    ...own,
    states: {
      h_t: floatTensor(
        'float32',
        shape,
        Float32Array.from(data, (x, i) => (i === at ? x + by : x)),
      ),
    },
  }
}

/** Another run, of more precision, that parts from the recorded one as one on another processor does. */
function another(): Case {
  const expected = run(requestOf(recorded))
  const { shape } = recorded.states!['h_t']!
  return { ...recorded, expected, states: { h_t: floatTensor('float32', shape, expected['output']!.data) } }
}

const agrees = (one: Case, other: Case): boolean =>
  driftOf(one, other).comparisons.every(({ outcome }) => outcome === 'match')

describe('the states of a run in which errors grow', () => {
  it('may part from those of another processor, where each step of both is right', () => {
    const again = another()
    const apart = again.states!['h_t']!.data.map((x, i) => x - recorded.states!['h_t']!.data[i]!)
    expect(Math.max(...apart.map(Math.abs))).toBeGreaterThan(0.1)
    expect(agrees(recorded, again)).toBe(true)
  })

  it('have drifted where a step of either is off', () => {
    expect(agrees(recorded, recorded)).toBe(true)
    expect(agrees(recorded, off(recorded, 1e-3))).toBe(false)
    expect(agrees(off(recorded, 1e-3), recorded)).toBe(false)
    expect(agrees(recorded, off(another(), 1e-3))).toBe(false)
    expect(agrees(off(recorded, 1e-3), another())).toBe(false)
  })
})
