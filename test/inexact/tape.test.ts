// Each operation's way back against central differences of its way forth, which the tests of whole models hold against the naive one.
import { describe, expect, it } from 'vitest'
import { gruCell } from '../../src/inexact/gru.ts'
import { lstmCell } from '../../src/inexact/lstm.ts'
import { rnnCell } from '../../src/inexact/rnn.ts'
import { newTape } from '../../src/inexact/tape.ts'
import type { State, Tape, Variable } from '../../src/inexact/variable.ts'
import { elementCount, floatTensor } from '../../src/format/tensor.ts'
import { differences } from '../differences.ts'
import { random } from '../random.ts'

type Shape = readonly number[]
type Operation = (tape: Tape, x: (index: number) => Variable) => readonly Variable[]

/**
 * Gradients of Σ random · every result by every variable, where they are more than 1e-8 of the larger of 1 and the largest
 * element away from differences, and those that are all 0.
 */
function wrongWith(shapes: readonly Shape[], operation: Operation, seed = 1): string[] {
  const numbers = random(seed)
  const values = shapes.map((shape) =>
    floatTensor(
      'float64',
      shape,
      Array.from({ length: elementCount(shape) }, () => numbers.around(1)),
    ),
  )
  const cotangents: Float64Array[] = []
  const cotangentOf = (index: number, size: number): Float64Array =>
    (cotangents[index] ??= Float64Array.from({ length: size }, () => numbers.around(1)))
  const forth = (
    tape: Tape,
    given: readonly { shape: Shape; data: ArrayLike<number> }[],
  ): { variables: Variable[]; results: readonly Variable[] } => {
    const variables = given.map(({ shape, data }) => tape.variable(shape, Float64Array.from(data)))
    // Only as many variables are asked for as there are shapes.
    return { variables, results: operation(tape, (index) => variables[index]!) }
  }

  const tape = newTape()
  const { variables, results } = forth(tape, values)
  for (const [i, { shape, data, grad }] of results.entries()) {
    expect(data).toHaveLength(elementCount(shape))
    grad.set(cotangentOf(i, data.length))
  }
  tape.backward()
  return variables.flatMap(({ grad }, own) => {
    const gradient = differences(values[own]!, (moved) => {
      const { results } = forth(newTape(), values.toSpliced(own, 1, moved))
      return results.reduce((sum, { data }, i) => sum + dot(data, cotangentOf(i, data.length)), 0)
    })
    const largest = Math.max(...gradient.map((x) => Math.abs(x)))
    const limit = 1e-8 * Math.max(1, largest)
    const off = gradient.flatMap((e, i) =>
      Math.abs(grad[i]! - e) <= limit ? [] : [`variable ${own}[${i}]: ${grad[i]}, by differences ${e}`],
    )
    return largest > 1e-3 ? off : [`variable ${own}: no gradient`, ...off]
  })
}

function dot(x: Float64Array, y: Float64Array): number {
  return x.reduce((sum, value, i) => sum + value * y[i]!, 0)
}

const gated = (gates: number): Shape[] => [[3, 2, 2], [gates * 2, 2], [gates * 2, 2], [gates * 2], [gates * 2]]
const layer = (
  tape: Tape,
  x: (index: number) => Variable,
  rnn: 'RNN' | 'LSTM' | 'GRU',
  state: State | undefined,
  lengths: readonly number[] | undefined,
): Variable[] => {
  const cell = rnn === 'RNN' ? rnnCell('tanh') : rnn === 'LSTM' ? lstmCell() : gruCell()
  const params = { weight_ih_l0: x(1), weight_hh_l0: x(2), bias_ih_l0: x(3), bias_hh_l0: x(4) }
  const { output, last } = tape.layer(cell, x(0), params, 2, rnn === 'LSTM', state, lengths)
  return [output, last.h, ...(last.c === undefined ? [] : [last.c])]
}

