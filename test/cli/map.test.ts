import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { engine } from '../../src/engine/run.ts'
import type { Outputs } from '../../src/format/case.ts'
import { namedCase } from '../../src/cli/named.ts'
import { type FloatTensor, floatTensor } from '../../src/format/tensor.ts'
import { cells, npy, npz, one, put, safetensors, two, verify } from './answering.ts'
import { it } from './command.ts'

describe('--map', () => {
  const rules = JSON.stringify([{ from: 'hidden', to: 'h_1', transpose: [1, 0] }])
  const { shape, data } = one.expected['h_1']!
  const [rows = 0, units = 0] = shape
  const hidden = floatTensor(
    'float32',
    [units, rows],
    Float32Array.from(data, (_, i) => data[(i % rows) * units + Math.floor(i / rows)]!),
  )
  const files = {
    ...cells,
    'map.json': rules,
    'answers/cells/one.npz': npz({ hidden }),
    'mine/hidden.npy': npy(hidden),
  }

  it('names the tensors of answers, and of one file', async ({ folder }) => {
    await put(folder, files)
    const all = await folder.run([...verify, '--map', 'map.json'])
    expect(all.stdout).toMatch(/\n {2}match +one /)
    expect(all.code).toBe(0)
    const explain = ['explain', 'fixtures/cells.msgpack', '--case', 'one', '--map', 'map.json']
    for (const given of [
      ['--answers', 'answers'],
      ['--actual', 'mine/hidden.npy'],
    ]) {
      const { code, stdout } = await folder.run([...explain, ...given])
      expect(stdout).toMatch(/^ {2}match +one /)
      expect(code).toBe(0)
    }
  })

  it('makes a name that is none of the case an error that names both sides', async ({ folder }) => {
    await put(folder, { ...files, 'answers/cells/two.npz': npz({ state: two.expected['h_1']! }) })
    const { code, stdout, stderr } = await folder.run([...verify, '--map', 'map.json'])
    expect(stderr).toBe(
      'error fixtures/cells.msgpack: case two: answers/cells/two.npz: expected names that the map makes h_1, got state\n',
    )
    expect(stdout).toContain('1 matched, 0 mismatched, 0 undecided, 1 unsupported, 1 error')
    expect(code).toBe(2)
  })

  it.for([
    ['map.json', '[{"from": "hidden"}]', 'map.json: 0.to: expected a name, a list of names, or null, got nothing'],
    ['none.json', '[]', "none.json: expected a readable file, got ENOENT: no such file or directory, open 'none.json'"],
  ] as const)('refuses %s of %s', async ([name, text, problem], { folder }) => {
    await put(folder, { ...files, 'map.json': text })
    const { code, stderr } = await folder.run([...verify, '--map', name])
    expect(stderr).toBe(`error ${problem}\n`)
    expect(code).toBe(2)
  })
})

describe('explain --answers', () => {
  it('judges and explains the answer to one case', async ({ folder }) => {
    const { weight_hh } = one.params
    const turned = weight_hh!.data.map((_, i) => weight_hh!.data[(i % 3) * 3 + Math.floor(i / 3)]!)
    const params = { ...one.params, weight_hh: floatTensor('float32', [3, 3], turned) }
    const wrong = engine.run({ ...one, params }) as Outputs
    await put(folder, {
      ...cells,
      'answers/cells/one.safetensors': safetensors(wrong),
      'answers/cells/two.safetensors': safetensors(two.expected),
    })
    const explain = ['explain', 'fixtures/cells.msgpack', '--answers', 'answers', '--case']
    const off = await folder.run([...explain, 'one', '--json', 'results.json'])
    expect(off.stdout).toContain('mismatch fixtures/cells.msgpack: case one (RNNCell)')
    expect(off.stdout).toMatch(/\n {2}why: the engine reads weight_hh .* \(explains everything\)\n/)
    expect(off.code).toBe(1)
    expect(await folder.results('results.json')).toMatchObject({ engine: 'answers', summary: { mismatched: 1 } })
    const right = await folder.run([...explain, 'two'])
    expect(right.stdout).toMatch(/^ {2}match +two /)
    expect(right.code).toBe(0)
    const none = await folder.run([...explain, 'three'])
    expect(none.stdout).toMatch(/^note: answers: no answer to 1 of 1 case.*\n {2}unsupported +three .* {2}no answer\n$/)
    expect(none.code).toBe(2)
  })
})

