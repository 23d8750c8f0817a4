import { Command } from 'commander'
import { describe, expect } from 'vitest'
import { addAsking } from '../../src/cli/commands/ask.ts'
import { examples } from '../../src/cli/commands/help.ts'
import { addJudging } from '../../src/cli/commands/judge.ts'
import { addRecording } from '../../src/cli/commands/record.ts'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { it } from './command.ts'

function fixture(...ids: string[]): Uint8Array {
  return fixtureBytes(ids.map((id, i) => caseRecord(cellCase({ id }, i + 1))))
}

describe('verify', () => {
  it('exits with 0 when every case matches, and writes results that say so', async ({ folder }) => {
    await folder.write('good.msgpack', fixture('one', 'two'))
    const { code, stdout, stderr } = await folder.run(['verify', 'good.msgpack', '--json', 'out/results.json'])
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^good\.msgpack: 2 cases, recorded by torch /)
    expect(stdout).toMatch(
      /\n {2}match +one .*\n {2}match +two .*\n2 cases: 2 matched, 0 mismatched, 0 undecided, 0 unsupported\n/,
    )
    expect(code).toBe(0)
    const results = await folder.results('out/results.json')
    expect(results.summary).toEqual({ cases: 2, matched: 2, mismatched: 0, undecided: 0, unsupported: 0, conduct: {} })
    expect(results.cases.map(({ file, id, outcome }) => `${file} ${id} ${outcome}`)).toEqual([
      'good.msgpack one match',
      'good.msgpack two match',
    ])
    expect(results).toMatchObject({ engine: 'torch-parity', tolerance: { kind: 'budget' }, errors: [], exitCode: 0 })
    expect(await folder.list()).toEqual(['good.msgpack', 'out'])
  })

  it('judges the good files around a bad one, and exits with 2', async ({ folder }) => {
    await folder.write('a.msgpack', fixture('one'))
    await folder.write('b.msgpack', fixture('two').subarray(0, 300))
    await folder.write('c.msgpack', fixture('three'))
    const { code, stdout, stderr } = await folder.run(['verify', '.', '--json', 'results.json'])
    expect(stderr).toMatch(/^error b\.msgpack: message at byte \d+: expected it to be complete, got \d+ bytes of it\n/)
    expect(stdout).toContain('\n2 cases: 2 matched, 0 mismatched, 0 undecided, 0 unsupported, 1 error\n')
    expect(code).toBe(2)
    const results = await folder.results('results.json')
    expect(results.summary.matched).toBe(2)
    expect(results.errors.map(({ file, code: why }) => [file, why])).toEqual([['b.msgpack', 'FIXTURE_INVALID']])
  })

  it('still prints what it judged when the results cannot be written', async ({ folder }) => {
    await folder.write('good.msgpack', fixture('one'))
    await folder.write('taken', 'a file')
    const { code, stdout, stderr } = await folder.run(['verify', 'good.msgpack', '--json', 'taken/results.json'])
    expect(stdout).toContain('1 case: 1 matched, 0 mismatched, 0 undecided, 0 unsupported')
    expect(stderr).toMatch(/^error taken\/results\.json: expected a file that can be written, got .*\n$/)
    expect(code).toBe(2)
  })

  it.for([
    [['missing.msgpack'], 'missing.msgpack: expected a file or a folder, got nothing of that name'],
    [['empty'], 'empty: expected .msgpack files, got none'],
    [['no*.msgpack'], 'no*.msgpack: expected .msgpack files, got none'],
    [['good.msgpack', '--filter', 'three'], 'expected at least one case to judge, got no case that contains "three"'],
    [['good.msgpack', '--engine', 'no.mjs'], 'no.mjs: expected an engine module, got nothing of that name'],
  ] as const)('exits with 2 and one line for %j', async ([args, message], { folder }) => {
    await folder.write('good.msgpack', fixture('one', 'two'))
    await folder.mkdir('empty')
    const { code, stderr } = await folder.run(['verify', ...args])
    expect(stderr).toBe(`error ${message}\n`)
    expect(code).toBe(2)
  })

  it.for([
    [['verify', '--tolerance', 'loose'], 'expected budget, torch, or two numbers rtol,atol of at least 0, got loose'],
    [['verify', '--tolerance', '1e-5'], 'expected budget, torch, or two numbers rtol,atol of at least 0, got 1e-5'],
    [['verify', '--tolerance', '-1,0'], 'expected budget, torch, or two numbers rtol,atol of at least 0, got -1,0'],
    [['verify', '--tolerance', 'NaN,0'], 'expected budget, torch, or two numbers rtol,atol of at least 0, got NaN,0'],
    [['verify', '--timeout', '0'], 'expected seconds above 0 and up to 86400, got 0'],
    [['verify', '--nonsense'], "unknown option '--nonsense'"],
    [['judge'], "unknown command 'judge'"],
    [['inspect'], "missing required argument 'path'"],
  ] as const)('exits with 2 for the command line %j', async ([args, message], { folder }) => {
    const { code, stderr, stdout } = await folder.run(args)
    expect(stderr).toContain(message)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  it.each(Object.entries(examples))('shows examples of %s, of options that it has', async (command, lines) => {
    const program = new Command()
    for (const add of [addJudging, addAsking, addRecording]) add(program)
    const own = program.commands.find((each) => each.name() === command)!
    const known = own.options.map(({ long }) => long)
    for (const line of lines) {
      expect(line.startsWith(`torch-parity ${command} `)).toBe(true)
      for (const [option] of line.matchAll(/--[\w-]+/g)) expect(known).toContain(option)
    }
  })

  it('exits with 0 for --help and --version', async ({ folder }) => {
    const help = await folder.run(['--help'])
    expect(help.stdout).toContain(
      'Exit codes: 0 all match, 1 some mismatch, 2 could not judge, 130 or 143 interrupted.',
    )
    const version = await folder.run(['--version'])
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect([help.code, version.code]).toEqual([0, 0])
  })

  it('shows what there is and exits with 2 without a command', async ({ folder }) => {
    const { code, stderr } = await folder.run([])
    expect(stderr).toMatch(/^Usage: torch-parity \[options\] \[command\]\n/)
    expect(code).toBe(2)
  })

  it('takes only the cases whose file#id contains the filter', async ({ folder }) => {
    await folder.write('good.msgpack', fixture('one', 'two', 'twelve'))
    const { stdout } = await folder.run(['verify', '--filter', 'good.msgpack#tw', 'good.msgpack'])
    expect(stdout).toContain('2 cases: 2 matched')
    expect(stdout).not.toMatch(/match +one /)
  })

  it('prints nothing but the summary when it is quiet and all is well', async ({ folder }) => {
    await folder.write('good.msgpack', fixture('one'))
    const { stdout } = await folder.run(['verify', '--quiet', 'good.msgpack'])
    expect(stdout).toMatch(
      /^1 case: 1 matched, 0 mismatched, 0 undecided, 0 unsupported\nlargest share of .*\nR, the error .*\n$/,
    )
  })
})

describe('inspect', () => {
  it('shows the files of a folder, and the same as JSON, for programs', async ({ folder }) => {
    await folder.mkdir('all')
    await folder.write('all/a.msgpack', fixture('one'))
    await folder.write('all/b.msgpack', fixture('one'))
    const { code, stdout } = await folder.run(['inspect', 'all'])
    expect(stdout.match(/^all\/[ab]\.msgpack: /gm)).toHaveLength(2)
    expect(code).toBe(0)
    const json = await folder.run(['inspect', 'all/a.msgpack', '--json', '-'])
    const { files } = JSON.parse(json.stdout) as {
      files: { file: string; cases: { id: string; expected: object }[] }[]
    }
    expect(files.map(({ file }) => file)).toEqual(['all/a.msgpack'])
    expect(files[0]!.cases[0]!.expected).toEqual({ h_1: { dtype: 'float32', shape: expect.any(Array) as number[] } })
    const both = await folder.run(['inspect', 'all', '--case', 'one'])
    expect(both.stderr).toBe('error --case: expected one file, got 2\n')
  })

  it('shows header, cases and tensors without judging', async ({ folder }) => {
    await folder.write('good.msgpack', fixture('one', 'two'))
    const whole = await folder.run(['inspect', 'good.msgpack'])
    expect(whole.stdout).toMatch(
      /^good\.msgpack: 2 cases, \d+ bytes, format version 1, suite .*, seed \d+\n {2}recorded by torch /,
    )
    const one = await folder.run(['inspect', 'good.msgpack', '--case', 'two'])
    expect(one.stdout).toMatch(/params\.weight_hh +float(32|64) \(/)
    expect(one.stdout).toMatch(/budget\.h_1 +float64 \(/)
    expect([whole.code, one.code]).toEqual([0, 0])
  })

  it('exits with 2 for a case that is not there', async ({ folder }) => {
    await folder.write('good.msgpack', fixture('one'))
    const { code, stderr } = await folder.run(['inspect', 'good.msgpack', '--case', 'two'])
    expect(stderr).toBe(
      'error good.msgpack: expected a case two, got none of that id\n`torch-parity inspect good.msgpack` lists them\n',
    )
    expect(code).toBe(2)
  })
})

describe('audit', () => {
  it('exits with 1 when a fault stays unseen, and says how many', async ({ folder }) => {
    await folder.write('good.msgpack', fixture('one'))
    const { code, stdout } = await folder.run(['audit', 'good.msgpack'])
    expect(stdout).toMatch(/weight_hh transposed +seen +1 of 1 +1 +0 +0 +1\n/)
    expect(stdout).toMatch(/reverse not reversed +inapplicable +0 of 0/)
    expect(stdout).toMatch(/biases swapped +equivalent +0 of 1/)
    expect(code).toBe(1)
    const applicable = await folder.run(['audit', 'good.msgpack', '--only-applicable'])
    expect(applicable.code).toBe(0)
  })

  it('exits with 2 when the engine without a fault does not match', async ({ folder }) => {
    const recorded = cellCase({ id: 'one' })
    const budget = { ...recorded.budget }
    for (const [name, own] of Object.entries(budget)) budget[name] = { ...own, data: own.data.map(() => 0) }
    const expected = Object.fromEntries(
      Object.entries(recorded.expected).map(([name, t]) => [name, { ...t, data: t.data.map((x) => x + 1) }]),
    )
    await folder.write('bad.msgpack', fixtureBytes([caseRecord({ ...recorded, budget, expected } as typeof recorded)]))
    const { code, stderr } = await folder.run(['audit', 'bad.msgpack'])
    expect(stderr).toBe('error bad.msgpack: case one: expected the engine without a fault to match, got mismatch\n')
    expect(code).toBe(2)
  })
})