describe('the gradients of an operation are central differences', () => {
  it.each<[string, readonly Shape[], Operation]>([
    ['linear', [[2, 3, 4], [5, 4], [5]], (tape, x) => [tape.linear(x(0), x(1), x(2))]],
    [
      'linear without a bias',
      [
        [3, 4],
        [5, 4],
      ],
      (tape, x) => [tape.linear(x(0), x(1))],
    ],
    [
      'embedding, with one symbol three times',
      [[4, 3]],
      (tape, x) => [tape.embedding(x(0), [2, 0, 2, 1, 2, 3], [3, 2])],
    ],
    ['tanh', [[3, 4]], (tape, x) => [tape.tanh(x(0))]],
    [
      'addToEach',
      [
        [3, 2, 4],
        [2, 4],
      ],
      (tape, x) => [tape.addToEach(x(0), x(1))],
    ],
    [
      'concatenate',
      [
        [2, 3],
        [2, 4],
      ],
      (tape, x) => [tape.concatenate(x(0), x(1))],
    ],
    ['step', [[3, 2, 2]], (tape, x) => [tape.step(x(0), 1)]],
    [
      'stack',
      [
        [2, 3],
        [2, 3],
        [2, 3],
      ],
      (tape, x) => [tape.stack([x(0), x(1), x(2)])],
    ],
    ['keep', [[4, 3]], (tape, x) => [tape.keep(x(0), [true, false, false, true])]],
    ['keep of rows of steps', [[2, 2, 3]], (tape, x) => [tape.keep(x(0), [true, false, true, true])]],
    ['meanOverTime', [[4, 2, 3]], (tape, x) => [tape.meanOverTime(x(0), undefined)]],
    ['meanOverTime with lengths', [[4, 3, 2]], (tape, x) => [tape.meanOverTime(x(0), [2, 4, 1])]],
    ['softmax', [[2, 3, 4]], (tape, x) => [tape.softmax(x(0))]],
    ['softmax with lengths', [[3, 4]], (tape, x) => [tape.softmax(x(0), [2, 4, 3])]],
    ['logSoftmax', [[2, 3, 4]], (tape, x) => [tape.logSoftmax(x(0))]],
    ['crossEntropy', [[2, 2, 5]], (tape, x) => [tape.crossEntropy(x(0), [1, 4, 0, 1])]],
    ['crossEntropy of three rows of four', [[2, 2, 5]], (tape, x) => [tape.crossEntropy(x(0), [1, 4, undefined, 0])]],
    [
      'dotOverUnits',
      [
        [2, 3],
        [4, 2, 3],
      ],
      (tape, x) => [tape.dotOverUnits(x(0), x(1))],
    ],
    ['rowsFirst', [[4, 2, 1]], (tape, x) => [tape.rowsFirst(x(0))]],
    [
      'weightedSum',
      [
        [2, 4],
        [4, 2, 3],
      ],
      (tape, x) => [tape.weightedSum(x(0), x(1))],
    ],
    ['layer of an RNN', gated(1), (tape, x) => layer(tape, x, 'RNN', undefined, undefined)],
    ['layer of a GRU with lengths', gated(3), (tape, x) => layer(tape, x, 'GRU', undefined, [3, 2])],
    [
      'layer of a GRU with a state',
      [...gated(3), [2, 2]],
      (tape, x) => layer(tape, x, 'GRU', { h: x(5), c: undefined }, undefined),
    ],
    [
      'layer of an LSTM with both states and lengths',
      [...gated(4), [2, 2], [2, 2]],
      (tape, x) => layer(tape, x, 'LSTM', { h: x(5), c: x(6) }, [1, 3]),
    ],
    ['layer of an LSTM without a state', gated(4), (tape, x) => layer(tape, x, 'LSTM', undefined, undefined)],
  ])('%s', (_, shapes, operation) => {
    expect(wrongWith(shapes, operation)).toStrictEqual([])
  })
})

describe('what is used several times has the sum of its gradients', () => {
  it.each<[string, readonly Shape[], Operation]>([
    [
      'a variable in three operations',
      [[2, 2]],
      (tape, x) => [tape.tanh(x(0)), tape.softmax(x(0)), tape.linear(x(0), x(0))],
    ],
    ['a step that is stacked twice', [[2, 3]], (tape, x) => [tape.stack([x(0), x(0)])]],
    [
      'two steps of one variable',
      [[2, 3]],
      (tape, x) => [tape.concatenate(tape.step(x(0), 1), tape.step(x(0), 0)), tape.step(x(0), 1)],
    ],
    [
      'a state that is fed in and read',
      [...gated(1), [2, 2]],
      (tape, x) => [...layer(tape, x, 'RNN', { h: x(5), c: undefined }, undefined), tape.tanh(x(5))],
    ],
    [
      'layers one above the other that share their weights',
      gated(3),
      (tape, x) => {
        const [below] = layer(tape, x, 'GRU', undefined, [2, 3])
        return layer(tape, (index) => (index === 0 ? below! : x(index)), 'GRU', undefined, [2, 3])
      },
    ],
  ])('%s', (_, shapes, operation) => {
    expect(wrongWith(shapes, operation)).toStrictEqual([])
  })
})

/** Runs one operation on one variable; the gradient is that of Σ cotangents · result. */
function runOn(
  shape: Shape,
  data: readonly number[],
  operation: (tape: Tape, x: Variable) => Variable,
  cotangents: readonly number[],
): { shape: Shape; data: number[]; grad: number[] } {
  const tape = newTape()
  const x = tape.variable(shape, Float64Array.from(data))
  const y = operation(tape, x)
  y.grad.set(cotangents)
  tape.backward()
  return { shape: y.shape, data: [...y.data], grad: [...x.grad] }
}

