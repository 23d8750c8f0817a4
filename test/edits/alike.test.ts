import { expect, it } from 'vitest'
import { contextOf } from '../../src/edits/context.ts'
import type { Edit } from '../../src/edits/edit.ts'
import { relativesOf } from '../../src/edits/alike.ts'
import { layerCase, questionOf } from '../sample.ts'

const zero = (operand: Edit['operand'], scope?: Edit['scope']): Edit => {
  return { operator: 'zero', operand, value: true, ...(scope && { scope }) }
}

it('of one layer what is said of it may be of the first or of the last', () => {
  const context = contextOf(questionOf(layerCase()))
  const all = relativesOf([zero({ op: 'parameter', tensor: 'bias_hh' })], context)
  expect(all).toContainEqual([zero({ op: 'parameter', tensor: 'bias_hh' }, { layers: 'last' })])
  expect(all).toContainEqual([zero({ op: 'parameter', tensor: 'bias_hh' }, { layers: 'first' })])
  expect(all).toContainEqual([zero({ op: 'parameter', tensor: 'bias_hh' }, { direction: 'forward' })])
  expect(all).not.toContainEqual([zero({ op: 'parameter', tensor: 'bias_hh' }, { layers: 'later' })])
})

it('of two layers the later are the last, and not the first', () => {
  const context = contextOf(questionOf(layerCase({ num_layers: 2 })))
  const all = relativesOf([zero({ op: 'parameter', tensor: 'bias_hh' }, { layers: 'later' })], context)
  expect(all).toContainEqual([zero({ op: 'parameter', tensor: 'bias_hh' }, { layers: 'last' })])
  expect(all.flat().some(({ scope }) => scope?.layers === 'first' || scope === undefined)).toBe(false)
})

it('without a c_n the last states are h_n, each of edits that are made together by itself', () => {
  const context = contextOf(questionOf(layerCase()))
  const other = zero({ op: 'parameter', tensor: 'bias_ih' })
  const all = relativesOf([zero({ kind: 'last states' }), other], context)
  expect(all).toContainEqual([zero({ kind: 'last states', tensor: 'h_n' }), other])
  const ofLSTM = contextOf(questionOf(layerCase({ module: 'LSTM' })))
  expect(relativesOf([zero({ kind: 'last states' })], ofLSTM)).not.toContainEqual([
    zero({ kind: 'last states', tensor: 'h_n' }),
  ])
})
