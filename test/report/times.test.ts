import { describe, expect, it } from 'vitest'
import { times } from '../../src/report/times.ts'

describe('times', () => {
  it.each([
    [12, '12 ×'],
    [8123, '8,100 ×'],
    [420_000, '420,000 ×'],
    [1e6, '1e6 ×'],
    [8.04e39, '8e39 ×'],
    [Infinity, 'Infinity ×'],
  ])('%d is %s', (ratio, said) => expect(times(ratio)).toBe(said))
})
