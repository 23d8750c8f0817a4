import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it as plain } from 'vitest'
import { fromBase64, fromBytes, toBase64, toBytes } from '../../src/ports/page-bytes.ts'
import { type Folder, it } from '../cli/command.ts'
import { engineModule } from '../cli/engines.ts'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'

const fixtures = fileURLToPath(new URL('../../fixtures/', import.meta.url))
const webgpu = new URL('../clients/webgpu/rnn_cell.mjs', import.meta.url)

/** The module of our engine in float32, as a page finds it. */
const float32 = "import { float32Engine } from '/-/torch-parity/engine/run.js'\n"

const three = fixtureBytes(['one', 'two', 'three'].map((id, i) => caseRecord(cellCase({ id }, i + 1))))

async function judged(folder: Folder, page: string, text: string, ...more: string[]) {
  await folder.write('cells.msgpack', three)
  await folder.write(page, text)
  return await folder.run(['verify', 'cells.msgpack', '--engine-page', page, '--quiet', '--repeat', '1', ...more])
}

describe('verify --engine-page', { timeout: 120_000 }, () => {
  it('judges a module in a browser as Node does, conduct and parts too', async ({ folder }) => {
    await folder.write('port.mjs', `${float32}export default float32Engine\n`)
    const paths = ['rnn_cell/default.msgpack', 'rnn/batch_first.msgpack', 'lstm/lengths_sorted.msgpack'].map(
      (name) => fixtures + name,
    )
    const [page, node] = await Promise.all(
      [
        ['--engine-page', 'port.mjs', '--json', 'page.json'],
        ['--engine', 'float32', '--json', 'node.json'],
      ].map((args) => folder.run(['verify', ...paths, ...args])),
    )
    expect(page!.stderr).toBe('')
    const [ofPage, ofNode] = await Promise.all([folder.results('page.json'), folder.results('node.json')])
    expect(ofPage.engine).toMatch(/^torch-parity float32 \(Chrome [\d.]+(, WebGPU: .+)?\)$/)
    expect(ofPage.cases).toHaveLength(ofNode.cases.length)
    expect(ofPage.cases.length).toBeGreaterThan(20)
    const outcomes = ({ cases }: typeof ofPage) => cases.map(({ id, outcome }) => [id, outcome])
    expect(outcomes(ofPage)).toEqual(outcomes(ofNode))
    expect([page!.code, node!.code]).toEqual([0, 0])
  })

  it('judges what a page has in torchParityEngine, later too', async ({ folder }) => {
    const text = `<!doctype html><script type="module">${float32}
      globalThis.torchParityEngine = new Promise((resolve) => setTimeout(resolve, 200, { ...float32Engine, name: 'late' }))
    </script>`
    const { code, stdout } = await judged(folder, 'port.html', text, '--json', 'results.json')
    expect(stdout).toMatch(/^3 cases: 3 matched/)
    expect((await folder.results('results.json')).engine).toMatch(/^late \(/)
    expect(code).toBe(0)
  })

  it('judges a page that lets no connection through', async ({ folder }) => {
    const text = `<!doctype html><meta http-equiv="Content-Security-Policy" content="connect-src 'none'">
      <script type="module">${float32}globalThis.torchParityEngine = float32Engine</script>`
    const { code, stdout } = await judged(folder, 'port.html', text)
    expect(stdout).toMatch(/^3 cases: 3 matched/)
    expect(code).toBe(0)
  })

  it('has a fresh page when one goes to another place', async ({ folder }) => {
    const goes = engineModule(
      "(request) => { if (asked++ === 1) { location.href = '/-/empty.html?'; return new Promise(() => {}) } return cell(request) }",
    )
    const { code, stdout, stderr } = await judged(folder, 'port.mjs', goes)
    expect(stderr).toMatch(
      /^error cells\.msgpack: case two: engine port\.mjs: expected an answer, got an error: the page has gone, or another has come in its place\n$/,
    )
    expect(stdout).toMatch(/^2 cases: 2 matched.* 1 error$/m)
    expect(code).toBe(2)
  })

  it('judges a GPU, or a software adapter', async ({ folder }) => {
    await folder.write('port.mjs', await readFile(webgpu))
    const args = ['verify', `${fixtures}rnn_cell/default.msgpack`, `${fixtures}rnn_cell/sizes.msgpack`]
    const { stdout } = await folder.run([...args, '--engine-page', 'port.mjs', '--json', 'results.json'])
    const { engine, cases, summary } = await folder.results('results.json')
    expect(engine).toMatch(/^RNNCell on WebGPU \(Chrome [\d.]+, WebGPU: .+\)$/)
    expect(stdout).toMatch(/, 0 mismatched/)
    expect(summary.matched).toBeGreaterThan(0.8 * cases.length)
  })

  it('sees a mismatch, and what an engine does to what it is given', async ({ folder }) => {
    const wrong = await judged(
      folder,
      'port.mjs',
      engineModule('(request) => { const o = cell(request); o.h_1.data[0] += 1; return o }'),
    )
    expect(wrong.stdout).toMatch(/^3 cases: 0 matched, 3 mismatched/m)
    expect(wrong.code).toBe(1)
    const writes = await judged(
      folder,
      'port.mjs',
      engineModule('(request) => { const o = cell(request); request.inputs.input.data[0] = 9; return o }'),
    )
    expect(writes.stdout).toMatch(/^inputs written cells\.msgpack: case one/m)
    expect(writes.code).toBe(1)
  })

  it('says what keeps a page from answering, and goes on', async ({ folder }) => {
    const hangs = await judged(
      folder,
      'port.mjs',
      engineModule('(request) => { for (; asked++ === 1; ) for (;;); return cell(request) }'),
      '--timeout',
      '15',
    )
    expect(hangs.stderr).toMatch(
      /case two: engine port\.mjs: expected an answer, got none: a run took more than 15 s\n$/,
    )
    expect(hangs.stdout).toMatch(/^3 cases|^2 cases: 2 matched/m)
    const throws = await judged(folder, 'port.mjs', engineModule("() => { throw new Error('not today') }"))
    expect(throws.stderr.match(/engine port\.mjs: expected an answer, got an error: not today\n/g)).toHaveLength(3)
    const later = await judged(
      folder,
      'port.mjs',
      engineModule("(request) => { setTimeout(() => { throw new Error('later') }); return new Promise(() => {}) }"),
    )
    expect(later.stderr).toMatch(/case one: engine port\.mjs: .*later/)
    const none = await judged(folder, 'port.mjs', 'export const other = 1\n')
    expect(none.stderr).toMatch(/^error port\.mjs: expected an engine \{ name, run\(request\) \}/)
    const broken = await judged(folder, 'port.mjs', "import './nothing.js'\n")
    expect(broken.stderr).toMatch(
      /nothing\.js: got status 404\nerror engine port\.mjs: expected an answer, got an error: .*fetch/,
    )
    expect([hangs, throws, later, none, broken].map(({ code }) => code)).toEqual([2, 2, 2, 2, 2])
  })

  it('serves nothing outside the folder, and takes one engine alone', async ({ folder }) => {
    const outside = `const asked = await Promise.all(['/../secret.txt', '/%2e%2e/secret.txt', '/-/torch-parity/../../package.json', '/-/torch-parity/%2e%2e/%2e%2e/package.json', '/AAAAAAAAAAAAAAA/etc/passwd?/-/torch-parity/x', '/%']
      .map(async (path) => (await fetch(path)).status))
    export default { name: asked.join(' '), run() { throw new Error('no') } }\n`
    await folder.mkdir('inner')
    await folder.write('secret.txt', 'secret')
    await folder.write('inner/port.mjs', outside)
    await folder.write('cells.msgpack', three)
    const { stderr } = await folder.run([
      'verify',
      'cells.msgpack',
      '--engine-page',
      'inner/port.mjs',
      '--json',
      'results.json',
    ])
    expect(stderr).toContain('no')
    // What stands in the current folder is served: what is named in it.
    expect((await folder.results('results.json')).engine).toMatch(/^200 200 404 404 404 404 \(/)
    const both = await folder.run(['verify', 'cells.msgpack', '--engine-page', 'a.mjs', '--engine', 'b.mjs'])
    expect(both.stderr).toBe('error --engine-page: expected it without another engine, got both\n')
    const missing = await folder.run(['verify', 'cells.msgpack', '--engine-page', 'a.mjs'])
    expect(missing.stderr).toBe('error a.mjs: expected a page or a module, got nothing of that name\n')
  })
})

const back = (value: unknown): unknown => fromBytes(fromBase64(toBase64(toBytes(value))))

describe('bytes of a page', () => {
  plain('keeps every number, bit by bit', () => {
    const view = new Float32Array([1, Number.NaN, -0, Infinity, 5]).subarray(1, 4)
    const value = {
      numbers: [Number.NaN, Infinity, -Infinity, -0, 0.1],
      big: 2n ** 62n,
      view,
      wide: Float64Array.of(1 / 3),
      whole: BigInt64Array.of(-1n),
      none: null,
      text: 'ü\u2028',
    }
    expect(back(value)).toStrictEqual(value)
    expect(back(undefined)).toBeUndefined()
    const long = new Float64Array(100_000).fill(Math.PI)
    expect(back(long)).toStrictEqual(long)
    // Somebody's own object is nothing of ours.
    expect(back({ $: 'constructor', text: 'x' })).toStrictEqual({ $: 'constructor', text: 'x' })
  })
})
