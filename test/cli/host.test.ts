import { describe, expect } from 'vitest'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { type Ended, type Folder, it } from './command.ts'
import { engineModule, moduleWith } from './engines.ts'

const ids = ['one', 'two', 'three']
const cells = fixtureBytes(ids.map((id, i) => caseRecord(cellCase({ id }, i + 1))))
const allMatch = '3 cases: 3 matched, 0 mismatched, 0 unsupported\n'
const noneJudged = '0 cases: 0 matched, 0 mismatched, 0 unsupported'

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
      'an engine that overwrites what it was given, as it would be without',
      'mine.mjs',
      engineModule(`(request) => {
        const outputs = cell(request)
        for (const { data } of [...Object.values(request.params), ...Object.values(request.inputs)]) data.fill(7)
        return outputs
      }`),
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
    expect(stderr).toBe('loading\nrunning\nrunning\nrunning\n')
    expect(stdout).toMatch(/^3 cases: 3 matched, .*\nlargest share .*\n$/)
    expect(code).toBe(0)
  })

  it('an engine that overwrites its inputs with wrong outputs as wrong', async ({ folder }) => {
    const run = `(request) => {
      for (const { data } of [...Object.values(request.params), ...Object.values(request.inputs)]) data.fill(0)
      return cell(request)
    }`
    const { code, stdout } = await judged(folder, engineModule(run))
    expect(stdout).toContain('3 cases: 0 matched, 3 mismatched, 0 unsupported\n')
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
        '3 cases: 0 matched, 3 mismatched, 0 unsupported\n',
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

describe('verify --engine cannot judge, by any case,', () => {
  const answer = 'engine mine.mjs: expected an answer, got an error'
  it.for<[string, string, string]>([
    ['an engine that throws', engineModule("() => { throw new TypeError('no kernel') }"), `${answer}: no kernel`],
    ['an engine that rejects', engineModule("() => Promise.reject('no kernel')"), `${answer}: no kernel`],
    [
      'an engine that throws lines and control characters',
      engineModule("() => { throw new Error('first\\n\\u001b[31msecond\\u0007') }"),
      `${answer}: first [31msecond`,
    ],
    [
      'an engine that ends the process',
      engineModule('() => process.exit(0)'),
      `${answer}: its thread ended with code 0`,
    ],
    [
      'an engine whose supports throws',
      engineModule('cell', "supports: () => { throw new Error('no list') }"),
      `${answer}: no list`,
    ],
    [
      'an engine whose supports gives a map',
      engineModule('cell', 'supports: () => ({ yes: true })'),
      'engine mine: expected supports to give true or a string, got [object Object]',
    ],
    [
      'an engine whose supports gives false',
      engineModule('cell', 'supports: () => false'),
      'engine mine: expected supports to give true or a string, got false',
    ],
    [
      'an engine whose supports gives a function',
      engineModule('cell', 'supports: () => () => true'),
      'engine mine: expected supports to give true or a string, got [object Object]',
    ],
  ])('%s', async ([, text, problem], { folder }) => {
    const { code, stdout, stderr } = await judged(folder, text)
    expect(stderr).toBe(ids.map((id) => `error cells.msgpack: case ${id}: ${problem}\n`).join(''))
    expect(stdout).toBe(`${noneJudged}, 3 errors\n`)
    expect(code).toBe(2)
  })

  it('an engine that ends the process again and again, without a word of its own from Node', async ({ folder }) => {
    const many = Array.from({ length: 15 }, (_, i) => caseRecord(cellCase({ id: `case-${i}` }, i + 1)))
    await folder.write('many.msgpack', fixtureBytes(many))
    await folder.write('mine.mjs', engineModule('() => process.exit(1)'))
    const { code, stderr } = await folder.run(['verify', 'many.msgpack', '--quiet', '--engine', 'mine.mjs'])
    expect(stderr).toBe(
      many
        .map(({ id }) => `error many.msgpack: case ${id as string}: ${answer}: its thread ended with code 1\n`)
        .join(''),
    )
    expect(code).toBe(2)
  })
})

describe('verify --engine says at once what is wrong with', () => {
  const noEngine =
    'expected an engine { name, run(request) } as the default export or as `engine`, got none\n' +
    'README.md, "Judge your own engine", shows one'
  it.for<[string, string, string, string]>([
    ['a module without an engine', 'mine.mjs', 'export const other = 1', `mine.mjs: ${noEngine}`],
    ['an engine without a name', 'mine.mjs', moduleWith('export default { run: cell }'), `mine.mjs: ${noEngine}`],
    ['an engine without run', 'mine.mjs', "export default { name: 'mine' }", `mine.mjs: ${noEngine}`],
    [
      'an engine whose supports is no function',
      'mine.mjs',
      engineModule('cell', 'supports: true'),
      `mine.mjs: ${noEngine}`,
    ],
    [
      'a syntax error',
      'mine.mjs',
      "export default { name: 'mine' run }",
      "engine mine.mjs: expected an answer, got an error: Unexpected identifier 'run'",
    ],
    [
      'an error while the module is loaded',
      'mine.mjs',
      "throw new Error('no GPU')",
      'engine mine.mjs: expected an answer, got an error: no GPU',
    ],
    [
      'an end of the process while the module is loaded',
      'mine.mjs',
      'process.exit(0)',
      'engine mine.mjs: expected an answer, got an error: its thread ended with code 0',
    ],
  ])('%s', async ([, name, text, problem], { folder }) => {
    const { code, stdout, stderr } = await judged(folder, text, name)
    expect(stderr).toBe(`error ${problem}\n`)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  it('a syntax error in TypeScript, on one line', async ({ folder }) => {
    const { code, stderr } = await judged(folder, 'export default { name: }', 'mine.ts')
    expect(stderr).toMatch(
      /^error engine mine\.ts: expected an answer, got an error: ParseError: Unexpected token .*mine\.ts:1:23\n$/,
    )
    expect(code).toBe(2)
  })

  it('a file that is not there', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    const { code, stderr } = await folder.run(['verify', 'cells.msgpack', '--engine', 'nope.mjs'])
    expect(stderr).toBe('error nope.mjs: expected an engine module, got nothing of that name\n')
    expect(code).toBe(2)
  })
})

describe('verify --engine shows and counts as unsupported', () => {
  it('what the engine does not support, and calls it neither a match nor a success', async ({ folder }) => {
    await folder.write('cells.msgpack', cells)
    await folder.write('mine.mjs', engineModule('cell', "supports: () => 'no cells\\nat all'"))
    const { code, stdout, stderr } = await folder.run(['verify', 'cells.msgpack', '--engine', 'mine.mjs'])
    expect(stdout.match(/^ {2}unsupported (one|two|three) +- +- +- {2}no cells at all$/gm)).toHaveLength(3)
    expect(stdout).toContain('\n3 cases: 0 matched, 0 mismatched, 3 unsupported, 1 error\n')
    expect(stderr).toBe('error expected at least one case to judge, got 3 cases that the engine does not support\n')
    expect(code).toBe(2)
  })

  it('some cases, while the others decide the exit code', async ({ folder }) => {
    const { code, stdout } = await judged(
      folder,
      engineModule('cell', "supports: () => asked++ > 0 || 'not the first'"),
    )
    expect(stdout).toMatch(/^3 cases: 2 matched, 0 mismatched, 1 unsupported\n/)
    expect(code).toBe(0)
  })
})
