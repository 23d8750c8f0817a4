import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect } from 'vitest'
import { it } from '../cli/command.ts'
import { engineModule } from '../cli/engines.ts'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'

const root = join(import.meta.dirname, '..', '..')
const cells = fixtureBytes([caseRecord(cellCase({ id: 'one' }))])

describe('verify --engine', () => {
  it.for([
    ['onnxruntime-web', /^onnxruntime-web 1\.\d+\.\d+ \(wasm\)$/],
    ['tfjs', /^tfjs 4\.\d+\.\d+ layers \(cpu\)$/],
    ['tfjs-wasm', /^tfjs 4\.\d+\.\d+ layers \(wasm\)$/],
  ] as const)(
    '%s judges it in a process of its own, and names it with its version',
    async ([engine, name], { folder }) => {
      await folder.write('cells.msgpack', cells)
      const asked = ['--quiet', '--engine', engine, '--json', 'results.json']
      const { code, stdout, stderr } = await folder.run(['verify', 'cells.msgpack', ...asked])
      expect(stderr).toBe('')
      expect(stdout).toContain('1 case: 1 matched, 0 mismatched, 0 undecided, 0 unsupported\n')
      expect(code).toBe(0)
      expect((await folder.results('results.json')).engine).toMatch(name)
    },
  )

  it('onnxruntime-web is the module of that name where it is a path', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('onnxruntime-web', engineModule('cell'))
    await folder.write('package.json', '{ "type": "module" }')
    const asked = ['--engine', './onnxruntime-web', '--json', 'results.json']
    const { code } = await folder.run(['verify', 'cells.msgpack', ...asked])
    expect(code).toBe(0)
    expect((await folder.results('results.json')).engine).toBe('mine')
  })

  it('onnxruntime-web loses no other case where it aborts, as it does in an LSTM of batch 0', async ({ folder }) => {
    const adapter = pathToFileURL(join(root, 'dist', 'adapters', 'onnxruntime-web.js')).href
    await folder.write(
      'all.mjs',
      `import { engine } from '${adapter}'\nconst { supports, ...all } = engine\nexport default all`,
    )
    const file = join(root, 'fixtures', 'lstm_cell', 'default.msgpack')
    const { code, stdout, stderr } = await folder.run(['verify', file, '--quiet', '--engine', 'all.mjs'])
    expect(stderr).toContain(
      'case batch-0-input-4-hidden-5: engine all.mjs: expected an answer, got an error: Aborted()',
    )
    expect(stdout).toContain(' matched, 0 mismatched, 0 undecided, 0 unsupported, 1 error\n')
    expect(code).toBe(2)
  })
})

describe('an adapter whose framework is not installed', () => {
  it('says what to install', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    const { code, stdout, stderr } = await folder.run(['verify', 'cells.msgpack', '--engine', 'onnxruntime-node'])
    expect(stderr).toBe(
      'error engine onnxruntime-node: expected the package onnxruntime-node, got none of that name\nnpm install onnxruntime-node\n',
    )
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })
})
