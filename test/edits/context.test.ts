import { expect, it } from 'vitest'
import { contextOf, nodesAt } from '../../src/edits/context.ts'
import type { Operand } from '../../src/edits/edit.ts'
import { cellCase, layerCase, questionOf } from '../sample.ts'

const cell = contextOf(questionOf(cellCase({ module: 'LSTMCell', h_0: true, cotangents: true })))
const layer = contextOf(questionOf(layerCase({ module: 'LSTM', num_layers: 2, cotangents: true })))
const both = contextOf(questionOf(layerCase({ module: 'LSTM', num_layers: 2, bidirectional: true })))

const named = (context: typeof cell, operand: Operand): string[] => [
  ...new Set(nodesAt(context, operand).map((node) => `${node.operation.op} ${node.operand.tensor}`)),
]

it('of a cell the last state is the state after its only step', () => {
  expect(named(layer, { tensor: 'c_n', in: 'cotangents' })).toStrictEqual(['input c_n'])
  expect(named(cell, { tensor: 'c_n', in: 'cotangents' })).toStrictEqual(['input c_1'])
  // Of h there is another meaning: the output, too.
  expect(named(cell, { tensor: 'h_n', in: 'cotangents' })).toStrictEqual([])
})

it('of a cell the state before its step is the one that it is given', () => {
  expect(named(layer, { op: 'state', tensor: 'c' })).toStrictEqual(['state c'])
  expect(named(cell, { op: 'state', tensor: 'c' })).toStrictEqual(['input c_0'])
})

it('of one direction what two are joined to is what it puts out', () => {
  expect(named(both, { op: 'cat', tensor: 'output' })).toStrictEqual(['cat output'])
  expect(named(layer, { op: 'cat', tensor: 'output' })).toStrictEqual(['stacked output'])
  expect(named(layer, { op: 'mul', tensor: 'dropout_mask' })).toStrictEqual(['stacked output'])
})
