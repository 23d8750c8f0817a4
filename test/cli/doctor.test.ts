import { chmod } from 'node:fs/promises'
import { afterEach, describe, expect, vi } from 'vitest'
import { type Folder, it } from './command.ts'

/** A Python that has torch; without it these tests fail instead of being left out. */
function realPython(): string {
  const python = process.env['TORCH_PARITY_PYTHON']
  if (python === undefined) throw new Error('expected TORCH_PARITY_PYTHON to name a Python that has torch')
  return python
}

async function interpreter(folder: Folder, line: string): Promise<void> {
  await folder.write('python', `#!/bin/sh\n${line}\n`)
  await chmod(folder.path('python'), 0o755)
}

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('doctor', () => {
  it('says what there is', { timeout: 60_000 }, async ({ folder }) => {
    const { code, stdout, stderr } = await folder.run(['doctor', '--python', realPython()])
    expect(stdout.replaceAll(/\d[\w.+]*/g, '#')).toMatch(
      /^ {2}Node +#\n {2}Python +#, .*\n {2}torch +#\n {2}numpy +#\n {2}msgpack +#\n {2}CPU capability +.+\n {2}threads +torch would use #, recording uses #; # CPUs?\nall there\n$/,
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it('says that torch is missing and what brings it', { timeout: 60_000 }, async ({ folder }) => {
    await folder.mkdir('torch')
    await folder.write('torch/__init__.py', `raise ModuleNotFoundError("No module named 'torch'", name="torch")\n`)
    vi.stubEnv('PYTHONPATH', folder.path('.'))
    const { code, stdout } = await folder.run(['doctor', '--python', realPython()])
    expect(stdout).toContain('  torch           none  expected 2.4 or newer\n')
    expect(stdout).toMatch(/^ {2}numpy +[\d.]+$/m)
    expect(stdout).toMatch(/\nrun .*python\S* -m pip install (?:--extra-index-url \S+\/cpu )?-r .*requirements\.txt\n$/)
    expect(stdout).not.toContain('all there')
    expect(code).toBe(2)
  })

  it('says that torch is too old', { timeout: 60_000 }, async ({ folder }) => {
    await folder.mkdir('torch')
    await folder.write(
      'torch/__init__.py',
      `print("{ stray")\n__version__ = "1.13.1+cpu"\nbackends = None\ndef get_num_threads(): return 3\n`,
    )
    vi.stubEnv('PYTHONPATH', folder.path('.'))
    const { code, stdout } = await folder.run(['doctor', '--python', realPython()])
    expect(stdout).toContain('  torch           1.13.1+cpu  expected 2.4 or newer\n')
    expect(stdout).toMatch(/\nrun .*requirements\.txt\n$/)
    expect(code).toBe(2)
  })

  it('says why a package cannot be imported', { timeout: 60_000 }, async ({ folder }) => {
    await folder.write('msgpack.py', 'raise OSError("libmsgpack.so:\\ncannot open")\n')
    vi.stubEnv('PYTHONPATH', folder.path('.'))
    const { code, stdout } = await folder.run(['doctor', '--python', realPython()])
    expect(stdout).toContain('  msgpack         OSError: libmsgpack.so: cannot open  expected 1.0 or newer\n')
    expect(code).toBe(2)
  })

  it('says that the interpreter is missing', async ({ folder }) => {
    const { code, stdout, stderr } = await folder.run(['doctor', '--python', './no-python'])
    expect(stdout).toMatch(
      /^ {2}Node +[\d.]+\n {2}Python {10}\.\/no-python: spawn \.\/no-python ENOENT {2}expected 3\.11 or newer\nname a Python with --python or TORCH_PARITY_PYTHON\n$/,
    )
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
  })

  it.for([
    [
      'is too old',
      `echo '{"executable":"/p","python":"3.9.2","packages":{"torch":{"version":"2.13.0"},"numpy":{"version":"2.0"},"msgpack":{"version":"1.0.0"}},"cpus":1}'`,
      '3.9.2, /p  expected 3.11 or newer',
    ],
    ['is no Python', 'echo hello', './python: is no Python  expected 3.11 or newer'],
  ] as const)('says that the interpreter %s', async ([, line, text], { folder }) => {
    await interpreter(folder, line)
    const { code, stdout } = await folder.run(['doctor', '--python', './python'])
    expect(stdout).toContain(`  Python          ${text}\n`)
    expect(stdout).toMatch(/\nname (a|another) Python with --python or TORCH_PARITY_PYTHON\n$/)
    expect(code).toBe(2)
  })

  it('proposes a virtual environment where the interpreter is of none', async ({ folder }) => {
    const found = {
      executable: '/p',
      python: '3.11.2',
      environment: false,
      packages: { torch: { error: 'none' }, numpy: { version: '2.0' }, msgpack: { version: '1.0.0' } },
      cpus: 1,
    }
    await interpreter(folder, `echo '${JSON.stringify(found)}'`)
    const { code, stdout } = await folder.run(['doctor', '--python', './python'])
    expect(stdout).toMatch(
      /\nrun \/p -m venv \.venv\nrun \.venv\/bin\/python -m pip install .*-r .*requirements\.txt\nand name it: --python \.venv\/bin\/python, or TORCH_PARITY_PYTHON=\.venv\/bin\/python\n$/,
    )
    expect(code).toBe(2)
  })

  it('takes python where there is no python3 on the path', async ({ folder }) => {
    const packages = { torch: { error: 'none' }, numpy: { error: 'none' }, msgpack: { error: 'none' } }
    await folder.mkdir('bin')
    await folder.write(
      'bin/python',
      `#!/bin/sh\necho '${JSON.stringify({ executable: '/q', python: '3.9.1', packages, cpus: 1 })}'\n`,
    )
    await chmod(folder.path('bin/python'), 0o755)
    const { stdout } = await folder.run(['doctor'], {
      env: { PATH: folder.path('bin'), TORCH_PARITY_PYTHON: undefined },
    })
    expect(stdout).toContain('3.9.1, /q  expected 3.11 or newer\n')
  })
})
