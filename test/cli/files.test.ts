import { execFileSync, spawnSync } from 'node:child_process'
import { readFile, stat, symlink, utimes } from 'node:fs/promises'
import { describe, expect } from 'vitest'
import { findFixtures, openFile, writeAside } from '../../src/cli/files.ts'
import { caseRecord, cellCase, fixtureBytes, sampleHeader } from '../sample.ts'
import { it } from './command.ts'

function fixture(...ids: string[]): Uint8Array {
  return fixtureBytes(ids.map((id, i) => caseRecord(cellCase({ id }, i + 1))))
}

const good = fixture('one', 'two')
const torn = 'the file is torn: record it again, or fetch it again'
const nothing = '0 cases: 0 matched, 0 mismatched, 0 undecided, 0 unsupported, 1 error\n'

function changed(): Uint8Array {
  const bytes = fixture('one', 'two')
  // The first byte of a tensor, after its key, its type and its length: the file stays MessagePack.
  const at = Buffer.from(bytes).indexOf('data') + 'data'.length + 2
  return bytes.with(at, (bytes[at] ?? 0) ^ 1)
}

describe('verify exits with 2 and one error for', () => {
  it.for<[string, Uint8Array | string, RegExp]>([
    ['an empty file', '', /^error bad\.msgpack: expected a torch-parity fixture, got an empty file\n$/],
    [
      'a file that is not MessagePack',
      Uint8Array.of(0xc1, 0x00),
      /^error bad\.msgpack: message at byte 0: expected .*, got byte 0xc1\n$/,
    ],
    ['a text', 'just a text', /^error bad\.msgpack: expected a torch-parity fixture, got a file of another format\n$/],
    [
      'MessagePack of another format',
      fixtureBytes([], { format: 'other', version: 1 }),
      /^error bad\.msgpack: expected a torch-parity fixture, got a file of another format\n$/,
    ],
    [
      'another version',
      fixtureBytes([], { ...sampleHeader, version: 4 }),
      /^error bad\.msgpack: expected format version 1 to 3, got 4\nrecord it again with the Python package of this version of torch-parity\n$/,
    ],
    [
      'a file torn inside a case',
      good.subarray(0, 400),
      new RegExp(
        `^error bad\\.msgpack: message at byte 156: expected it to be complete, got 244 bytes of it\\n${torn}\\n$`,
      ),
    ],
    [
      'a file without its end',
      good.subarray(0, good.length - 49),
      /^error bad\.msgpack: expected an end map as the last message, got another message\nthe file is torn, or .*\n$/,
    ],
    [
      'bytes after the end',
      Buffer.concat([good, Uint8Array.of(0xc0)]),
      /^error bad\.msgpack: expected an end map as the last message, got another message\nthe file is torn, or .*\n$/,
    ],
    [
      'a changed byte',
      changed(),
      /^error bad\.msgpack: expected sha256 [0-9a-f]{16}…, as its end says, got [0-9a-f]{16}…\nthe file was altered: record it again, or fetch it again\n$/,
    ],
    [
      'another count of cases',
      fixtureBytes([caseRecord(cellCase())], sampleHeader, { cases: 5 }),
      /^error bad\.msgpack: expected 5 cases, as its end says, got 1\n$/,
    ],
  ])('%s', async ([, bytes, message], { folder }) => {
    await folder.write('bad.msgpack', bytes)
    const { code, stdout, stderr } = await folder.run(['verify', 'bad.msgpack'])
    expect(stderr).toMatch(message)
    expect(stdout).toBe(nothing)
    expect(code).toBe(2)
  })

  it.for<[string, string, string]>([
    ['a missing file', 'nope.msgpack', 'error nope.msgpack: expected a file or a folder, got nothing of that name\n'],
    ['an empty folder', '.', 'error .: expected .msgpack files, got none\n'],
    ['a glob that matches nothing', '*.msgpack', 'error *.msgpack: expected .msgpack files, got none\n'],
  ])('%s', async ([, path, message], { folder }) => {
    const { code, stdout, stderr } = await folder.run(['verify', path])
    expect(stderr).toBe(message)
    expect(stdout).toBe(nothing)
    expect(code).toBe(2)
  })

  it('judges what comes with the package where nothing is named and no folder fixtures is here', async ({ folder }) => {
    const { code, stdout } = await folder.run(['verify', '--filter', 'notes-N5-D10-H7'])
    expect(stdout).toMatch(/fixtures\/rnn_cell\/default\.msgpack: 10 cases/)
    expect(code).toBe(0)
    await folder.mkdir('fixtures')
    const { stderr } = await folder.run(['verify'])
    expect(stderr).toBe('error fixtures: expected .msgpack files, got none\n')
  })

  it.for([
    ['@rnn_cell/default', '10 cases: 9 matched'],
    ['@rnn_cell/default.msgpack', '10 cases: 9 matched'],
    ['@rnn_cell/d[e]fault.msgpack', '10 cases: 9 matched'],
  ])('finds %s wherever the package is', async ([name, summary], { folder }) => {
    const { code, stdout } = await folder.run(['verify', name!, '--quiet'])
    expect(stdout).toContain(summary)
    expect(code).toBe(0)
  })

  it('takes what is here under an @ name, and says what is nowhere', async ({ folder }) => {
    await folder.mkdir('@rnn_cell')
    await folder.write('@rnn_cell/default', 'mine')
    expect((await folder.run(['verify', '@rnn_cell/default'])).stderr).toMatch(/^error @rnn_cell\/default: .*\n$/)
    expect((await folder.run(['inspect', '@rnn_cell/sizes'])).stdout).toMatch(/rnn_cell/)
    const missing = await folder.run(['verify', '@nothing'])
    expect(missing.stderr).toBe('error @nothing: expected a file or a folder, got nothing of that name\n')
    expect(missing.code).toBe(2)
  })
})

