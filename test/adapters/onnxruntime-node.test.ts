// The native onnxruntime, where TORCH_PARITY_NATIVE names a folder of packages that has it: ci/test.sh makes one.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { it } from '../cli/command.ts'

const native = process.env['TORCH_PARITY_NATIVE']
const fixtures = ['rnn_cell', 'lstm_cell', 'gru_cell'].map((name) =>
  fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url)),
)

interface Judged {
  readonly engine: string
  readonly cases: readonly { readonly file: string; readonly id: string; readonly outcome: string }[]
}

/** `describe` where it is installed; else why it is not is printed. */
const describeNative =
  native === undefined ? () => console.info('no onnxruntime-node: no TORCH_PARITY_NATIVE') : describe

describeNative('onnxruntime-node', () => {
  it('gives every case the verdict that onnxruntime-web has, which is asked in the same way', async ({ folder }) => {
    const outcomes: Record<string, Record<string, string>> = {}
    for (const [engine, env] of [
      ['onnxruntime-node', { NODE_PATH: native }],
      ['onnxruntime-web', {}],
    ] as const) {
      const asked = ['verify', ...fixtures, '--engine', engine, '--quiet', '--repeat', '1', '--json', `${engine}.json`]
      const { code, stderr } = await folder.run(asked, { env })
      expect(stderr).not.toContain('error ')
      expect(code).toBe(1)
      const judged = JSON.parse(readFileSync(folder.path(`${engine}.json`), 'utf8')) as Judged
      expect(judged.engine).toContain(engine)
      outcomes[engine] = Object.fromEntries(judged.cases.map(({ file, id, outcome }) => [`${file} ${id}`, outcome]))
    }
    expect(outcomes['onnxruntime-node']).toStrictEqual(outcomes['onnxruntime-web'])
    const all = Object.values(outcomes['onnxruntime-node']!)
    expect(all.filter((outcome) => outcome === 'match').length).toBeGreaterThan(400)
  })
})
