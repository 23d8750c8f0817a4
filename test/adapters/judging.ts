// The committed cases of layers and cells, asked of an adapter here, without a process of its own.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openFile } from '../../src/cli/files.ts'
import { asked, type PreparingEngine } from '../../src/engine/prepared.ts'
import { verify } from '../../src/verify.ts'

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
export async function judgedBy(engine: PreparingEngine, module: string): Promise<Judged> {
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