describe('verify goes on', () => {
  it('after a bad file between two good ones', async ({ folder }) => {
    await folder.write('a.msgpack', good)
    await folder.write('b.msgpack', good.subarray(0, 400))
    await folder.write('c.msgpack', fixture('three'))
    const { code, stdout, stderr } = await folder.run(['verify', '.'])
    expect(outcomes(stdout)).toStrictEqual(['match one', 'match two', 'match three'])
    expect(stdout).toContain('\n3 cases: 3 matched, 0 mismatched, 0 undecided, 0 unsupported, 1 error\n')
    expect(stderr).toBe(
      `error b.msgpack: message at byte 156: expected it to be complete, got 244 bytes of it\n${torn}\n`,
    )
    expect(code).toBe(2)
  })

  it('after a missing file between two good ones', async ({ folder }) => {
    await folder.write('a.msgpack', good)
    await folder.write('c.msgpack', fixture('three'))
    const { code, stdout } = await folder.run(['verify', 'a.msgpack', 'b.msgpack', 'c.msgpack'])
    expect(outcomes(stdout)).toStrictEqual(['match one', 'match two', 'match three'])
    expect(code).toBe(2)
  })

  it('after a bad case between two good ones, and names file, case and tensor', async ({ folder }) => {
    const bad = caseRecord(cellCase({ id: 'bad' }))
    const weight_hh = { dtype: 'float32', shape: [1_000_000, 1_000_000], data: new Uint8Array(36) }
    await folder.write(
      'cases.msgpack',
      fixtureBytes([
        caseRecord(cellCase({ id: 'one' })),
        { ...bad, params: { ...bad.params, weight_hh } },
        caseRecord(cellCase({ id: 'three' })),
      ]),
    )
    const { code, stdout, stderr } = await folder.run(['verify', 'cases.msgpack'])
    expect(stderr).toBe(
      'error cases.msgpack: case bad: params.weight_hh: expected shape (3, 3), got (1000000, 1000000)\n',
    )
    expect(outcomes(stdout)).toStrictEqual(['match one', 'match three'])
    expect(code).toBe(2)
  })

  it('after an id that comes twice', async ({ folder }) => {
    await folder.write('twice.msgpack', fixture('one', 'one', 'two'))
    const { code, stdout, stderr } = await folder.run(['verify', 'twice.msgpack'])
    expect(stderr).toBe('error twice.msgpack: case one: expected an id of its own, got one twice\n')
    expect(outcomes(stdout)).toStrictEqual(['match one', 'match two'])
    expect(code).toBe(2)
  })
})

