import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import type { Tensor } from '../../src/format/tensor.ts'
import { budgetTensor, caseRecord, cellCase, fixtureBytes, sampleHeader } from '../sample.ts'
import { type Folder, it, realPython } from './command.ts'

const fixtures = join(import.meta.dirname, '..', '..', 'fixtures')
const slow = { timeout: 120_000 }

function sample(id: string, name: string, torch = '2.13.0', seed = 1): Uint8Array {
  const header = { ...sampleHeader, name, producer: { ...sampleHeader.producer, torch } }
  return fixtureBytes([caseRecord(cellCase({ id }, seed))], header)
}

/** The same with every output a little off, within the budget or beyond it. */
function altered(id: string, name: string, torch: string, by: number): Uint8Array {
  const recorded = cellCase({ id })
  const { h_1 } = recorded.expected
  const moved = { ...h_1!, data: h_1!.data.map((x) => x + by) }
  const header = { ...sampleHeader, name, producer: { ...sampleHeader.producer, torch } }
  return fixtureBytes([caseRecord({ ...recorded, expected: { h_1: moved } } as typeof recorded)], header)
}

/**
 * An interpreter that "records" what lies in `made`, and knows no other suite. Each time it is asked, it says so in `asked`.
 */
async function fakePython(folder: Folder, made: Readonly<Record<string, Uint8Array>>): Promise<void> {
  for (const [name, bytes] of Object.entries(made)) {
    await mkdir(join(folder.path('made'), name, '..'), { recursive: true })
    await writeFile(join(folder.path('made'), `${name}.msgpack`), bytes)
  }
  const script = `
    const { appendFileSync, cpSync, existsSync, statSync } = require('node:fs')
    const args = process.argv.slice(2)
    appendFileSync('asked', args.slice(4).filter((arg) => arg !== out()).join(' ') + '\\n')
    function out() { return args[args.indexOf('--out') + 1] }
    const from = args.indexOf('--suite') + 1
    let files = 0
    const to = args.findIndex((arg, i) => i > from && arg.startsWith('--'))
    for (const name of args.slice(from, to)) {
      if (!existsSync('made/' + name + '.msgpack')) {
        console.error('error --suite: expected one of ${Object.keys(made).join(', ')}, random/small, got ' + name)
        process.exit(2)
      }
      const path = out() + '/' + name + '.msgpack'
      cpSync('made/' + name + '.msgpack', path, { recursive: true })
      files++
      console.log(JSON.stringify({ event: 'file', path, bytes: statSync(path).size, cases: 1 }))
    }
    console.log(JSON.stringify({ event: 'done', files, cases: files }))`
  await folder.write('python.cjs', script)
  await folder.write('python', `#!/bin/sh\nexec ${process.execPath} ./python.cjs "$@"\n`)
  await chmod(folder.path('python'), 0o755)
}

const fake = ['--python', './python']

