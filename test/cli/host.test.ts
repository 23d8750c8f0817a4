import { describe, expect } from 'vitest'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { type Ended, type Folder, it } from './command.ts'
import { engineModule, moduleWith } from './engines.ts'

const ids = ['one', 'two', 'three']
const cells = fixtureBytes(ids.map((id, i) => caseRecord(cellCase({ id }, i + 1))))
const noneJudged = '0 cases: 0 matched, 0 mismatched, 0 undecided, 0 unsupported'

/** Judges an engine, given as the text of its module, by three cases of an RNNCell. */
async function judged(folder: Folder, text: string, name = 'mine.mjs', flags: string[] = []): Promise<Ended> {
  await folder.write('cells.msgpack', cells)
  await folder.write(name, text)
  return folder.run(['verify', 'cells.msgpack', '--quiet', '--engine', name, ...flags])
}

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
