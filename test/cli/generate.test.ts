import { chmod, writeFile } from 'node:fs/promises'
import { describe, expect } from 'vitest'
import { it, realPython } from './command.ts'

/** An interpreter that does something else than Python. */
async function fake(path: string, script: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
}

describe('generate', () => {
  it('says which interpreter is missing and how to name another', async ({ folder }) => {
    const { code, stdout, stderr } = await folder.run(['generate', '--python', './no-python'])
    expect(stderr).toBe(
      'error ./no-python: expected a Python interpreter, got spawn ./no-python ENOENT\n' +
        'name another with --python or TORCH_PARITY_PYTHON\n',
    )
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  it('says which package is missing', async ({ folder }) => {
    await fake(folder.path('python'), `echo "ModuleNotFoundError: No module named 'torch'" >&2; exit 1`)
    const { code, stderr } = await folder.run(['generate', '--python', './python'])
    expect(stderr).toMatch(
      /^error \.\/python: expected the Python package torch, got none of that name\nname another Python with --python or TORCH_PARITY_PYTHON, or run .*requirements\.txt\n$/,
    )
    expect(code).toBe(2)
  })

  it.for([
    ['that is killed halfway', `echo '{"event":"start","total":3,"files":1}'; kill -9 $$`, 'got killed by SIGKILL'],
    ['that ends without being done', `echo '{"event":"start","total":3,"files":1}'`, 'got exit code 0'],
    ['that fails without a word', 'exit 7', 'got exit code 7'],
    ['that prints garbage', `echo '{"event":'; echo '{"done":true}'; echo '[]'`, 'got exit code 0'],
  ] as const)('fails on a Python %s', async ([, script, how], { folder }) => {
    await fake(folder.path('python'), script)
    const { code, stderr } = await folder.run(['generate', '--python', './python'])
    expect(stderr.split('\n')[0]).toBe(`error ./python -m torch_parity: expected it to finish, ${how}`)
    expect(code).toBe(2)
  })

  const named = '{"event":"file","suite":"a","path":"out/a.msgpack","cases":1,"bytes":5}'
  it.for([
    ['that names no file', '', 'expected 1 file, as Python says, got 0 named'],
    ['whose file is not there', named, 'out/a.msgpack: expected the file that Python says it has written, got none'],
    [
      'whose file is another',
      `mkdir out; printf 1234 > out/a.msgpack; echo '${named}'`,
      'out/a.msgpack: expected 5 bytes, as Python says, got 4',
    ],
    [
      'whose file is a folder',
      `mkdir -p out/a.msgpack; echo '${named}'`,
      /^error out\/a\.msgpack: expected 5 bytes, as Python says, got \d+\n$/,
    ],
  ] as const)('fails on a Python %s and that is done', async ([, script, message], { folder }) => {
    const says = script.startsWith('{') ? `echo '${script}'` : script
    await fake(folder.path('python'), `${says}\necho '{"event":"done","cases":1,"files":1}'`)
    const { code, stderr } = await folder.run(['generate', '--python', './python'])
    if (typeof message === 'string') expect(stderr).toBe(`error ${message}\n`)
    else expect(stderr).toMatch(message)
    expect(code).toBe(2)
  })

  it('keeps little of what a Python prints', { timeout: 120_000 }, async ({ folder }) => {
    // 600 MB in one line and 30 MB in short ones, where Node may have 100 MB.
    const flood = `yes | head -c 30000000; yes | head -c 600000000 | tr '\\n' 'x'; echo`
    await fake(folder.path('python'), `${flood}; (${flood}) >&2; echo '{"event":"done","cases":0,"files":0}'`)
    const env = { NODE_OPTIONS: '--max-old-space-size=100' }
    const { code, stderr } = await folder.run(['generate', '--python', './python'], { env })
    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' })
  })

  it('ends at once when it is interrupted, whatever Python does', async ({ folder }) => {
    await fake(
      folder.path('python'),
      `trap '' INT TERM; echo '{"event":"file","path":"a","cases":1,"bytes":5}'; while :; do sleep 1; done`,
    )
    const { code } = await folder.run(['generate', '--python', './python'], {
      onOutput(shown, kill) {
        if (shown.includes('a: 1 case')) kill('SIGTERM')
      },
    })
    expect(code).toBe(143)
  })

  it('records the committed parameters, inputs and outputs again', { timeout: 60_000 }, async ({ folder }) => {
    const { code, stdout, stderr } = await folder.run([
      'generate',
      '--python',
      realPython(),
      '--suite',
      'rnn_cell/relu',
      '--out',
      'again',
    ])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^again\/rnn_cell\/relu\.msgpack: 7 cases, \d+ bytes\n7 cases in 1 file\n$/)
    const judged = await folder.run(['verify', 'again', '--quiet'])
    expect(judged.code).toBe(0)
  })

  it('says what suites there are when it is asked for another', { timeout: 60_000 }, async ({ folder }) => {
    const { code, stderr } = await folder.run(['generate', '--python', realPython(), '--suite', 'rnn/nothing'])
    expect(stderr).toMatch(/^error --suite: expected one of rnn_cell\/default, .*, got rnn\/nothing\n$/)
    expect(code).toBe(2)
  })
})
