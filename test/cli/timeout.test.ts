import { execFileSync } from 'node:child_process'
import { describe, expect, vi } from 'vitest'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { it } from './command.ts'
import { engineModule } from './engines.ts'

const ids = ['one', 'two', 'three', 'four']
const cells = fixtureBytes(ids.map((id, i) => caseRecord(cellCase({ id }, i + 1))))
const tookTooLong = 'engine mine.mjs: expected an answer, got none: a run took more than 1 s'
const stopped = 'stopped after 2 time-outs: what was judged until then follows\n'
const forever = 'for (;;) {}'
/** Nothing of JavaScript runs while it blocks; it ends by itself, so that a test that fails leaves nothing behind for long. */
const blocked = "childProcess.execSync('sleep 100')"
const imports = "import childProcess from 'node:child_process'\n"
const never = 'return new Promise(() => {})'

describe('verify --timeout', () => {
  it.for<[string, string]>([
    ['in a loop', forever],
    ['on a promise', never],
    ['in a call that blocks', blocked],
    ['stopped', "process.kill(process.pid, 'SIGSTOP')"],
  ])('stops after two runs that hang %s, and ends', async ([, hang], { folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('mine.mjs', imports + engineModule(`() => { ${hang} }`))
    const args = ['verify', 'cells.msgpack', '--quiet', '--engine', 'mine.mjs', '--timeout', '1', '--json', 'out.json']
    const { code, stdout, stderr, seconds } = await folder.run(args)
    expect(stderr).toBe(
      `error cells.msgpack: case one: ${tookTooLong}\nerror cells.msgpack: case two: ${tookTooLong}\n${stopped}`,
    )
    expect(stdout).toBe('0 cases: 0 matched, 0 mismatched, 0 undecided, 0 unsupported, 2 errors\n')
    expect(code).toBe(2)
    expect(seconds).toBeLessThan(30)
    const { errors, exitCode } = await folder.results('out.json')
    expect(errors.map((error) => error.code)).toStrictEqual(['ENGINE_TIMEOUT', 'ENGINE_TIMEOUT'])
    expect(exitCode).toBe(2)
  })

  it('reports what was judged before an engine hung, and goes on with a fresh one', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    // Each thread answers once and hangs at its second question.
    await folder.write('mine.mjs', engineModule(`(request) => { if (asked++ > 0) ${forever} return cell(request) }`))
    const args = ['verify', 'cells.msgpack', '--engine', 'mine.mjs', '--timeout', '1', '--json', 'out.json']
    const { code, stdout, stderr } = await folder.run(args)
    expect(stderr).toBe(
      `error cells.msgpack: case two: ${tookTooLong}\nerror cells.msgpack: case four: ${tookTooLong}\n${stopped}`,
    )
    expect(stdout).toContain('2 cases: 2 matched, 0 mismatched, 0 undecided, 0 unsupported, 2 errors\n')
    expect(code).toBe(2)
    const { cases } = await folder.results('out.json')
    expect(cases.map(({ id, outcome }) => [id, outcome])).toStrictEqual([
      ['one', 'match'],
      ['three', 'match'],
    ])
  })

  it('ends a module that never finishes loading', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('mine.mjs', forever)
    const { code, stderr } = await folder.run(['verify', 'cells.msgpack', '--engine', 'mine.mjs', '--timeout', '0.5'])
    expect(stderr).toBe('error engine mine.mjs: expected an answer, got none: loading it took more than 0.5 s\n')
    expect(code).toBe(2)
  })

  it('ends the loading of a file that is a pipe nobody writes into', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    execFileSync('mkfifo', [folder.path('mine.mjs')])
    const { code, stderr, seconds } = await folder.run([
      'verify',
      'cells.msgpack',
      '--engine',
      'mine.mjs',
      '--timeout',
      '0.5',
    ])
    expect(stderr).toBe('error engine mine.mjs: expected an answer, got none: loading it took more than 0.5 s\n')
    expect(code).toBe(2)
    expect(seconds).toBeLessThan(30)
  })

  it('ends what an engine has started', async ({ folder }) => {
    await folder.write('one.msgpack', fixtureBytes([caseRecord(cellCase({ id: 'one' }))]))
    const run = `() => {
      const { pid } = childProcess.spawn('sleep', ['100'], { stdio: 'inherit' })
      console.log(\`pid \${pid}\`)
      ${forever}
    }`
    await folder.write('mine.mjs', imports + engineModule(run))
    const { stderr } = await folder.run(['verify', 'one.msgpack', '--engine', 'mine.mjs', '--timeout', '1'])
    const pid = Number(/pid (\d+)/.exec(stderr)?.[1])
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), 20_000)
  })

  it('ends a supports that hangs', async ({ folder }) => {
    await folder.write('one.msgpack', fixtureBytes([caseRecord(cellCase({ id: 'one' }))]))
    await folder.write('mine.mjs', engineModule('cell', `supports() { ${forever} }`))
    const args = ['verify', 'one.msgpack', '--quiet', '--engine', 'mine.mjs', '--timeout', '1']
    const { code, stderr } = await folder.run(args)
    expect(stderr).toBe(
      'error one.msgpack: case one: engine mine.mjs: expected an answer, got none: supports took more than 1 s\n',
    )
    expect(code).toBe(2)
  })
})

