import { readFile } from 'node:fs/promises'
import { describe, expect } from 'vitest'
import { heldIn } from '../report/held.ts'
import { matching, mismatching, results, unsupported } from '../report/saved.ts'
import { it } from './command.ts'

describe('report', () => {
  it('prints plain text and exits as verify did', async ({ folder }) => {
    await folder.write('a.json', JSON.stringify(results([matching, mismatching])))
    const { code, stdout, stderr } = await folder.run(['report', 'a.json'])
    expect(stdout).toBe(
      'port\n' +
        'mismatch a.msgpack: case wrong (RNNCell)\n' +
        '  h_1: 1 of 2 elements differ (50.0 %)\n' +
        '    worst: batch 0, unit 1 [0, 1]: actual NaN, expected 1: another kind of value\n' +
        '  where: h_1 is the first tensor that is off\n' +
        '  why: the engine reads weight_hh transposed (explains everything)\n' +
        '2 cases: 1 matched, 1 mismatched, 0 undecided, 0 unsupported\n' +
        'largest share of the allowed error in a match: 25.0 % (a.msgpack: case right)\n',
    )
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
  })

  it('makes every report of what verify has written', async ({ folder }) => {
    const fixture = new URL('../../fixtures/rnn_cell/relu.msgpack', import.meta.url).pathname
    expect((await folder.run(['verify', fixture, '--json', 'a.json', '--quiet'])).code).toBe(0)
    await folder.write('b.json', JSON.stringify(results([unsupported, matching])))
    const made = ['--junit', 'j.xml', '--jsonl', 'l.jsonl', '--text', 't.txt', '--summary', 's.md']
    const { code, stdout } = await folder.run(['report', 'a.json', 'b.json', ...made])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    const read = (name: string): Promise<string> => readFile(folder.path(name), 'utf8')
    expect(await read('j.xml')).toContain('<testsuites name="torch-parity" tests="9" failures="0" errors="0">')
    expect((await read('l.jsonl')).match(/^\{"kind":"case"/gm)).toHaveLength(9)
    expect((await read('t.txt')).match(/^\d+ cases: .+$/gm)).toHaveLength(2)
    expect((await read('s.md')).match(/^## ✅/gm)).toHaveLength(2)
    expect((await folder.list()).filter((name) => name.includes('partial'))).toEqual([])
  })

  it('makes the page of saved results, with the files and the audit of all of them', async ({ folder }) => {
    const producer = {
      torch: '2.13.0',
      numpy: '2.4.6',
      python: '3.11',
      platform: 'linux',
      cpu_capability: 'AVX2',
      num_threads: 1,
    }
    const fixtures = [{ file: 'a.msgpack', name: 'a', seed: 1, cases: 1, producer }]
    const audit = { files: ['a.msgpack'], faults: [] }
    await folder.write('a.json', JSON.stringify(results([matching], { fixtures })))
    await folder.write(
      'b.json',
      JSON.stringify(results([mismatching], { fixtures: [...fixtures, { ...fixtures[0]!, seed: 2 }], audit })),
    )
    const { code, stdout } = await folder.run([
      'report',
      'a.json',
      'b.json',
      '--html',
      'all.html',
      '--json',
      'all.json',
    ])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    const merged = await folder.results('all.json')
    expect(merged.fixtures?.map(({ seed }) => seed)).toEqual([1, 2])
    expect(merged.audit).toEqual(audit)
    expect(await readFile(folder.path('all.html'), 'utf8')).toContain('<title>torch-parity</title>')
    await folder.write('c.json', JSON.stringify(results([mismatching], { engine: 'other' })))
    const refused = await folder.run(['report', 'a.json', 'c.json', '--html', 'none.html'])
    expect(refused.stderr).toBe('error --html: expected results of one engine, judged in one way, got port, other\n')
  })

  it('--against compares the page with other results', async ({ folder }) => {
    await folder.write('new.json', JSON.stringify(results([{ ...mismatching, id: 'a' }, matching])))
    await folder.write('old.json', JSON.stringify(results([{ ...matching, id: 'a' }, matching], { engine: 'old' })))
    expect(await folder.run(['report', 'new.json', '--against', 'old.json', '--html', 'both.html'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: '',
    })
    const { against } = await heldIn(await readFile(folder.path('both.html'), 'utf8'))
    expect(against).toMatchObject({ engine: 'old', cases: [{ id: 'a', change: 'broken' }] })
    const alone = await folder.run(['report', 'new.json', '--against', 'old.json'])
    expect(alone).toMatchObject({
      code: 2,
      stderr: 'error --against: expected --html, got none\nthe page is what shows two runs side by side\n',
    })
    const none = await folder.run(['report', 'new.json', '--against', 'none.json', '--html', 'none.html'])
    expect(none.code).toBe(2)
    expect(none.stderr).toMatch(/^error none\.json: expected a readable file, got ENOENT/)
    expect(await folder.list()).not.toContain('none.html')
  })

  it('puts results of one engine into one file, and refuses those of two', async ({ folder }) => {
    await folder.write('a.json', JSON.stringify(results([matching])))
    await folder.write('b.json', JSON.stringify(results([mismatching])))
    await folder.write('c.json', JSON.stringify(results([mismatching], { engine: 'other' })))
    expect((await folder.run(['report', 'a.json', 'b.json', '--json', 'all.json'])).code).toBe(1)
    expect(await folder.results('all.json')).toEqual(results([matching, mismatching]))
    const { code, stderr } = await folder.run(['report', 'a.json', 'c.json', '--json', 'none.json'])
    expect(stderr).toBe('error --json: expected results of one engine, judged in one way, got port, other\n')
    expect(code).toBe(2)
    expect(await folder.list()).not.toContain('none.json')
  })

  it('reports what can be read, and exits with 2 for what cannot', async ({ folder }) => {
    await folder.write('a.json', JSON.stringify(results([matching])))
    await folder.write('torn.json', '{"format":')
    await folder.write('other.json', '{"format":"else"}')
    const { code, stdout, stderr } = await folder.run(['report', 'torn.json', 'none.json', 'other.json', 'a.json'])
    expect(stdout).toContain('1 case: 1 matched')
    const [torn, none, other] = stderr.split('\n')
    expect(torn).toMatch(/^error torn\.json: expected results of `torch-parity verify --json`, got /)
    expect(none).toMatch(/^error none\.json: expected a readable file, got ENOENT/)
    expect(other).toBe('error other.json: format: expected one of "torch-parity-results", got "else"')
    expect(code).toBe(2)
  })

  it('prints annotations and adds to the step summary', async ({ folder }) => {
    await folder.write('a.json', JSON.stringify(results([mismatching])))
    await folder.write('summary.md', 'before\n')
    process.env['GITHUB_STEP_SUMMARY'] = folder.path('summary.md')
    try {
      const { stdout } = await folder.run(['report', 'a.json', '--github'])
      expect(stdout).toMatch(/^::error file=a\.msgpack,title=port departs from PyTorch::/)
    } finally {
      delete process.env['GITHUB_STEP_SUMMARY']
    }
    expect(await readFile(folder.path('summary.md'), 'utf8')).toMatch(/^before\n## ❌ torch-parity: port\n/)
  })
})
