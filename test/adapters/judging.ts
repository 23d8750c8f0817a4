// The committed cases of layers and cells, asked of an adapter here, without a process of its own.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openFile } from '../../src/cli/files.ts'
import type { Engine } from '../../src/engine/run.ts'
import { asked, type PreparingEngine } from '../../src/engine/prepared.ts'
import { verify } from '../../src/verify.ts'
import { describe, expect, it } from 'vitest'
import type { Known } from './known.ts'

const folder = join(import.meta.dirname, '..', '..', 'fixtures')

/** What came of all cases of a folder of fixtures. */
export interface Judged {
  supported: number
  matched: number
  /** `trait/id` of those that mismatch. */
  readonly mismatched: string[]
  readonly undecided: string[]
  /** How many are not supported, by the reason that was given. */
  readonly unsupported: Record<string, number>
}

/** Judges every case of the files of one module, such as `rnn_cell`. */
export async function judgedBy(engine: Engine | PreparingEngine, module: string): Promise<Judged> {
  const judged: Judged = { supported: 0, matched: 0, mismatched: [], undecided: [], unsupported: {} }
  const whole = asked(engine)
  for (const file of readdirSync(join(folder, module)).toSorted()) {
    for await (const read of (await openFile(join(folder, module, file))).cases()) {
      if ('error' in read) throw read.error
      const { outcome, reason = '' } = await verify(read.case, whole)
      const name = `${file.replace('.msgpack', '')}/${read.case.id}`
      if (outcome === 'unsupported') {
        judged.unsupported[reason] = (judged.unsupported[reason] ?? 0) + 1
        continue
      }
      judged.supported++
      if (outcome === 'match') judged.matched++
      else judged[outcome === 'mismatch' ? 'mismatched' : 'undecided'].push(name)
    }
    await whole.release()
  }
  return judged
}

/** Tests that an adapter departs in the known cases and in no other. supported: how many cases of each module it supports. */
export function describeAdapter(
  engine: Engine | PreparingEngine,
  supported: Readonly<Record<string, number>>,
  known: Readonly<Record<string, Known>>,
): void {
  describe(`${engine.name} computes what PyTorch computes`, () => {
    it.each(Object.entries(supported))(
      'in all %s cases that it supports, but for those that are known',
      async (module, supported) => {
        const judged = await judgedBy(engine, module)
        expect(judged.mismatched.toSorted()).toEqual(
          Object.values(known[module] ?? {})
            .flat()
            .toSorted(),
        )
        // A batch of 0 has no number to judge, and what 8 or 11 bits leave of saturated sums decides nothing.
        expect(judged.undecided.filter((name) => !/batch-0|float16-saturated$/.test(name))).toEqual([])
        expect(judged.supported).toBe(supported)
        expect(judged.matched).toBe(supported - judged.mismatched.length - judged.undecided.length)
      },
    )
  })
}
