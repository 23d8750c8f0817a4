import { describe, expect } from 'vitest'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { it } from './command.ts'
import { engineModule } from './engines.ts'

const cells = fixtureBytes(['one', 'two'].map((id, i) => caseRecord(cellCase({ id }, i + 1))))

describe('matrix', () => {
  it('judges float32 and each framework that is installed, and says which is not', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    const written = ['--json', 'm.json', '--markdown', 'm.md', '--html', 'm.html']
    const { code, stdout } = await folder.run(['matrix', 'cells.msgpack', '--quiet', ...written])
    for (const name of ['torch-parity float32', 'onnxruntime-web', 'tfjs 4.22.0 layers (cpu)', 'numpy']) {
      expect(stdout).toMatch(
        new RegExp(
          `${name.replaceAll(/[().]/g, String.raw`\$&`)}.* \\| RNNCell \\| 2 of 2 \\| 2 \\| 0 \\| 0 \\| 0 \\| `,
        ),
      )
    }
    expect(stdout).toMatch(/\nNot installed: onnxruntime-node, flax, .*tinygrad\.\n/)
    expect(code).toBe(0)
    expect(await folder.list()).toEqual(expect.arrayContaining(['m.json', 'm.md', 'm.html']))
  })

  it('judges the engines that are named, and goes on where one dies', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('dies.mjs', engineModule('() => process.exit(0)'))
    await folder.write('mine.mjs', engineModule('cell'))
    const { code, stdout } = await folder.run([
      'matrix',
      'cells.msgpack',
      '--engine',
      'dies.mjs',
      'mine.mjs',
      '--quiet',
    ])
    const counts = stdout
      .split('\n')
      .slice(2, 4)
      .map((line) => line.split(' | ').slice(1, 6))
    expect(counts).toEqual([
      ['2 of 2', '0', '0', '0', '2'],
      ['2 of 2', '2', '0', '0', '0'],
    ])
    expect(code).toBe(2)
  })

  it('judges the others where one cannot be loaded', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('throws.mjs', 'throw new Error("no kernel")')
    await folder.write('mine.mjs', engineModule('cell'))
    const asked = ['--engine', 'throws.mjs', 'mine.mjs', '--quiet']
    const { code, stdout, stderr } = await folder.run(['matrix', 'cells.msgpack', ...asked])
    expect(stdout).toContain('| mine | 2 of 2 | 2 |')
    expect(stdout).toMatch(/\nthrows\.mjs could not be asked: .*no kernel\n/)
    expect(stderr).toContain('error throws.mjs: ')
    expect(code).toBe(2)
  })
})
