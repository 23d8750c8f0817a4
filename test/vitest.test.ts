import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openFile } from '../src/cli/files.ts'
import { ParityError } from '../src/format/errors.ts'
import { floatTensor } from '../src/format/tensor.ts'
import { toMatchTensor } from '../src/vitest.ts'
import { engineModule } from './cli/engines.ts'
import { budgetTensor, caseRecord, cellCase, fixtureBytes } from './sample.ts'

const root = join(import.meta.dirname, '..')
const rnnCell = join(root, 'fixtures', 'rnn_cell')

/** A block of code of a page that begins with a comment that is the name of its file. */
async function example(name: string): Promise<string> {
  const page = name === 'my-port.mjs' ? 'src/ports/README.md' : 'src/README.md'
  const text = await readFile(join(root, page), 'utf8')
  const code = text.split('```').find((block) => block.split('\n')[1] === `// ${name}`)
  if (code === undefined) throw new Error(`expected ${page} to show ${name}, got no such block`)
  return code.slice(code.indexOf('\n') + 1)
}

interface Ended {
  readonly code: number | null
  /** Standard output and standard error, as a person sees them. */
  readonly shown: string
}

interface Reported {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: { assertionResults: { fullName: string; status: string; failureMessages: string[] }[] }[]
}

/** A project of somebody who has installed this package. */
interface Project {
  write(name: string, content: string | Uint8Array): Promise<void>
  run(command: string, ...args: string[]): Promise<Ended>
  /** Runs vitest. */
  vitest(
    ...args: string[]
  ): Promise<Ended & { readonly report: Reported; readonly status: (name: string) => string | undefined }>
}

