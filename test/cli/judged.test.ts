import { describe, expect, it } from 'vitest'
import { judgedFor } from '../../src/cli/target.ts'
import { engine } from '../../src/engine/run.ts'
import { describeParity } from '../../src/vitest.ts'
import { cellCase } from '../sample.ts'

const budget = { kind: 'budget' } as const

describe('judgedFor', () => {
  it('leaves cases as they are without a target, and for cpu', () => {
    const recorded = cellCase()
    for (const name of [undefined, 'cpu']) {
      const { target, as } = judgedFor(name, budget)
      expect(target).toBeUndefined()
      expect(as(recorded)).toBe(recorded)
    }
    // A CPU may be judged in any way.
    expect(judgedFor('cpu', { kind: 'torch' }).target).toBeUndefined()
  })

  it('composes budgets with what a target permits', () => {
    const { target, as } = judgedFor('wgsl+tf32', budget)
    expect(target?.name).toBe('wgsl+tf32')
    expect(as(cellCase()).target?.name).toBe('wgsl+tf32')
  })
})

describe('describeParity', () => {
  it.each([
    [{ target: 'metal' }, 'expected cpu, ftz, wgsl, tf32, f16, or several such as wgsl+tf32, got metal'],
    [{ target: 'ftz', tolerance: 'torch' }, 'expected the budget as tolerance, got torch with ftz'],
  ] as const)('refuses %j', async (options, message) => {
    await expect(describeParity('fixtures', engine, options)).rejects.toThrow(`describeParity: target: ${message}`)
  })
})
