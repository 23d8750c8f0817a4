import { execFileSync } from 'node:child_process'
import { describe, expect } from 'vitest'
import type { Outputs } from '../../src/format/case.ts'
import { floatTensor } from '../../src/format/tensor.ts'
import { fileNameOf } from '../../src/ports/answers/names.ts'
import { caseRecord, cellCase, fixtureBytes, layerCase } from '../sample.ts'
import { cells, message, npy, npz, one, put, safetensors, three, two, verify, verifyAll } from './answering.ts'
import { it } from './command.ts'
import { engineModule } from './engines.ts'

describe('verify --answers', () => {
  it('takes .safetensors, .npz and folders of .npy, each read when its case is judged', async ({ folder }) => {
    await put(folder, {
      ...cells,
      'answers/cells/one.safetensors': safetensors(one.expected),
      'answers/cells/two.npz': npz(two.expected),
      'answers/cells/three/h_1.npy': npy(three.expected['h_1']!),
    })
    const { code, stdout, stderr } = await folder.run([...verify, '--json', 'results.json'])
    expect(stderr).toBe('')
    expect(stdout).toMatch(/\n {2}match +one .*\n {2}match +two .*\n {2}match +three .*\n3 cases: 3 matched, 0 mism/)
    // Nobody was asked twice.
    expect(stdout).not.toMatch(/asked|answers:/)
    expect(code).toBe(0)
    expect(await folder.results('results.json')).toMatchObject({ engine: 'answers', exitCode: 0, errors: [] })
  })

  it('takes one file of messages for a fixture, in any order', async ({ folder }) => {
    const messages = [three, one, two].map(({ id, expected }) => message(id, expected))
    await put(folder, { ...cells, 'answers/cells.msgpack': Buffer.concat(messages) })
    const { code, stdout } = await folder.run(verify)
    expect(stdout).toContain('\n3 cases: 3 matched, 0 mismatched')
    expect(code).toBe(0)
  })

  it('counts a case without an answer as unsupported, and says where it was looked for', async ({ folder }) => {
    await put(folder, { ...cells, 'answers/cells/two.npz': npz(two.expected) })
    const { code, stdout, stderr } = await folder.run(verifyAll)
    expect(stdout).toMatch(/\n {2}unsupported +one .* {2}no answer\n/)
    expect(stdout).toContain('\n3 cases: 1 matched, 0 mismatched, 0 undecided, 2 unsupported, 1 error\n')
    expect(stdout).toContain(
      '\nanswers: no answer to 2 of 3 cases, the first looked for at answers/cells/one.safetensors\n',
    )
    // What computes them may have died after the first.
    expect(stderr).toBe(
      'error answers: expected an answer to each case, got none to 2 of 3, the first looked for at answers/cells/one.safetensors\n--partial judges those that are there\n',
    )
    expect(code).toBe(2)
    const partial = await folder.run(verify)
    expect([partial.code, partial.stderr]).toEqual([0, ''])
    const alone = await folder.run(['verify', 'fixtures', '--partial'])
    expect([alone.code, alone.stderr]).toEqual([2, 'error --partial: expected it with --answers, got none\n'])
  })

  it('exits with 2 where no case has an answer', async ({ folder }) => {
    await put(folder, { ...cells, 'answers/others/one.safetensors': safetensors(one.expected) })
    const { code, stdout, stderr } = await folder.run(verify)
    expect(stderr).toBe(
      'error answers: expected at least one answer, got none to 3 cases\nthe first is looked for at answers/cells/one.safetensors\n',
    )
    expect(stdout).toContain(
      '\nanswers: 1 answer to no case that was judged, the first answers/others/one.safetensors\n',
    )
    expect(code).toBe(2)
  })

  it('says of an answer that cannot be read which it is, and judges the others', async ({ folder }) => {
    await put(folder, {
      ...cells,
      'answers/cells/one.safetensors': safetensors(one.expected).subarray(0, 90),
      'answers/cells/two.npz': npz(two.expected),
      'answers/cells/three.safetensors': safetensors(three.expected),
    })
    const { code, stdout, stderr } = await folder.run([...verify, '--json', 'results.json'])
    expect(stderr).toMatch(
      /^error fixtures\/cells\.msgpack: case one: answers\/cells\/one\.safetensors: .*expected .*\n$/,
    )
    expect(stdout).toContain('\n2 cases: 2 matched, 0 mismatched, 0 undecided, 0 unsupported, 1 error\n')
    expect(code).toBe(2)
    const { errors } = await folder.results('results.json')
    expect(errors).toMatchObject([{ file: 'fixtures/cells.msgpack', code: 'TENSORS_INVALID' }])
  })

  it('judges the messages before one that is torn', async ({ folder }) => {
    const messages = Buffer.concat([one, two, three].map(({ id, expected }) => message(id, expected)))
    await put(folder, { ...cells, 'answers/cells.msgpack': messages.subarray(0, messages.length - 5) })
    const { code, stdout, stderr } = await folder.run(verify)
    expect(stderr).toMatch(
      /^error fixtures\/cells\.msgpack: answers\/cells\.msgpack: message at byte \d+: expected it to be complete, got \d+ bytes of it\n$/,
    )
    expect(stdout).toContain('\n3 cases: 2 matched, 0 mismatched, 0 undecided, 1 unsupported, 1 error\n')
    expect(code).toBe(2)
  })

  const far = floatTensor('float32', [2, 3], [9, 9, 9, 9, 9, 9])
  const wide = floatTensor('float64', [2, 3], Float64Array.from(one.expected['h_1']!.data))
  it.for<[string, Outputs, string]>([
    ['the answer to another case', two.expected, '  h_1: 6 of 6 elements differ (100.0 %)'],
    [
      'NaN everywhere',
      { h_1: floatTensor('float32', [2, 3], [NaN, NaN, NaN, NaN, NaN, NaN]) },
      '  h_1: 6 of 6 elements differ (100.0 %)',
    ],
    [
      'less precision than the dtype has',
      { h_1: floatTensor('float16', [2, 3], one.expected['h_1']!.data) },
      '  h_1: expected dtype float32, got float16',
    ],
    [
      'another shape',
      { h_1: floatTensor('float32', [3, 2], one.expected['h_1']!.data) },
      '  h_1: expected shape (2, 3), got (3, 2)',
    ],
    ['no tensor at all', {}, '  h_1: expected a tensor, got none'],
    ['one tensor too many', { ...one.expected, c_1: far }, '  c_1: expected no tensor of this name, got one'],
  ])('takes %s for a mismatch', async ([, tensors, line], { folder }) => {
    await put(folder, { ...cells, 'answers/cells/one.safetensors': safetensors(tensors) })
    const { code, stdout } = await folder.run(verify)
    expect(stdout).toContain(`mismatch fixtures/cells.msgpack: case one (RNNCell)\n`)
    expect(stdout).toContain(`\n${line}\n`)
    expect(stdout).toContain('\n3 cases: 0 matched, 1 mismatched, 0 undecided, 2 unsupported\n')
    expect(code).toBe(1)
  })

  it('rounds what is wider, and says so', async ({ folder }) => {
    await put(folder, { ...cells, 'answers/cells/one.npz': npz({ h_1: wide }) })
    const { code, stdout } = await folder.run(verify)
    expect(stdout).toContain('\nanswers: 1 tensor rounded from float64 to float32\n')
    expect(stdout).toContain('\n3 cases: 1 matched')
    expect(code).toBe(0)
  })

  it.for([
    [{ 'answers/cells/one.npz': npz(one.expected) }, 'answers/cells/one.safetensors and answers/cells/one.npz'],
    [{ 'answers/cells/one/h_1.npy': npy(one.expected['h_1']!) }, 'answers/cells/one.safetensors and answers/cells/one'],
    [
      { 'answers/cells.msgpack': message('one', one.expected) },
      'answers/cells/one.safetensors and answers/cells.msgpack at byte 0',
    ],
  ] as const)('refuses two answers to one case, whichever was meant', async ([other, both], { folder }) => {
    await put(folder, { ...cells, ...other, 'answers/cells/one.safetensors': safetensors(one.expected) })
    const { code, stderr } = await folder.run(verify)
    expect(stderr).toBe(`error fixtures/cells.msgpack: case one: expected one answer, got ${both}\n`)
    expect(code).toBe(2)
  })

  it('says which answers belong to no case', async ({ folder }) => {
    await put(folder, {
      ...cells,
      'answers/cells/one.npz': npz(one.expected),
      'answers/cells/four.npz': npz(one.expected),
      'answers/cells.msgpack': Buffer.concat([message('two', two.expected), message('five', two.expected)]),
      'answers/notes.txt': 'mine',
    })
    const all = await folder.run(verify)
    expect(all.stdout).toContain('\nanswers: 3 answers to no case that was judged, the first answers/cells/four.npz\n')
    expect(all.code).toBe(0)
    // What was not asked for is not surplus.
    expect((await folder.run([...verify, '--filter', 'one'])).stdout).not.toContain('to no case')
  })

  it('keeps ids in their folder, whatever they are', async ({ folder }) => {
    const ids = ['../x', '..', '.hidden', 'a/b c', 'CON', 'x'.repeat(200), 'ü'.repeat(100), '~']
    const records = ids.map((id, i) => cellCase({ id }, i + 1))
    const answers = records.map(({ id, expected }) => [
      `answers/cells/${fileNameOf(id)}.safetensors`,
      safetensors(expected),
    ])
    await put(folder, {
      'fixtures/cells.msgpack': fixtureBytes(records.map((own) => caseRecord(own))),
      ...Object.fromEntries(answers),
    })
    const { stdout } = await folder.run(verify)
    expect(stdout).toContain('\n8 cases: 8 matched')
    expect(stdout).not.toContain('to no case')
    const [up, above, hidden, spaced, device, plain, long] = ids.map((id) => fileNameOf(id))
    expect([up, above, hidden, spaced, device, plain]).toEqual([
      '%2E.%2Fx',
      '%2E%2E',
      '%2Ehidden',
      'a%2Fb%20c',
      '%43ON',
      'x'.repeat(200),
    ])
    expect(long).toMatch(/^(%C3%BC){25}~[0-9a-f]{32}$/)
  })

  it('finds the answers to all fixtures when some are judged, and never those of another', async ({ folder }) => {
    await put(folder, {
      'fixtures/a/cells.msgpack': fixtureBytes([caseRecord(one)]),
      'fixtures/b/cells.msgpack': fixtureBytes([caseRecord(two)]),
      'answers/b/cells/two.npz': npz(two.expected),
      'answers/cells/one.npz': npz(one.expected),
    })
    for (const path of ['fixtures', 'fixtures/b', 'fixtures/b/cells.msgpack', 'fixtures/b/*.msgpack']) {
      const { code, stdout } = await folder.run(['verify', path, '--answers', 'answers', '--partial'])
      expect(stdout).toMatch(/\n {2}match +two /)
      expect(stdout).toContain(': 1 matched, 0 mismatched')
      expect(code).toBe(0)
    }
    const both = await folder.run([
      'verify',
      'fixtures/a/cells.msgpack',
      'fixtures/a/../a',
      'fixtures/b/cells.msgpack',
      '--answers',
      'answers',
    ])
    expect(both.stdout).toContain('\n2 cases: 2 matched')
  })

  it('says where answers would be by those to other fixtures', async ({ folder }) => {
    await put(folder, {
      'fixtures/a/cells.msgpack': fixtureBytes([caseRecord(one)]),
      'fixtures/a/more.msgpack': fixtureBytes([caseRecord(two)]),
      'answers/a/cells/one.npz': npz(one.expected),
    })
    const { stdout } = await folder.run(['verify', 'fixtures/a', '--answers', 'answers'])
    expect(stdout).toContain(
      '\nanswers: no answer to 1 of 2 cases, the first looked for at answers/a/more/two.safetensors\n',
    )
  })

  it('does not pass over a tensor whose name is __proto__', async ({ folder }) => {
    const [whole] = Object.values(one.expected)
    const odd = safetensors({ ...one.expected, odd_tensor: whole! })
    const named = new TextEncoder().encode('"__proto__" ')
    const from = Buffer.from(odd).indexOf('"odd_tensor"')
    odd.set(named, from)
    await put(folder, { ...cells, 'answers/cells/one.safetensors': odd })
    const { code, stderr } = await folder.run([...verify, '--filter', 'one'])
    expect(stderr).toContain('expected names of tensors, got __proto__')
    expect(code).toBe(2)
  })

  it('refuses to judge two fixtures by the same answers', async ({ folder }) => {
    await put(folder, {
      'a/cells.msgpack': fixtureBytes([caseRecord(one)]),
      'b/cells.msgpack': fixtureBytes([caseRecord(one)]),
      'answers/cells/one.npz': npz(one.expected),
    })
    const { code, stderr } = await folder.run(['verify', 'a', 'b', '--answers', 'answers'])
    expect(stderr).toBe(
      'error b/cells.msgpack: expected answers of its own, got those of a/cells.msgpack: answers/cells\nname the folder that both are in\n',
    )
    expect(code).toBe(2)
  })

  it('cannot decide late steps of a chaotic run, of which no step alone can be asked', async ({ folder }) => {
    const chaotic = layerCase({ id: 'late', module: 'RNN', seq_len: 6, batch: 2, decided: 3 })
    await put(folder, {
      'fixtures/rnn.msgpack': fixtureBytes([caseRecord(chaotic), caseRecord(one)]),
      'answers/rnn/late.npz': npz(chaotic.expected),
      'answers/rnn/one.npz': npz(one.expected),
    })
    const { code, stdout } = await folder.run(verify)
    expect(stdout).toMatch(/\n {2}undecided +late .* the budget of output, h_n is so large that a match says little\n/)
    expect(code).toBe(0)
  })

  it('does not read what is too large or no file', async ({ folder }) => {
    await put(folder, { ...cells, 'answers/cells/two.npz': npz(two.expected) })
    execFileSync('truncate', ['--size', '30G', folder.path('answers/cells/one.safetensors')])
    execFileSync('mkfifo', [folder.path('answers/cells/three.npz')])
    const { code, stdout, stderr } = await folder.run(verify)
    expect(stderr).toMatch(
      /^error .*: case one: answers\/cells\/one\.safetensors: expected at most \d+ bytes for this case, got 32212254720\nerror .*: case three: answers\/cells\/three\.npz: expected a regular file, got a pipe\n$/,
    )
    expect(stdout).toContain('\n1 case: 1 matched, 0 mismatched, 0 undecided, 0 unsupported, 2 errors\n')
    expect(code).toBe(2)
  })

  it.for([
    [['--answers', 'none'], '--answers: none: expected a folder, got nothing of that name'],
    [
      ['--answers', 'fixtures/cells.msgpack'],
      '--answers: fixtures/cells.msgpack: expected a folder, got something else',
    ],
    [['--answers', 'answers', '--engine', 'mine.mjs'], '--answers: expected it without --engine, got both'],
    [['--answers', 'requests'], '--answers: requests: expected a folder of answers, got the requests'],
    [['--map', 'map.json'], '--map: expected it with tensors that were computed elsewhere, got none'],
  ] as const)('exits with 2 and one line for %j', async ([args, problem], { folder }) => {
    await put(folder, {
      ...cells,
      'answers/cells/one.npz': npz(one.expected),
      'mine.mjs': engineModule('(request) => cell(request)'),
    })
    await folder.run(['ask', 'fixtures', '--out', 'requests'])
    const { code, stderr } = await folder.run(['verify', 'fixtures', ...args])
    expect(stderr).toBe(`error ${problem}\n`)
    expect(code).toBe(2)
  })

  it('does not take requests or fixtures in messages for answers', async ({ folder }) => {
    await put(folder, cells)
    await folder.run(['ask', 'fixtures', '--out', 'requests', '--format', 'fixture'])
    for (const [answers, got] of [
      ['requests', '{ format, version, name }'],
      ['fixtures', '{ format, version, name, seed, producer }'],
    ] as const) {
      const { code, stderr } = await folder.run(['verify', 'fixtures', '--answers', answers])
      expect(stderr).toContain(`message at byte 0: expected an answer { id, outputs } of one case, got ${got}\n`)
      expect(code).toBe(2)
    }
  })
})
