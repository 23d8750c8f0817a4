import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { type Ended, type Folder, it, realPython } from '../cli/command.ts'
import { moduleWith } from '../cli/engines.ts'
import { cells, secondInput } from './processes.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const called = 'node mine.mjs {in} {out}'

/** The text of a script that computes an RNNCell from one safetensors file to another, but for what it does with `write(tensors)`. */
const script = (then: string): string =>
  moduleWith(`
    import fs from 'node:fs'
    const [, , from, to] = process.argv
    const bytes = fs.readFileSync(from)
    const length = Number(bytes.readBigUInt64LE(0))
    const { __metadata__: { module, dtype, config }, ...entries } = JSON.parse(bytes.subarray(8, 8 + length).toString())
    const groups = { params: {}, inputs: {} }
    for (const [name, { shape, data_offsets: [begin, end] }] of Object.entries(entries)) {
      const [group, ...rest] = name.split('.')
      const data = new Float32Array(new Uint8Array(bytes.subarray(8 + length + begin, 8 + length + end)).buffer)
      groups[group][rest.join('.')] = { shape, data }
    }
    const { h_1 } = cell({ config: JSON.parse(config), dtype, ...groups })
    const isSecond = groups.inputs.input.data[0] === ${secondInput}
    const write = (shape = h_1.shape, name = 'h_1', dtype = 'F32') => {
      const header = Buffer.from(JSON.stringify({ [name]: { dtype, shape, data_offsets: [0, h_1.data.byteLength] } }))
      const head = Buffer.alloc(8)
      head.writeBigUInt64LE(BigInt(header.length))
      fs.writeFileSync(to, Buffer.concat([head, header, new Uint8Array(h_1.data.buffer)]))
    }
    ${then}`)

/** What it does in the place of writing the answer to its second case. */
const second = (text: string): string => script(`if (isSecond) { ${text} } else write()`)

async function judged(folder: Folder, text: string, flags: readonly string[] = []): Promise<Ended> {
  await folder.write('cells.msgpack', cells)
  await folder.write('mine.mjs', text)
  const args = ['verify', 'cells.msgpack', '--quiet', '--repeat', '1', '--engine-command', called, ...flags]
  return folder.run(args, { env: { TMPDIR: folder.path('temporary files') } })
}

describe('verify --engine-command with {in} and {out} judges', () => {
  it('a command that reads and writes .safetensors, and leaves no file', async ({ folder }) => {
    await folder.mkdir('temporary files')
    const { code, stdout, stderr } = await judged(
      folder,
      script("console.log('files', fs.readdirSync(from.replace(/[^/]*$/, '')).length); write()"),
    )
    expect(stderr).toBe('files 1\n'.repeat(3))
    expect(stdout).toMatch(/^3 cases: 3 matched, 0 mismatched, 0 undecided, 0 unsupported\n/)
    expect(code).toBe(0)
    expect(readdirSync(folder.path('temporary files'))).toStrictEqual([])
  })

  it('a command that reads and writes .npz, of every dtype, and says what it does not support', async ({ folder }) => {
    const files = ['default', 'half', 'float64', 'relu', 'unbatched', 'no_bias', 'gradients'].map((name) =>
      here(`../../fixtures/rnn_cell/${name}.msgpack`),
    )
    const command = `${realPython()} ${here('../clients/python/one_file.py')} {in.npz} {out.npz}`
    const args = ['verify', ...files, '--repeat', '1', '--quiet', '--engine-command', command, '--filter', '-1-']
    const { code, stdout } = await folder.run(args)
    expect(stdout).toMatch(/^\d+ cases: [1-9]\d* matched, 0 mismatched, \d+ undecided, [1-9]\d* unsupported$/m)
    expect(code).toBe(0)
  })

  it('another shape as a mismatch', async ({ folder }) => {
    await folder.mkdir('temporary files')
    const { code, stdout, stderr } = await judged(folder, second('write([3, 2])'))
    expect(stderr).toBe('')
    expect(stdout).toContain('case two (RNNCell)\n  h_1: expected shape (2, 3), got (3, 2)\n')
    expect(code).toBe(1)
  })
})

describe('verify --engine-command with {in} and {out} loses one case, and nothing else, by', () => {
  const engine = `engine ${called}`
  it.for<[string, string, string]>([
    [
      'an error',
      "console.error('no kernel'); process.exit(1)",
      `${engine}: expected an answer, got an error: its process ended with code 1\n  no kernel\n`,
    ],
    ['no file', '', `${engine}: {out}: expected a file, got none\n`],
    ['a folder', 'fs.mkdirSync(to)', `${engine}: {out}: expected a file, got none\n`],
    ['garbage', "fs.writeFileSync(to, 'garbage, but not short')", `${engine}: {out}: expected a header of `],
    [
      'a dtype that is none',
      "write([2, 3], 'h_1', 'I32')",
      `${engine}: {out}: h_1: expected F16, BF16, F32, F64, got I32\n`,
    ],
    [
      'too few bytes',
      'write([2, 4])',
      `${engine}: {out}: h_1: expected 32 bytes for float32 of shape (2, 4), got 24\n`,
    ],
    ['a hang', 'setTimeout(() => {}, 60_000)', `${engine}: expected an answer, got none: a run took more than 2 s\n`],
  ])('%s', async ([, text, problem], { folder }) => {
    await folder.mkdir('temporary files')
    const { code, stdout, stderr } = await judged(folder, second(text), ['--timeout', '2'])
    expect(stderr).toContain(`error cells.msgpack: case two: ${problem}`)
    expect(stdout).toContain('2 cases: 2 matched, 0 mismatched, 0 undecided, 0 unsupported, 1 error\n')
    expect(code).toBe(2)
    expect(readdirSync(folder.path('temporary files'))).toStrictEqual([])
  })

  it('its own word that it does not support it', async ({ folder }) => {
    await folder.mkdir('temporary files')
    const { code, stdout } = await judged(folder, second("console.error('loading\\nnot the second'); process.exit(3)"))
    expect(stdout).toMatch(/^3 cases: 2 matched, 0 mismatched, 0 undecided, 1 unsupported\n/)
    expect(code).toBe(0)
  })

  it('and names what is missing of the two', async ({ folder }) => {
    const { code, stderr } = await folder.run(['verify', '.', '--engine-command', 'my-port {in} --fast'])
    expect(stderr).toBe('error --engine-command: expected {out} beside {in}, got my-port {in} --fast\n')
    expect(code).toBe(2)
  })
})