describe('drift', () => {
  for (const [what, shape, factor, words] of [
    ['1e300 everywhere', [1], 1e300, 'budget of h_1 has another shape'],
    ['5 times as large', [1, 1], 5, 'budget of h_1 is 5 times what is measured now'],
    ['5 times as small', [1, 1], 0.2, 'budget of h_1 is 0.2 times what is measured now'],
  ] as const) {
    it(`notices a budget of ${what}, beside values that have not changed`, async ({ folder }) => {
      const recorded = cellCase({ id: 'a' })
      const own = 1e-6
      const withBudget = (budget: Tensor<'float64'>): Uint8Array =>
        fixtureBytes([caseRecord({ ...recorded, budget: { h_1: budget } })], { ...sampleHeader, name: 'one' })
      await fakePython(folder, { one: withBudget(budgetTensor([1, 1], [own])) })
      await folder.write(
        'one.msgpack',
        withBudget(budgetTensor([...shape], [factor === 1e300 ? factor : factor * own])),
      )
      const { code, stdout } = await folder.run(['drift', 'one.msgpack', ...fake])
      expect(stdout).toContain(`  a: ${words}\n`)
      expect(stdout).toContain('1 case recorded again: 1 drifted\n')
      expect(code).toBe(1)
      // A recorder that measured a little more or less is no drift.
      await folder.write('one.msgpack', withBudget(budgetTensor([1, 1], [1.5 * own])))
      expect((await folder.run(['drift', 'one.msgpack', ...fake])).code).toBe(0)
    })
  }

  it('names the device on which torch computed', async ({ folder }) => {
    const one = sample('a', 'one')
    const there = { ...sampleHeader.producer, device: 'cuda:0: A GPU', cudnn: '91002', tf32: false }
    await fakePython(folder, {
      one: fixtureBytes([caseRecord(cellCase({ id: 'a' }, 1))], { ...sampleHeader, name: 'one', producer: there }),
    })
    await folder.write('one.msgpack', one)
    const { code, stdout } = await folder.run(['drift', 'one.msgpack', ...fake, '--device', 'cuda', '--tf32'])
    expect(stdout).toContain('one.msgpack: the same, torch 2.13.0 → 2.13.0 on cuda:0: A GPU, TF32 off, ')
    expect(await readFile(folder.path('asked'), 'utf8')).toMatch(/ --device cuda --tf32\n$/)
    expect(code).toBe(0)
  })

  it('refuses a device that torch does not know', slow, async ({ folder }) => {
    await copyFile(join(fixtures, 'rnn/relu.msgpack'), folder.path('relu.msgpack'))
    const { code, stderr } = await folder.run(['drift', 'relu.msgpack', '--python', realPython(), '--device', 'tpu'])
    expect(stderr).toBe('error --device: expected cpu, cuda or cuda:N, got tpu\n')
    expect(code).toBe(2)
  })

  it('finds the committed fixtures unchanged by the torch that made them', slow, async ({ folder }) => {
    await mkdir(folder.path('before'))
    await copyFile(join(fixtures, 'rnn/relu.msgpack'), folder.path('before/relu.msgpack'))
    const { code, stdout } = await folder.run(['drift', 'before', '--python', realPython()])
    expect(stdout).toMatch(/^before\/relu\.msgpack: the same, torch \S+ → \S+, .* of the allowed error used at most\n/)
    expect(stdout).toMatch(
      /\n {2}module +recorded by torch +torch here +cases +tensors +identical +error used +drifted\n/,
    )
    expect(stdout).toMatch(/\n {2}RNN +2\.\S+ +2\.\S+ +7 +14 +\d+ +\S+ % +0\n7 cases recorded again: 0 drifted\n$/)
    expect(code).toBe(0)
  })

  it('finds parameters that were drawn by another seed', slow, async ({ folder }) => {
    const python = realPython()
    await folder.run(['generate', '--python', python, '--suite', 'rnn_cell/saturated', '--seed', '5', '--out', 'other'])
    // A Python that records by the default seed, whatever it is asked.
    await folder.write('python', `#!/bin/sh\nexec ${python} $(echo "$@" | sed 's/--seed 5/--seed 0/')\n`)
    await chmod(folder.path('python'), 0o755)
    const { code, stdout } = await folder.run(['drift', 'other', ...fake])
    expect(stdout).toContain('saturated.msgpack: drifted')
    expect(stdout).toContain('other bytes in params.weight_ih, params.weight_hh, params.bias_ih, params.bias_hh')
    expect(stdout).toContain('h_1 leaves its budget')
    expect(stdout).toMatch(/8 cases recorded again: 8 drifted\n$/)
    expect(code).toBe(1)
  })

  it('replaces what has drifted when asked to, and finds it unchanged from then on', slow, async ({ folder }) => {
    const python = ['--python', realPython()]
    await mkdir(folder.path('copy'))
    await folder.write(
      'copy/relu.msgpack',
      fixtureBytes([caseRecord(cellCase())], { ...sampleHeader, name: 'rnn_cell/relu', seed: 0 }),
    )
    const updated = await folder.run(['drift', 'copy', '--update', ...python])
    expect(updated.stdout).toContain('\n  cell: no longer in the suite\n')
    expect(updated.stdout).toMatch(/\n {2}updated: 7 cases, recorded by torch 2\.\S+\n/)
    expect(updated.code).toBe(0)
    const after = await folder.run(['drift', 'copy', ...python])
    expect(after.stdout).toMatch(/\n7 cases recorded again: 0 drifted\n$/)
    expect(after.code).toBe(0)
    expect(await readdir(folder.path('copy'))).toEqual(['relu.msgpack'])
  })

  it('says by module and version what was compared', async ({ folder }) => {
    await fakePython(folder, { 'a/one': sample('x', 'a/one', '2.14.1'), 'a/two': sample('y', 'a/two', '2.14.1') })
    await folder.write('one.msgpack', altered('x', 'a/one', '2.13.0', 2e-7))
    await folder.write('two.msgpack', sample('y', 'a/two', '2.12.0'))
    const { code, stdout, stderr } = await folder.run(['drift', 'one.msgpack', 'two.msgpack', ...fake])
    expect(stderr).toBe('')
    const [one, two, titles, ...rest] = stdout.split('\n')
    expect(one).toMatch(
      /^one\.msgpack: the same, torch 2\.13\.0 → 2\.14\.1, \d\.\d % of the allowed error used at most$/,
    )
    expect(two).toBe('two.msgpack: the same, torch 2.12.0 → 2.14.1, 0.0 % of the allowed error used at most')
    expect(titles?.trim().split(/ {2,}/)).toEqual([
      'module',
      'recorded by torch',
      'torch here',
      'cases',
      'tensors',
      'identical',
      'error used',
      'drifted',
    ])
    expect(rest.map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['RNNCell', '2.13.0', '2.14.1', '1', '1', '0', expect.stringMatching(/^\d\.\d %$/), '0'],
      ['RNNCell', '2.12.0', '2.14.1', '1', '1', '1', '0.0 %', '0'],
      ['2 cases recorded again: 0 drifted'],
      [''],
    ])
    expect(code).toBe(0)
  })

  it('exits with 1 for an output that leaves its budget', async ({ folder }) => {
    await fakePython(folder, { 'a/one': altered('x', 'a/one', '2.14.1', 1e-3) })
    await folder.write('one.msgpack', sample('x', 'a/one'))
    const { code, stdout } = await folder.run(['drift', 'one.msgpack', ...fake])
    expect(stdout).toMatch(/\n {2}x: h_1 leaves its budget: 250 times of the allowed error, batch \d, unit \d\n/)
    expect(stdout).toMatch(/\n1 case recorded again: 1 drifted\n$/)
    expect(code).toBe(1)
  })

  it('exits with 1 for one other byte in a parameter, whatever comes out', async ({ folder }) => {
    const recorded = cellCase({ id: 'x' })
    const { bias_ih } = recorded.params
    const moved = { ...bias_ih!, data: bias_ih!.data.map((b, i) => (i === 0 ? b + 2 ** -24 : b)) }
    const params = { ...recorded.params, bias_ih: moved }
    const other = fixtureBytes([caseRecord({ ...recorded, params } as typeof recorded)], {
      ...sampleHeader,
      name: 'a/one',
    })
    await fakePython(folder, { 'a/one': other })
    await folder.write('one.msgpack', sample('x', 'a/one'))
    const { code, stdout } = await folder.run(['drift', 'one.msgpack', ...fake])
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      'one.msgpack: drifted, torch 2.13.0 → 2.13.0, 0.0 % of the allowed error used at most',
      '  x: other bytes in params.bias_ih',
    ])
    expect(code).toBe(1)
  })

  it('tells a case that is new from one that is gone', async ({ folder }) => {
    await fakePython(folder, { 'a/one': sample('new: one', 'a/one') })
    await folder.write('one.msgpack', sample('old: one', 'a/one'))
    const { code, stdout } = await folder.run(['drift', 'one.msgpack', ...fake])
    expect(stdout).toContain('\n  old: one: no longer in the suite\n  new: one: not in the file\n')
    expect(stdout).toMatch(/\n1 case recorded again: 2 drifted\n$/)
    expect(code).toBe(1)
  })

  it('updates only what has drifted, still says which bytes are others, and exits with 0', async ({ folder }) => {
    const [one, two] = [sample('x', 'a/one', '2.14.1', 2), sample('y', 'a/two', '2.14.1')]
    await fakePython(folder, { 'a/one': one, 'a/two': two })
    await folder.write('one.msgpack', sample('x', 'a/one'))
    await folder.write('two.msgpack', sample('y', 'a/two'))
    const { code, stdout } = await folder.run(['drift', 'one.msgpack', 'two.msgpack', '--update', ...fake])
    expect(stdout).toContain(
      '\n  x: other bytes in params.weight_ih, params.weight_hh, params.bias_ih, params.bias_hh, inputs.input, inputs.h_0\n',
    )
    expect(stdout).toContain('\n  updated: 1 case, recorded by torch 2.14.1\ntwo.msgpack: the same')
    expect(stdout).toMatch(/\n2 cases recorded again: 1 drifted, 1 file updated\n$/)
    expect(code).toBe(0)
    expect(new Uint8Array(await readFile(folder.path('one.msgpack')))).toEqual(one)
    expect(new Uint8Array(await readFile(folder.path('two.msgpack')))).toEqual(sample('y', 'a/two'))
    expect(await folder.list()).toEqual(['asked', 'made', 'one.msgpack', 'python', 'python.cjs', 'two.msgpack'])
  })

  it('leaves a file alone when its suite was not recorded whole', async ({ folder }) => {
    await fakePython(folder, {
      'a/one': sample('x', 'a/one', '2.14.1', 2).subarray(0, 700),
      'a/two': sample('y', 'a/two'),
    })
    await folder.write('one.msgpack', sample('x', 'a/one'))
    await folder.write('two.msgpack', sample('y', 'a/two'))
    const { code, stdout, stderr } = await folder.run(['drift', 'one.msgpack', 'two.msgpack', '--update', ...fake])
    expect(stderr).toMatch(
      /^error \S+a\/one\.msgpack: message at byte \d+: expected it to be complete, got \d+ bytes of it\n/,
    )
    expect(stdout).toMatch(/^two\.msgpack: the same/)
    expect(stdout).toMatch(/\n1 case recorded again: 0 drifted, 1 error, 0 files updated\n$/)
    expect(code).toBe(2)
    expect(new Uint8Array(await readFile(folder.path('one.msgpack')))).toEqual(sample('x', 'a/one'))
  })

  it('says which files no suite makes, and compares the others', async ({ folder }) => {
    await fakePython(folder, { 'a/one': sample('x', 'a/one') })
    await folder.write('one.msgpack', sample('x', 'a/one'))
    await folder.write('found.msgpack', sample('y', 'regressions/found'))
    const { code, stdout, stderr } = await folder.run(['drift', '*.msgpack', ...fake])
    expect(stderr).toBe('')
    expect(stdout).toMatch(
      /^found\.msgpack: not recorded again: no suite is called regressions\/found\none\.msgpack: the same/,
    )
    expect(stdout).toMatch(/\n1 case recorded again: 0 drifted, 1 not recorded again\n$/)
    expect(code).toBe(0)
  })

  it.for(['regressions/found', '--out=elsewhere', '../made/a/one', 'a', 'a one', ''])(
    'exits with 2 for nothing but a file of the suite %j, which there is not',
    async (name, { folder }) => {
      await fakePython(folder, { 'a/one': sample('x', 'a/one') })
      await folder.write('one.msgpack', sample('x', name))
      const { code, stdout, stderr } = await folder.run(['drift', 'one.msgpack', '--update', ...fake])
      expect(stdout.split('\n')[0]).toBe(`one.msgpack: not recorded again: no suite is called ${name}`)
      expect(stderr).toBe('error expected at least one case to record again, got 1 case of files that no suite makes\n')
      expect(code).toBe(2)
      expect(await folder.list()).not.toContain('elsewhere')
    },
  )

  it('knows with the real Python that a suite is unknown', slow, async ({ folder }) => {
    await mkdir(folder.path('mixed'))
    await copyFile(join(fixtures, 'rnn_cell/relu.msgpack'), folder.path('mixed/relu.msgpack'))
    await folder.write(
      'mixed/found.msgpack',
      fixtureBytes([caseRecord(cellCase())], { ...sampleHeader, name: 'found', seed: 0 }),
    )
    const { code, stdout } = await folder.run(['drift', 'mixed', '--python', realPython()])
    expect(stdout).toMatch(
      /^mixed\/found\.msgpack: not recorded again: no suite is called found\nmixed\/relu\.msgpack: the same/,
    )
    expect(code).toBe(0)
  })

  it('asks once for all suites of a seed, and for as many random cases as a file has', async ({ folder }) => {
    const names = ['a/one', 'a/two', 'random/small']
    await fakePython(folder, Object.fromEntries(names.map((name) => [name, sample('x', name)])))
    for (const name of names) await folder.write(`${name.replace('/', '-')}.msgpack`, sample('x', name))
    const { code } = await folder.run(['drift', '*.msgpack', ...fake])
    expect(code).toBe(0)
    expect(await readFile(folder.path('asked'), 'utf8')).toBe(
      '--progress --out --suite a/one a/two --seed 7\n--progress --out --suite random/small --seed 7 --count 1\n',
    )
  })

  it('compares the good files around a bad one, and exits with 2', async ({ folder }) => {
    await fakePython(folder, { 'a/one': sample('x', 'a/one') })
    await folder.write('bad.msgpack', sample('x', 'a/one').subarray(0, 300))
    await folder.write('one.msgpack', sample('x', 'a/one'))
    const { code, stdout, stderr } = await folder.run(['drift', 'bad.msgpack', 'none.msgpack', 'one.msgpack', ...fake])
    expect(stderr).toMatch(
      /^error none\.msgpack: expected a file or a folder, got nothing of that name\nerror bad\.msgpack: message at byte/,
    )
    expect(stdout).toMatch(/^one\.msgpack: the same/)
    expect(stdout).toMatch(/\n1 case recorded again: 0 drifted, 2 errors\n$/)
    expect(code).toBe(2)
  })

  it('exits with 2 when Python fails', async ({ folder }) => {
    await folder.write('one.msgpack', sample('x', 'a/one'))
    await folder.write('python', '#!/bin/sh\nexit 7\n')
    await chmod(folder.path('python'), 0o755)
    const { code, stdout, stderr } = await folder.run(['drift', 'one.msgpack', ...fake])
    expect(stderr).toBe('error ./python -m torch_parity: expected it to finish, got exit code 7\n')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })
})
