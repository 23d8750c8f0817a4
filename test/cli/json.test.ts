import { mkdir } from 'node:fs/promises'
import { describe, expect } from 'vitest'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { it } from './command.ts'

// More cases than a stream takes without waiting for its file.
const many = fixtureBytes(Array.from({ length: 300 }, (_, i) => caseRecord(cellCase({ id: `case-${i}` }, i + 1))))
const summary =
  /^300 cases: 300 matched, 0 mismatched, 0 undecided, 0 unsupported\nlargest share .*\nR, the error .*\n$/

describe('verify --json', () => {
  it('writes every case of a long run', async ({ folder }) => {
    await folder.write('many.msgpack', many)
    const { code } = await folder.run(['verify', 'many.msgpack', '--quiet', '--json', 'out.json'])
    expect(code).toBe(0)
    const { cases } = await folder.results('out.json')
    expect(cases.map(({ id }) => id)).toStrictEqual(Array.from({ length: 300 }, (_, i) => `case-${i}`))
  })

  it('takes the place of older results', async ({ folder }) => {
    await folder.write('many.msgpack', many)
    await folder.write('out.json', 'x'.repeat(10_000_000))
    const { code } = await folder.run(['verify', 'many.msgpack', '--quiet', '--json', 'out.json'])
    expect(code).toBe(0)
    expect((await folder.results('out.json')).summary.matched).toBe(300)
  })

  const long = `${'n'.repeat(250)}.json`.slice(-250)
  it.for<[string, string, RegExp]>([
    ['below a file', 'many.msgpack/out.json', /got E(NOTDIR|EXIST): .*/],
    ['in place of a folder', 'taken', /got E(ISDIR|NOTEMPTY|EXIST|PERM): .*/],
    ['under a name that leaves no room for a part', long, /got ENAMETOOLONG: .*/],
  ])('judges and prints everything before it says that it cannot write %s', async ([, path, why], { folder }) => {
    await folder.write('many.msgpack', many)
    await mkdir(folder.path('taken'))
    const { code, stdout, stderr } = await folder.run(['verify', 'many.msgpack', '--quiet', '--json', path])
    expect(stdout).toMatch(summary)
    expect(stderr).toMatch(new RegExp(`^error ${path}: expected a file that can be written, ${why.source}\n$`))
    expect(code).toBe(2)
    expect(await folder.list()).toStrictEqual(['many.msgpack', 'taken'])
  })

  it('writes all the same, and exits with 0, when nobody reads standard output', async ({ folder }) => {
    await folder.write('many.msgpack', many)
    const { code, stderr } = await folder.run(['verify', 'many.msgpack', '--json', 'out.json'], { deaf: true })
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect((await folder.results('out.json')).summary.matched).toBe(300)
  })
})
