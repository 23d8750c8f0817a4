import { spawn } from 'node:child_process'
import { describe, expect } from 'vitest'
import { renderModules } from '../../src/report/modules.ts'
import { filterOf } from '../../src/cli/filter.ts'
import { wrapped } from '../../src/cli/terminal.ts'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { type Folder, it } from './command.ts'
import { engineModule } from './engines.ts'

const wrong = engineModule('(request) => { const { h_1 } = cell(request); h_1.data[0] += 0.5; return { h_1 } }')

async function cells(folder: Folder, count: number): Promise<void> {
  const cases = Array.from({ length: count }, (_, i) => caseRecord(cellCase({ id: `case-${i}` }, i + 1)))
  await folder.write('cells.msgpack', fixtureBytes(cases))
}

describe('what is printed', () => {
  it('names the first mismatches and counts the others', async ({ folder }) => {
    await cells(folder, 14)
    await folder.write('mine.mjs', wrong)
    const args = ['verify', 'cells.msgpack', '--engine', 'mine.mjs', '--repeat', '1']
    const { code, stdout } = await folder.run(args)
    expect(stdout.match(/^mismatch /gm)).toHaveLength(10)
    expect(stdout.match(/^ {2}mismatch /gm)).toHaveLength(10)
    expect(stdout).toMatch(/^4 more mismatches: --max-mismatches shows them/m)
    expect(stdout).toMatch(/^14 cases: 0 matched, 14 mismatched/m)
    expect(code).toBe(1)
    const none = await folder.run([...args, '--max-mismatches', '0', '--json', 'all.json'])
    expect(none.stdout).not.toMatch(/^ *mismatch /m)
    expect((await folder.results('all.json')).cases).toHaveLength(14)
    expect(none.code).toBe(1)
  })

  it('is for people on standard error where JSON is on standard output', async ({ folder }) => {
    await cells(folder, 2)
    const { code, stdout, stderr } = await folder.run(['verify', 'cells.msgpack', '--json', '-'])
    expect((JSON.parse(stdout) as { summary: { matched: number } }).summary.matched).toBe(2)
    expect(stderr).toMatch(/^2 cases: 2 matched/m)
    expect(await folder.list()).toEqual(['cells.msgpack'])
    expect(code).toBe(0)
  })

  it('fits 80 columns on a terminal, words whole', { timeout: 60_000 }, async ({ folder }) => {
    await cells(folder, 3)
    await folder.write('mine.mjs', wrong)
    const command = `stty cols 80 rows 40; '${process.execPath}' '${cli}' verify cells.msgpack --engine mine.mjs`
    const { raw, shown } = await onTerminal(folder.path('.'), command)
    const lines = shown.replace(/\r/g, '').split('\n')
    expect(lines.some((line) => line.startsWith('  mismatch    case-0'))).toBe(true)
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    expect(lines.some((line) => /^ {4,}\S/.test(line))).toBe(true)
    // Nothing switches the wrapping of lines off.
    expect(raw).toMatch(/[█░]/)
    expect(raw).not.toContain('\u001b[?7l')
  })
})

const cli = new URL('../../dist/cli.js', import.meta.url).pathname

