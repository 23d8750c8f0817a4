import { describe, expect } from 'vitest'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { type Ended, type Folder, it } from './command.ts'
import { engineModule, moduleWith } from './engines.ts'

const ids = ['one', 'two', 'three']
const cells = fixtureBytes(ids.map((id, i) => caseRecord(cellCase({ id }, i + 1))))
const allMatch = '3 cases: 3 matched, 0 mismatched, 0 undecided, 0 unsupported\n'

/** Judges an engine, given as the text of its module, by three cases of an RNNCell. */
async function judged(folder: Folder, text: string, name = 'mine.mjs', flags: string[] = []): Promise<Ended> {
  await folder.write('cells.msgpack', cells)
  await folder.write(name, text)
  return folder.run(['verify', 'cells.msgpack', '--quiet', '--engine', name, ...flags])
}

describe('verify --engine judges', () => {
  const typed = `
    interface Tensor { readonly dtype: string; readonly shape: readonly number[]; readonly data: Float32Array }
    type Outputs = Readonly<Record<string, Tensor>>
    interface Engine { readonly name: string; run(request: unknown): Promise<Outputs> }
    const engine: Engine = { name: 'typed', run: async (request: unknown): Promise<Outputs> => cell(request as never) }
    export default engine satisfies Engine`

  it.for<[string, string, string]>([
    ['a default export', 'mine.mjs', engineModule('cell')],
    ['an export named engine', 'mine.mjs', moduleWith("export const engine = { name: 'mine', run: cell }")],
    ['an engine that answers later', 'mine.mjs', engineModule('async (request) => cell(request)')],
    [
      'an engine in TypeScript',
      'mine.ts',
      moduleWith(typed).replace('dtype, params, inputs })', 'dtype, params, inputs }: any): any'),
    ],
    [
      'an engine in .mts',
      'mine.mts',
      moduleWith('const name: string = "mine"\nexport default { name, run: cell }').replace(
        'inputs })',
        'inputs }: any)',
      ),
    ],
    [
      'an engine whose tensors have methods',
      'mine.mjs',
      engineModule('(request) => ({ h_1: { ...cell(request).h_1, dispose() {} } })'),
    ],
    [
      'an engine whose tensors are objects of a class',
      'mine.mjs',
      moduleWith(`
        class Tensor {
          #own
          constructor(own) { this.#own = own }
          get dtype() { return this.#own.dtype }
          get shape() { return this.#own.shape }
          get data() { return this.#own.data }
        }
        export default { name: 'mine', run: (request) => ({ h_1: new Tensor(cell(request).h_1) }) }`),
    ],
    [
      'an engine that says what it supports',
      'mine.mjs',
      engineModule('cell', "supports: async ({ module }) => module === 'RNNCell' || 'only cells'"),
    ],
  ])('%s', async ([, name, text], { folder }) => {
    const { code, stdout, stderr } = await judged(folder, text, name)
    expect(stderr).toBe('')
    expect(stdout.startsWith(allMatch)).toBe(true)
    expect(code).toBe(0)
  })

  it('an engine that prints, whose words go to standard error', async ({ folder }) => {
    const text = `console.log('loading')\n${engineModule("(request) => (process.stdout.write('running\\n'), cell(request))")}`
    const { code, stdout, stderr } = await judged(folder, text)
    // Once for each of three cases, and again for each.
    expect(stderr).toMatch(/^loading\n(running\n){6,}$/)
    expect(stdout).toMatch(/^3 cases: 3 matched, .*\nlargest share .*\nR, the error .*\n$/)
    expect(code).toBe(0)
  })

  it('an engine that prints what a terminal or a CI job would act on, which is spelled out', async ({ folder }) => {
    const printed = [
      '::error::all is well',
      '  ::set-output name=x::y',
      '##[add-mask]a',
      '##vso[task.complete]',
      'a\\u001b[2Jb\\rc',
      'left \\u202e right',
      'no \\u0085 more',
      'std::vector, a::b, # ## [x]\\ttab',
    ]
    const text = `process.stdout.write('${printed.join('\\n')}\\r\\nlast'); console.error('\\u001b[31m::warning::')\n`
    const { code, stderr } = await judged(folder, text + engineModule('cell'))
    expect(stderr.split('\n').toSorted()).toStrictEqual([
      '',
      '  : :set-output name=x::y',
      '# #[add-mask]a',
      '# #vso[task.complete]',
      ': :error::all is well',
      '\\x1b[31m::warning::',
      'a\\x1b[2Jb\\x0dc',
      'last',
      'left \\u202e right',
      'no \\x85 more',
      'std::vector, a::b, # ## [x]\ttab',
    ])
    expect(code).toBe(0)
  })

  it('an engine that overwrites its inputs with wrong outputs as wrong', async ({ folder }) => {
    const run = `(request) => {
      for (const { data } of [...Object.values(request.params), ...Object.values(request.inputs)]) data.fill(0)
      return cell(request)
    }`
    const { code, stdout } = await judged(folder, engineModule(run))
    expect(stdout).toContain('3 cases: 0 matched, 3 mismatched, 0 undecided, 0 unsupported, 3 inputs written\n')
    expect(code).toBe(1)
  })
})

