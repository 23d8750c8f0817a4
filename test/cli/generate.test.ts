import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { it } from './command.ts'

/** A Python that has torch; without it these tests fail instead of being left out. */
function realPython(): string {
  const python = process.env['TORCH_PARITY_PYTHON']
  if (python === undefined) throw new Error('expected TORCH_PARITY_PYTHON to name a Python that has torch')
  return python
}

/** An interpreter that does something else than Python. */
async function fake(path: string, script: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
}

const fixtures = join(import.meta.dirname, '..', '..', 'fixtures')

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

describe('drift', () => {
  it('finds the committed fixtures unchanged', { timeout: 60_000 }, async ({ folder }) => {
    await mkdir(folder.path('before'))
    await copyFile(join(fixtures, 'rnn/relu.msgpack'), folder.path('before/relu.msgpack'))
    const { code, stdout } = await folder.run(['drift', 'before', '--python', realPython()])
    expect(stdout).toMatch(/^before\/relu\.msgpack: the same, torch \S+ → \S+, .* of the allowed error used at most\n/)
    expect(stdout).toMatch(/7 cases recorded again: 0 drifted\n$/)
    expect(code).toBe(0)
  })

  it('finds parameters that were drawn by another seed', { timeout: 60_000 }, async ({ folder }) => {
    const python = realPython()
    await folder.run(['generate', '--python', python, '--suite', 'rnn_cell/saturated', '--seed', '5', '--out', 'other'])
    const recorded = await readFile(folder.path('other/rnn_cell/saturated.msgpack'))
    // A Python that records by the default seed, whatever it is asked.
    await fake(folder.path('python'), `exec ${python} $(echo "$@" | sed 's/--seed 5/--seed 0/')`)
    expect(recorded.length).toBeGreaterThan(0)
    const { code, stdout } = await folder.run(['drift', 'other', '--python', './python'])
    expect(stdout).toContain('saturated.msgpack: drifted')
    expect(stdout).toContain('other bytes in params.weight_ih, params.weight_hh, params.bias_ih, params.bias_hh')
    expect(stdout).toContain('h_1 leaves its budget')
    expect(stdout).toMatch(/8 cases recorded again: 8 drifted\n$/)
    expect(code).toBe(1)
  })
})
