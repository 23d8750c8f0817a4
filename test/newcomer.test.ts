// What somebody meets who installs the packages into empty projects. TORCH_PARITY_NEWCOMER names the node_modules that have the tools
// of such projects: ci/test.sh installs them.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const minutes = 60_000

interface Ended {
  readonly code: number
  readonly shown: string
}

let place: string

function run(cwd: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  // What it starts must not take itself for a part of this run.
  const outside = Object.entries(process.env).filter(
    ([name]) => !/^(?:VITEST|TEST$|NODE_ENV|NODE_PATH|PYTHONPATH|FORCE_COLOR|CI$|npm_)/.test(name),
  )
  return new Promise((resolve) => {
    const options = { cwd, env: { ...Object.fromEntries(outside), NO_COLOR: '1', ...env }, maxBuffer: 2 ** 26 }
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ code, shown: stdout + stderr + (error !== null && stdout + stderr === '' ? error.message : '') })
    })
  })
}

function tools(): string {
  const { TORCH_PARITY_NEWCOMER: named } = process.env
  if (named === undefined) throw new Error('expected TORCH_PARITY_NEWCOMER to name node_modules, as ci/test.sh does')
  return named
}

/** An empty project that has installed the package, and the tools that are named. */
async function project(name: string, files: Readonly<Record<string, string>>, ...linked: string[]): Promise<string> {
  const folder = join(place, name)
  await mkdir(folder)
  // Installed once, since what is installed is the same everywhere.
  await cp(join(place, 'installed', 'node_modules'), join(folder, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
  })
  for (const tool of linked) await symlink(join(tools(), tool), join(folder, 'node_modules', tool))
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), text)
  }
  return folder
}

/** A file of a page of this repository, by the name that it has there. */
async function shownAs(page: string, file: string): Promise<string> {
  const code = (await readFile(join(root, page), 'utf8'))
    .split('```')
    .find((text) => text.split('\n')[1] === `// ${file}`)
  if (code === undefined) throw new Error(`expected ${page} to show ${file}`)
  return code.slice(code.indexOf('\n') + 1)
}

const bin = (folder: string): string => join(folder, 'node_modules/.bin/torch-parity')
const node = process.execPath

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'torch-parity-newcomer-'))
  // dist is built; building it again would take it away from the tests beside these.
  const packed = await run(root, 'npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', place])
  expect(packed).toMatchObject({ code: 0 })
  await mkdir(join(place, 'installed'))
  await writeFile(join(place, 'installed/package.json'), '{ "type": "module" }')
  const tarball = join(place, packed.shown.trim().split('\n').at(-1)!)
  const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball]
  expect(await run(join(place, 'installed'), 'npm', args)).toMatchObject({ code: 0 })
}, 4 * minutes)

afterAll(() => rm(place, { recursive: true, force: true }))

