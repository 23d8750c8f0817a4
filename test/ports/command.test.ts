import { describe, expect, vi } from 'vitest'
import { hostEngine } from '../../src/ports/host.ts'
import { commandWay } from '../../src/ports/command.ts'
import { it } from '../cli/command.ts'
import { verify } from '../../src/verify.ts'
import { cellCase } from '../sample.ts'
import { called, cells, engineScript, instead, judged, secondInput } from './processes.ts'

const allMatch = '3 cases: 3 matched, 0 mismatched, 0 undecided, 0 unsupported\n'

describe('verify --engine-command judges', () => {
  it('a process that answers in frames', async ({ folder }) => {
    const { code, stdout, stderr } = await judged(folder, engineScript('right'))
    expect(stderr).toBe('')
    expect(stdout.startsWith(allMatch)).toBe(true)
    expect(code).toBe(0)
  })

  it('a process that prints to standard error, control characters spelled out', async ({ folder }) => {
    const text = engineScript("(question) => { console.error('::error::\\u001b[31m', question.ask); right(question) }")
    const { code, stderr } = await judged(folder, text)
    expect(stderr).toBe([1, 2, 3].map((ask) => `: :error::\\x1b[31m ${ask}\n`).join(''))
    expect(code).toBe(0)
  })

  it('a process that says what it supports', async ({ folder }) => {
    const answer = `(question) => question.about === 'run' ? right(question) :
      send({ ask: question.ask, value: numbers(question.request.inputs.input).data[0] !== ${secondInput} || 'not the second' })`
    const { code, stdout } = await judged(
      folder,
      engineScript(answer, "{ protocol: 1, name: 'mine', supports: true, later: 'more' }"),
    )
    expect(stdout).toMatch(/^3 cases: 2 matched, 0 mismatched, 0 undecided, 1 unsupported\n/)
    expect(code).toBe(0)
  })

  it('a process that prepares: parameters come once, and are given up before cases are asked again', async ({
    folder,
  }) => {
    const answer = `(() => {
      const held = new Map()
      return ({ ask, about, handle, request }) => {
        console.error(about, handle ?? '', 'params' in (request ?? {}), 'inputs' in (request ?? {}))
        if (about === 'prepare') held.set(handle, request.params)
        if (about === 'release') held.clear()
        send({ ask, value: about === 'run' ? outputs({ ...request, params: held.get(handle) }) : true })
      }
    })()`
    const text = engineScript(answer, "{ protocol: 1, name: 'mine', prepare: true }")
    const { code, stdout, stderr } = await judged(folder, text, ['--repeat', '2'])
    expect(stdout.startsWith(allMatch)).toBe(true)
    expect(code).toBe(0)
    const lines = stderr.split('\n')
    expect(lines.slice(0, 4)).toStrictEqual([
      'prepare 1 true false',
      'run 1 false true',
      'prepare 2 true false',
      'run 2 false true',
    ])
    expect(lines).toContain('release  false false')
  })

  it('what a process says of its conduct', async ({ folder }) => {
    const conduct = "[{ kind: 'inputs written', text: 'inputs.input was written into' }]"
    const { code, stdout } = await judged(
      folder,
      engineScript(`({ ask, request }) => send({ ask, value: outputs(request), conduct: ${conduct} })`),
    )
    expect(stdout).toContain('3 cases: 3 matched, 0 mismatched, 0 undecided, 0 unsupported, 3 inputs written\n')
    expect(code).toBe(1)
  })

  it('tensors of another shape or dtype, too many and too few, as mismatches', async ({ folder }) => {
    const changed = [
      '{ h_1: { ...h_1, shape: [3, 2] } }',
      "{ h_1: { ...h_1, dtype: 'float64', shape: [1, 3] } }",
      '{ c_1: h_1 }',
    ]
    const answer = `({ ask, request }) => {
      const { h_1 } = outputs(request)
      send({ ask, value: [${changed.map((value) => `() => (${value})`).join(', ')}][ask - 1]() })
    }`
    const { code, stdout, stderr } = await judged(folder, engineScript(answer))
    expect(stderr).toBe('')
    expect(stdout).toContain('case one (RNNCell)\n  h_1: expected shape (2, 3), got (3, 2)\n')
    expect(stdout).toContain('case two (RNNCell)\n  h_1: expected dtype float32, got float64\n')
    expect(stdout).toContain('case three (RNNCell)\n  h_1: expected a tensor, got none\n')
    expect(code).toBe(1)
  })

  it('answers to several questions at once, in any order', async ({ folder }) => {
    await folder.write(
      'mine.mjs',
      engineScript(`(() => {
        const waiting = []
        return (question) => {
          waiting.push(question)
          if (waiting.length === 3) for (const each of waiting.splice(0).reverse()) right(each)
        }
      })()`),
    )
    const host = await hostEngine(commandWay(`node ${folder.path('mine.mjs')}`), 20_000)
    const cases = [1, 2, 3].map((seed) => cellCase({}, seed))
    const verdicts = await Promise.all(cases.map((recorded) => verify(recorded, host.engine)))
    await host.close()
    expect(verdicts.map(({ outcome }) => outcome)).toStrictEqual(['match', 'match', 'match'])
  })

  it('asked by a shell: with variables, quotes and several commands', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write(
      'my port.mjs',
      engineScript('right', '{ protocol: 1, name: process.env.MINE + process.argv[2] }'),
    )
    const command = `cd . && MINE="a b" node 'my port.mjs' $((1 + 1))`
    const { code, stdout } = await folder.run([
      'verify',
      'cells.msgpack',
      '--json',
      'out.json',
      '--engine-command',
      command,
    ])
    expect(stdout).toContain(allMatch)
    expect(code).toBe(0)
    expect((await folder.results('out.json')).engine).toBe('a b2')
  })
})

