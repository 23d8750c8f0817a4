import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { decodeMulti } from '@msgpack/msgpack'
import { describe, expect } from 'vitest'
import * as z from 'zod'
import { openFile } from '../../src/cli/files.ts'
import { caseRecord, cellCase, fixtureBytes, layerCase } from '../sample.ts'
import { it, realPython } from './command.ts'

const index = z.strictObject({
  format: z.literal('torch-parity-requests'),
  version: z.literal(1),
  cases: z.array(
    z.strictObject({
      fixture: z.string(),
      id: z.string(),
      file: z.string(),
      module: z.string(),
      config: z.record(z.string(), z.unknown()),
      dtype: z.string(),
      training: z.record(z.string(), z.unknown()).optional(),
      outputs: z.array(z.strictObject({ name: z.string(), dtype: z.string(), shape: z.array(z.int()) })),
      answer: z.string(),
    }),
  ),
})

const readIndex = async (path: string): Promise<z.infer<typeof index>> =>
  index.parse(JSON.parse(await readFile(path, 'utf8')))

/** Everything that there may be in a request: gradients, lengths, a training, every dtype. */
const cases = [
  layerCase({
    id: '../up',
    module: 'LSTM',
    seq_len: 3,
    batch: 2,
    lengths: [3, 1],
    cotangents: true,
    dtype: 'float64',
    decided: 2,
  }),
  cellCase({ id: 'half', dtype: 'bfloat16' }, 2),
  cellCase(
    {
      id: 'trained',
      training: { optimizer: 'SGD', lr: 0.5, weight_decay: 0, momentum: 0, dampening: 0, nesterov: false, steps: 2 },
    },
    3,
  ),
]
const fixture = fixtureBytes(cases.map((own) => caseRecord(own)))

const examples = fileURLToPath(new URL('../../python/examples', import.meta.url))
const python = fileURLToPath(new URL('../../python', import.meta.url))
const fixtures = fileURLToPath(new URL('../../fixtures', import.meta.url))

