import { describe, expect, it } from 'vitest'
import { newIds } from '../../src/format/ids.ts'

describe('newIds', () => {
  it('takes each of 200,000 different ids once, and none twice', () => {
    const ids = newIds()
    const known = new Set<string>()
    for (let i = 0; i < 200_000; i++) known.add(`case-${i}-${(i * 7919) % 1013}`)
    expect([...known].filter((id) => !ids.add(id))).toEqual([])
    expect([...known].filter((id) => ids.add(id))).toEqual([])
  })

  it('tells ids apart that differ in one character, in order, or in length', () => {
    const ids = newIds()
    expect(['', 'a', 'b', 'ab', 'ba', 'aa', 'a ', ' a'].map((id) => ids.add(id))).toEqual(Array(8).fill(true))
  })
})
