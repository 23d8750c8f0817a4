import { closeSync, openSync } from 'node:fs'
import { execFileSync, spawn } from 'node:child_process'
import { chmod } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { encode } from '@msgpack/msgpack'
import { describe, expect } from 'vitest'
import { caseRecord, cellCase, fixtureBytes, tensorRecord } from '../sample.ts'
import { type Folder, it } from './command.ts'
import { engineModule } from './engines.ts'

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const right = cellCase({ id: 'one' })
const good = fixtureBytes([caseRecord(right)])
const wrong = engineModule('(request) => { const { h_1 } = cell(request); h_1.data[0] += 1; return { h_1 } }')

/** What a command can be given: files that are right, wrong, damaged and not there. */
async function prepare(folder: Folder): Promise<void> {
  await folder.write('good.msgpack', good)
  await folder.write('torn.msgpack', good.subarray(0, 300))
  await folder.write('wrong.mjs', wrong)
  await folder.write('throws.mjs', engineModule("() => { throw new Error('no') }"))
  await folder.write('right.msgpack', encode({ h_1: tensorRecord(right.expected['h_1']!) }))
  await folder.write('other.msgpack', encode({ h_1: 1 }))
  await folder.write('text.json', '{')
  execFileSync('mkfifo', [folder.path('pipe')])
  await folder.write('python', '#!/bin/sh\nexit 7\n')
  await chmod(folder.path('python'), 0o755)
  const { code } = await folder.run(['verify', 'good.msgpack', '--json', 'good.json'])
  expect(code).toBe(0)
  const { code: mismatch } = await folder.run(['verify', 'good.msgpack', '--engine', 'wrong.mjs', '--json', 'bad.json'])
  expect(mismatch).toBe(1)
}

/** Every way to end, and its code; 1 is there where something departs, and nowhere else. */
const ways: readonly (readonly [code: number, ...args: string[]])[] = [
  [0, '--help'],
  [0, '--version'],
  [0, 'verify', '--help'],
  [2],
  [2, 'nonsense'],
  [2, '--nonsense'],
  [0, 'verify', 'good.msgpack'],
  [1, 'verify', 'good.msgpack', '--engine', 'wrong.mjs'],
  [2, 'verify', 'good.msgpack', '--engine', 'throws.mjs'],
  [2, 'verify', 'good.msgpack', '--engine', 'none.mjs'],
  [2, 'verify', 'good.msgpack', '--engine', '.'],
  [2, 'verify', 'torn.msgpack'],
  [2, 'verify', 'good.msgpack', 'torn.msgpack', '--engine', 'wrong.mjs'],
  [2, 'verify', 'none'],
  [2, 'verify', 'good.msgpack', '--filter', 'none'],
  [2, 'verify', 'good.msgpack', '--json', '/dev/full/x'],
  [2, 'verify', 'good.msgpack', '--report', 'good.msgpack'],
  [2, 'verify', 'good.msgpack', '--timeout', 'x'],
  [2, 'verify', 'good.msgpack', '--tolerance', 'x'],
  [0, 'inspect', 'good.msgpack'],
  [2, 'inspect', 'good.msgpack', '--case', 'two'],
  [2, 'inspect', 'torn.msgpack'],
  [2, 'inspect', 'none'],
  [0, 'explain', 'good.msgpack', '--case', 'one'],
  [1, 'explain', 'good.msgpack', '--case', 'one', '--engine', 'wrong.mjs'],
  [0, 'explain', 'good.msgpack', '--case', 'one', '--actual', 'right.msgpack'],
  [2, 'explain', 'good.msgpack', '--case', 'one', '--actual', 'other.msgpack'],
  [2, 'explain', 'good.msgpack', '--case', 'one', '--actual', 'none.npy'],
  [2, 'explain', 'good.msgpack', '--case', 'one', '--engine', 'throws.mjs'],
  [2, 'explain', 'good.msgpack', '--case', 'two'],
  [2, 'explain', 'torn.msgpack', '--case', 'one'],
  [2, 'explain', 'good.msgpack'],
  [0, 'audit', 'good.msgpack', '--only-applicable'],
  [2, 'audit', 'torn.msgpack'],
  [2, 'audit', 'none'],
  [2, 'audit', 'good.msgpack', '--report', 'none'],
  [0, 'report', 'good.json'],
  [1, 'report', 'bad.json'],
  [2, 'report', 'text.json'],
  [2, 'report', 'none.json'],
  [2, 'report', 'pipe'],
  [2, 'report', 'good.json', 'text.json'],
  [2, 'report', 'good.json', '--html', 'good.msgpack/x'],
  [2, 'report', 'good.json', 'bad.json', '--html', 'x.html', '--junit', 'good.msgpack/x'],
  [2, 'generate', '--python', './none'],
  [2, 'generate', '--python', './python'],
  [2, 'generate', '--seed', 'x'],
  [2, 'drift', 'good.msgpack', '--python', './none'],
  [2, 'drift', 'good.msgpack', '--python', './python'],
  [2, 'drift', 'none'],
  [2, 'fuzz', '--python', './none'],
  [2, 'fuzz', '--python', './python'],
  [2, 'fuzz', '--case', '{'],
  [2, 'fuzz', '--runs', '0'],
  [2, 'doctor', '--python', './none'],
  [2, 'doctor', '--python', './python'],
]