async function runProcess(cwd: string, command: string, args: readonly string[]): Promise<Ended> {
  // It must not take itself for a part of this run.
  const outside = Object.entries(process.env).filter(
    ([name]) => !/^(?:VITEST|TEST$|NODE_ENV|FORCE_COLOR|CI$)/.test(name),
  )
  const child = spawn(process.execPath, [command, ...args], {
    cwd,
    env: { ...Object.fromEntries(outside), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let shown = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (shown += text))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { code, shown }
}

/** Our package as npm installs it, beside the packages of this checkout. */
async function install(folder: string): Promise<void> {
  const own = join(folder, 'node_modules', 'torch-parity')
  await mkdir(own, { recursive: true })
  for (const part of ['package.json', 'dist', 'fixtures/rnn_cell']) {
    await cp(join(root, part), join(own, part), { recursive: true })
  }
  for (const name of await readdir(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
}

const it = test.extend<{ project: Project }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads which fixtures a function takes off its pattern
  project: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'torch-parity-vitest-'))
    const run = (command: string, ...args: string[]): Promise<Ended> =>
      runProcess(folder, join(root, 'node_modules', command), args)
    try {
      await install(folder)
      await use({
        run,
        async write(name, content) {
          await mkdir(dirname(join(folder, name)), { recursive: true })
          await writeFile(join(folder, name), content)
        },
        async vitest(...args) {
          const reporters = ['--reporter=verbose', '--reporter=json', '--outputFile.json=report.json']
          const ended = await run('vitest/vitest.mjs', 'run', ...reporters, ...args)
          const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Reported
          const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults)
          return { ...ended, report, status: (name) => tests.find(({ fullName }) => fullName === name)?.status }
        },
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
})

/** The text of a test file with one `describeParity`. */
function parityTest(args: string): string {
  return `import { describeParity } from 'torch-parity/vitest'\nimport port from './port.mjs'\nawait describeParity(${args})\n`
}

function fixture(...ids: string[]): Uint8Array {
  return fixtureBytes(ids.map((id, i) => caseRecord(cellCase({ id }, i + 1))))
}

describe('the example of src/README.md', () => {
  it('fails with the port of src/ports/README.md, and says which element of which tensor is off', async ({
    project,
  }) => {
    await project.write('parity.test.js', await example('parity.test.js'))
    await project.write('my-port.mjs', await example('my-port.mjs'))
    const { code, shown, report } = await project.vitest()
    expect(code).toBe(1)
    expect(report.numFailedTests).toBeGreaterThan(10)
    expect(shown).toContain(
      'AssertionError: mismatch node_modules/torch-parity/fixtures/rnn_cell/default.msgpack: case notes-N5-D10-H7 (RNNCell)\n' +
        '  h_1: 35 of 35 elements differ (100.0 %)\n' +
        '    worst: batch 2, unit 2 [2, 2]: actual -0.590230167, expected 0.221426412, error 8.1e-1, allowed 2.1e-6 (390000 times)\n',
    )
    const [failed] = report.testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ fullName }) => fullName.includes('notes-N5-D10-H7')),
    )
    expect(failed?.failureMessages[0]).toMatch(
      /\n {2}where: h_1 is the first tensor that is off\n {2}where: .*\n(?: {2}.*\n)* {2}why: the engine reads weight_hh transposed.* \(explains everything\)\n {4}change: /,
    )
    const why = report.testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter(
        ({ status, failureMessages }) => status === 'failed' && /why: /.test(failureMessages[0]!),
      ),
    )
    // What explains one explains the others; the last test is of one tensor.
    expect(why).toHaveLength(report.numFailedTests - 1)
    expect(shown).toMatch(
      /Error: h_1: \d+ of \d+ elements differ \(.* %\)\n {4}worst: batch \d, unit \d+ \[\d, \d+\]: actual \S+, expected \S+, error \S+, allowed \S+ \(/,
    )
  })

  it('passes with a port that is right, by as many tests as there are cases', async ({ project }) => {
    const wrong = await example('my-port.mjs')
    const right = wrong.replace('[i * hidden_size + j]', '[j * hidden_size + i]')
    expect(right).not.toBe(wrong)
    await project.write('parity.test.js', await example('parity.test.js'))
    await project.write('my-port.mjs', right)
    const { code, shown, report, status } = await project.vitest()
    expect(shown).not.toContain('mismatch')
    const cases =
      (await openFile(join(rnnCell, 'default.msgpack'))).length +
      (await openFile(join(rnnCell, 'sizes.msgpack'))).length
    // The case of batch 0 has no number to judge.
    expect([report.numPassedTests, report.numFailedTests, report.numPendingTests]).toEqual([cases, 0, 1])
    expect(shown).toMatch(/batch-0-input-4-hidden-5 \d+ms \[undecided: shapes agree, 0 numbers to judge\]/)
    expect(status('node_modules/torch-parity/fixtures/rnn_cell/default.msgpack notes-N5-D10-H7')).toBe('passed')
    expect(code).toBe(0)
  })
})

