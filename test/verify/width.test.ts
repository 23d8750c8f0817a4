import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openFile } from '../../src/cli/files.ts'
import { widest, widthsOf } from '../../src/verify/width.ts'

// That no budget of the committed fixtures is wide is part of their audit: sensitivity.test.ts.
const folder = join(import.meta.dirname, '..', '..', 'fixtures')

it('a budget that nobody has measured is found by what noise gives', async () => {
  for await (const read of (await openFile(join(folder, 'lstm', 'default.msgpack'))).cases()) {
    if ('error' in read) throw read.error
    if (read.case.expected['output']!.data.length === 0) continue
    const h_n = read.case.budget['h_n']!
    const wider = { ...read.case.budget, h_n: { ...h_n, data: h_n.data.map((x) => 100 * x) } }
    const { h_n: width, ...others } = widthsOf({ ...read.case, budget: wider })
    expect(width).toBeGreaterThan(widest)
    for (const other of Object.values(others)) expect(other).toBeLessThan(widest)
  }
})
