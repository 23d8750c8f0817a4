import { describe, expect } from 'vitest'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { it } from './command.ts'
import { engineModule } from './engines.ts'

const ids = ['one', 'two', 'three', 'four']
const cells = fixtureBytes(ids.map((id, i) => caseRecord(cellCase({ id }, i + 1))))
const tookTooLong = 'engine mine.mjs: expected an answer, got none: a run took more than 1 s'
const stopped = 'stopped after 2 time-outs: what was judged until then follows\n'
const forever = 'for (;;) {}'
const never = 'return new Promise(() => {})'

describe('verify --timeout', () => {
  it.for<[string, string]>([
    ['in a loop', forever],
    ['on a promise', never],
  ])('stops after two runs that hang %s, and ends', async ([, hang], { folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('mine.mjs', engineModule(`() => { ${hang} }`))
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
  it.for<NodeJS.Signals>(['SIGINT', 'SIGTERM'])(
    'by %s ends a run with 130, prints what was judged and writes the results',
    async (signal, { folder }) => {
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
      expect(code).toBe(130)
      expect(seconds).toBeLessThan(30)
      const { cases, summary, errors, exitCode } = await folder.results('out.json')
      expect(cases.map(({ id }) => id)).toStrictEqual(['one', 'two'])
      expect({ summary, errors, exitCode }).toStrictEqual({
        summary: { cases: 2, matched: 2, mismatched: 0, undecided: 0, unsupported: 0 },
        errors: [],
        exitCode: 130,
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
