import { copyFile, readFile } from 'node:fs/promises'
import { describe, expect } from 'vitest'
import { faults } from '../../src/edits/faults.ts'
import { heldIn } from '../report/held.ts'
import { it } from './command.ts'

const fixture = new URL('../../fixtures/rnn_cell/relu.msgpack', import.meta.url)

describe('audit --report', () => {
  it('adds its table to the results and the page of verify --report', async ({ folder }) => {
    await copyFile(fixture, folder.path('relu.msgpack'))
    expect((await folder.run(['verify', 'relu.msgpack', '--report', 'report', '--quiet'])).code).toBe(0)
    const before = await folder.results('report/results.json')
    expect(before.audit).toBeUndefined()
    const { code, stdout } = await folder.run(['audit', 'relu.msgpack', '--only-applicable', '--report', 'report'])
    expect(code).toBe(0)
    const { audit, ...rest } = await folder.results('report/results.json')
    expect(rest).toEqual(before)
    expect(audit?.files).toEqual(['relu.msgpack'])
    expect(audit?.faults.map(({ name }) => name)).toEqual(faults.map(({ name }) => name))
    for (const { name, status, applicable, revealed } of audit?.faults ?? []) {
      // The text has the same counts.
      const line = stdout.split('\n').find((each) => each.trim().startsWith(`${name}  `))
      expect(line, `of ${name}`).toMatch(new RegExp(` ${status} +${revealed[0]} of ${applicable[0]} `))
    }
    expect(audit?.faults.some(({ revealed }) => revealed[0]! > 0)).toBe(true)
    const page = await heldIn(await readFile(folder.path('report/index.html'), 'utf8'))
    expect(page.audit?.files).toEqual(['relu.msgpack'])
  })

  it('says what to do where there is no report, before it asks anything', async ({ folder }) => {
    await copyFile(fixture, folder.path('relu.msgpack'))
    const { code, stdout, stderr } = await folder.run(['audit', 'relu.msgpack', '--report', 'none'])
    expect(stderr).toMatch(
      /^error none\/results\.json: expected a readable file, got ENOENT.+\n`torch-parity verify --report none` writes it\n$/,
    )
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })
})