describe('verify --engine-command says at once what is wrong with', () => {
  const failed = `engine ${called}: expected an answer, got an error`
  it.for<[string, string, string]>([
    ['a process that ends', 'process.exit(0)', `${failed}: its process ended with code 0\n`],
    ['a script that throws', "throw new TypeError('no GPU')", `${failed}: its process ended with code 1\n`],
    [
      'a process that greets with text',
      "console.log('Hello, I am a port')",
      `engine ${called}: expected frames on standard output, got "Hello, I am a port\\n"\n${instead}`,
    ],
    [
      'another protocol',
      engineScript('right', "{ protocol: 2, name: 'mine' }"),
      `engine ${called}: protocol: expected 1, got 2\n`,
    ],
    [
      'no protocol',
      engineScript('right', "{ name: 'mine' }"),
      `engine ${called}: expected a greeting { protocol, name, supports?, prepare? }, got {"name":"mine"}\n`,
    ],
    [
      'a list',
      engineScript('right', "['mine']"),
      `engine ${called}: expected a greeting { protocol, name, supports?, prepare? }, got ["mine"]\n`,
    ],
    [
      'supports that is a text',
      engineScript('right', "{ protocol: 1, name: 'mine', supports: 'all' }"),
      `engine ${called}: expected a greeting { protocol, name, supports?, prepare? }, got {`,
    ],
    [
      'a name of two lines',
      engineScript('right', "{ protocol: 1, name: 'two\\nlines' }"),
      `${called}: name: expected 1 to 200 characters, none of them a control character, got "two\\nlines"\n`,
    ],
    [
      'no name',
      engineScript('right', '{ protocol: 1 }'),
      `engine ${called}: expected a greeting { protocol, name, supports?, prepare? }, got {"protocol":1}\n`,
    ],
  ])('%s', async ([, text, problem], { folder }) => {
    const { code, stdout, stderr } = await judged(folder, text)
    expect(stderr).toContain(`error ${problem}`)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  it('a command that is not there, in the words of the shell', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    const { code, stderr } = await folder.run(['verify', 'cells.msgpack', '--engine-command', 'no-such-port --fast'])
    expect(stderr).toMatch(
      /error engine no-such-port --fast: expected an answer, got an error: its process ended with code 127\n {2}.*no-such-port.*not found\n$/,
    )
    expect(code).toBe(2)
  })

  it('a process that never greets', async ({ folder }) => {
    const { code, stderr } = await judged(folder, 'setTimeout(() => {}, 60_000)', ['--timeout', '0.5'])
    expect(stderr).toBe(`error engine ${called}: expected an answer, got none: loading it took more than 0.5 s\n`)
    expect(code).toBe(2)
  })

  it.for<[string[], string]>([[['--engine', 'float32'], '--engine-command: expected it without --engine, got both\n']])(
    '%s beside it',
    async ([flags, problem], { folder }) => {
      const { code, stderr } = await judged(folder, engineScript('right'), flags)
      expect(stderr).toBe(`error ${problem}`)
      expect(code).toBe(2)
    },
  )
})

describe('a process', () => {
  it('has its input closed, and may end by itself', async ({ folder }) => {
    const text = `${engineScript('right')}\nprocess.stdin.on('end', () => fs.writeFileSync('ended', ''))`
    await judged(folder, text)
    expect(await folder.list()).toContain('ended')
  })

  it.for<[string, string]>([
    ['ends', ''],
    ['is killed', 'SIGKILL'],
    ['is interrupted', 'SIGINT'],
  ])('is gone, with all that it has started, when the command %s', async ([, signal], { folder }) => {
    const text = `
      import { spawn } from 'node:child_process'
      const { pid } = spawn('sleep', ['100'], { stdio: 'inherit' })
      console.error('pids', process.pid, pid)
      process.stdin.on('end', () => setTimeout(() => {}, 60_000))
      ${engineScript(`(question) => { ${signal === '' ? 'right(question)' : "console.error('asked')"} }`)}`
    await folder.write('cells.msgpack', cells)
    await folder.write('mine.mjs', text)
    let shown = ''
    await folder.run(['verify', 'cells.msgpack', '--engine-command', `true; ${called}`], {
      onOutput(all, kill) {
        shown = all
        if (signal !== '' && all.includes('asked')) kill(signal as NodeJS.Signals)
      },
    })
    const [, ...pids] = /pids (\d+) (\d+)/.exec(shown) ?? []
    expect(pids).toHaveLength(2)
    for (const pid of pids) await vi.waitFor(() => expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH'), 20_000)
  })
})
