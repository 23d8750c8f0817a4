import { readFile } from 'node:fs/promises'
import { describe, expect } from 'vitest'
import { cellCase, caseRecord, fixtureBytes } from '../sample.ts'
import { it } from './command.ts'
import { engineModule } from './engines.ts'

const supports = `supports: ({ module, config, dtype, inputs, cotangents, training }) =>
  (module === 'RNNCell' && config.nonlinearity === 'tanh' && config.bias && dtype === 'float32' && !cotangents && !training
    && inputs.h_0 !== undefined && inputs.input.shape.length === 2) || 'a cell alone'`
const right = engineModule('(request) => cell(request)', supports)
/** What is left of hidden_size after blocks of 4 stays 0. */
const blocks = engineModule(
  `(request) => {
  const { h_1 } = cell(request)
  const size = request.config.hidden_size
  return { h_1: { ...h_1, data: h_1.data.map((x, i) => (i % size >= size - (size % 4) ? 0 : x)) } }
}`,
  supports,
)
const asked = ['probe', '--engine', 'port.mjs', '--module', 'RNNCell', '--quiet', '--experiments', '700']

interface Saved {
  readonly wrong: { readonly text: string; readonly wrongOutside: number }
  readonly experiments: readonly { readonly outcome: string }[]
}

describe('probe', { timeout: 120_000 }, () => {
  it('says when an engine is wrong and where then, exits with 1, and keeps two requests', async ({ folder }) => {
    await folder.write('port.mjs', blocks)
    const { code, stdout } = await folder.run([...asked, '--save', 'kept', '--json', 'probe.json'])
    expect(stdout).toMatch(/^mine: \d+ experiments in \d+\.\d s: \d+ right, \d+ wrong, \d+ unsupported\n/)
    expect(stdout).toMatch(/\n {2}when: wrong \w+ where hidden_size mod 4 ≠ 0: \d+ of \d+ such, 0 of \d+ others\n/)
    expect(stdout).toContain('units from 4⌊hidden_size / 4⌋ on')
    expect(stdout).toContain('\n  smallest that is wrong: RNNCell input_size 1, hidden_size 1, batch 1')
    expect(code).toBe(1)
    const { wrong, experiments } = JSON.parse(await readFile(folder.path('probe.json'), 'utf8')) as Saved
    expect(wrong).toMatchObject({ text: 'hidden_size mod 4 ≠ 0', wrongOutside: 0 })
    expect(experiments.length).toBeGreaterThan(100)
    // Fixtures like others, of which the expected values say who has computed them.
    const judged = await folder.run(['verify', 'kept/*.msgpack', '--engine', 'port.mjs', '--json', 'verify.json'])
    expect(judged.code).toBe(1)
    const outcomes = (await folder.results('verify.json')).cases.map(({ file, outcome }) => [file, outcome])
    expect(outcomes).toEqual([
      ['kept/largest-right.msgpack', 'match'],
      ['kept/smallest-wrong.msgpack', 'mismatch'],
    ])
    expect((await folder.run(['verify', 'kept'])).code).toBe(0)
  })

  it('exits with 0 where nothing is wrong', async ({ folder }) => {
    await folder.write('port.mjs', right)
    const { code, stdout } = await folder.run(asked)
    expect(stdout).toMatch(
      /^mine: 700 experiments in \d+\.\d s: \d+ right, 0 wrong, \d+ unsupported\n {2}asked: input_size up to \d+, .*num_layers up to \d; of what is larger this says nothing\n$/,
    )
    expect(code).toBe(0)
  })

  it('draws around a case', async ({ folder }) => {
    await folder.write('port.mjs', blocks)
    await folder.write('one.msgpack', fixtureBytes([caseRecord(cellCase({ id: 'one', hidden_size: 4 }))]))
    const { code, stdout } = await folder.run([
      'probe',
      '--engine',
      'port.mjs',
      '--around',
      'one.msgpack',
      '--case',
      'one',
      '--quiet',
      '--experiments',
      '500',
    ])
    expect(stdout).toContain('where hidden_size mod 4 ≠ 0')
    expect(code).toBe(1)
  })

  it('exits with 2 where nothing was judged, or an engine failed and was never wrong', async ({ folder }) => {
    await folder.write('port.mjs', engineModule('(request) => cell(request)', `supports: () => 'nothing'`))
    const none = await folder.run([...asked, '--experiments', '20'])
    expect([none.code, none.stderr]).toEqual([2, 'error expected at least one experiment to judge, got 20 and none\n'])
    await folder.write('port.mjs', engineModule(`() => { throw new Error('no device') }`))
    const failed = await folder.run([...asked, '--experiments', '20'])
    expect(failed.code).toBe(2)
    expect(failed.stdout).toContain('no device')
  })

  it('says of each option what was expected', async ({ folder }) => {
    const errors = [
      [['--module', 'Linear'], '--module: expected RNNCell, LSTMCell, GRUCell, RNN, LSTM, GRU, got Linear'],
      [['--case', 'one'], '--around FILE --case ID: expected both, got --case alone'],
      [['--engine', 'none.mjs'], 'none.mjs: expected an engine module, got nothing of that name'],
      [['--experiments', '0'], '--experiments'],
    ] as const
    for (const [flags, message] of errors) {
      const { code, stderr } = await folder.run(['probe', ...flags])
      expect(stderr).toContain(message)
      expect(code).toBe(2)
    }
  })

  it('says what was found until it was interrupted', async ({ folder }) => {
    await folder.write(
      'port.mjs',
      engineModule(
        'async (request) => { await new Promise((r) => setTimeout(r, 20)); return cell(request) }',
        supports,
      ),
    )
    const { code, stdout, stderr } = await folder.run(asked, { after: { signal: 'SIGINT', ms: 3000 } })
    expect(stderr).toContain('interrupted: what was found until then follows\n')
    expect(stdout).toMatch(/^mine: \d+ experiments? in /)
    expect(code).toBe(130)
  })
})
