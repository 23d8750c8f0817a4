import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openFile } from '../src/cli/files.ts'
import { engine } from '../src/engine/run.ts'
import { renderMismatch } from '../src/report/text.ts'
import { verify } from '../src/verify.ts'

const folder = join(import.meta.dirname, '..', 'fixtures')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.msgpack'))
  .toSorted()

describe('the engine', () => {
  it('has fixtures of both modules to be judged by', () => {
    expect(files.filter((file) => file.startsWith('rnn/')).length).toBeGreaterThan(15)
    expect(files.filter((file) => file.startsWith('rnn_cell/')).length).toBeGreaterThan(5)
  })

  it.each(files)('matches PyTorch in every case of %s', async (file) => {
    const fixture = await openFile(join(folder, file))
    const wrong: string[] = []
    let judged = 0
    for await (const read of fixture.cases()) {
      if ('error' in read) throw read.error
      const verdict = await verify(read.case, engine)
      judged += verdict.comparisons.length
      if (verdict.outcome !== 'match') wrong.push(renderMismatch(file, verdict))
    }
    expect(wrong).toEqual([])
    expect(judged).toBeGreaterThanOrEqual(fixture.length)
  })

  it.each(files.filter((file) => file.includes('float64')))(
    'agrees to 1e-14 with the float64 cases of %s',
    async (file) => {
      const tolerance = { kind: 'explicit', rtol: 1e-14, atol: 1e-14 } as const
      for await (const read of (await openFile(join(folder, file))).cases()) {
        if ('error' in read) throw read.error
        const { comparisons } = await verify(read.case, engine, { tolerance, equalNan: true })
        expect(comparisons.map(({ tensor, outcome, atol }) => ({ id: read.case.id, tensor, outcome, atol }))).toEqual(
          comparisons.map(({ tensor, atol }) => ({ id: read.case.id, tensor, outcome: 'match', atol })),
        )
      }
    },
  )
})
