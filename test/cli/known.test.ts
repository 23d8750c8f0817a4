import { readFile } from 'node:fs/promises'
import { describe, expect } from 'vitest'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { type Ended, type Folder, it } from './command.ts'
import { engineModule } from './engines.ts'

const ids = ['a', 'b', 'c', 'd', 'e']
const fixture = (seed = 1): Uint8Array => fixtureBytes(ids.map((id, i) => caseRecord(cellCase({ id }, i + seed))))

/** A port that is wrong in the cases of these numbers, the first being 0; it tells them apart by the first number of the input. */
function port(wrong: readonly number[], how = 'h_1.data[0] += 0.5'): string {
  return engineModule(
    `(request) => {
      const { h_1, ...rest } = cell(request)
      const first = request.inputs.input.data[0]
      if (!firsts.includes(first)) firsts.push(first)
      if (${JSON.stringify(wrong)}.includes(firsts.indexOf(first))) { ${how} }
      return { h_1, ...rest }
    }`,
  ).replace('let asked', 'const firsts = []\nlet asked')
}

const verify = (folder: Folder, ...args: string[]): Promise<Ended> =>
  folder.run([
    'verify',
    'all.msgpack',
    '--engine',
    'port.mjs',
    '--repeat',
    '1',
    '--known-failures',
    'known.json',
    ...args,
  ])

async function known(folder: Folder, wrong: readonly number[]): Promise<void> {
  await folder.write('all.msgpack', fixture())
  await folder.write('port.mjs', port(wrong))
  const { code, stdout } = await verify(folder, '--update-known-failures')
  expect(stdout).toContain(`written: known.json: ${wrong.length} known failure`)
  expect(code).toBe(0)
}

describe('--known-failures', () => {
  it('passes where what fails is known, and says so', async ({ folder }) => {
    await known(folder, [1, 3])
    const { code, stdout } = await verify(folder)
    expect(stdout).toMatch(/^2 known failures, 0 new$/m)
    expect(stdout).toMatch(/^ {2}mismatch .* known$/m)
    expect(stdout).not.toContain('worst:')
    expect(code).toBe(0)
    // What is known is only left out of the verdict, not out of the results.
    expect((await verify(folder, '--json', 'r.json')).code).toBe(0)
    expect((await folder.results('r.json')).summary.mismatched).toBe(2)
  })

  it.for<[string, (folder: Folder) => Promise<unknown>, RegExp, number]>([
    [
      'another case fails',
      (f) => f.write('port.mjs', port([1, 3, 4])),
      /^2 known failures, 1 new\n {2}new: all\.msgpack: case e$/m,
      1,
    ],
    [
      'a known one passes',
      (f) => f.write('port.mjs', port([1])),
      /^1 known failure, 0 new, 1 known that fail no more\n {2}fails no more: all\.msgpack: case d: match$/m,
      1,
    ],
    [
      'a known one is unsupported',
      (f) =>
        f.write(
          'port.mjs',
          port([1, 3]).replace("name: 'mine'", "name: 'mine', supports: ({ inputs }) => 'not any more'"),
        ),
      /^0 known failures, 0 new, 2 known that fail no more/m,
      2,
    ],
    [
      'a case is no more',
      async (f) =>
        f.write('known.json', (await readFile(f.path('known.json'), 'utf8')).replace('"id": "d"', '"id": "was"')),
      /^1 known failure, 1 new, 1 known of cases that are no more\n {2}new: all\.msgpack: case d\n {2}is no more: all\.msgpack: case was$/m,
      1,
    ],
    [
      'the file is another one',
      (f) => f.write('all.msgpack', fixture(7)),
      /^0 known failures, 2 new\n {2}new: all\.msgpack: case b \(what is known is of another file of that name\)$/m,
      1,
    ],
  ])('fails where %s', async ([, change, shown, expected], { folder }) => {
    await known(folder, [1, 3])
    await change(folder)
    const { code, stdout } = await verify(folder)
    expect(stdout).toMatch(shown)
    expect(code).toBe(expected)
  })

  it('does not stop a run that fails fast', async ({ folder }) => {
    await known(folder, [1])
    expect((await verify(folder, '--fail-fast')).code).toBe(0)
    await folder.write('port.mjs', port([1, 3, 4]))
    const { code, stdout } = await verify(folder, '--fail-fast')
    expect(stdout).toMatch(/^1 known failure, 1 new\n {2}new: all\.msgpack: case d$/m)
    expect(code).toBe(1)
  })

  it('fails where a known one also does what it did not', async ({ folder }) => {
    await known(folder, [1])
    await folder.write('port.mjs', port([1], 'h_1.data[0] += 0.5; request.inputs.input.data[0] += 1'))
    const { code, stdout } = await verify(folder)
    expect(stdout).toMatch(/^0 known failures, 1 new$/m)
    expect(code).toBe(1)
  })

  it('does not cover an engine that fails', async ({ folder }) => {
    await known(folder, [1])
    await folder.write('port.mjs', port([1], "throw new Error('not yet')"))
    const { code, stderr } = await verify(folder)
    expect(stderr).toContain('not yet')
    expect(code).toBe(2)
    const updated = await verify(folder, '--update-known-failures')
    expect(updated.stdout).not.toContain('written')
    expect(updated.code).toBe(2)
  })

  it('says nothing of cases that are not in the run', async ({ folder }) => {
    await known(folder, [1, 3])
    const { code, stdout } = await verify(folder, '--filter', '#a', '--filter', '#b')
    expect(stdout).toMatch(/^1 known failure, 0 new$/m)
    expect(code).toBe(0)
  })

  it.for([
    [
      ['--tolerance', 'torch'],
      /^error known\.json: expected tolerance "budget", of which these failures are known, got "torch"\n/,
    ],
    [['--no-equal-nan'], /^error known\.json: expected equalNan true, .*, got false\n/],
    [['--update-known-failures', '--filter', 'a'], /^error --update-known-failures: expected a whole run, /],
    [['--update-known-failures', '--shard', '1/2'], /^error --update-known-failures: expected a whole run, /],
  ] as const)('refuses %j', async ([args, message], { folder }) => {
    await known(folder, [1])
    const { code, stderr } = await verify(folder, ...args)
    expect(stderr).toMatch(message)
    expect(code).toBe(2)
  })

  it('refuses the failures of another engine, and a file that is none', async ({ folder }) => {
    await known(folder, [1])
    await folder.write('port.mjs', port([1]).replace("'mine'", "'other'"))
    expect((await verify(folder)).stderr).toMatch(/^error known\.json: expected engine "mine", .* got "other"\n/)
    await folder.write('known.json', '{}')
    expect((await verify(folder)).stderr).toMatch(/^error known\.json: format: expected /)
    await folder.write('known.json', '[')
    expect((await verify(folder)).stderr).toMatch(/^error known\.json: expected known failures, got /)
    const none = await folder.run(['verify', 'all.msgpack', '--known-failures', 'none.json'])
    expect(none.stderr).toMatch(
      /^error none\.json: expected a readable file, got ENOENT.*\n--update-known-failures writes it\n/,
    )
    const bare = await folder.run(['verify', 'all.msgpack', '--update-known-failures'])
    expect(bare.stderr).toMatch(/^error --update-known-failures: expected --known-failures FILE, got none\n/)
  })
})
