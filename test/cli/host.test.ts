import { describe, expect } from 'vitest'
import { caseRecord, cellCase, fixtureBytes } from '../sample.ts'
import { type Ended, type Folder, it } from './command.ts'
import { engineModule, moduleWith } from './engines.ts'

const ids = ['one', 'two', 'three']
const cells = fixtureBytes(ids.map((id, i) => caseRecord(cellCase({ id }, i + 1))))
const noneJudged = '0 cases: 0 matched, 0 mismatched, 0 undecided, 0 unsupported'

/** Judges an engine, given as the text of its module, by three cases of an RNNCell. */
async function judged(folder: Folder, text: string, name = 'mine.mjs', env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  await folder.write('cells.msgpack', cells)
  await folder.write(name, text)
  return folder.run(['verify', 'cells.msgpack', '--quiet', '--engine', name], { env })
}

/** Writes into every file that is open, but for standard output and standard error. */
const everyPipe = (bytes: string): string =>
  `for (let fd = 3; fd < 64; fd++) try { fs.writeSync(fd, ${bytes}) } catch {}`

/** A message as ours are written; lacking: how many bytes are left out at its end. */
const message = (value: string, lacking = 0): string => `(() => {
  const serializer = new v8.Serializer()
  serializer.writeHeader()
  serializer.writeValue(${value})
  const body = serializer.releaseBuffer().subarray(0, ${-lacking || undefined})
  const head = Buffer.alloc(8)
  head.writeUInt32LE(0x7c9e51d3, 0)
  head.writeUInt32LE(body.length, 4)
  return Buffer.concat([head, body])
})()`

const answer = 'engine mine.mjs: expected an answer, got an error'

describe('verify --engine cannot judge, by any case,', () => {
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
      `${answer}: its process ended with code 0`,
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
        .slice(0, 10)
        .map(({ id }) => `error many.msgpack: case ${id as string}: ${answer}: its process ended with code 1\n`)
        .join('') + 'error the same in 5 more\n',
    )
    expect(code).toBe(2)
  })
})

/** What an engine does while it answers its second question, besides answering it. */
const second = (text: string): string =>
  `(request) => { const outputs = cell(request); if (request.inputs.input.data[0] === ${secondInput}) { ${text} } return outputs }`
const secondInput = cellCase({}, 2).inputs.input.data[0] ?? 0

