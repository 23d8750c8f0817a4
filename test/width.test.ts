import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openFile } from '../src/cli/files.ts'
import { widest, widthsOf } from '../src/width.ts'

const folder = join(import.meta.dirname, '..', 'fixtures')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.msgpack') && !file.includes('known_answers'))
  .toSorted()

describe('the budgets of the committed fixtures', () => {
  it('are there', () => {
    expect(files.length).toBeGreaterThan(100)
  })

  it.each(files)('are what noise gives on our own engine: %s', async (file) => {
    for await (const read of (await openFile(join(folder, file))).cases()) {
      if ('error' in read) throw read.error
      for (const [name, width] of Object.entries(widthsOf(read.case))) {
        expect(width, `${read.case.id}: ${name}`).toBeLessThan(widest)
      }
    }
  })
})

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