describe('the npm package', () => {
  it('holds what it needs, and nothing that was left about', async () => {
    const own = join(place, 'installed/node_modules/torch-parity')
    const files = await readdir(own, { recursive: true })
    expect(files).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'dist/cli.js', 'fixtures/rnn/default.msgpack']),
    )
    expect(files.filter((file) => /__pycache__|\.pyc$|\.map$|\.test\.|^test\//.test(file))).toEqual([])
  })

  it('is right for publint and attw', { timeout: minutes }, async () => {
    const tarball = join(
      place,
      (await readdir(place)).find((file) => file.endsWith('.tgz'))!,
    )
    const publint = await run(place, node, [join(tools(), 'publint/src/cli.js'), tarball, '--strict'])
    expect(publint).toMatchObject({ code: 0, shown: expect.stringContaining('All good!') as string })
    const attw = await run(place, node, [
      join(tools(), '@arethetypeswrong/cli/dist/index.js'),
      tarball,
      '--profile',
      'esm-only',
    ])
    expect(attw.shown).toContain('torch-parity/oracle')
    expect(attw).toMatchObject({ code: 0 })
  })

  it('judges what it brings, by name', { timeout: minutes }, async () => {
    const folder = await project('command', {})
    const judged = await run(folder, bin(folder), ['verify', '@rnn_cell/default', '--quiet'])
    expect(judged).toMatchObject({ code: 0, shown: expect.stringContaining('10 cases: 9 matched') as string })
    expect(await run(folder, bin(folder), ['--version'])).toEqual({ code: 0, shown: '0.1.0\n' })
  })

  it('writes results of the form that its JSON Schema says', { timeout: minutes }, async () => {
    const folder = await project(
      'schema',
      { 'my-port.mjs': await shownAs('src/ports/README.md', 'my-port.mjs') },
      'ajv',
    )
    const schema = join(folder, 'node_modules/torch-parity/dist/schemas/results.json')
    const { Ajv2020 } = createRequire(join(tools(), 'ajv/'))('./dist/2020.js') as {
      Ajv2020: new () => { compile(schema: unknown): ((value: unknown) => boolean) & { errors?: unknown } }
    }
    const isResults = new Ajv2020().compile(JSON.parse(await readFile(schema, 'utf8')))
    const args = [
      'verify',
      '@rnn_cell/default',
      '@captured/crnn',
      '--engine',
      'my-port.mjs',
      '--json',
      'one.json',
      '--report',
      '.',
    ]
    expect(await run(folder, bin(folder), args)).toMatchObject({ code: 1 })
    for (const file of ['one.json', 'results.json']) {
      const results = JSON.parse(await readFile(join(folder, file), 'utf8')) as { cases: { outcome?: string }[] }
      expect({ is: isResults(results), errors: isResults.errors }).toEqual({ is: true, errors: null })
      expect(results.cases.length).toBeGreaterThan(10)
      delete results.cases[0]!.outcome
      expect(isResults(results)).toBe(false)
    }
  })

  it.each([
    [
      'module',
      'mjs',
      "import * as parity from 'torch-parity'\nimport * as oracle from 'torch-parity/oracle'\nimport * as probe from 'torch-parity/probe'\n",
    ],
    [
      'CommonJS',
      'cjs',
      "const parity = require('torch-parity')\nconst oracle = require('torch-parity/oracle')\nconst probe = require('torch-parity/probe')\n",
    ],
  ])('is imported by a %s', async (name, ending, imports) => {
    const folder = await project(name, {
      [`main.${ending}`]: `${imports}console.log(parity.engine.name, typeof parity.verify, typeof oracle.openOracle, typeof probe.probe)\n`,
    })
    const ended = await run(folder, node, [`main.${ending}`])
    expect(ended).toMatchObject({ code: 0, shown: expect.stringMatching(/ function function function\n$/) as string })
  })

  it.each(['nodenext', 'bundler'])('has types for a strict project of %s', { timeout: minutes }, async (resolution) => {
    const folder = await project(`types-${resolution}`, {
      'package.json': '{ "type": "module" }',
      'main.ts': await shownAs('src/README.md', 'judge.ts'),
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          strict: true,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          target: 'es2023',
          module: resolution === 'bundler' ? 'esnext' : resolution,
          moduleResolution: resolution,
          types: ['node'],
          noEmit: true,
        },
      }),
    })
    await mkdir(join(folder, 'node_modules/@types'), { recursive: true })
    for (const name of ['@types/node', 'undici-types']) {
      await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name))
    }
    expect(await run(folder, node, [join(tools(), 'typescript/bin/tsc')])).toEqual({ code: 0, shown: '' })
  })

  it('is bundled for a page by Vite, where what is not used is left out', { timeout: 2 * minutes }, async () => {
    const folder = await project(
      'vite',
      {
        'index.html': '<!doctype html><title>ours</title><script type="module" src="main.js"></script>',
        'main.js': "import { engine } from 'torch-parity'\nglobalThis.torchParityEngine = engine\n",
        'small/index.html': '<!doctype html><title>small</title><script type="module" src="main.js"></script>',
        'small/main.js': "import { compare } from 'torch-parity'\nglobalThis.compare = compare\n",
      },
      'vite',
    )
    await symlink(join(root, 'node_modules/playwright-core'), join(folder, 'node_modules/playwright-core'))
    const vite = join(tools(), 'vite/bin/vite.js')
    expect(await run(folder, node, [vite, 'build', '--base', './', '--logLevel', 'warn'])).toMatchObject({ code: 0 })
    const small = await run(folder, node, [vite, 'build', 'small', '--logLevel', 'warn'])
    expect(small).toMatchObject({ code: 0 })
    const [bundle] = await readdir(join(folder, 'small/dist/assets'))
    expect((await stat(join(folder, 'small/dist/assets', bundle!))).size).toBeLessThan(8_000)
    const judged = await run(folder, bin(folder), [
      'verify',
      '@rnn_cell/default',
      '--quiet',
      '--engine-page',
      'dist/index.html',
    ])
    expect(judged).toMatchObject({ code: 0, shown: expect.stringContaining('10 cases: 9 matched') as string })
  })

  it.each([
    ['3', () => join(tools(), 'vitest')],
    ['4', () => join(root, 'node_modules/vitest')],
  ])('is tested with by Vitest %s', { timeout: 2 * minutes }, async (version, vitest) => {
    const folder = await project(`vitest-${version}`, {
      'my-port.mjs': await shownAs('src/ports/README.md', 'my-port.mjs'),
      'parity.test.js': await shownAs('src/README.md', 'parity.test.js'),
    })
    await symlink(vitest(), join(folder, 'node_modules/vitest'))
    const { code, shown } = await run(folder, node, [join(vitest(), 'vitest.mjs'), 'run'])
    expect(shown).toContain(`RUN  v${version}.`)
    expect(shown).toContain('why: the engine reads weight_hh transposed')
    expect(code).toBe(1)
  })

  it('writes an engine, a test and a workflow that run', { timeout: 2 * minutes }, async () => {
    const folder = await project('init', { 'package.json': '{ "type": "module" }' })
    await symlink(join(root, 'node_modules/vitest'), join(folder, 'node_modules/vitest'))
    expect(await run(folder, bin(folder), ['init'])).toMatchObject({ code: 0 })
    const judged = await run(folder, bin(folder), ['verify', '@rnn_cell', '--engine', 'parity-port.mjs', '--quiet'])
    expect(judged.shown).toMatch(/^344 cases: \d\d+ matched, 0 mismatched/m)
    expect(judged.code).toBe(0)
    const tested = await run(folder, node, [join(root, 'node_modules/vitest/vitest.mjs'), 'run'])
    expect(tested.shown).toMatch(/9 passed \| 1 skipped/)
    expect(tested.code).toBe(0)
    await writeFile(join(folder, 'parity.test.mjs'), 'mine')
    await rm(join(folder, 'parity-port.mjs'))
    const again = await run(folder, bin(folder), ['init', '--runner', 'node'])
    expect(again.shown).toMatch(/^parity-port\.mjs: written\nparity\.test\.mjs: is there already, and stays as it is\n/)
    expect(await readFile(join(folder, 'parity.test.mjs'), 'utf8')).toBe('mine')
    await rm(join(folder, 'parity.test.mjs'))
    await run(folder, bin(folder), ['init', '--runner', 'node'])
    expect(await run(folder, node, ['--test'])).toMatchObject({ code: 0 })
    expect(await run(folder, bin(folder), ['init', '--runner', 'mocha'])).toMatchObject({
      code: 2,
      shown: 'error --runner: expected vitest, jest, node, got mocha\n',
    })
  })

  it('is tested with by Jest', { timeout: 2 * minutes }, async () => {
    const folder = await project('jest', {
      'my-port.mjs': await shownAs('src/ports/README.md', 'my-port.mjs'),
      'package.json': '{ "type": "module", "jest": { "transform": {}, "moduleFileExtensions": ["js", "mjs"] } }',
      'parity.test.js': await shownAs('src/README.md', 'parity.jest.test.js'),
    })
    const { code, shown } = await run(folder, node, [join(tools(), 'jest/bin/jest.js'), '--ci'], {
      NODE_OPTIONS: '--experimental-vm-modules',
    })
    expect(shown).toContain(
      'mismatch node_modules/torch-parity/fixtures/rnn_cell/default.msgpack: case notes-N5-D10-H7 (RNNCell)',
    )
    expect(shown).toContain('why: the engine reads weight_hh transposed')
    expect(shown).toMatch(/h_1: \d+ of \d+ elements differ/)
    expect(shown).toMatch(/^Tests: +\d{2} failed, \d+ passed, \d{2} total$/m)
    expect(code).toBe(1)
  })

  it('is tested with by node:test', { timeout: minutes }, async () => {
    const folder = await project('node-test', {
      'my-port.mjs': await shownAs('src/ports/README.md', 'my-port.mjs'),
      'parity.test.js': await shownAs('src/README.md', 'parity.node.test.js'),
    })
    const { code, shown } = await run(folder, node, ['--test', '--test-reporter', 'tap', 'parity.test.js'])
    expect(shown).toContain('rnn_cell/default.msgpack: case notes-N5-D10-H7 (RNNCell)')
    expect(shown).toContain('why: the engine reads weight_hh transposed')
    expect(shown).toMatch(/h_1: \d+ of \d+ elements differ/)
    expect(shown).toMatch(/# SKIP undecided/)
    expect(shown).toMatch(/^# fail \d{2}$/m)
    expect(code).toBe(1)
    const right = (await shownAs('src/ports/README.md', 'my-port.mjs')).replace(
      '[i * hidden_size + j]',
      '[j * hidden_size + i]',
    )
    await writeFile(join(folder, 'my-port.mjs'), right)
    expect(await run(folder, node, ['--test', 'parity.test.js'])).toMatchObject({ code: 0 })
  })
})