describe('torch-parity map', () => {
  // What PyTorch gave: a map that is found by the weights takes the gradients of a port that has them as Keras does.
  const fixture = fileURLToPath(new URL('../../fixtures/lstm/gradients.msgpack', import.meta.url))

  it('finds a map that --actual takes, of a case that PyTorch computed', async ({ folder }) => {
    const recorded = await namedCase(fixture, 'seq_len-4-batch-3-input-5-hidden-4-gradients')
    const laidOut = (of: Readonly<Record<string, FloatTensor>>, prefix: string, bias: Float32Array): Outputs => ({
      [`${prefix}kernel`]: turned(of[`${prefix}weight_ih_l0`]!),
      [`${prefix}recurrent_kernel`]: turned(of[`${prefix}weight_hh_l0`]!),
      [`${prefix}bias`]: floatTensor('float32', [bias.length], bias),
    })
    const { bias_ih_l0, bias_hh_l0 } = recorded.params
    const sum = Float32Array.from(bias_ih_l0!.data, (x, i) => x + bias_hh_l0!.data[i]!)
    const gradient = recorded.expected['grad_bias_ih_l0']!.data as Float32Array
    await put(folder, {
      'weights.npz': npz(laidOut(recorded.params, '', sum)),
      'mine.safetensors': safetensors({ ...laidOut(recorded.expected, 'grad_', gradient) }),
    })
    const found = await folder.run([
      'map',
      fixture,
      'weights.npz',
      '--case',
      recorded.id,
      '--out',
      'map.json',
      '--json',
      'map-found.json',
    ])
    expect(found).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `  matched   kernel           = weight_ih_l0 transposed, gates i f g o (Keras: i f c o)
  matched   recurrent_kernel = weight_hh_l0 transposed, gates i f g o (Keras: i f c o)
  matched   bias             = bias_ih_l0 + bias_hh_l0, gates i f g o (Keras: i f c o)
3 tensors: 3 matched, 0 ambiguous, 0 at odds, 0 unmatched
written: map.json: 3 rules
`,
    })
    const { rules, exitCode, tensors } = JSON.parse(await readFile(folder.path('map-found.json'), 'utf8')) as Record<
      string,
      unknown
    >
    expect(exitCode).toBe(0)
    expect(rules).toEqual(JSON.parse(await readFile(folder.path('map.json'), 'utf8')))
    expect(tensors).toMatchObject([{ name: 'kernel', status: 'matched', is: { transposed: true } }, {}, {}])
    const judged = await folder.run([
      'explain',
      fixture,
      '--case',
      recorded.id,
      '--actual',
      'mine.safetensors',
      '--map',
      'map.json',
    ])
    expect(judged.stdout).toContain('note: not given, and not judged: output, h_n, c_n, grad_input')
    expect(judged.stdout).toMatch(/\n {2}match /)
    expect(judged.code).toBe(0)
  })

  it('exits with 1 where something is not found, and writes the rest', async ({ folder }) => {
    const recorded = await namedCase(fixture, 'seq_len-4-batch-3-input-5-hidden-4-gradients')
    const { weight_ih_l0, weight_hh_l0 } = recorded.params
    await put(folder, { 'a.npz': npz({ a: weight_ih_l0!, b: turned(weight_ih_l0!), c: weight_hh_l0! }) })
    const { code, stdout } = await folder.run(['map', fixture, 'a.npz', '--case', recorded.id, '--out', 'map.json'])
    expect(code).toBe(1)
    expect(stdout).toMatch(/\n {2}at odds {3}b = weight_ih_l0 transposed, .* but .*\n/)
    expect(stdout).toContain('nobody uses of the state_dict: bias_ih_l0, bias_hh_l0')
    expect(JSON.parse(await readFile(folder.path('map.json'), 'utf8'))).toHaveLength(1)
  })

  it.for<[string[], string]>([
    [['map', fixture, 'a.npz'], `${fixture}: expected --case to name one of its `],
    [['map', 'a.npz', 'a.npz', '--case', 'x'], '--case: expected it with a fixture, got a.npz'],
    [
      ['map', 'model.pt', 'a.npz'],
      'model.pt: expected tensors that are read without running a pickle, got .pt\nsafetensors.torch.save_file',
    ],
    [['map', 'a.npz', 'none.npz'], 'none.npz: expected a readable file, got ENOENT'],
    [['map', 'empty.npz', 'a.npz'], 'empty.npz: expected tensors with numbers, got none'],
  ])('refuses %j', async ([args, message], { folder }) => {
    await put(folder, {
      'a.npz': npz({ a: one.params['weight_ih']! }),
      'empty.npz': npz({ a: floatTensor('float32', [0, 3], []) }),
    })
    const { code, stderr } = await folder.run(args)
    expect(stderr).toContain(`error ${message}`)
    expect(code).toBe(2)
  })
})

function turned({ shape, data }: FloatTensor): FloatTensor {
  const [rows = 0, columns = 0] = shape
  return floatTensor(
    'float32',
    [columns, rows],
    Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!),
  )
}
