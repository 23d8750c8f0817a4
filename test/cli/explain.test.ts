import { encode } from '@msgpack/msgpack'
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { describe, expect } from 'vitest'
import type { Outputs } from '../../src/format/case.ts'
import { engine } from '../../src/engine/run.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { cellCase, caseRecord, fixtureBytes, tensorRecord } from '../sample.ts'
import { it } from './command.ts'
import { engineModule } from './engines.ts'

const file = fixtureBytes([caseRecord(cellCase({ id: 'one' }))])

/** Reads weight_hh transposed. */
const transposed = engineModule(
  `(request) => {
  const { data } = request.params.weight_hh
  const n = request.config.hidden_size
  const weight_hh = { ...request.params.weight_hh, data: data.map((_, i) => data[(i % n) * n + Math.floor(i / n)]) }
  return cell({ ...request, params: { ...request.params, weight_hh } })
}`,
  `supports: ({ config, dtype, inputs }) =>
  (dtype === 'float32' && config.bias && config.nonlinearity === 'tanh' && inputs.h_0 !== undefined && inputs.input.shape.length === 2)
    || 'a batched cell'`,
)

const explain = ['explain', 'one.msgpack', '--case', 'one']

describe('explain', () => {
  it('names the fault of an engine and exits with 1', async ({ folder }) => {
    await folder.write('one.msgpack', file)
    await folder.write('port.mjs', transposed)
    const { code, stdout } = await folder.run([...explain, '--engine', 'port.mjs'])
    expect(stdout).toContain('mismatch one.msgpack: case one (RNNCell)')
    expect(stdout).toMatch(
      /\n {2}why: the engine reads weight_hh .* \(explains everything, confirmed on 24 of 24 other cases\)\n/,
    )
    expect(code).toBe(1)
  })

  it('says that our own engine is wrong, where it is, and explains nothing', async ({ folder }) => {
    const recorded = cellCase({ id: 'one' })
    const [first = 0] = recorded.expected['h_1']!.data
    const h_1 = { ...recorded.expected['h_1']!, data: recorded.expected['h_1']!.data.with(0, first + 1) }
    const other = { ...recorded, expected: { h_1: floatTensor('float32', h_1.shape, h_1.data) } }
    await folder.write('one.msgpack', fixtureBytes([caseRecord(other)]))
    await folder.write('port.mjs', transposed)
    const said =
      '\n  our own engine departs from PyTorch in this case: h_1, so nothing can be said of the port; please report it, with the file\n  where: h_1 is'
    for (const engine of [['--engine', 'port.mjs'], []]) {
      const { code, stdout } = await folder.run([...explain, ...engine])
      expect(stdout).toContain(said)
      expect(stdout).not.toContain('why:')
      expect(code).toBe(1)
    }
    const { stdout } = await folder.run(['verify', 'one.msgpack', '--engine', 'port.mjs', '--quiet'])
    expect(stdout).toContain(said)
  })

  it('says that a right engine matches and exits with 0', async ({ folder }) => {
    await folder.write('one.msgpack', file)
    const { code, stdout } = await folder.run(explain)
    expect(stdout).toMatch(/^ {2}match +one /)
    expect(code).toBe(0)
  })

  it('says that there is no such case and exits with 2', async ({ folder }) => {
    await folder.write('one.msgpack', file)
    const { code, stderr } = await folder.run(['explain', 'one.msgpack', '--case', 'two'])
    expect(stderr).toBe(
      'error one.msgpack: expected a case two, got none of that id\n`torch-parity inspect one.msgpack` lists them\n',
    )
    expect(code).toBe(2)
  })

  describe('--actual', () => {
    const recorded = cellCase({ id: 'one' })
    const { h_1 } = recorded.expected
    const { weight_hh } = recorded.params
    const turned = weight_hh!.data.map((_, i) => weight_hh!.data[(i % 3) * 3 + Math.floor(i / 3)]!)
    const wrong = engine.run({
      ...recorded,
      params: { ...recorded.params, weight_hh: floatTensor('float32', [3, 3], turned) },
    }) as Outputs

    it('explains what was computed elsewhere', async ({ folder }) => {
      await folder.write('one.msgpack', file)
      await folder.write('wrong.msgpack', encode({ h_1: tensorRecord(wrong['h_1']!) }))
      const { code, stdout } = await folder.run([...explain, '--actual', 'wrong.msgpack'])
      expect(stdout).toContain('mismatch one.msgpack: case one (RNNCell)')
      expect(stdout).toMatch(/\n {2}why: the engine reads weight_hh .* \(explains everything\)\n/)
      expect(code).toBe(1)
    })

    it('says that it matches', async ({ folder }) => {
      await folder.write('one.msgpack', file)
      await folder.write('right.msgpack', encode({ h_1: tensorRecord(h_1!), more: tensorRecord(h_1!) }))
      const { code, stdout } = await folder.run([...explain, '--actual', 'right.msgpack'])
      expect(stdout).toMatch(/^note: more is not of this case and was left out\n {2}match +one /)
      expect(code).toBe(0)
    })

    it('says that a shape is another, and no more', async ({ folder }) => {
      await folder.write('one.msgpack', file)
      const flat = floatTensor('float32', [6], [...h_1!.data])
      await folder.write('flat.msgpack', encode({ h_1: tensorRecord(flat) }))
      const { code, stdout } = await folder.run([...explain, '--actual', 'flat.msgpack'])
      expect(stdout).toMatch(
        /^mismatch one\.msgpack: case one \(RNNCell\)\n {2}h_1: expected shape \(2, 3\), got \(6\)\n$/,
      )
      expect(code).toBe(1)
    })

    it.for<[string, (path: string) => unknown, string]>([
      ['a link to a device', (path) => symlinkSync('/dev/zero', path), 'expected a regular file, got a device'],
      ['a pipe', (path) => execFileSync('mkfifo', [path]), 'expected a regular file, got a pipe'],
      ['a folder', (path) => mkdirSync(path), 'expected a regular file, got a folder'],
      [
        'a file that is too large',
        (path) => execFileSync('truncate', ['--size', '30G', path]),
        'expected at most 67109632 bytes for this case, got 32212254720',
      ],
    ])('refuses %s without reading it', async ([, make, problem], { folder }) => {
      await folder.write('one.msgpack', file)
      make(folder.path('h_1.npy'))
      const { code, stderr } = await folder.run([...explain, '--actual', 'h_1.npy'])
      expect(stderr).toBe(`error h_1.npy: ${problem}\n`)
      expect(code).toBe(2)
    })

    it.for([
      [['--actual', 'none.npy'], /^error none\.npy: expected a readable file, got ENOENT/],
      [['--actual', 'one.msgpack'], /^error one\.msgpack: expected a map of tensors in MessagePack, got /],
      [['--actual', 'a.npy', '--engine', 'b.mjs'], /^error --actual: expected it without --engine, got both\n$/],
    ] as const)('refuses %j', async ([args, message], { folder }) => {
      await folder.write('one.msgpack', file)
      const { code, stderr } = await folder.run([...explain, ...args])
      expect(stderr).toMatch(message)
      expect(code).toBe(2)
    })
  })
})