describe('findFixtures', () => {
  it('names each file once, whether by itself, by its folder or by a glob', async ({ folder }) => {
    await folder.write('b.msgpack', good)
    await folder.write('a.msgpack', good)
    await folder.write('notes.txt', 'no fixture')
    const root = folder.path('')
    const { files, errors } = await findFixtures([folder.path('b.msgpack'), root, `${root}/*.msgpack`])
    expect(files).toStrictEqual([folder.path('b.msgpack'), folder.path('a.msgpack')])
    expect(errors).toStrictEqual([])
  })

  it('names a file once that is named by two paths', async ({ folder }) => {
    await folder.write('a.msgpack', good)
    const { stdout } = await folder.run(['verify', 'a.msgpack', './a.msgpack', folder.path('a.msgpack'), '.'])
    expect(outcomes(stdout)).toStrictEqual(['match one', 'match two'])
  })
})

describe('openFile', () => {
  it('refuses what cannot be read', async ({ folder }) => {
    const path = folder.path('')
    await expect(openFile(path)).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: `${path}: expected a readable file, got EISDIR: illegal operation on a directory, read`,
    })
  })
})

describe('writeAside', () => {
  it('leaves neither the file nor a part of it when its text fails half-way', async ({ folder }) => {
    function* text(): Generator<string> {
      yield 'a part'
      throw new Error('no more')
    }
    const path = folder.path('out.json')
    await expect(writeAside(path, text())).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: `${path}: expected a file that can be written, got no more`,
    })
    expect(await folder.list()).toStrictEqual([])
  })

  it('makes the folders above the file', async ({ folder }) => {
    await writeAside(folder.path('a/b/out.json'), ['text'])
    expect(await folder.list()).toStrictEqual(['a'])
  })
})

/** The first two columns of every row of a report. */
function outcomes(stdout: string): string[] {
  return [...stdout.matchAll(/^ {2}(match|mismatch|unsupported) +(\S+)/gm)].map(([, outcome, id]) => `${outcome} ${id}`)
}

describe('files that link to others', () => {
  it('are read once, in folders that lead to themselves as well', async ({ folder }) => {
    await folder.mkdir('all')
    await folder.mkdir('all/one')
    await folder.write('all/one/a.msgpack', good)
    await symlink('..', folder.path('all/one/up'))
    await symlink('.', folder.path('all/one/self'))
    await symlink('one', folder.path('all/two'))
    await symlink('one/a.msgpack', folder.path('all/z.msgpack'))
    await symlink('nowhere', folder.path('all/gone.msgpack'))
    for (const paths of [
      [folder.path('all')],
      [folder.path('all/**/*.msgpack')],
      [folder.path('all'), folder.path('all/two')],
    ]) {
      const { files, errors } = await findFixtures(paths)
      expect(errors).toStrictEqual([])
      expect(files).toHaveLength(1)
    }
  })

  it('are read in a folder outside', async ({ folder }) => {
    await folder.mkdir('elsewhere')
    await folder.write('elsewhere/a.msgpack', good)
    await folder.mkdir('all')
    await symlink('../elsewhere', folder.path('all/link'))
    const { files } = await findFixtures([folder.path('all')])
    expect(files).toStrictEqual([folder.path('all/link/a.msgpack')])
  })
})

describe('what is no file', () => {
  it('is written to and stays what it is', async ({ folder }) => {
    execFileSync('mkfifo', [folder.path('pipe')])
    const reading = readFile(folder.path('pipe'), 'utf8')
    await writeAside(folder.path('pipe'), ['one', 'two'])
    expect(await reading).toBe('onetwo')
    expect((await stat(folder.path('pipe'))).isFIFO()).toBe(true)
  })
})

describe('what a killed run has left', () => {
  it('is taken away with the next file of its name, and nothing else', async ({ folder }) => {
    const { pid: ended } = spawnSync(process.execPath, ['-e', ''])
    const hour = Date.now() / 1000 - 3600
    const stale = `out.json.${ended}.partial`
    const kept = [
      `other.json.${ended}.partial`,
      `out.json.${process.ppid}.partial`,
      `out.json.x.partial`,
      'out.json.partial',
    ]
    for (const name of [stale, ...kept]) {
      await folder.write(name, 'a part')
      await utimes(folder.path(name), hour, hour)
    }
    await writeAside(folder.path('out.json'), ['{}'])
    expect(await folder.list()).toStrictEqual([...kept, 'out.json'].toSorted())
    // Somebody on another machine writes this just now.
    await folder.write(stale, 'a part')
    await writeAside(folder.path('out.json'), ['{}'])
    expect(await folder.list()).toContain(stale)
  })
})