describe('verify --engine calls it a mismatch when outputs are', () => {
  const none = 'expected a tensor, got none'
  const objectWithout = 'expected a tensor { dtype, shape, data }, got an object without them'
  it.for<[string, string, string]>([
    ['undefined', '() => undefined', `h_1: ${none}`],
    ['null', '() => null', `h_1: ${none}`],
    ['a text', "() => 'nonsense'", `h_1: ${none}`],
    ['a function', '() => () => 1', `h_1: ${none}`],
    ['a typed array', '(request) => cell(request).h_1.data', `h_1: ${none}`],
    ['without their tensor', '() => ({})', `h_1: ${none}`],
    ['a tensor that is a number', '() => ({ h_1: 1 })', 'h_1: expected a tensor, got number'],
    ['a tensor that is a function', '() => ({ h_1: () => 1 })', `h_1: ${objectWithout}`],
    ['a tensor that is lists', '() => ({ h_1: [[1, 2, 3], [4, 5, 6]] })', `h_1: ${objectWithout}`],
    [
      'a tensor of another shape',
      '(request) => ({ h_1: { ...cell(request).h_1, shape: [3, 2] } })',
      'h_1: expected shape (2, 3), got (3, 2)',
    ],
    [
      'a tensor of another dtype',
      "(request) => ({ h_1: { ...cell(request).h_1, dtype: 'float64' } })",
      'h_1: expected dtype float32, got float64',
    ],
    [
      'a tensor with numbers in an array',
      '(request) => { const { h_1 } = cell(request); return { h_1: { ...h_1, data: Array.from(h_1.data) } } }',
      'h_1: expected data in a Float32Array, got Array',
    ],
    [
      'a tensor with numbers in a function',
      '(request) => ({ h_1: { ...cell(request).h_1, data: () => 1 } })',
      'h_1: expected data in a Float32Array, got Object',
    ],
    [
      'a tensor with too few numbers',
      '(request) => { const { h_1 } = cell(request); return { h_1: { ...h_1, data: h_1.data.slice(1) } } }',
      'h_1: expected 6 elements in data, got 5',
    ],
  ])('%s', async ([, run, problem], { folder }) => {
    const { code, stdout, stderr } = await judged(folder, engineModule(run))
    expect(stderr).toBe('')
    expect(stdout).toBe(
      ids.map((id) => `mismatch cells.msgpack: case ${id} (RNNCell)\n  ${problem}\n`).join('') +
        '3 cases: 0 matched, 3 mismatched, 0 undecided, 0 unsupported\n',
    )
    expect(code).toBe(1)
  })

  it('right, with one too many', async ({ folder }) => {
    const { code, stdout } = await judged(folder, engineModule('(request) => ({ ...cell(request), c_1: 1 })'))
    expect(stdout).toMatch(
      /^mismatch cells\.msgpack: case one \(RNNCell\)\n {2}h_1: matches, .*\n {2}c_1: expected no tensor of this name, got one\n/,
    )
    expect(code).toBe(1)
  })
})

describe('verify --engine shows and counts as unsupported', () => {
  it('what the engine does not support, and calls it neither a match nor a success', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('mine.mjs', engineModule('cell', "supports: () => 'no cells\\nat all'"))
    const { code, stdout, stderr } = await folder.run(['verify', 'cells.msgpack', '--engine', 'mine.mjs'])
    expect(stdout.match(/^ {2}unsupported (one|two|three) +- +- +- +- {2}no cells at all$/gm)).toHaveLength(3)
    expect(stdout).toContain('\n3 cases: 0 matched, 0 mismatched, 0 undecided, 3 unsupported, 1 error\n')
    expect(stderr).toBe('error expected at least one case to judge, got 3 cases that the engine does not support\n')
    expect(code).toBe(2)
  })

  it('some cases, while the others decide the exit code', async ({ folder }) => {
    const { code, stdout } = await judged(
      folder,
      engineModule('cell', "supports: () => asked++ > 0 || 'not the first'"),
    )
    expect(stdout).toMatch(/^3 cases: 2 matched, 0 mismatched, 0 undecided, 1 unsupported\n/)
    expect(code).toBe(0)
  })
})
