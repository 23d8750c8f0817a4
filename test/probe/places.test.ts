import { describe, expect, it } from 'vitest'
import { commonPlaces, type Places, type Some } from '../../src/probe/places.ts'

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
const all = (own: readonly Partial<Places>[]): Places[] => own.map((one) => ({ tensors: ['h_1'], of: 1, ...one }))
const rows = (own: readonly Some[]): string[] => commonPlaces(all(own.map((some) => ({ rows: some }))))

describe('commonPlaces', () => {
  it('says from where on, and what is left after blocks', () => {
    expect(rows([115, 120, 130, 200].map((of) => ({ of, at: range(112, of) })))).toEqual(['rows from 112 on'])
    expect(rows([9, 10, 21, 20, 7].map((of) => ({ of, at: range(of - (of % 8), of) })))).toEqual([
      'rows from 8⌊batch / 8⌋ on: what is left of batch after blocks of 8',
    ])
  })

  it('says which alone, and every second', () => {
    expect(rows([5, 6, 7, 8].map((of) => ({ of, at: [0] })))).toEqual(['row 0 alone'])
    expect(rows([5, 6, 7, 8].map((of) => ({ of, at: [of - 1] })))).toEqual(['the last row alone'])
    expect(rows([5, 6, 7, 8].map((of) => ({ of, at: range(0, of).filter((i) => i % 2 === 1) })))).toEqual([
      'rows whose index mod 2 = 1',
    ])
  })

  it('says nothing of what is everywhere, has nothing in common, or was seen too seldom', () => {
    expect(rows([5, 6, 7, 8].map((of) => ({ of, at: range(0, of) })))).toEqual([])
    expect(rows([5, 6, 7, 8].map((of, i) => ({ of, at: [i, (3 * i) % of] })))).toEqual([])
    expect(rows([5, 6, 7].map((of) => ({ of, at: [0] })))).toEqual([])
  })

  it('says of the first wrong step where it is the same', () => {
    const step = (at: number, of: number): Partial<Places> => ({ step: { of, at: range(at, of) } })
    expect(commonPlaces(all([step(8, 9), step(8, 20), step(8, 10), step(8, 11)]))).toEqual(['steps from 8 on'])
    expect(commonPlaces(all([step(8, 9), step(19, 20), step(9, 10), step(5, 6)]))).toEqual(['the last step alone'])
    // Not where later steps are right.
    const first = (at: number, of: number): Partial<Places> => ({ step: { of, at: [at] } })
    expect(commonPlaces(all([first(2, 9), first(2, 20), first(2, 10), first(2, 11)]))).toEqual(['step 2 first'])
    expect(commonPlaces(all([step(0, 9), step(0, 20), step(0, 10), step(0, 6)]))).toEqual([])
    expect(commonPlaces(all([step(1, 9), step(2, 20), step(3, 10), step(0, 6)]))).toEqual([])
  })

  it('names the tensors where they are always the same, and not all', () => {
    const some = range(0, 4).map(() => ({ tensors: ['grad_h_0'], of: 5 }))
    expect(commonPlaces(some)).toEqual(['grad_h_0 alone'])
  })
})
