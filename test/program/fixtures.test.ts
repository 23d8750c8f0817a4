// Every case of the fixtures, by the engine and by its program.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isModelRequest } from '../../src/format/case.ts'
import { openFile } from '../../src/cli/files.ts'
import { exactly } from '../../src/engine/run.ts'
import { requestOf } from '../../src/verify.ts'
import { agreement } from './agreement.ts'

const folder = join(import.meta.dirname, '..', '..', 'fixtures')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.msgpack'))
  .toSorted()

describe('engine and program', () => {
  it.each(files)('agree in every case of %s', async (file) => {
    const wrong: string[] = []
    const measured: string[] = []
    let cases = 0
    for await (const read of (await openFile(join(folder, file))).cases()) {
      if ('error' in read) throw read.error
      const { id } = read.case
      const request = requestOf(read.case)
      const own = agreement(request)
      // The engine takes the layers of a model from the kernels.
      if (isModelRequest(request)) wrong.push(...agreement(request, exactly).wrong)
      wrong.push(...own.wrong.map((line) => `${id}: ${line}`))
      measured.push(...own.measured.map((line) => `${id}: ${line}`))
      cases++
    }
    expect(wrong).toEqual([])
    // Elsewhere no measured error is needed.
    expect(measured.length > 0).toBe(/chaotic/.test(file))
    expect(cases).toBeGreaterThan(0)
  })
})
