import { describe, expect } from 'vitest'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { it } from './command.ts'
import { engineModule } from './engines.ts'

const ids = ['one', 'two', 'three', 'four']
const cells = fixtureBytes(ids.map((id, i) => caseRecord(cellCase({ id }, i + 1))))

describe('an engine that hangs', () => {
  it.for([
    ['in a loop', '(r) => { if (asked++ > 0) for (;;); return cell(r) }'],
    ['in a promise', '(r) => (asked++ > 0 ? new Promise(() => {}) : cell(r))'],
  ] as const)('%s is stopped, and what was judged before is reported', async ([, run], { folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('engine.mjs', engineModule(run))
    const flags = ['--engine', 'engine.mjs', '--timeout', '1', '--json', 'results.json']
    const { code, stdout, stderr, seconds } = await folder.run(['verify', 'cells.msgpack', ...flags])
    expect(stderr).toContain(
      'error cells.msgpack: case two: engine engine.mjs: expected an answer, got none: a run took more than 1 s\n',
    )
    expect(stdout).toMatch(/match +one /)
    expect(code).toBe(2)
    expect(seconds).toBeLessThan(60)
    const results = await folder.results('results.json')
    expect(results.cases.map(({ id }) => id)).toContain('one')
    expect(results.errors.map(({ code: why }) => why)).toEqual(['ENGINE_TIMEOUT', 'ENGINE_TIMEOUT'])
  })

  it('does not keep Ctrl-C from ending the run with what was judged', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('engine.mjs', engineModule('(r) => { if (asked++ > 0) for (;;); return cell(r) }'))
    // A second Ctrl-C would end the process at once.
    let killed = false
    const { code, stdout, stderr } = await folder.run(
      ['verify', 'cells.msgpack', '--engine', 'engine.mjs', '--json', 'results.json'],
      {
        onOutput(shown, kill) {
          if (killed || !/match +one/.test(shown)) return
          killed = true
          kill('SIGINT')
        },
      },
    )
    expect(stderr).toBe('interrupted: what was judged until then follows\n')
    expect(stdout).toContain('1 case: 1 matched, 0 mismatched, 0 unsupported')
    expect(code).toBe(130)
    const results = await folder.results('results.json')
    expect([results.exitCode, results.summary.cases]).toEqual([130, 1])
    expect(await folder.list()).toEqual(['cells.msgpack', 'engine.mjs', 'results.json'])
  })
})