describe('for logits of ±1e4', () => {
  const logits = [1e4, -1e4, 0, -1e4, -1e4, -1e4]

  it('softmax is 1 at the largest, equal parts where all are equal, and its gradients are finite', () => {
    const { data, grad } = runOn([2, 3], logits, (tape, x) => tape.softmax(x), [1, 2, 3, 1, 2, 3])
    const third = 1 / 3
    expect(data).toStrictEqual([1, 0, 0, third, third, third])
    expect(grad.map((x) => Math.round(x * 3e9) / 1e9 + 0)).toStrictEqual([0, 0, 0, -1, 0, 1])
  })

  it('logSoftmax is the distance from the largest, −log 3 where all are equal, and its gradients are finite', () => {
    const { data, grad } = runOn([2, 3], logits, (tape, x) => tape.logSoftmax(x), [1, 2, 3, 0, 0, 1])
    expect(data).toStrictEqual([0, -2e4, -1e4, -Math.log(3), -Math.log(3), -Math.log(3)])
    expect(grad.slice(0, 3)).toStrictEqual([-5, 2, 3])
    expect(grad.slice(3).map((x) => Math.round(x * 3e9) / 1e9)).toStrictEqual([-1, -1, 2])
  })

  it('crossEntropy is how far the target is from the largest, and its gradients are finite', () => {
    const { shape, data, grad } = runOn([2, 3], logits, (tape, x) => tape.crossEntropy(x, [1, undefined]), [1])
    expect({ shape, data, grad }).toStrictEqual({ shape: [], data: [2e4], grad: [1, -1, 0, 0, 0, 0] })
  })

  it('softmax with lengths is shifted by the largest within them', () => {
    const { data } = runOn([1, 3], [-1e4, -1e4, 1e4], (tape, x) => tape.softmax(x, [2]), [0, 0, 0])
    expect(data).toStrictEqual([0.5, 0.5, 0])
  })
})

describe('embedding', () => {
  it('gives the row of each symbol, and adds up the gradients of a symbol that is read three times', () => {
    const cotangents = [1, 2, 10, 20, 100, 200, 1000, 2000]
    const operation = (tape: Tape, x: Variable): Variable => tape.embedding(x, [2, 0, 2, 2], [2, 2])
    expect(runOn([4, 2], [1, 2, 3, 4, 5, 6, 7, 8], operation, cotangents)).toStrictEqual({
      shape: [2, 2, 2],
      data: [5, 6, 1, 2, 5, 6, 5, 6],
      grad: [10, 20, 0, 0, 1101, 2202, 0, 0],
    })
  })
})

describe('keep', () => {
  it('puts 0 for rows that are not kept, also for NaN, and lets no gradient through to them', () => {
    const data = [1, 2, Number.NaN, Infinity, 5, 6, 7, 8]
    const operation = (tape: Tape, x: Variable): Variable => tape.keep(x, [true, false, false, true])
    expect(runOn([2, 2, 2], data, operation, [1, 2, 3, 4, 5, 6, 7, 8])).toStrictEqual({
      shape: [2, 2, 2],
      data: [1, 2, 0, 0, 0, 0, 7, 8],
      grad: [1, 2, 0, 0, 0, 0, 7, 8],
    })
  })
})

describe('meanOverTime', () => {
  const states = [1, 10, 2, 20, 3, 30, 4, 40, Number.NaN, 50, Infinity, 60]

  it('with lengths takes each row over its own steps, whatever the padding holds', () => {
    const operation = (tape: Tape, x: Variable): Variable => tape.meanOverTime(x, [2, 1])
    expect(runOn([3, 2, 2], states, operation, [1, 2, 3, 4])).toStrictEqual({
      shape: [2, 2],
      data: [2, 20, 2, 20],
      grad: [0.5, 1, 3, 4, 0.5, 1, 0, 0, 0, 0, 0, 0],
    })
  })

  it('without lengths takes all steps', () => {
    const operation = (tape: Tape, x: Variable): Variable => tape.meanOverTime(x, undefined)
    expect(runOn([2, 1, 2], [1, 2, 3, 6], operation, [4, 8])).toStrictEqual({
      shape: [1, 2],
      data: [2, 4],
      grad: [2, 4, 2, 4],
    })
  })
})

describe('softmax with lengths', () => {
  it('gives the padding 0 and no gradient, and the others what they have alone', () => {
    const cotangents = [1, 2, 50, 70]
    const padded = runOn([1, 4], [0.5, 1, 9, Number.NaN], (tape, x) => tape.softmax(x, [2]), cotangents)
    const alone = runOn([1, 2], [0.5, 1], (tape, x) => tape.softmax(x), [1, 2])
    expect(padded.data).toStrictEqual([...alone.data, 0, 0])
    expect(padded.grad).toStrictEqual([...alone.grad, 0, 0])
    expect(alone.data[0]! + alone.data[1]!).toBe(1)
  })
})

describe('crossEntropy', () => {
  it('is the mean over the rows that have a target, and gives the others no gradient', () => {
    const operation = (tape: Tape, x: Variable): Variable => tape.crossEntropy(x, [0, undefined, 1])
    const { data, grad } = runOn([3, 2], [0, 0, 9, 1, 0, Math.log(3)], operation, [2])
    const loss = (Math.log(2) + Math.log(4 / 3)) / 2
    expect(Math.abs(data[0]! - loss)).toBeLessThan(1e-15)
    const wanted = [-0.5, 0.5, 0, 0, 0.25, -0.25]
    expect(grad.every((x, i) => Math.abs(x - wanted[i]!) < 1e-15)).toBe(true)
  })
})