/** Runs a command whose output goes to a file that takes nothing. */
function full(folder: Folder, args: readonly string[], fd: 1 | 2): Promise<number | null> {
  const device = openSync('/dev/full', 'w')
  const stdio = ['ignore', fd === 1 ? device : 'ignore', fd === 2 ? device : 'ignore'] as const
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder.path('.'), stdio: [...stdio] })
  closeSync(device)
  return new Promise((resolve) => child.on('close', resolve))
}

describe('every command', () => {
  it('ends with the code that says what it has come to', async ({ folder }) => {
    await prepare(folder)
    const wrongly: unknown[] = []
    for (const [code, ...args] of ways) {
      const ended = await folder.run(args)
      if (ended.code !== code) wrongly.push({ args, code, ended })
    }
    expect(wrongly).toStrictEqual([])
  }, 600_000)

  it('ends with 2 when what it prints cannot be written', async ({ folder }) => {
    await prepare(folder)
    const codes = new Map<string, number | null>()
    for (const args of [
      ['verify', 'good.msgpack'],
      ['verify', 'good.msgpack', '--engine', 'wrong.mjs'],
      ['inspect', 'good.msgpack'],
      ['explain', 'good.msgpack', '--case', 'one', '--engine', 'wrong.mjs'],
      ['audit', 'good.msgpack'],
      ['report', 'bad.json'],
      ['doctor', '--python', './none'],
      ['--help'],
    ]) {
      codes.set(args.join(' '), await full(folder, args, 1))
    }
    codes.set('errors', await full(folder, ['verify', 'torn.msgpack'], 2))
    expect([...codes].filter(([, code]) => code !== 2)).toStrictEqual([])
  }, 300_000)

  it.for([
    ['an error that nobody catches', "setTimeout(() => { throw new Error('planted') })"],
    ['a promise that nobody awaits', "void Promise.reject(new Error('planted'))"],
  ])('ends with 2 by %s', async ([, text], { folder }) => {
    await prepare(folder)
    await folder.write('planted.cjs', `setTimeout(() => { ${text} }, 200)\nsetTimeout(() => {}, 60_000)`)
    const env = { NODE_OPTIONS: `--require ${folder.path('planted.cjs')}` }
    // Reading what nobody writes: it is under way until it is ended.
    await folder.write('sleeping', '#!/bin/sh\nexec sleep 60\n')
    await chmod(folder.path('sleeping'), 0o755)
    const { code, stderr } = await folder.run(['doctor', '--python', './sleeping'], { env })
    expect(stderr).toContain('planted')
    expect(code).toBe(2)
  })
})