describe('ask', () => {
  it('writes a file of tensors for each case, and a list of them', async ({ folder }) => {
    await folder.mkdir('fixtures')
    await folder.write('fixtures/mine.msgpack', fixture)
    const { code, stdout, stderr } = await folder.run(['ask', 'fixtures', '--out', 'requests'])
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^3 requests of 1 fixture: requests\/index\.json\n/)
    expect(code).toBe(0)
    const files = ['%2E.%2Fup.safetensors', 'half.safetensors', 'trained.safetensors']
    expect((await readdir(folder.path('requests'))).toSorted()).toEqual(['index.json', 'mine'])
    expect((await readdir(folder.path('requests/mine'))).toSorted()).toEqual(files)
    const listed = await readIndex(folder.path('requests/index.json'))
    expect(listed.cases).toEqual(
      cases.map(({ id, module, config, dtype, training, expected }, i) => ({
        fixture: 'mine',
        id,
        file: `mine/${files[i]}`,
        module,
        config,
        dtype,
        ...(training && { training }),
        outputs: Object.entries(expected).map(([name, own]) => ({ name, dtype: own.dtype, shape: own.shape })),
        answer: `mine/${files[i]}`,
      })),
    )
  })

  it('writes tensors as the package of safetensors reads them, and none that says what is expected', async ({
    folder,
  }) => {
    await folder.write('mine.msgpack', fixture)
    await folder.run(['ask', 'mine.msgpack', '--out', 'requests'])
    const script = `
import json, pathlib
from safetensors.torch import load_file
def numbers(path):
    return {name: [str(t.dtype), list(t.shape), t.double().flatten().tolist()] for name, t in load_file(path).items()}
print(json.dumps({path.name: numbers(path) for path in pathlib.Path("requests/mine").iterdir()}))
`
    const { stdout } = await promisify(execFile)(realPython(), ['-c', script], { cwd: folder.path('.') })
    const read = JSON.parse(stdout) as Record<string, Record<string, unknown>>
    for (const [file, recorded] of [
      ['%2E.%2Fup.safetensors', cases[0]!],
      ['half.safetensors', cases[1]!],
      ['trained.safetensors', cases[2]!],
    ] as const) {
      const groups = { params: recorded.params, inputs: recorded.inputs, cotangents: recorded.cotangents ?? {} }
      const wanted = Object.entries(groups).flatMap(([group, tensors]) =>
        Object.entries(tensors).map(([name, { dtype, shape, data }]) => [
          `${group}.${name}`,
          [`torch.${dtype}`, shape, Array.from(data, Number)],
        ]),
      )
      expect(read[file]).toEqual(Object.fromEntries(wanted))
    }
  })

  it('writes messages that hold what an engine is told and no more', async ({ folder }) => {
    await folder.write('mine.msgpack', fixture)
    const { code, stdout } = await folder.run(['ask', 'mine.msgpack', '--out', 'requests', '--format', 'fixture'])
    expect(stdout).toMatch(/^3 requests of 1 fixture: requests\n/)
    expect(code).toBe(0)
    expect(await readdir(folder.path('requests'))).toEqual(['mine.msgpack'])
    const [header, ...rest] = decodeMulti(new Uint8Array(await readFile(folder.path('requests/mine.msgpack'))))
    expect(header).toEqual({ format: 'torch-parity-requests', version: 1, name: 'mine' })
    expect(rest.pop()).toMatchObject({ cases: 3 })
    expect(rest).toEqual(
      cases.map((recorded) => {
        const { expected: _, budget: _budget, states: _states, ...asked } = caseRecord(recorded)
        return asked
      }),
    )
    // And so it is no fixture that could be judged.
    const judged = await folder.run(['verify', 'requests/mine.msgpack'])
    expect(judged.stderr).toContain('expected a torch-parity fixture, got a file of another format')
  })

  it('writes numbers where a fixture names what they are generated from', async ({ folder }) => {
    await folder.run(['ask', `${fixtures}/gru/edges.msgpack`, '--out', 'requests', '--format', 'fixture'])
    const records = [...decodeMulti(await readFile(folder.path('requests/edges.msgpack')))] as {
      params?: Record<string, { data?: Uint8Array; shape: number[]; generated?: unknown }>
    }[]
    const { header } = await openFile(`${fixtures}/gru/edges.msgpack`)
    expect(header.version).toBe(2)
    for (const { params = {} } of records) {
      for (const { data, generated } of Object.values(params)) {
        expect(data).toBeInstanceOf(Uint8Array)
        expect(generated).toBeUndefined()
      }
    }
  })

  it('takes the cases that the filter names, and says where there is none', async ({ folder }) => {
    await folder.write('mine.msgpack', fixture)
    const some = await folder.run(['ask', 'mine.msgpack', '--out', 'some', '--filter', 'half'])
    expect(some.stdout).toContain('1 request of 1 fixture')
    for (const format of ['fixture', 'safetensors']) {
      const args = ['ask', 'mine.msgpack', '--out', `none-${format}`, '--filter', 'nothing', '--format', format]
      const { code, stderr } = await folder.run(args)
      expect(stderr).toBe('error expected at least one case to ask for, got no case that contains "nothing"\n')
      expect(code).toBe(2)
    }
  })

  it('does not mix its requests with what is there', async ({ folder }) => {
    await folder.write('mine.msgpack', fixture)
    await folder.mkdir('empty')
    expect((await folder.run(['ask', 'mine.msgpack', '--out', 'empty'])).code).toBe(0)
    const again = await folder.run(['ask', 'mine.msgpack', '--out', 'empty'])
    expect(again.stderr).toBe(
      'error --out: empty: expected a new or an empty folder, got one that holds 2 things\nname another, or take away what is there\n',
    )
    expect(again.code).toBe(2)
    const file = await folder.run(['ask', 'mine.msgpack', '--out', 'mine.msgpack'])
    expect(file.stderr).toMatch(/^error --out: mine\.msgpack: expected a folder, got ENOTDIR/)
  })

  it('refuses two fixtures of one name, and ids that some file systems take for one', async ({ folder }) => {
    await folder.mkdir('a')
    await folder.mkdir('b')
    const both = fixtureBytes(['same', 'SAME'].map((id, i) => caseRecord(cellCase({ id }, i + 1))))
    await folder.write('a/mine.msgpack', both)
    await folder.write('b/mine.msgpack', both)
    const two = await folder.run(['ask', 'a', 'b', '--out', 'requests'])
    expect(two.stderr).toBe(
      'error expected fixtures of different names, got a/mine.msgpack and b/mine.msgpack\nname the folder that both are in\n',
    )
    const one = await folder.run(['ask', 'a', '--out', 'requests'])
    expect(one.stderr).toBe(
      'error a/mine.msgpack: case SAME: expected an id that differs in more than upper and lower case, got one that does not\n`--format fixture` has no need of that\n',
    )
    expect(one.stdout).toContain('1 request of 1 fixture')
    expect([two.code, one.code]).toEqual([2, 2])
  })

  it('asks for what can be read beside a file that cannot', async ({ folder }) => {
    await folder.mkdir('fixtures')
    await folder.write('fixtures/mine.msgpack', fixture)
    await folder.write('fixtures/torn.msgpack', fixture.subarray(0, 400))
    const { code, stdout, stderr } = await folder.run(['ask', 'fixtures', '--out', 'requests'])
    expect(stderr).toMatch(/^error fixtures\/torn\.msgpack: message at byte \d+: expected it to be complete/)
    expect(stdout).toContain('3 requests of 1 fixture')
    expect(code).toBe(2)
  })

  it('leaves no list of requests when it is interrupted', async ({ folder }) => {
    const { code, stderr } = await folder.run(['ask', fixtures, '--out', 'requests'], {
      after: { signal: 'SIGINT', until: folder.path('requests/gru/batch') },
    })
    expect(stderr).toContain('interrupted: some requests are missing\n')
    expect(code).toBe(130)
    expect(await readdir(folder.path('requests'))).not.toContain('index.json')
    expect((await readdir(folder.path('requests'))).filter((name) => name.endsWith('.partial'))).toEqual([])
  })

  // What the example answers is what torch gives, so that whatever is lost on the way shows.
  it.for(['safetensors', 'fixture'] as const)(
    'asks a program in Python for %s, and what it answers matches',
    async (format, { folder }) => {
      const paths = [
        'gru_cell/half',
        'gru/lengths_unsorted',
        'lstm/proj_size',
        'lstm_cell/gradients',
        'rnn/training_adam',
      ]
        .concat(['rnn/special_values', 'seq2seq/attention_greedy', 'known_answers/webnn-baseline'])
        .map((name) => `${fixtures}/${name}.msgpack`)
      await folder.run(['ask', ...paths, '--out', 'requests', '--format', format])
      const example = [`${examples}/answer_with_torch.py`, 'requests', 'answers']
      const { stdout } = await promisify(execFile)(realPython(), example, {
        cwd: folder.path('.'),
        env: { ...process.env, PYTHONPATH: python },
      })
      const [, answered] = /^(\d+) answers in answers\n$/.exec(stdout) ?? []
      expect(Number(answered)).toBeGreaterThan(80)
      const verified = await folder.run(['verify', ...paths, '--answers', 'answers', '--quiet'])
      expect(verified.stderr).toBe('')
      expect(verified.stdout).toMatch(
        new RegExp(`\\n${answered} cases: \\d+ matched, 0 mismatched, \\d undecided, 0 unsup`),
      )
      expect(verified.stdout).not.toContain('answers: ')
      expect(verified.code).toBe(0)
    },
  )
})
