import { describe, expect, it } from 'vitest'
import { type Held, Holding } from '../../src/diagnose/holding.ts'
import { layerCase } from '../sample.ts'

const held = (file: string, id: string, module: 'RNN' | 'GRU' = 'RNN'): Held => {
  const recorded = layerCase({ id, module })
  return { place: { file, id }, recorded, outputs: recorded.expected }
}
const ids = (holding: Holding): string[] => [...holding].map(({ place }) => place.id)

/** How much one of them takes. */
const bytes = ((): number => {
  for (let most = 1; ; most *= 2) {
    const holding = new Holding(most)
    holding.add(held('a', 'one'))
    if (ids(holding).length === 1) return most
  }
})()

describe('Holding', () => {
  it('keeps nothing that is larger than all that it may keep', () => {
    const holding = new Holding(1)
    holding.add(held('a', 'one'))
    expect(ids(holding)).toEqual([])
    expect(holding.next()).toBeUndefined()
  })

  it('keeps to its bytes: where a file has most, its last goes', () => {
    const holding = new Holding(2 * bytes)
    for (let i = 0; i < 50; i++) holding.add(held('a', `a${i}`))
    const before = ids(holding)
    expect(before.length).toBeGreaterThanOrEqual(2)
    expect(before.length).toBeLessThan(5)
    holding.add(held('b', 'b0'))
    expect(ids(holding)).toEqual([...before.slice(0, -1), 'b0'])
  })

  it('gives one of each module and file before it gives a second of any that came to nothing', () => {
    const holding = new Holding(Infinity)
    for (const each of [held('a', 'a0'), held('a', 'a1'), held('b', 'b0'), held('c', 'c0', 'GRU')]) holding.add(each)
    const order: string[] = []
    for (;;) {
      const next = holding.next()
      if (next === undefined) break
      order.push(next.place.id)
      holding.failed(next)
    }
    expect(order).toEqual(['a0', 'c0', 'b0', 'a1'])
    // They are kept for what explains them later.
    expect(ids(holding)).toHaveLength(4)
  })

  it('counts the modules and files that have something left', () => {
    const holding = new Holding(Infinity)
    const [one, other] = [held('a', 'a0'), held('b', 'b0')]
    holding.add(one)
    holding.add(other)
    expect(holding.countOfKeys()).toBe(2)
    holding.failed(one)
    expect(holding.countOfKeys()).toBe(1)
    holding.drop(other)
    expect(holding.countOfKeys()).toBe(0)
  })
})
