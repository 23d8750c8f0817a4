import { describe, expect, it } from 'vitest'
import type { Case, Outputs } from '../../src/format/case.ts'
import { diagnose } from '../../src/diagnose.ts'
import { faulted, faults } from '../../src/edits/faults.ts'
import { run } from '../../src/engine/run.ts'
import { roundToBfloat16 } from '../../src/format/precision.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { requestOf } from '../../src/verify.ts'
import { cellCase, layerCase, type LayerOptions, type RecurrentCase } from '../sample.ts'

const options: Partial<LayerOptions> = { input_size: 3, hidden_size: 4, seq_len: 6, batch: 3 }
const layer = (more: Partial<LayerOptions> = {}): RecurrentCase => layerCase({ ...options, ...more })

/** The outputs with a tensor whose numbers `change` gives, by their index along each axis. */
function withChanged(
  { expected }: Case,
  name: string,
  change: (x: number, index: readonly number[], data: readonly number[]) => number,
): Outputs {
  const { dtype, shape, data } = expected[name]!
  const values = Array.from(data)
  const index = (offset: number): number[] => {
    let rest = offset
    return shape
      .toReversed()
      .map((size) => {
        const at = rest % size
        rest = (rest - at) / size
        return at
      })
      .toReversed()
  }
  return {
    ...expected,
    [name]: floatTensor(
      dtype,
      shape,
      values.map((x, i) => change(x, index(i), values)),
    ),
  }
}

const whereOf = (recorded: Case, outputs: Outputs): readonly string[] =>
  diagnose(recorded, outputs, { limitMs: 0 }).where

/** What a port with a fault gives. */
function planted(fault: string, recorded: Case): Outputs {
  return faulted(faults.find(({ name }) => name === fault)!).run(requestOf(recorded)) as Outputs
}

