import { describe, expect, it } from 'vitest'
import type { Case } from '../../src/format/case.ts'
import { type Engine, engine } from '../../src/engine/run.ts'
import { newMismatches } from '../../src/verify/targets/allowing.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { cellCase, layerCase } from '../sample.ts'

/** A case, and what an engine gives that is off by so much. */
function off(by: number, id = 'cell'): { recorded: Case; outputs: unknown } {
  const recorded = cellCase({ id })
  const { dtype, shape, data } = recorded.expected['h_1']!
  return {
    recorded,
    outputs: {
      h_1: floatTensor(
        dtype,
        shape,
        Array.from(data, (x) => x + by),
      ),
    },
  }
}

const never: Engine = {
  name: 'never',
  run: () => {
    throw new Error('expected not to be asked')
  },
}

async function allowed(...given: readonly { recorded: Case; outputs: unknown }[]): Promise<string | undefined> {
  const mismatches = newMismatches()
  for (const { recorded, outputs } of given) mismatches.add(recorded, outputs)
  const found = await mismatches.allowedBy(never)
  return found && `${found.count} ${found.target.name}`
}

describe('mismatches', () => {
  it('are allowed by the first target that allows all of them', async () => {
    expect(await allowed(off(2e-5))).toBe('1 wgsl')
    expect(await allowed(off(2e-5), off(3e-5, 'other'))).toBe('2 wgsl')
    expect(await allowed(off(2e-3))).toBe('1 tf32')
    expect(await allowed(off(2e-5), off(2e-3, 'other'))).toBe('2 tf32')
    expect(await allowed(off(2e-5), off(0.5, 'other'))).toBeUndefined()
    expect(await allowed()).toBeUndefined()
  })

  it('of single steps are judged by an engine that is asked again', async () => {
    const recorded = layerCase({ decided: 2 })
    let asked = 0
    const again: Engine = {
      name: 'again',
      run: (request) => {
        asked++
        const outputs = engine.run(request) as Case['expected']
        return Object.fromEntries(
          Object.entries(outputs).map(([name, { dtype, shape, data }]) => [
            name,
            floatTensor(
              dtype,
              shape,
              Array.from(data, (x) => x + 2e-5),
            ),
          ]),
        )
      },
    }
    const outputs = await again.run(recorded)
    asked = 0
    const mismatches = newMismatches()
    mismatches.add(recorded, outputs)
    expect((await mismatches.allowedBy(again))?.target.name).toBe('wgsl')
    // For ftz, and then for wgsl.
    // One request of single steps, for the target that does not allow it and the one that does, and three parts.
    expect(asked).toBe(5)
    const failing = newMismatches()
    failing.add(recorded, outputs)
    expect(await failing.allowedBy(never)).toBeUndefined()
  })

  it('that do not fit are not judged again, however many of them would be allowed', async () => {
    const { recorded, outputs } = off(2e-5)
    const few = newMismatches(1000)
    few.add(recorded, outputs)
    expect((await few.allowedBy(never))?.target.name).toBe('wgsl')
    for (let i = 0; i < 10; i++) few.add(recorded, outputs)
    expect(await few.allowedBy(never)).toBeUndefined()
  })
})
