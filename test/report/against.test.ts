import { describe, expect, it } from 'vitest'
import { againstOf } from '../../src/report/against.ts'
import { matching, mismatching, results, undecided } from './saved.ts'

const off = (id: string, share: number | string): typeof mismatching => {
  const [comparison] = mismatching.comparisons
  return { ...mismatching, id, comparisons: [{ ...comparison!, share: share as string }] }
}
const right = (id: string): typeof matching => ({ ...matching, id })

describe('againstOf', () => {
  it('says what became of each case, and nothing of those that came to the same', () => {
    const before = results(
      [
        right('same'),
        right('a'),
        off('b', 8),
        off('c', 8),
        off('d', 8),
        off('e', 8),
        right('f'),
        right('g'),
        { ...undecided, id: 'h' },
      ],
      { engine: 'old' },
    )
    const after = results([
      right('same'),
      off('a', 3),
      right('b'),
      off('c', 17),
      off('d', 3),
      off('e', 15),
      { ...undecided, file: 'a.msgpack', id: 'f' },
      right('i'),
      { ...undecided, id: 'h' },
    ])
    expect(againstOf(after, before)).toEqual({
      engine: 'old',
      cases: [
        { file: 'a.msgpack', id: 'a', change: 'broken', before: { outcome: 'match', share: 0.25 } },
        { file: 'a.msgpack', id: 'b', change: 'fixed', before: { outcome: 'mismatch', share: 8 } },
        { file: 'a.msgpack', id: 'c', change: 'worse', before: { outcome: 'mismatch', share: 8 } },
        { file: 'a.msgpack', id: 'd', change: 'better', before: { outcome: 'mismatch', share: 8 } },
        { file: 'a.msgpack', id: 'f', change: 'broken', before: { outcome: 'match', share: 0.25 } },
        { file: 'a.msgpack', id: 'i', change: 'new' },
        { file: 'a.msgpack', id: 'g', change: 'gone', before: { outcome: 'match', share: 0.25 } },
      ],
    })
  })

  it('knows of a case that fails now', () => {
    const errors = [{ file: 'a.msgpack', code: 'ENGINE_FAILED', message: 'a.msgpack: case a: engine e: died: at once' }]
    const { cases } = againstOf(results([right('b')], { errors }), results([right('a'), right('b'), right('c')]))
    const before = { outcome: 'match', share: 0.25 }
    expect(cases).toEqual([
      { file: 'a.msgpack', id: 'a', change: 'broken', outcome: 'error', before },
      { file: 'a.msgpack', id: 'c', change: 'gone', before },
    ])
  })

  it('takes NaN for farther off than anything', () => {
    const [change] = againstOf(results([off('a', 'NaN')]), results([off('a', 1e9)])).cases
    expect(change).toEqual({ file: 'a.msgpack', id: 'a', change: 'worse', before: { outcome: 'mismatch', share: 1e9 } })
  })
})