describe('where', () => {
  it('names places of each axis', () => {
    const recorded = layer()
    const outputs = withChanged(
      recorded,
      'output',
      (x, [t = 0, row = 0, unit = 0]) =>
        x + (t >= 2 && t <= 4 && row !== 1 && unit === 3 ? (t === 3 && row === 2 ? 2 : 1) : 0),
    )
    expect(whereOf(recorded, outputs)).toContain(
      'off: t 2 to 4 of 6, batch rows 0 and 2 of 3, unit 3 of 4; worst at t 3, batch 2, unit 3',
    )
  })

  it('names places that are not next to each other one by one', () => {
    const recorded = layer()
    const outputs = withChanged(recorded, 'output', (x, [t = 0]) => (t === 0 || t === 2 || t === 5 ? x + 1 : x))
    expect(whereOf(recorded, outputs)[1]).toMatch(/^off: t 0, 2 and 5 of 6; /)
  })

  it('takes the numbers of one row in two places for no other order', () => {
    const recorded = layer()
    const outputs = withChanged(recorded, 'output', (_, [t = 0, row = 0, u = 0], data) => {
      return data[(t * 3 + Math.max(1, row)) * 4 + u]!
    })
    expect(whereOf(recorded, outputs).join()).not.toContain('another order')
  })

  it('names states by layer and direction', () => {
    const recorded = layer({ num_layers: 2, bidirectional: true })
    const outputs = withChanged(recorded, 'h_n', (x, [state]) => (state === 3 ? -x : x))
    const where = whereOf(recorded, outputs)
    expect(where[1]).toMatch(/^off: layer 1 reverse; worst at layer 1, reverse, /)
    expect(where).toContain('layer 0 ends in PyTorch’s state, layer 1 does not: it is the first that is off')
    expect(where).toContain('only the reverse direction is off')
    expect(where).toContain(
      'output is right: every step is computed rightly, and the last states are taken, or put together, otherwise',
    )
  })

  it('blames the step whose state before it agrees', () => {
    const recorded = layer()
    const outputs = withChanged(recorded, 'output', (x, [t = 0]) => (t >= 3 ? x + 1 : x))
    expect(whereOf(recorded, outputs)).toContain(
      't 2 still agrees, t 3 does not: that step goes wrong from a state that is right',
    )
    const first = withChanged(recorded, 'output', (x) => x + 1)
    expect(whereOf(recorded, first).join()).not.toContain('still agrees')
  })

  it('blames it in the direction of time', () => {
    const recorded = layer({ bidirectional: true })
    const outputs = withChanged(recorded, 'output', (x, [t = 0, , unit = 0]) => (t <= 2 && unit >= 4 ? x + 1 : x))
    expect(whereOf(recorded, outputs)).toContain(
      't 3 still agrees in the reverse direction, t 2 does not: that step goes wrong from a state that is right',
    )
  })

  it('blames no step where a layer below has seen them all', () => {
    const recorded = layer({ bidirectional: true, num_layers: 2 })
    const outputs = withChanged(recorded, 'output', (x, [t = 0]) => (t >= 3 ? x + 1 : x))
    expect(whereOf(recorded, outputs).join()).not.toContain('still agrees')
  })

  it('sees rows that are shorter than the longest', () => {
    const recorded = layer({ lengths: [6, 3, 5] })
    const outputs = withChanged(recorded, 'h_n', (x, [, row]) => (row === 0 ? x : x + 1))
    expect(whereOf(recorded, outputs)).toContain('only rows that are shorter than the longest are off')
  })

  it.each<[string, (x: number, index: readonly number[], data: readonly number[]) => number]>([
    [
      'the units stand from the last to the first',
      (_, [t = 0, row = 0, u = 0], data) => data[(t * 3 + row) * 4 + 3 - u]!,
    ],
    ['the units are shifted by 1', (_, [t = 0, row = 0, u = 0], data) => data[(t * 3 + row) * 4 + ((u + 1) % 4)]!],
    [
      'the time steps stand from the last to the first',
      (_, [t = 0, row = 0, u = 0], data) => data[((5 - t) * 3 + row) * 4 + u]!,
    ],
    [
      'the batch rows stand in another order: 1 at 0, 0 at 1',
      (_, [t = 0, row = 0, u = 0], data) => data[(t * 3 + [1, 0, 2][row]!) * 4 + u]!,
    ],
    ['everything is 0.5 more than it should be', (x) => x + 0.5],
    [
      '3 of 72 numbers are NaN or infinite where PyTorch’s are not',
      (x, [t = 0, , u = 0]) => (t === 5 && u === 0 ? Number.NaN : x),
    ],
  ])('sees that %s', (sentence, change) => {
    const recorded = layer()
    expect(whereOf(recorded, withChanged(recorded, 'output', change))).toContain(sentence)
    expect(
      whereOf(
        recorded,
        withChanged(recorded, 'output', (x, [t = 0]) => x + t),
      ),
    ).not.toContain(sentence)
  })

  it('sees that the directions are exchanged', () => {
    const recorded = layer({ bidirectional: true })
    const outputs = withChanged(
      recorded,
      'output',
      (_, [t = 0, row = 0, u = 0], data) => data[(t * 3 + row) * 8 + ((u + 4) % 8)]!,
    )
    expect(whereOf(recorded, outputs)).toContain('the units of the two directions are exchanged')
  })

  it('takes small errors that begin nowhere for precision, and a small one that begins somewhere not', () => {
    const recorded = layer({ seq_len: 8 })
    const params = Object.fromEntries(
      Object.entries(recorded.params).map(([name, { dtype, shape, data }]) => [
        name,
        floatTensor(dtype, shape, Array.from(data, roundToBfloat16)),
      ]),
    )
    const rounded = run({ ...requestOf(recorded), params })
    expect(whereOf(recorded, rounded).at(-1)).toMatch(
      /^the error has no start, and is small, at most \d\.\de-[345], of values up to [\d.]+: it may be precision, of what is stored or computed$/,
    )
    const begins = withChanged(recorded, 'output', (x, [t = 0]) => (t >= 4 ? x + 1e-3 : x))
    expect(whereOf(recorded, begins).join()).not.toContain('precision')
    const jumps = withChanged(recorded, 'output', (x, [t = 0]) => 1.0000002 * x + (t >= 4 ? 1e-3 : 0))
    expect(whereOf(recorded, jumps).join()).not.toContain('precision')
  })

  it('takes outputs of any size', () => {
    const recorded = cellCase({ batch: 200_000, hidden_size: 1, input_size: 1 })
    const outputs = withChanged(recorded, 'h_1', (x, [row = 0]) => (row === 199_999 ? x + 1 : x))
    expect(whereOf(recorded, outputs)).toContain('off: batch row 199999 of 200000; worst at batch 199999, unit 0')
  })

  it('tells the gate o, or the tanh of c, where c is right', () => {
    const recorded = layer({ module: 'LSTM' })
    const { output, h_n } = withChanged(recorded, 'h_n', (x) => x / 2)
    const ofO = 'c is right where h is not: the gate o, or the tanh of c'
    const outputAlone = withChanged(recorded, 'output', (x) => x / 2)
    expect(whereOf(recorded, { ...outputAlone, h_n: h_n! })).toContain(ofO)
    // Where output is right, so is every h.
    expect(whereOf(recorded, { ...recorded.expected, output: output!, h_n: h_n! })).not.toContain(ofO)
    expect(whereOf(recorded, outputAlone).join()).not.toContain('the gate o')
    // Through the recurrence of a layer c is off too.
    const outputs = planted('no tanh on c', recorded)
    expect(whereOf(recorded, outputs)).not.toContain('c is right where h is not: the gate o, or the tanh of c')
  })

  it('tells i, f or g from o by one step of a cell', () => {
    const recorded = cellCase({ module: 'LSTMCell' })
    const forget = planted('forget bias + 1', recorded)
    expect(whereOf(recorded, forget)).toContain(
      'h / tanh(c) is what it should be: the gate o is right, and i, f or g is not',
    )
    const order = planted('gates in the order i o f g', recorded)
    expect(whereOf(recorded, order).join()).not.toContain('h / tanh(c)')
  })

  it('tells the gate by the rows of a gradient', () => {
    const recorded = layer({ module: 'GRU', cotangents: true })
    const outputs = withChanged(recorded, 'grad_bias_hh_l0', (x, [row = 0]) => (row >= 8 ? 2 * x : x))
    expect(whereOf(recorded, outputs)).toContain('grad_bias_hh_l0: only the rows of gate n are off')
  })
})