/** What a command writes to a terminal, and the same but for pictures of the bar and colours. */
async function onTerminal(cwd: string, command: string): Promise<{ readonly raw: string; readonly shown: string }> {
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], { cwd })
  let raw = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (raw += text))
  await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  // Wherever the cursor is moved, another picture begins.
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  const plain = raw.replace(/\u001b\[[\d;?]*m/g, '').replace(/\u001b\[[\d;?]*[A-Za-z]/g, '\n')
  return { raw, shown: plain.replace(/^.*[█░].*$\n?/gm, '') }
}

describe('wrapped', () => {
  it.for([
    ['short', 20, 'short'],
    ['  why: one two three four', 16, '  why: one two\n      three four'],
    ['no-end-to-this-word-at-all and more', 10, 'no-end-to-this-word-at-all\n    and\n    more'],
    ['\u001b[31mred\u001b[39m and then some', 12, '\u001b[31mred\u001b[39m and then\n    some'],
    ['a b\n\nc d', 2, 'a\n    b\n\nc\n    d'],
    ['as it is, however long', Infinity, 'as it is, however long'],
  ] as const)('%j in %d columns', ([text, columns, expected]) => {
    expect(wrapped(text, columns)).toBe(expected)
  })
})

describe('the table of modules', () => {
  const totals = {
    cases: 9,
    matched: 0,
    mismatched: 4,
    undecided: 1,
    unsupported: 3,
    errors: 1,
    tensors: 20,
    gradients: 5,
    share: 0,
  }

  it('says what came of the cases of each, and no share where nothing matched', () => {
    const modules = new Map([
      ['LSTM', totals],
      ['ExportedProgram', { ...totals, matched: 8, mismatched: 0, share: 0.25 }],
    ])
    expect(renderModules(modules, undefined, 80)).toBe(
      '  module          cases matched   off undecided unsupported errors error used\n' +
        '  LSTM                9       0     4         1           3      1          -\n' +
        '  ExportedProgram     9       8     0         1           3      1     25.0 %',
    )
    for (const line of renderModules(modules, undefined, 80).split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })
})

describe('--filter', () => {
  const names = ['a/lstm.msgpack#batch-1', 'a/lstm.msgpack#batch-22', 'a/gru.msgpack#batch-1', 'a/gru.msgpack#LAYERS']
  it.for([
    [[], names],
    [['lstm'], names.slice(0, 2)],
    [['/batch-\\d$/'], [names[0], names[2]]],
    [
      ['/layers/i', '22'],
      [names[1], names[3]],
    ],
    [['!gru'], names.slice(0, 2)],
    [['gru', '!/#batch/'], [names[3]]],
    [['!gru', '!/22/'], [names[0]]],
  ] as const)('%j', ([texts, expected]) => {
    expect(names.filter(filterOf(texts))).toEqual(expected)
  })

  it('refuses what is no regular expression', async ({ folder }) => {
    await cells(folder, 1)
    const { code, stderr } = await folder.run(['verify', 'cells.msgpack', '--filter', '/(/'])
    expect(stderr).toMatch(
      /^error --filter: expected a regular expression between slashes, got Invalid regular expression/,
    )
    expect(code).toBe(2)
  })

  it('is listed without judging', async ({ folder }) => {
    await cells(folder, 4)
    const { code, stdout } = await folder.run([
      'verify',
      'cells.msgpack',
      '--list',
      '--filter',
      '!/[02]$/',
      '--engine',
      'none.mjs',
    ])
    expect(stdout).toBe('cells.msgpack#case-1 RNNCell\ncells.msgpack#case-3 RNNCell\n')
    expect(code).toBe(0)
    expect((await folder.run(['verify', 'cells.msgpack', '--list', '--filter', 'none'])).code).toBe(2)
  })
})

describe('a config file', () => {
  it('gives what the command line does not', async ({ folder }) => {
    await cells(folder, 3)
    await folder.write('mine.mjs', wrong)
    await folder.write(
      'torch-parity.config.json',
      '{ "paths": ["cells.msgpack"], "engine": "mine.mjs", "maxMismatches": 1 }',
    )
    const { code, stdout, stderr } = await folder.run(['verify'])
    expect(stdout).toMatch(/^2 more mismatches/m)
    expect(stderr).toBe('note: torch-parity.config.json says engine, maxMismatches\n')
    expect(code).toBe(1)
    expect((await folder.run(['verify', '--max-mismatches', '5'])).stdout).not.toContain('more mismatches')
    expect((await folder.run(['verify', '--engine', 'float32'])).code).toBe(0)
    expect((await folder.run(['--no-config', 'verify', 'cells.msgpack'])).code).toBe(0)
  })

  it.for([
    [
      'torch-parity.config.ts',
      'const limit: number = 1\nexport default { paths: ["cells.msgpack"], engine: "mine.mjs", maxMismatches: limit }',
    ],
    [
      'torch-parity.config.mjs',
      'export default { paths: ["cells.msgpack"], engine: "mine.mjs", tolerance: { rtol: 1, atol: 1 } }',
    ],
  ] as const)('may be %s', async ([name, text], { folder }) => {
    await cells(folder, 3)
    await folder.write('mine.mjs', wrong)
    await folder.write(name, text)
    const { stdout } = await folder.run(['verify'])
    expect(stdout).toMatch(name.endsWith('.ts') ? /^2 more mismatches/m : /^3 cases: /m)
  })

  it.for([
    ['{ "egine": "x" }', /^error torch-parity\.config\.json: .*egine/],
    ['{', /^error torch-parity\.config\.json: expected a config file, got /],
  ] as const)('%s is one error', async ([text, message], { folder }) => {
    await folder.write('torch-parity.config.json', text)
    const { code, stderr } = await folder.run(['verify'])
    expect(stderr).toMatch(message)
    expect(code).toBe(2)
  })
})

describe('--watch', () => {
  it('judges again when the engine changes, and ends with Ctrl-C', { timeout: 60_000 }, async ({ folder }) => {
    await cells(folder, 2)
    await folder.mkdir('port')
    await folder.write('port/mine.mjs', wrong)
    let changed = false
    const { code, stdout } = await folder.run(['verify', 'cells.msgpack', '--engine', 'port/mine.mjs', '--watch'], {
      onOutput(shown, kill) {
        if (!changed && /watching port/.test(shown)) {
          changed = true
          void folder.write('port/mine.mjs', engineModule('(request) => cell(request)'))
        }
        if (/^2 cases: 2 matched/m.test(shown)) kill('SIGINT')
      },
    })
    expect(stdout).toMatch(/^2 cases: 0 matched, 2 mismatched[^]*\nmine\.mjs has changed\n[^]*^2 cases: 2 matched/m)
    expect(code).toBe(0)
  })

  it('needs an engine of a file', async ({ folder }) => {
    const { code, stderr } = await folder.run(['verify', '--watch'])
    expect(stderr).toMatch(/^error --watch: expected --engine FILE/)
    expect(code).toBe(2)
  })
})