const never = 'return new Promise(() => {})'
const blocked = "require('node:child_process').execSync('sleep 100')"

describe.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends with %i', (signal, expected) => {
  const engine = (run: string): string =>
    `import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\n${engineModule(`() => { console.error('asked'); ${run} }`)}`

  it.for([
    ['verify', never],
    ['verify', blocked],
    ['explain', never],
    ['explain', blocked],
  ] as const)('%s, while an engine says %s', async ([command, run], { folder }) => {
    await folder.write('good.msgpack', good)
    await folder.write('mine.mjs', engine(run))
    const rest = command === 'explain' ? ['--case', 'one'] : []
    const { code } = await folder.run([command, 'good.msgpack', ...rest, '--engine', 'mine.mjs'], {
      onOutput: (shown, kill) => void (shown.includes('asked') && kill(signal)),
    })
    expect(code).toBe(expected)
  })

  it('explain, while it looks for a cause, after it has said where', async ({ folder }) => {
    await folder.write('good.msgpack', good)
    // Numbers that no fault gives.
    const run =
      '(request) => { const { h_1 } = cell(request); h_1.data.forEach((x, i) => (h_1.data[i] = Math.sin(1e4 * x + i))); return { h_1 } }'
    await folder.write('mine.mjs', engineModule(run))
    const args = ['explain', 'good.msgpack', '--case', 'one', '--engine', 'mine.mjs', '--search', '86400']
    const { code, stdout } = await folder.run(args, {
      onOutput: (shown, kill) => void (shown.includes('worst') && kill(signal)),
    })
    expect(stdout).toContain('mismatch good.msgpack: case one (RNNCell)')
    // Where nothing is left to try, it has ended by itself.
    expect([expected, 1]).toContain(code)
  })

  it.for([
    ['doctor', ['doctor', '--python', './python']],
    ['generate', ['generate', '--python', './python']],
    ['drift', ['drift', 'good.msgpack', '--python', './python']],
    ['fuzz', ['fuzz', '--python', './python']],
  ] as const)('%s, while Python is silent', async ([, args], { folder }) => {
    await folder.write('good.msgpack', good)
    await folder.write('python', `#!/bin/sh\ntrap '' INT TERM\ntouch started\nwhile :; do sleep 1; done\n`)
    await chmod(folder.path('python'), 0o755)
    const { code } = await folder.run(args, { after: { signal, until: folder.path('started') } })
    expect(code).toBe(expected)
  })

  it('audit, with what it has audited', async ({ folder }) => {
    const many = Array.from({ length: 400 }, (_, i) => caseRecord(cellCase({ id: `case-${i}` }, i + 1)))
    await folder.write('a.msgpack', good)
    await folder.write('many.msgpack', fixtureBytes(many))
    // The process sends it to itself where it opens the second file: how long an audit takes is no part of this.
    await folder.write(
      'planted.cjs',
      `const files = require('node:fs/promises')
      const { open } = files
      let isSent = false
      files.open = (path, ...rest) => {
        // Once: a second signal ends at once.
        if (!isSent && String(path).endsWith('many.msgpack')) {
          isSent = true
          process.kill(process.pid, '${signal}')
        }
        return open(path, ...rest)
      }
      require('node:module').syncBuiltinESMExports()`,
    )
    const env = { NODE_OPTIONS: `--require ${folder.path('planted.cjs')}` }
    const { code, stdout } = await folder.run(['audit', 'a.msgpack', 'many.msgpack'], { env })
    expect(stdout).toMatch(/^1 case, \d+ faults: /m)
    expect(code).toBe(expected)
  })

  it('inspect', async ({ folder }) => {
    const many = Array.from({ length: 20_000 }, (_, i) => ({ ...caseRecord(right), id: `${i}` }))
    await folder.write('many.msgpack', fixtureBytes(many))
    const { code } = await folder.run(['inspect', 'many.msgpack'], {
      onOutput: (shown, kill) => void (shown.length > 1000 && kill(signal)),
    })
    expect(code).toBe(expected)
  })
})