describe('an interruption', () => {
  it.for<[NodeJS.Signals, number]>([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])(
    'by %s ends a run with %i, prints what was judged and writes the results',
    async ([signal, expected], { folder }) => {
      await folder.write('cells.msgpack', cells)
      await folder.write('mine.mjs', engineModule(`(request) => { if (asked++ > 1) ${forever} return cell(request) }`))
      const { code, stdout, stderr, seconds } = await folder.run(
        ['verify', 'cells.msgpack', '--engine', 'mine.mjs', '--json', 'out.json'],
        {
          onOutput(shown, kill) {
            if (/match +two/.test(shown)) kill(signal)
          },
        },
      )
      expect(stderr).toBe('interrupted: what was judged until then follows\n')
      expect(stdout).toContain('\n2 cases: 2 matched, 0 mismatched, 0 undecided, 0 unsupported\n')
      expect(code).toBe(expected)
      expect(seconds).toBeLessThan(30)
      const { cases, summary, errors, exitCode } = await folder.results('out.json')
      expect(cases.map(({ id }) => id)).toStrictEqual(['one', 'two'])
      expect({ summary, errors, exitCode }).toStrictEqual({
        summary: { cases: 2, matched: 2, mismatched: 0, undecided: 0, unsupported: 0, conduct: {} },
        errors: [],
        exitCode: expected,
      })
      expect(await folder.list()).toStrictEqual(['cells.msgpack', 'mine.mjs', 'out.json'])
    },
  )

  it('while an engine is loaded ends with 130', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('mine.mjs', `console.error('loading'); await new Promise((go) => setTimeout(go, 60_000))`)
    const { code, stdout, seconds } = await folder.run(['verify', 'cells.msgpack', '--engine', 'mine.mjs'], {
      onOutput(shown, kill) {
        if (shown.includes('loading')) kill('SIGINT')
      },
    })
    expect({ code, stdout }).toStrictEqual({ code: 130, stdout: '' })
    expect(seconds).toBeLessThan(30)
  })

  it('ends a run that is in a call that blocks', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('mine.mjs', imports + engineModule(`() => { console.error('asked'); ${blocked} }`))
    const { code, stdout, seconds } = await folder.run(['verify', 'cells.msgpack', '--engine', 'mine.mjs'], {
      onOutput(shown, kill) {
        if (shown.includes('asked')) kill('SIGTERM')
      },
    })
    expect(stdout).toContain('0 cases: 0 matched, 0 mismatched, 0 undecided, 0 unsupported\n')
    expect(code).toBe(143)
    expect(seconds).toBeLessThan(60)
  })

  it('by SIGKILL takes the engine along, whatever that does', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('mine.mjs', engineModule(`() => { console.error(\`pid \${process.pid}\`); ${forever} }`))
    let pid = 0
    await folder.run(['verify', 'cells.msgpack', '--engine', 'mine.mjs'], {
      onOutput(shown, kill) {
        pid = Number(/pid (\d+)/.exec(shown)?.[1] ?? 0)
        if (pid > 0) kill('SIGKILL')
      },
    })
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), 20_000)
  })

  it('leaves no process behind', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('mine.mjs', engineModule(`() => { console.error(\`pid \${process.pid}\`); ${never} }`))
    let pid = 0
    const { code } = await folder.run(['verify', 'cells.msgpack', '--engine', 'mine.mjs'], {
      onOutput(shown, kill) {
        pid = Number(/pid (\d+)/.exec(shown)?.[1] ?? 0)
        if (pid > 0) kill('SIGINT')
      },
    })
    expect(code).toBe(130)
    expect(pid).toBeGreaterThan(0)
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })
})
