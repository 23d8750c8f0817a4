import { delimiter } from 'node:path'
import { afterAll, describe, expect } from 'vitest'
import { pythonWay } from '../../src/ports/command.ts'
import { hostEngine } from '../../src/ports/host.ts'
import { it } from '../cli/command.ts'
import { caseRecord, cellCase, fixtureBytes, layerCase, questionOf, sgd } from '../sample.ts'
import { sitecustomize } from './broken.ts'
import { describeAdapter } from './judging.ts'

const host = await hostEngine(await pythonWay('numpy'), 60_000)
const { engine } = host
afterAll(() => host.close())

describeAdapter(
  engine,
  { rnn_cell: 194, lstm_cell: 162, gru_cell: 162, rnn: 535, lstm: 493, gru: 459, known_answers: 14 },
  {},
)

const cells = fixtureBytes([caseRecord(cellCase({ id: 'one' }))])

describe('numpy says that it does not support', () => {
  it.for([
    ['gradients', layerCase({ module: 'GRU', cotangents: true }), 'computes no gradients'],
    ['a training', cellCase({ training: sgd }), 'takes no steps of an optimizer'],
    ['float16', cellCase({ dtype: 'float16' }), 'computes float32 and float64, not float16'],
  ] as const)('%s', async ([, recorded, reason]) => {
    expect(await engine.supports!(questionOf(recorded))).toBe(reason)
  })
})

describe('verify --engine numpy', () => {
  const path = process.env['PYTHONPATH'] ?? ''
  const env = (folder: string): NodeJS.ProcessEnv => ({ PYTHONPATH: `${folder}${delimiter}${path}` })

  it('needs no torch, and names itself with its version', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('sitecustomize.py', sitecustomize())
    const asked = ['verify', 'cells.msgpack', '--quiet', '--engine', 'numpy', '--json', 'results.json']
    const { code, stderr } = await folder.run(asked, { env: env(folder.path('.')) })
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect((await folder.results('results.json')).engine).toMatch(/^numpy \d+\.\d+\.\d+$/)
  })

  it('is wrong where numpy is: nothing else computes', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('sitecustomize.py', sitecustomize('numpy'))
    const asked = ['verify', 'cells.msgpack', '--quiet', '--engine', 'numpy']
    const { code, stdout } = await folder.run(asked, { env: env(folder.path('.')) })
    expect(stdout).toContain('1 case: 0 matched, 1 mismatched')
    expect(code).toBe(1)
  })

  it('takes no numpy.py of the current directory for numpy', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('numpy.py', 'raise SystemExit(3)')
    const { code } = await folder.run(['verify', 'cells.msgpack', '--quiet', '--engine', 'numpy'])
    expect(code).toBe(0)
  })

  it('is the module of that name where it is a path', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    const { stderr } = await folder.run(['verify', 'cells.msgpack', '--quiet', '--engine', './numpy'])
    expect(stderr).toBe('error ./numpy: expected an engine module, got nothing of that name\n')
  })
})

describe('a framework of Python that is not installed', () => {
  it('is asked for by name', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('mlx.py', '')
    const { code, stdout, stderr } = await folder.run(['verify', 'cells.msgpack', '--engine', 'mlx'])
    const [, python] = /^(.*) -m pip/m.exec(stderr) ?? []
    expect(stderr).toBe(
      `error engine mlx: expected the Python package mlx[cpu], got none of that name\n${python} -m pip install 'mlx[cpu]' numpy\n`,
    )
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  it('is not looked for without a Python', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    const asked = ['verify', 'cells.msgpack', '--engine', 'flax']
    const { code, stderr } = await folder.run(asked, { env: { TORCH_PARITY_PYTHON: './none' } })
    expect(stderr).toBe(
      'error ./none: expected Python 3.11 or newer, got spawn ./none ENOENT\nname another with TORCH_PARITY_PYTHON\n',
    )
    expect(code).toBe(2)
  })
})