describe('the Python package', () => {
  it(
    'is installed into a fresh environment, says that it has types, and records',
    { timeout: 4 * minutes },
    async () => {
      const { TORCH_PARITY_PYTHON: python } = process.env
      if (python === undefined) throw new Error('expected TORCH_PARITY_PYTHON to name a Python that has torch')
      const folder = await project('python', {
        'record.py':
          'import torch\nfrom torch_parity import record, write_fixture\n' +
          'model = torch.nn.GRU(3, 5)\n' +
          'write_fixture("mine.msgpack", [record(model, torch.randn(4, 2, 3), id="mine")])\n',
      })
      const pip = (...args: string[]): Promise<Ended> =>
        run(folder, own, ['-m', 'pip', '--disable-pip-version-check', '--quiet', ...args])
      const own = join(folder, 'env/bin/python')
      expect(await run(folder, python, ['-m', 'venv', 'env'])).toMatchObject({ code: 0 })
      // Building leaves files beside the sources.
      await cp(join(root, 'python'), join(folder, 'source'), { recursive: true })
      expect(await pip('wheel', '--no-deps', '--wheel-dir', '.', './source')).toMatchObject({ code: 0 })
      const wheel = (await readdir(folder)).find((file) => file.endsWith('.whl'))!
      expect(await pip('install', '--no-deps', wheel)).toMatchObject({ code: 0 })
      // torch takes longer to install than all else; it is the one of the tests.
      const { shown: packages } = await run(folder, python, [
        '-c',
        'import torch; print(torch.__path__[0].rsplit("/", 1)[0])',
      ])
      const { shown: site } = await run(folder, own, ['-c', 'import site; print(site.getsitepackages()[0])'])
      await writeFile(join(site.trim(), 'torch.pth'), packages)
      expect(await run(folder, own, ['record.py'])).toMatchObject({ code: 0 })
      const judged = await run(folder, bin(folder), ['verify', 'mine.msgpack'])
      expect(judged).toMatchObject({ code: 0, shown: expect.stringContaining('1 case: 1 matched') as string })
      expect(await run(folder, join(folder, 'env/bin/torch_parity'), ['--help'])).toMatchObject({
        code: 0,
        shown: expect.stringContaining('Records torch modules') as string,
      })
      expect(await readdir(join(site.trim(), 'torch_parity'))).toContain('py.typed')
      expect(await readFile(join(root, 'python/LICENSE'))).toEqual(await readFile(join(root, 'LICENSE')))
    },
  )
})
