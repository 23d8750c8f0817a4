import { cp, readFile } from 'node:fs/promises'
import { describe, expect } from 'vitest'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { type Ended, type Folder, it, realPython } from './command.ts'
import { engineModule } from './engines.ts'

const names = Array.from({ length: 23 }, (_, i) => `case-${i}`)

async function fixtures(folder: Folder): Promise<void> {
  await folder.mkdir('all')
  for (const [file, ids] of [
    ['one', names.slice(0, 10)],
    ['two', names.slice(10)],
  ] as const) {
    await folder.write(`all/${file}.msgpack`, fixtureBytes(ids.map((id, i) => caseRecord(cellCase({ id }, i + 1)))))
  }
}

const part = (folder: Folder, index: number, ...args: string[]): Promise<Ended> =>
  folder.run(['verify', 'all', '--shard', `${index}/4`, '--json', `${index}.json`, '--quiet', ...args])

async function idsOf(folder: Folder, file: string): Promise<string[]> {
  return (await folder.results(file)).cases.map(({ id }) => id)
}

/** Changes what a part has written. */
async function changed(folder: Folder, file: string, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(folder.path(file), 'utf8')
  expect(text).toMatch(from)
  await folder.write(file, text.replace(from, to))
}

describe('--shard', () => {
  it('refuses a merge without the part that was killed, and takes it once that part alone was judged again', async ({
    folder,
  }) => {
    await fixtures(folder)
    await folder.write(
      'slow.mjs',
      engineModule('async (request) => { await new Promise((r) => setTimeout(r, 20)); return cell(request) }'),
    )
    for (const i of [1, 2, 4]) expect((await part(folder, i, '--engine', 'slow.mjs')).code).toBe(0)
    const rows = ['verify', 'all', '--shard', '3/4', '--json', '3.json', '--engine', 'slow.mjs']
    const killed = await folder.run(rows, { onOutput: (shown, kill) => /match +case/.test(shown) && kill('SIGKILL') })
    expect(killed.code).toBe(null)

    const files = ['1.json', '2.json', '3.json', '4.json']
    const without = await folder.run(['report', '1.json', '2.json', '4.json'])
    expect(without).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'error expected all 4 parts, got none of 3/4\njudge those with --shard\n',
    })
    // It left no results: those are written aside.
    expect(await folder.run(['report', ...files])).toMatchObject({ code: 2, stdout: '' })

    expect((await part(folder, 3, '--engine', 'slow.mjs')).code).toBe(0)
    const { code, stdout } = await folder.run(['report', ...files, '--json', 'whole.json', '--text', 'whole.txt'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect((await idsOf(folder, 'whole.json')).toSorted()).toEqual(names.toSorted())
    expect(await readFile(folder.path('whole.txt'), 'utf8')).toContain('23 cases: 23 matched')
  })

  it('refuses a part that was interrupted', async ({ folder }) => {
    await fixtures(folder)
    await folder.write(
      'slow.mjs',
      engineModule('async (request) => { await new Promise((r) => setTimeout(r, 50)); return cell(request) }'),
    )
    for (const i of [1, 2, 4]) await part(folder, i, '--engine', 'slow.mjs')
    const rows = ['verify', 'all', '--shard', '3/4', '--json', '3.json', '--engine', 'slow.mjs']
    const { code } = await folder.run(rows, { onOutput: (shown, kill) => /match +case/.test(shown) && kill('SIGTERM') })
    expect(code).toBe(143)
    const merged = await folder.run(['report', '1.json', '2.json', '3.json', '4.json'])
    expect(merged.stderr).toMatch(/^error 3\.json: part 3\/4: expected it to have ended, got an interrupted run\n/)
    expect(merged.code).toBe(2)
  })

  it('deals each case to one part, about as much to each, the same in any folder', async ({ folder }) => {
    await fixtures(folder)
    await cp(folder.path('all'), folder.path('elsewhere'), { recursive: true })
    for (const i of [1, 2, 3, 4]) await part(folder, i)
    const ids = await Promise.all([1, 2, 3, 4].map((i) => idsOf(folder, `${i}.json`)))
    expect(ids.flat().toSorted()).toEqual(names.toSorted())
    for (const own of ids) expect(own.length).toBeGreaterThanOrEqual(5)
    await folder.run(['verify', 'elsewhere', '--shard', '2/4', '--json', 'other.json', '--quiet'])
    expect(await idsOf(folder, 'other.json')).toEqual(ids[1])
  })

  it('may have more parts than there are cases', async ({ folder }) => {
    await folder.mkdir('all')
    await folder.write('all/a.msgpack', fixtureBytes([caseRecord(cellCase({ id: 'only' }, 1))]))
    expect([await part(folder, 1), await part(folder, 2)].map(({ code }) => code)).toEqual([0, 0])
    expect((await folder.results('2.json')).cases).toEqual([])
  })

  it.for<[string, (folder: Folder) => Promise<unknown>, RegExp]>([
    [
      'twice',
      (f) => cp(f.path('1.json'), f.path('4.json')),
      /^error 4\.json: expected each part once, got part 1\/4 in 1\.json too\n/,
    ],
    [
      'of another engine',
      (f) => changed(f, '2.json', '"engine":"', '"engine":"other '),
      /^error 2\.json: engine: expected "torch-parity/,
    ],
    ['of another tolerance', (f) => part(f, 2, '--tolerance', '1e-5,1e-8'), /^error 2\.json: tolerance: expected /],
    ['of another filter', (f) => part(f, 2, '--filter', 'case-1'), /^error 2\.json: asked for: expected /],
    [
      'of another version',
      (f) => changed(f, '2.json', /"version":"[\d.]+"/, '"version":"9.9.9"'),
      /^error 2\.json: asked for: expected /,
    ],
    [
      'of other fixtures',
      async (f) => {
        await f.write(
          'all/two.msgpack',
          fixtureBytes(names.slice(10).map((id, i) => caseRecord(cellCase({ id }, i + 99)))),
        )
        await part(f, 2)
      },
      /^error 2\.json: hashes of files: expected /,
    ],
    [
      'of more parts',
      (f) => f.run(['verify', 'all', '--shard', '2/5', '--json', '2.json']),
      /^error 2\.json: parts of a run: expected 4 as in 1\.json, got 5\n/,
    ],
    [
      'that lacks a case',
      (f) => changed(f, '2.json', /,\n\{"file".*\}(?=,?\n)/, ''),
      /^error 2\.json: part 2\/4: expected verdicts on the \d cases that were dealt to it, got \d judged, 0 filtered out and 0 failed\n/,
    ],
    [
      'whose count is made to fit what it lacks',
      async (f) => {
        await changed(f, '2.json', /,\n\{"file".*\}(?=,?\n)/, '')
        const { shard } = await f.results('2.json')
        await changed(f, '2.json', `"dealt":${shard!.dealt}`, `"dealt":${shard!.dealt - 1}`)
      },
      /^error expected 23 cases in all parts together, as the files hold, got 22\n/,
    ],
    [
      'with a case of another',
      async (f) => {
        const [, line] = /\n(\{"file".*?\}),?\n/.exec(await readFile(f.path('1.json'), 'utf8'))!
        await changed(f, '2.json', /(?<=\n)\{"file".*?\}(?=,?\n)/, line!.replaceAll('$', '$$$$'))
      },
      /^error .*: case case-\d+: expected one verdict, got one in 1\.json and one in 2\.json\n/,
    ],
    [
      'and one that is whole',
      (f) => f.run(['verify', 'all', '--json', '4.json']),
      /^error 4\.json: expected a part of a run, as 1\.json is, got a whole one\n|got none of 4\/4/,
    ],
  ])('refuses a part %s', async ([, change, message], { folder }) => {
    await fixtures(folder)
    for (const i of [1, 2, 3, 4]) await part(folder, i)
    await change(folder)
    const { code, stdout, stderr } = await folder.run(['report', '1.json', '2.json', '3.json', '4.json'])
    expect(stderr).toMatch(message)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  it.for(['0/4', '5/4', '4', '1/0', 'a/b', '1/100001'])('refuses %s', async (shard, { folder }) => {
    const { code, stderr } = await folder.run(['verify', '--shard', shard])
    expect(stderr).toContain(`expected I/N, the I-th of N parts, such as 3/16, got ${shard}`)
    expect(code).toBe(2)
  })
})

describe('fuzz --shard', () => {
  const fuzz = (folder: Folder, index: number, ...args: string[]): Promise<Ended> => {
    const shard = ['--shard', `${index}/2`, '--json', `${index}.json`, '--runs', '31', '--module', 'RNNCell']
    return folder.run(['fuzz', '--python', realPython(), '--quiet', ...shard, ...args])
  }

  it(
    'draws other cases in each part, the same again, and reports counts of all',
    { timeout: 120_000 },
    async ({ folder }) => {
      for (const i of [1, 2]) expect((await fuzz(folder, i)).code).toBe(0)
      const alone = await folder.run(['report', '1.json'])
      expect(alone.stderr).toMatch(/^error expected all 2 parts, got none of 2\/2\n/)
      expect(alone.code).toBe(2)
      const { code, stdout } = await folder.run(['report', '1.json', '2.json'])
      expect(stdout).toMatch(
        /^31 runs: \d+ matched, 0 departed, \d+ undecided, 0 unsupported, \d+ refused by PyTorch$/m,
      )
      expect(code).toBe(0)
      const most = async (file: string): Promise<unknown> =>
        (JSON.parse(await readFile(folder.path(file), 'utf8')) as { most: unknown }).most
      const [one, two] = [await most('1.json'), await most('2.json')]
      expect(one).not.toEqual(two)
      await fuzz(folder, 2)
      expect(await most('2.json')).toEqual(two)
      await fuzz(folder, 2, '--seed', '1')
      const other = await folder.run(['report', '1.json', '2.json'])
      expect(other.stderr).toMatch(/^error 2\.json: seed: expected 0 as in 1\.json, got 1\n/)
    },
  )

  it('counts what two parts have found as one, where it has one cause', { timeout: 120_000 }, async ({ folder }) => {
    await folder.write(
      'wrong.mjs',
      engineModule(
        '(request) => { const { weight_hh } = request.params; const [n] = weight_hh.shape; const data = weight_hh.data.map((_, i, all) => all[(i % n) * n + Math.floor(i / n)]); return cell({ ...request, params: { ...request.params, weight_hh: { ...weight_hh, data } } }) }',
        "supports: ({ module, config, cotangents, training, inputs, dtype }) => (module === 'RNNCell' && config.bias && config.nonlinearity === 'tanh' && !cotangents && !training && 'h_0' in inputs && inputs.input.shape.length === 2 && dtype === 'float32') || 'no'",
      ),
    )
    for (const i of [1, 2]) expect((await fuzz(folder, i, '--engine', 'wrong.mjs', '--runs', '200')).code).toBe(1)
    const { code, stdout } = await folder.run(['report', '1.json', '2.json'])
    expect(stdout).toMatch(/ 2 departed, /)
    expect(stdout).toMatch(
      /\n2 parts: the engine reads weight_hh transposed where it is square\n {2}smallest: RNNCell input_size 1, hidden_size 2, batch 1\n/,
    )
    expect(code).toBe(1)
  })
})
