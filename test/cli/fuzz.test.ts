import { chmod, readdir } from 'node:fs/promises'
import { describe, expect } from 'vitest'
import { it, realPython } from './command.ts'

const slow = { timeout: 120_000 }
const library = new URL('../../dist/index.js', import.meta.url).href

/** An engine that adds one half to what our own gives of a GRU with several layers. */
const port = `
import { engine } from ${JSON.stringify(library)}
export default {
  name: 'port',
  run(request) {
    const outputs = engine.run(request)
    if (request.module !== 'GRU' || request.config.num_layers === 1) return outputs
    const { h_n } = outputs
    return { ...outputs, h_n: { ...h_n, data: h_n.data.map((x) => x + 0.5) } }
  },
}`

const fuzz = (...args: readonly string[]): string[] => ['fuzz', '--python', realPython(), ...args]

describe('fuzz', () => {
  it('finds nothing in our engine and says what it has tried', slow, async ({ folder }) => {
    const { code, stdout, stderr } = await folder.run(fuzz('--runs', '60', '--seed', '4', '--max-size', '6'))
    expect(stderr).toBe('')
    const lines = stdout.split('\n')
    expect(lines[0]).toMatch(
      /^torch-parity against torch \S+, seed 4, RNNCell, LSTMCell, GRUCell, RNN, LSTM, GRU, ManyToMany, ManyToOne, OneToMany, LanguageModel, EncoderDecoder, sizes up to 6$/,
    )
    expect(lines[1]).toMatch(/^options exercised: \d+ of \d+, pairs of them: \d+ of \d+$/)
    expect(stdout).toMatch(/^ {3}5 LSTM +\d+ +· +· +· +·$/m)
    expect(stdout).toMatch(
      /^60 runs in [\d.]+ s \(\d+ a second\): \d+ matched, 0 departed, \d+ undecided, \d+ unsupported, 0 refused by PyTorch$/m,
    )
    expect(code).toBe(0)
  })

  it('makes what it finds small, explains it, saves it, and says how to see it again', slow, async ({ folder }) => {
    await folder.write('port.mjs', port)
    const args = ['--engine', './port.mjs', '--module', 'GRU', '--save', 'found', '--quiet']
    const { code, stdout } = await folder.run(fuzz('--runs', '200', '--seed', '2', ...args))
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /\nsmallest of \d+ tried: GRU input_size 1, hidden_size 1, seq_len 1, batch 1, num_layers 2\nmismatch fuzz: case seed-\d+ \(GRU\)\n {2}output: matches/,
    )
    expect(stdout).toMatch(/\n {2}where: h_n is the first tensor that is off; output matches\n/)
    const [, again] = /\nagain: torch-parity (.+)\n/.exec(stdout) ?? []
    const [, spec] = /^fuzz --case '(.+)' --engine \.\/port\.mjs$/.exec(again ?? '') ?? []

    const replayed = await folder.run(fuzz('--case', spec!, '--engine', './port.mjs'))
    expect(replayed.code).toBe(1)
    // How long a search takes depends on what else the machine does.
    const about = (text: string): string | undefined =>
      /mismatch fuzz[^]*?\nagain/.exec(text)?.[0].replace(/\n {2}time was up .+/, '')
    expect(about(replayed.stdout)).toMatch(/^mismatch fuzz/)
    expect(about(replayed.stdout)).toBe(about(stdout))
    expect((await folder.run(fuzz('--case', spec!))).code).toBe(0)

    const [file] = await readdir(folder.path('found'))
    expect(stdout).toContain(`\nsaved: found/${file}\n`)
    expect((await folder.run(['verify', 'found'])).code).toBe(0)
    const judged = await folder.run(['verify', 'found', '--engine', './port.mjs'])
    expect(judged.stdout).toContain('1 case: 0 matched, 1 mismatched, 0 undecided, 0 unsupported')
    expect(judged.code).toBe(1)
  })

  it('asks several processes', slow, async ({ folder }) => {
    const { code, stdout } = await folder.run(fuzz('--runs', '30', '--oracles', '2', '--quiet'))
    expect(stdout).toMatch(/^30 runs in /m)
    expect(code).toBe(0)
  })

  it('ends when its time is over', slow, async ({ folder }) => {
    const { code, stdout } = await folder.run(fuzz('--time', '2s', '--quiet'))
    const [, runs, seconds] = /^(\d+) runs in ([\d.]+) s/m.exec(stdout) ?? []
    expect(Number(runs)).toBeGreaterThan(0)
    expect(Number(seconds)).toBeLessThan(30)
    expect(code).toBe(0)
  })

  it('keeps what it has when it is interrupted', slow, async ({ folder }) => {
    await folder.write(
      'port.mjs',
      `import { engine } from ${JSON.stringify(library)}
let runs = 0
export default { name: 'port', run(request) { if (++runs === 10) console.log('ten'); return engine.run(request) } }`,
    )
    const { code, stdout, stderr } = await folder.run(fuzz('--engine', './port.mjs', '--time', '10m'), {
      onOutput: (shown, kill) => {
        if (shown.includes('ten')) kill('SIGINT')
      },
    })
    expect(stderr).toContain('interrupted: what was found until then follows\n')
    expect(stdout).toMatch(/^\d+ runs? in .* matched, 0 departed/m)
    expect(stdout).toContain('options exercised: ')
    expect(code).toBe(130)
  })

  /** An engine that does something to the Python that records, at its tenth run. */
  const against = (signal: string): string => `
import { execFileSync } from 'node:child_process'
import { engine } from ${JSON.stringify(library)}
let runs = 0
export default {
  name: 'port',
  run(request) {
    if (++runs === 10) {
      const all = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.ppid)], { encoding: 'utf8' })
      const pid = /(\\d+) .*torch_parity/.exec(all)?.[1]
      if (pid !== undefined) process.kill(Number(pid), '${signal}')
    }
    return engine.run(request)
  },
}`
  it.for<[string, string, RegExp]>([
    ['killed', 'SIGKILL', /^error .* -m torch_parity: expected an answer, got killed by SIGKILL$/m],
    ['stopped', 'SIGSTOP', /^error .* -m torch_parity: expected an answer to a case within 20 s, got none$/m],
  ])(
    'goes on with another Python when one is %s, and says what was lost',
    slow,
    async ([, signal, why], { folder }) => {
      await folder.write('port.mjs', against(signal))
      const args = ['--engine', './port.mjs', '--runs', '60', '--max-size', '4', '--timeout', '20']
      const { code, stdout, stderr } = await folder.run(fuzz(...args))
      expect(stderr).toMatch(why)
      const [, runs, lost] = /^(\d+) runs in .*, 0 departed, .*, (\d+) lost with Python$/m.exec(stdout) ?? []
      expect([runs, lost]).toStrictEqual(['59', '1'])
      expect(stdout).toMatch(/^options exercised: /m)
      expect(stdout).toMatch(/^lost: \w+ /m)
      expect(code).toBe(2)
    },
  )

  it('ends with what it has when no Python is left', slow, async ({ folder }) => {
    await folder.write('port.mjs', against('SIGKILL'))
    await folder.write('python', `#!/bin/sh\n[ -e once ] && exit 7\ntouch once\nexec ${realPython()} "$@"\n`)
    await chmod(folder.path('python'), 0o755)
    const args = ['--engine', './port.mjs', '--time', '10m', '--max-size', '4']
    const { code, stdout, stderr } = await folder.run(['fuzz', '--python', './python', ...args])
    expect(stdout).toMatch(/^\d+ runs in .*, 0 departed, .*, \d+ lost with Python$/m)
    expect(stdout).toMatch(/^options exercised: /m)
    expect(stderr).toMatch(/^error .* expected an answer, got killed by SIGKILL$/m)
    expect(stderr).toMatch(/^error .* expected an answer, got exit code 7$/m)
    expect(code).toBe(2)
  })

  it('calls an engine that fails a failure, and no mismatch', slow, async ({ folder }) => {
    await folder.write('port.mjs', "export default { name: 'port', run() { throw new Error('no kernel') } }")
    const { code, stdout } = await folder.run(fuzz('--engine', './port.mjs', '--runs', '5', '--module', 'RNNCell'))
    expect(stdout).toContain('failed engine ./port.mjs: expected an answer, got an error: no kernel')
    expect(code).toBe(2)
  })

  it('ends at once when it is interrupted while torch is imported', slow, async ({ folder }) => {
    await folder.write('python', '#!/bin/sh\necho importing >&2\nexec sleep 600')
    await chmod(folder.path('python'), 0o755)
    const { code } = await folder.run(['fuzz', '--python', './python', '--time', '10m'], {
      after: { ms: 3000, signal: 'SIGTERM' },
    })
    expect(code).toBe(143)
  })

  it.for([
    [
      ['--module', 'Linear'],
      'error --module: expected RNNCell, LSTMCell, GRUCell, RNN, LSTM, GRU, ManyToMany, ManyToOne, OneToMany, LanguageModel, EncoderDecoder, got Linear\n',
    ],
    [['--case', '{"id":'], /^error --case: expected a specification in JSON, got .+\n$/],
    [['--case', '{"id":"a","module":"RNN"}'], /^error request: .*input_size/],
    [['--runs', '0'], /expected a whole number of at least 1, got 0/],
    [['--time', 'soon'], /expected a duration such as 60s, 5m or 2h, of at most a week, got soon/],
    [['--engine', './none.mjs'], 'error ./none.mjs: expected an engine module, got nothing of that name\n'],
  ] as const)('refuses %j', slow, async ([args, wanted], { folder }) => {
    const { code, stderr } = await folder.run(fuzz(...args))
    if (typeof wanted === 'string') expect(stderr).toBe(wanted)
    else expect(stderr).toMatch(wanted)
    expect(code).toBe(2)
  })

  it('says what PyTorch refuses', slow, async ({ folder }) => {
    const spec = { id: 'a', module: 'GRU', input_size: 1, hidden_size: 1, options: { proj_size: 1 } }
    const { code, stderr } = await folder.run(fuzz('--case', JSON.stringify(spec)))
    expect(stderr).toMatch(
      /^error --case: expected a case that PyTorch records, got options: expected num_layers, .+ of GRU, got proj_size\n$/,
    )
    expect(code).toBe(2)
  })

  it('fails where there is no Python', async ({ folder }) => {
    const { code, stderr } = await folder.run(['fuzz', '--python', './none'])
    expect(stderr).toMatch(/^error \.\/none: expected a Python interpreter, got /)
    expect(code).toBe(2)
  })
})