/** What a module of dist/ imports that is none of its own files, and all that these do. */
async function packagesOf(file: string, seen = new Set<string>()): Promise<string[]> {
  if (seen.has(file)) return []
  seen.add(file)
  const text = await readFile(file, 'utf8')
  const names = [...text.matchAll(/(?:from|import\()\s*['"]([^'"]+)['"]/g)].map(([, name]) => name!)
  const own = names.filter((name) => name.startsWith('.')).map((name) => packagesOf(join(dirname(file), name), seen))
  return [...names.filter((name) => !name.startsWith('.')), ...(await Promise.all(own)).flat()]
}

describe('describeParity of a browser', () => {
  it('needs nothing of Node, and is what a browser takes', async () => {
    const packages = new Set(await packagesOf(join(root, 'dist', 'vitest-browser.js')))
    expect([...packages].toSorted()).toEqual(['@msgpack/msgpack', '@noble/hashes/sha2.js', 'vitest', 'zod'])
    const { exports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      exports: Record<string, { browser: unknown }>
    }
    expect(Object.keys(exports['./vitest']!)[0]).toBe('browser')
    expect(exports['./vitest']!.browser).toEqual({
      types: './dist/vitest-browser.d.ts',
      default: './dist/vitest-browser.js',
    })
  })

  it('fetches fixtures', async ({ project }) => {
    const files: Record<string, Uint8Array> = {
      '/good.msgpack': fixture('one', 'two'),
      '/torn.msgpack': fixture('one').subarray(0, 300),
    }
    const server = createServer(({ url }, response) => {
      const bytes = files[url ?? '']
      response.writeHead(bytes === undefined ? 404 : 200).end(bytes)
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    try {
      const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const urls = ['/good.msgpack', '/torn.msgpack', '/missing.msgpack'].map((path) => base + path)
      await project.write('port.mjs', engineModule('cell'))
      await project.write(
        'parity.test.js',
        `import { describeParity } from './node_modules/torch-parity/dist/vitest-browser.js'\nimport port from './port.mjs'\nawait describeParity(${JSON.stringify(urls)}, port)\n`,
      )
      const { code, shown, report, status } = await project.vitest()
      expect(code).toBe(1)
      expect([report.numPassedTests, report.numFailedTests]).toEqual([2, 2])
      expect(status(`${base}/good.msgpack two`)).toBe('passed')
      expect(shown).toMatch(/ParityError: \S+torn\.msgpack: message at byte \d+: expected it to be complete/)
      expect(shown).toMatch(/ParityError: \S+missing\.msgpack: expected a fixture, got status 404/)
    } finally {
      server.close()
    }
  })
})

describe('describeParity', () => {
  it('skips what is not supported with its reason, and fails what cannot be judged', async ({ project }) => {
    const [good, other, throws] = [1, 2, 3].map((seed) => caseRecord(cellCase({ id: `case-${seed}` }, seed)))
    const broken = { ...caseRecord(cellCase({ id: 'broken' })), dtype: 'float8' }
    await project.write('mixed.msgpack', fixtureBytes([good, broken, other, throws]))
    await project.write('torn.msgpack', fixture('one').subarray(0, 300))
    await project.write(
      'port.mjs',
      engineModule(
        `(request) => {
      if (request.params.weight_hh.data[0] === ${Math.fround(cellCase({}, 3).params['weight_hh']!.data[0]!)}) throw new Error('boom')
      return cell(request)
    }`,
        `supports: ({ params }) => params.weight_hh.data[0] !== ${Math.fround(cellCase({}, 2).params['weight_hh']!.data[0]!)} || 'not on Mondays'`,
      ),
    )
    await project.write('parity.test.js', parityTest("['mixed.msgpack', 'torn.msgpack', 'missing.msgpack'], port"))
    const { code, shown, report, status } = await project.vitest()
    expect(code).toBe(1)
    expect(status('mixed.msgpack case-1')).toBe('passed')
    expect(status('mixed.msgpack case-2')).toBe('skipped')
    expect(status('mixed.msgpack case-3')).toBe('failed')
    expect(status('mixed.msgpack case 2 can be read')).toBe('failed')
    expect(status('torn.msgpack can be read')).toBe('failed')
    expect(status('missing.msgpack is there')).toBe('failed')
    expect([report.numPassedTests, report.numFailedTests, report.numPendingTests]).toEqual([1, 4, 1])
    expect(shown).toMatch(/case-2 \d+ms \[not on Mondays\]/)
    expect(shown).toContain('ParityError: case case-3: engine mine: expected outputs, got boom')
    expect(shown).toContain('ParityError: mixed.msgpack: case broken: ')
    expect(shown).toMatch(
      /ParityError: torn\.msgpack: message at byte \d+: expected it to be complete, got \d+ bytes of it/,
    )
    expect(shown).toContain('ParityError: missing.msgpack: expected a file or a folder, got nothing of that name')
  })

  it('asks more than once, and fails where the answer is another, or what was given is written into', async ({
    project,
  }) => {
    await project.write('good.msgpack', fixture('one', 'two'))
    await project.write(
      'port.mjs',
      engineModule(`(request) => {
        const outputs = cell(request)
        if (request.inputs.h_0.asked) outputs.h_1.data[0] += 1
        request.inputs.h_0.asked = true
        return outputs
      }`),
    )
    await project.write('parity.test.js', parityTest("'good.msgpack', port"))
    const once = await project.vitest()
    expect(once.shown).toMatch(
      /not repeatable good\.msgpack: case one: run 2, after case one with other parameters: h_1 \[0, 0\] is /,
    )
    expect([once.report.numPassedTests, once.report.numFailedTests]).toEqual([0, 2])
    await project.write('parity.test.js', parityTest("'good.msgpack', port, { repeat: 1 }"))
    expect((await project.vitest()).report.numPassedTests).toBe(2)
    await project.write(
      'port.mjs',
      engineModule('(request) => { const outputs = cell(request); request.inputs.h_0.data.fill(0); return outputs }'),
    )
    const written = await project.vitest()
    expect(written.shown).toContain(
      'inputs written good.msgpack: case two: inputs.h_0 was written into, first at element 0',
    )
    expect(written.report.numFailedTests).toBe(2)
  })

  it('fails for a file of which nothing was judged', async ({ project }) => {
    await project.write('good.msgpack', fixture('one', 'two'))
    await project.write('port.mjs', engineModule('cell', "supports: () => 'never'"))
    await project.write('parity.test.js', parityTest("'*.msgpack', port"))
    const { code, shown, report } = await project.vitest()
    expect(shown).toContain(
      'ParityError: good.msgpack: expected at least one case to judge, got 2 cases that the engine does not support',
    )
    expect([report.numPassedTests, report.numFailedTests, report.numPendingTests]).toEqual([0, 0, 2])
    expect(code).toBe(1)
  })

  it('registers only the cases that the filter takes, and judges by the tolerance that is asked', async ({
    project,
  }) => {
    await project.write('some/good.msgpack', fixture('one', 'two', 'twelve'))
    await project.write('some/other.msgpack', fixture('three'))
    await project.write(
      'port.mjs',
      engineModule('(request) => {\n const { h_1 } = cell(request); h_1.data[0] += 0.01; return { h_1 } }'),
    )
    await project.write(
      'loose.test.js',
      parityTest("'some', port, { filter: 'good.msgpack#tw', tolerance: { rtol: 0, atol: 0.1 } }"),
    )
    await project.write('torch.test.js', parityTest("'some', port, { filter: '#three', tolerance: 'torch' }"))
    const { shown, report } = await project.vitest()
    expect([report.numPassedTests, report.numFailedTests]).toEqual([2, 1])
    expect(shown).toMatch(/✓ loose\.test\.js > some\/good\.msgpack > twelve/)
    expect(shown).toMatch(/mismatch some\/other\.msgpack: case three \(RNNCell\)\n {2}h_1: 1 of 6 elements differ/)
  })

  it.for([
    [
      "'good.msgpack', port, { filter: 'three' }",
      'expected at least one case to judge, got no case that contains "three"',
    ],
    ["'empty.msgpack', port", 'expected at least one case to judge, got no cases'],
    ["'good.msgpack', port.run", 'describeParity: expected an engine { name, run(request) }, got none'],
    ["'good.msgpack', undefined", 'describeParity: expected an engine { name, run(request) }, got none'],
    [
      "'good.msgpack', port, { tolerance: { rtol: 1e-5 } }",
      "describeParity: expected 'budget', 'torch', or { rtol, atol } of at least 0 each, got a map",
    ],
    [
      "'good.msgpack', port, { tolerance: 'loose' }",
      "describeParity: expected 'budget', 'torch', or { rtol, atol } of at least 0 each, got \"loose\"",
    ],
  ] as const)('fails the file for describeParity(%s)', async ([args, message], { project }) => {
    await project.write('good.msgpack', fixture('one'))
    await project.write('empty.msgpack', fixture())
    await project.write('port.mjs', engineModule('cell'))
    await project.write('parity.test.js', parityTest(args))
    const { code, shown } = await project.vitest()
    expect(shown).toContain(`ParityError: ${message}\n`)
    expect(code).toBe(1)
  })

  it('takes -t and a shuffled order', async ({ project }) => {
    await project.write('good.msgpack', fixture('one', 'two', 'three'))
    await project.write('port.mjs', engineModule('cell'))
    await project.write('parity.test.js', parityTest("'good.msgpack', port"))
    const { code, report } = await project.vitest('-t', 'two', '--sequence.shuffle')
    expect([report.numPassedTests, report.numFailedTests]).toEqual([1, 0])
    expect(code).toBe(0)
  })
})

describe('the types', () => {
  it('are those of vitest and of the package', async ({ project }) => {
    await project.write(
      'parity.test.ts',
      `import { engine, floatTensor } from 'torch-parity'
      import { describeParity, toMatchTensor } from 'torch-parity/vitest'
      import { expect } from 'vitest'
      await describeParity('a.msgpack', engine, { filter: 'a', tolerance: { rtol: 0, atol: 1 } })
      expect.extend({ toMatchTensor })
      const one = floatTensor('float32', [1], [1])
      const budget = { dtype: 'float64', shape: [], data: Float64Array.of(1) } as const
      expect(one).toMatchTensor(one, budget, { axes: ['unit'] })
      expect(one).not.toMatchTensor(one, 'torch', { tensor: 'h_1', equalNan: false })
      // @ts-expect-error an rtol has an atol
      expect(one).toMatchTensor(one, { rtol: 1 })
      // @ts-expect-error the expected tensor comes first
      expect(one).toMatchTensor('torch', one)
      // @ts-expect-error an engine has run
      await describeParity('a.msgpack', { name: 'mine' })
      // @ts-expect-error there is no such option
      await describeParity('a.msgpack', engine, { only: 'a' })\n`,
    )
    const flags = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--types',
      'node',
      '--skipLibCheck',
    ]
    const { code, shown } = await project.run('typescript/bin/tsc', ...flags, 'parity.test.ts')
    expect(shown).toBe('')
    expect(code).toBe(0)
  })
})

expect.extend({ toMatchTensor })

/** What a matcher says when it fails. */
function messageOf(assertion: () => void): string {
  try {
    assertion()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return 'nothing'
}

describe('toMatchTensor', () => {
  const expected = floatTensor('float32', [2, 3], [1, 2, 3, 4, 5, 6])
  const budget = budgetTensor([1, 3], [1e-4, 1e-4, 1e-3])
  const off = (by: number): typeof expected => floatTensor('float32', [2, 3], [1, 2, 3, 4, 5, 6 + by])

  it('matches within the budget, and within the tolerances', () => {
    expect(off(0.003)).toMatchTensor(expected, budget)
    expect(off(0.005)).not.toMatchTensor(expected, budget)
    expect(off(0.05)).toMatchTensor(expected, { rtol: 0.01, atol: 0 })
    expect(off(0.07)).not.toMatchTensor(expected, { rtol: 0.01, atol: 0 })
    expect(off(1e-5)).toMatchTensor(expected, 'torch')
    expect(off(1e-4)).not.toMatchTensor(expected, 'torch')
  })

  it('says how much differs, and where and how the worst element does', () => {
    expect(
      messageOf(() => expect(off(0.5)).toMatchTensor(expected, budget, { tensor: 'h_n', axes: ['batch', 'unit'] })),
    ).toBe(
      'h_n: 1 of 6 elements differ (16.7 %)\n' +
        '    worst: batch 1, unit 2 [1, 2]: actual 6.5, expected 6, error 5.0e-1, allowed 4.0e-3 (130 times)',
    )
    expect(messageOf(() => expect(off(0.5)).toMatchTensor(expected, { rtol: 0, atol: 0.1 }))).toBe(
      'tensor: 1 of 6 elements differ (16.7 %)\n' +
        '    worst: [1, 2]: actual 6.5, expected 6, error 5.0e-1, allowed 1.0e-1 (5 times)',
    )
  })

  it('takes no budget that lets anything pass', () => {
    const wide = budgetTensor([1, 3], [1e-4, 1e-4, 1e300])
    for (const assertion of [
      () => expect(off(1e9)).toMatchTensor(expected, wide),
      () => expect(off(0)).not.toMatchTensor(expected, wide),
    ]) {
      expect(messageOf(assertion)).toBe(
        'toMatchTensor: tensor: expected a budget that decides something, got one so large that a match says little',
      )
    }
  })

  it('says of a time axis at which step it begins', () => {
    const message = messageOf(() => expect(off(0.5)).toMatchTensor(expected, 'torch', { axes: ['seq_len', 'unit'] }))
    expect(message).toContain('1 of 6 elements differ (16.7 %), the first at t 1\n')
  })

  it('says with .not how much of the allowed error a match has used', () => {
    expect(messageOf(() => expect(off(0)).not.toMatchTensor(expected, budget))).toBe(
      'tensor: expected a mismatch, got a match: 0.0 % of the allowed error used',
    )
  })

  it.for([
    [undefined, 'tensor: expected a tensor, got none'],
    [[1, 2], 'tensor: expected a tensor { dtype, shape, data }, got an object without them'],
    [floatTensor('float32', [3, 2], [1, 2, 3, 4, 5, 6]), 'tensor: expected shape (2, 3), got (3, 2)'],
    [floatTensor('float64', [2, 3], [1, 2, 3, 4, 5, 6]), 'tensor: expected dtype float32, got float64'],
  ] as const)('does not match %j', ([actual, message]) => {
    expect(messageOf(() => expect(actual).toMatchTensor(expected, budget))).toBe(message)
    expect(actual).not.toMatchTensor(expected, budget)
  })

  it('lets NaN match NaN alone, and nothing with equalNan false', () => {
    const nan = floatTensor('float32', [2], [Number.NaN, 1])
    expect(nan).toMatchTensor(nan, 'torch')
    expect(messageOf(() => expect(nan).toMatchTensor(nan, 'torch', { equalNan: false }))).toContain(
      'worst: [0]: actual NaN, expected NaN: NaN was asked to match nothing',
    )
    const one = floatTensor('float32', [2], [1, 1])
    expect(messageOf(() => expect(nan).toMatchTensor(one, { rtol: 1e9, atol: 1e9 }))).toContain(
      'worst: [0]: actual NaN, expected 1: another kind of value',
    )
  })

  it.for([
    [
      () => toMatchTensor(expected, [1] as never, 'torch'),
      'expected a tensor { dtype, shape, data } to compare with, got none',
    ],
    [
      () => toMatchTensor(expected, undefined as never, 'torch'),
      'expected a tensor { dtype, shape, data } to compare with, got none',
    ],
    [
      () => toMatchTensor(expected, expected, budgetTensor([2], [1, 1])),
      'expected a budget that broadcasts to (2, 3), got (2)',
    ],
    [
      () => toMatchTensor(expected, expected, undefined as never),
      "expected a budget, 'torch', or { rtol, atol } of at least 0 each, got nothing",
    ],
    [
      () => toMatchTensor(expected, expected, { rtol: -1, atol: 0 }),
      "expected a budget, 'torch', or { rtol, atol } of at least 0 each, got a map",
    ],
    [
      () => toMatchTensor(expected, expected, 'torch', { axes: ['unit'] }),
      'expected a name for each axis of (2, 3), got 1',
    ],
  ] as const)('cannot judge by arguments that are no %#', ([call, message]) => {
    expect(call).toThrow(ParityError)
    expect(call).toThrow(`toMatchTensor: ${message}`)
  })
})