describe('verify --engine loses one case, and nothing else, by', () => {
  const crashed = 'its process ended with code'
  it.for<[string, string, string]>([
    ['an end of the process', 'process.exit(0)', `${crashed} 0`],
    ['an end of the process by its signal', "process.kill(process.pid, 'SIGKILL')", 'its process was ended by SIGKILL'],
    ['an abort', 'process.abort()', 'its process was ended by SIGABRT'],
    ['an error that is thrown later', "process.nextTick(() => { throw new Error('too late') })", 'too late'],
    ['a promise that rejects unseen', "void Promise.reject(new Error('unseen'))", 'unseen'],
    [
      'a post to the thread that it would have been in',
      "workers.parentPort.postMessage({ ask: 1, value: 'garbage' })",
      "Cannot read properties of null (reading 'postMessage')",
    ],
    ['a message to the process that started it', "process.send('garbage')", 'process.send is not a function'],
    ['bytes in every pipe it can reach', everyPipe("'garbage garbage garbage'"), 'it sent bytes that are no message'],
    [
      'bytes in every pipe, large enough for a message',
      everyPipe("'garbage '.repeat(10_000)"),
      'it sent bytes that are no message',
    ],
    [
      'messages that nobody asked for',
      everyPipe(message('{ ask: 77, value: {} }')),
      'it answered question 77, which nobody has asked',
    ],
    ['messages that are no answers', everyPipe(message("['garbage']")), 'it sent what is no answer'],
    ['messages that cannot be read', everyPipe(message('{ ask: 1 }', 3)), 'it sent Unable to deserialize cloned data.'],
    ['the end of its pipe', 'fs.closeSync(3)', `${crashed} 0`],
  ])('%s', async ([, text, problem], { folder }) => {
    const imports = "import fs from 'node:fs'\nimport v8 from 'node:v8'\nimport workers from 'node:worker_threads'\n"
    const { code, stdout, stderr } = await judged(folder, imports + engineModule(second(text)))
    expect(stderr).toContain(
      `error cells.msgpack: case two: engine mine.mjs: expected an answer, got an error: ${problem}`,
    )
    expect(stdout).toContain('2 cases: 2 matched, 0 mismatched, 0 undecided, 0 unsupported, 1 error\n')
    expect(code).toBe(2)
  })

  it('an end of memory', async ({ folder }) => {
    const text = 'const all = []; for (;;) all.push(new Array(1e6).fill(all.length))'
    const { code, stdout, stderr } = await judged(folder, engineModule(second(text)), 'mine.mjs', {
      NODE_OPTIONS: '--max-old-space-size=200',
    })
    expect(stderr).toContain(`case two: ${answer}: its process was ended by SIGABRT\n`)
    expect(stdout).toContain('2 cases: 2 matched, 0 mismatched, 0 undecided, 0 unsupported, 1 error\n')
    expect(code).toBe(2)
  })

  it('a break-down after the answer, which is told in the place of the next', async ({ folder }) => {
    const text = 'setTimeout(() => process.exit(3), 1); setTimeout(() => {}, 1)'
    const { code, stdout, stderr } = await judged(
      folder,
      engineModule(`async (request) => {
      if (request.inputs.input.data[0] === ${cellCase({}, 3).inputs.input.data[0]}) await new Promise((go) => setTimeout(go, 60_000))
      ${second(text).replace('(request) => {', '').slice(0, -1)} }`),
      'mine.mjs',
    )
    expect(stderr).toMatch(/^error cells\.msgpack: case three: engine .+: its process ended with code 3\n/)
    expect(stdout).toMatch(/^2 cases: 2 matched, 0 mismatched, 0 undecided, 0 unsupported, \d errors?/m)
    expect(code).toBe(2)
  })
})

describe('verify --engine judges on', () => {
  it('when an engine takes away what everybody uses', async ({ folder }) => {
    const text = `for (const name of Object.getOwnPropertyNames(globalThis)) {
        if (!/^(Float32Array|Math|Object|ArrayBuffer)$/.test(name)) try { delete globalThis[name] } catch {}
      }
      delete Object.entries
      delete Object.fromEntries
      delete ArrayBuffer.isView`
    const { code, stdout, stderr } = await judged(folder, `${engineModule('cell')}\n${text}`)
    expect(stderr).toBe('')
    expect(stdout).toContain('3 cases: 3 matched, 0 mismatched, 0 undecided, 0 unsupported\n')
    expect(code).toBe(0)
  })

  it('what an engine gives that looks at the buffers of its tensors', async ({ folder }) => {
    const run = `(request) => {
      for (const map of [request.params, request.inputs]) {
        for (const tensor of Object.values(map)) tensor.data = new Float32Array(tensor.data.buffer)
      }
      return cell(request)
    }`
    const { code } = await judged(folder, engineModule(run))
    expect(code).toBe(0)
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
    ...(['', 'two\nlines', 'x'.repeat(201), 'turned \u202E round'] as const).map(
      (name): [string, string, string, string] => [
        `a name such as ${JSON.stringify(name.slice(0, 20))}`,
        'mine.mjs',
        moduleWith(`export default { name: ${JSON.stringify(name)}, run: cell }`),
        `mine.mjs: name: expected 1 to 200 characters, none of them a control character, got ${JSON.stringify(name).replace('\u202E ', '').slice(0, 500)}`,
      ],
    ),
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
      'engine mine.mjs: expected an answer, got an error: its process ended with code 0',
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
