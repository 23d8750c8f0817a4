// Every operation against what it is to give, and its gradients against central differences.
import { describe, expect, it } from 'vitest'
import { interpret } from '../../src/program/interpret.ts'
import type { Attributes, Op } from '../../src/program/operation.ts'
import { program, type Writer } from '../../src/program/write.ts'
import { elementCount, type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { differences } from '../differences.ts'
import { random } from '../random.ts'

type Id = string
type Shape = readonly number[]
type Make = (writer: Writer, ...operands: Id[]) => Id

function of<O extends Op>(op: O, attributes: Attributes[O]): Make {
  return (writer, ...operands) => writer.write(op, operands, attributes)
}

/** A name, the operation, and the shapes of its operands. */
const cases: [string, Make, ...Shape[]][] = [
  ['linear', of('linear', {}), [3, 2, 4], [5, 4]],
  ['linear of nine outputs', of('linear', {}), [2, 3], [9, 3]],
  ['add', of('add', {}), [2, 3], [2, 3]],
  ['add of a row', of('add', {}), [2, 3], [3]],
  ['sub of a column', of('sub', {}), [2, 3], [2, 1]],
  ['sub from a number', of('sub', {}), [], [2, 3]],
  ['mul along two axes', of('mul', {}), [2, 1, 3], [4, 1]],
  ['div', (writer, x, y) => writer.div(x, writer.add(y, writer.full([], 2))), [2, 3], [3]],
  ['pow', (writer, x, y) => writer.write('pow', [writer.sigmoid(x), y], {}), [2, 3], [3]],
  ['maximum', of('maximum', {}), [2, 3], [3]],
  ['tanh', of('activation', { function: 'tanh' }), [2, 3]],
  ['sigmoid', of('activation', { function: 'sigmoid' }), [2, 3]],
  ['relu', of('activation', { function: 'relu' }), [2, 3]],
  ['neg', of('activation', { function: 'neg' }), [2, 3]],
  ['sqrt', (writer, x) => writer.activation('sqrt', writer.sigmoid(x)), [2, 3]],
  ['clamp', of('clamp', { min: -0.5, max: 0.5 }), [3, 4]],
  [
    'where',
    (writer, x, y) => writer.where(writer.write('lt', [writer.arange(3), writer.full([], 2)], {}), x, y),
    [2, 3],
    [2, 1],
  ],
  ['reshape', of('reshape', { shape: [3, 2] }), [2, 3]],
  ['transpose', of('transpose', { dim0: 0, dim1: 1 }), [2, 3, 4]],
  ['transpose of the outer ones', of('transpose', { dim0: -1, dim1: 0 }), [2, 3, 4]],
  ['flip', of('flip', { dim: 1 }), [2, 3, 2]],
  ['select', of('select', { dim: 1, index: 2 }), [2, 3, 2]],
  ['narrow', of('narrow', { dim: 0, start: 1, length: 2 }), [4, 2]],
  ['chunk', of('chunk', { dim: 0, chunks: 3, index: 1 }), [6, 2]],
  ['chunk of the last axis', of('chunk', { dim: -1, chunks: 2, index: 1 }), [3, 4]],
  ['cat', of('cat', { dim: -1 }), [2, 3], [2, 1]],
  ['stack', of('stack', { dim: 1 }), [2, 3], [2, 3]],
  ['sum', of('sum', {}), [2, 3]],
  ['sum along a dim', of('sum', { dim: 1 }), [2, 3, 2]],
  ['softmax', of('softmax', { dim: 0 }), [3, 2]],
  ['log_softmax', of('log_softmax', { dim: -1 }), [2, 3]],
  ['embedding', (writer, weight) => writer.write('embedding', [weight, writer.arange(3)], {}), [4, 2]],
  ['nll_loss', (writer, x) => writer.write('nll_loss', [x, writer.arange(3)], {}), [3, 4]],
  [
    'a loop that reads what stands before it',
    (writer, sequence, weight, initial) =>
      writer.loop({ steps: 4, reverse: true, states: { h: initial } }, ({ h }) => {
        const next = writer.tanh(writer.add(writer.step(sequence), writer.linear(h, weight)))
        return { next: { h: next }, outputs: { h: next } }
      }).stacked.h,
    [4, 2, 3],
    [3, 3],
    [2, 3],
  ],
  [
    'a loop of a loop',
    (writer, sequence, initial) =>
      writer.loop({ steps: 2, states: { h: initial } }, ({ h }) => {
        const now = writer.step(sequence)
        const inner = writer.loop({ steps: 3, states: { c: h } }, ({ c }) => {
          return { next: { c: writer.mul(writer.tanh(c), writer.step(now)) }, outputs: {} }
        })
        return { next: { h: inner.last.c }, outputs: {} }
      }).last.h,
    [2, 3, 2],
    [2],
  ],
]

const names = ['a', 'b', 'c'] as const

/** A program that gives what the operation makes of its operands. */
function programOf(make: Make, count: number): ReturnType<typeof program> {
  return program((writer) => ({ y: make(writer, ...names.slice(0, count).map((name) => writer.parameter(name))) }))
}

describe('the gradients of', () => {
  it.each<[string, Make, ...Shape[]]>(cases)('%s are those that differences have', (_, make, ...shapes) => {
    const numbers = random(5)
    const draw = (shape: Shape): number[] => Array.from({ length: elementCount(shape) }, () => numbers.around(1))
    const given = Object.fromEntries(shapes.map((shape, i) => [names[i]!, floatTensor('float64', shape, draw(shape))]))
    const own = programOf(make, shapes.length)
    const { outputs, backward } = interpret(own, given)
    const by = draw(outputs['y']!.shape)
    const gradients = backward({ y: by })
    const value = (changed: Readonly<Record<string, FloatTensor>>): number =>
      interpret(own, { ...given, ...changed }).outputs['y']!.data.reduce((sum, y, i) => sum + y * by[i]!, 0)
    for (const [name, tensor] of Object.entries(given)) {
      const expected = differences(tensor, (moved) => value({ [name]: moved }))
      const wrong = expected.filter((e, i) => !(Math.abs(gradients[name]![i]! - e) <= 1e-8))
      expect({ name, wrong }).toEqual({ name, wrong: [] })
      expect(expected.some((e) => Math.abs(e) > 1e-4)).toBe(true)
    }
    // Gradients are added up anew each time.
    expect(backward({ y: by })).toEqual(gradients)
  })
})

function valueOf(make: Make, ...operands: readonly (readonly number[])[]): number[] {
  const given = Object.fromEntries(
    operands.map((own, i) => [names[i]!, floatTensor('float64', [own.length], Float64Array.from(own))]),
  )
  return [...interpret(programOf(make, operands.length), given).outputs['y']!.data]
}

describe('the value of', () => {
  it.each<[string, Make, number[], ...number[][]]>([
    ['relu at NaN', of('activation', { function: 'relu' }), [Number.NaN, 0, 2], [Number.NaN, -1, 2]],
    ['argmax, the first of the largest', of('argmax', { dim: 0 }), [1], [1, 3, 3]],
    ['argmax, NaN above all', of('argmax', { dim: 0 }), [1], [Infinity, Number.NaN, 3]],
    ['round', of('round', { dtype: 'float16' }), [1, 1 + 2 ** -10], [1 + 2 ** -12, 1 + 2 ** -10]],
    ['lt', of('lt', {}), [1, 0, 0], [1, 2, 3], [2, 2, 2]],
    ['eq', of('eq', {}), [0, 1, 0], [1, 2, 3], [2, 2, 2]],
    ['softmax of large numbers', of('softmax', { dim: 0 }), [0.5, 0.5], [1e4, 1e4]],
    ['log_softmax of large numbers', of('log_softmax', { dim: 0 }), [0, -1e4], [1e4, 0]],
    ['where beside NaN', (writer, x) => writer.where(writer.full([], 0), x, writer.full([], 3)), [3], [Number.NaN]],
    ['flip', of('flip', { dim: 0 }), [3, 2, 1], [1, 2, 3]],
    ['full_like', of('full_like', { value: 4 }), [4, 4], [1, 2]],
  ])('%s is what torch has', (_, make, expected, ...operands) => {
    expect(valueOf(make, ...operands)).toEqual(expected)
  })
})

describe('no gradient', () => {
  it('goes where nothing was taken, past a relu that is 0, or through what is detached', () => {
    const gradientOf = (make: Make, by: number[]): number[] => {
      const given = { a: floatTensor('float64', [2], [-1, 2]) }
      return [...interpret(programOf(make, 1), given).backward({ y: by })['a']!]
    }
    const taken: Make = (writer, x) => writer.where(writer.arange(2), x, writer.full([], 0))
    expect(gradientOf(taken, [Number.NaN, 1])).toEqual([0, 1])
    expect(gradientOf(of('activation', { function: 'relu' }), [Infinity, 1])).toEqual([0, 1])
    expect(gradientOf(of('detach', {}), [1, 1])).toEqual([0, 0])
  })
})

describe('a loop with lengths', () => {
  const given = {
    a: floatTensor('float64', [3, 2, 1], [1, 10, 2, Number.NaN, 3, Infinity]),
    b: floatTensor('float64', [2, 1], [0, 0]),
    c: { shape: [2], data: BigInt64Array.of(3n, 1n) },
  }
  const sums = program((writer) => {
    const [sequence, initial] = [writer.parameter('a'), writer.parameter('b')]
    const lengths = writer.input('c', { requires_grad: false })
    const { last, stacked } = writer.loop({ steps: 3, lengths, states: { h: initial } }, ({ h }) => {
      const next = writer.add(h, writer.mul(writer.step(sequence), writer.full([], 2)))
      return { next: { h: next }, outputs: { h: next } }
    })
    return { last: last.h, all: stacked.h }
  })

  it('computes nothing where a row has ended, keeps its state and puts out 0', () => {
    const { outputs } = interpret(sums, given)
    expect([...outputs['last']!.data]).toEqual([12, 20])
    expect([...outputs['all']!.data]).toEqual([2, 20, 6, 0, 12, 0])
    expect(outputs['all']!.shape).toEqual([3, 2, 1])
  })

  it('has no gradient there, whatever comes from it', () => {
    const { backward } = interpret(sums, given)
    const gradients = backward({ all: [1, 1, 1, Number.NaN, 1, Infinity], last: [1, 1] })
    expect([...gradients['a']!]).toEqual([8, 4, 6, 0, 4, 0])
    expect([...gradients['b']!]).toEqual([4, 2])
  })
})

describe('a program that cannot be computed', () => {
  const wrong: readonly (readonly [string, (writer: Writer) => Id, string])[] = [
    [
      'reads what is not there',
      (writer) => writer.tanh('x'),
      'expected an operation x before those that read it, got none',
    ],
    ['lacks an input', (writer) => writer.parameter('b'), 'expected b, got nothing of that name'],
    [
      'adds what does not fit',
      (writer) => writer.add(writer.parameter('a'), writer.full([3], 0)),
      'expected shapes that broadcast, got (2) and (3)',
    ],
    [
      'multiplies what does not fit',
      (writer) => writer.linear(writer.parameter('a'), writer.full([4, 3], 0)),
      'expected a weight of (outputs, inputs) and as many inputs, got (4, 3) and (2)',
    ],
    [
      'reshapes what does not fit',
      (writer) => writer.reshape(writer.parameter('a'), [3]),
      'expected 3 numbers for (3), got 2',
    ],
    [
      'takes what is past the end',
      (writer) => writer.select(writer.parameter('a'), 0, 2),
      'expected a part of 2 along dim 0, got 2 to 3',
    ],
    ['names a dim that is not there', (writer) => writer.sum(writer.parameter('a'), 1), 'expected a dim of (2), got 1'],
  ]

  it.each(wrong)('because it %s says so', (_, make, message) => {
    const own = program((writer) => ({ y: make(writer) }))
    expect(() => interpret(own, { a: floatTensor('float64', [2], [1, 2]) })).toThrow(new RangeError(message))
  })
})
